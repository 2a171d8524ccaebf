"""The trainer as a command: killed and started again, and as two processes that train as one."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
import yaml

from clvap import __main__ as cli
from clvap import train
from clvap.console import BAD_INPUT
from clvap.model import Clvap
from clvap.recipe import Recipe
from clvap.training.state import CHECKPOINT
from tests.clvap.tiny import tiny_config
from tests.clvap.training import FUSED, WHOLE, logged, prepared, still, write_recipe, write_sounds, write_wordnet

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@contextmanager
def one_thread():
    """As the processes compute: sums in the same order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def lines(log: Path) -> int:
    return len(log.read_bytes().splitlines()) if log.exists() else 0


def killed(recipe: Path, log: Path, at_line: int) -> None:
    """Train in a process and kill it once the log has so many lines."""
    process = subprocess.Popen([sys.executable, "-m", "clvap", "train", str(recipe)], env=ENVIRONMENT, stderr=subprocess.PIPE)
    until = time.monotonic() + 60
    while lines(log) < at_line and process.poll() is None and time.monotonic() < until:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    said = process.communicate()[1].decode()
    assert process.returncode == -signal.SIGKILL, said


@pytest.mark.parametrize("kills", [(0.4,), pytest.param((0.1, 0.3, 0.5, 0.7, 0.9), marks=pytest.mark.slow)])
def test_a_training_killed_at_any_moment_goes_on_to_the_same_curve_and_weights(tmp_path, kills):
    write_sounds(tmp_path / "sounds")
    stages = [
        {"name": "first", "steps": 20, "trainable": WHOLE, "losses": FUSED, "batch_size": 4, "mix": 0.5},
        {"name": "second", "steps": 20, "trainable": ["voice", "fusion"], "losses": FUSED, "batch_size": 4},
    ]
    settings = {"stages": stages, "checkpoint_every": 6, "validation": {"every": 5, "share": 0.4, "patience": 30}}
    prepared(write_recipe(tmp_path))
    bank = str(tmp_path / "run" / "bank")
    whole = Recipe.load(write_recipe(tmp_path, "whole", bank=bank, run=str(tmp_path / "whole"), out=str(tmp_path / "whole" / "model"), **settings))
    broken = write_recipe(tmp_path, "broken", bank=bank, **settings)
    rows = train.rows_of(whole)
    with one_thread():
        train.fit(whole, rows)
        curve = (whole.run / "log.csv").read_bytes()
        log = tmp_path / "run" / "log.csv"
        for share in kills:
            killed(broken, log, at_line=int(share * len(curve.splitlines())))
            assert 0 < lines(log) < len(curve.splitlines())
        train.run(broken)
    assert log.read_text().split() == curve.decode().split()
    assert (whole.out / "model.safetensors").read_bytes() == (tmp_path / "out" / "model.safetensors").read_bytes()


def test_two_processes_train_as_one(tmp_path):
    write_sounds(tmp_path / "sounds")
    stages = [
        {"name": "whole", "steps": 3, "trainable": WHOLE, "losses": {**FUSED, "kind/audio": 0.5, "text/text": 0.5}, "batch_size": 4, "mix": 0.5},
        {"name": "parts", "steps": 3, "trainable": ["fusion", "query_projection"], "losses": FUSED, "batch_size": 4, "accumulate": 2},
    ]
    settings = {"stages": stages, "model": asdict(still(tiny_config())), "validation": {"every": 2, "share": 0.4}, "ema": 0.5}
    settings["wordnet"] = str(write_wordnet(tmp_path / "wordnet"))
    prepared(write_recipe(tmp_path))
    bank = str(tmp_path / "run" / "bank")
    alone = Recipe.load(write_recipe(tmp_path, "alone", bank=bank, run=str(tmp_path / "alone"), out=str(tmp_path / "alone" / "model"), **settings))
    together = write_recipe(tmp_path, "together", bank=bank, **settings)
    with one_thread():
        train.fit(alone, train.rows_of(alone))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "clvap", "train", str(together)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()[-3_000:]
    one, two = logged(alone), logged(Recipe.load(together))
    assert [(line["stage"], line["step"], line["loss"]) for line in one] == [(line["stage"], line["step"], line["loss"]) for line in two]
    assert [float(line["value"]) for line in one] == pytest.approx([float(line["value"]) for line in two], abs=2e-4)
    saved = [torch.load(folder / CHECKPOINT, weights_only=True)["net"] for folder in (alone.run, tmp_path / "run")]
    apart = {name: (saved[0][name] - saved[1][name]).abs().max().item() for name in saved[0]}
    assert max(apart.values()) < 1e-4, sorted(apart.items(), key=lambda item: -item[1])[:5]
    Clvap.from_folder(tmp_path / "out")


def test_training_that_breaks_is_told_in_a_line(tmp_path, capsys):
    write_sounds(tmp_path / "sounds")
    values = yaml.safe_load(write_recipe(tmp_path).read_text())
    prepared(write_recipe(tmp_path))
    stage = {**values["stages"][0], "learning_rate": 1e38, "steps": 50}
    assert cli.main(["train", str(write_recipe(tmp_path, stages=[stage]))]) == BAD_INPUT
    said = capsys.readouterr()
    last = said.err.strip().splitlines()[-1]
    assert "stage all, step" in last and "learning rate" in last and not said.out
