import csv
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file

from clvap import audio
from clvap.audio import Clip
from clvap.checkpoints import RecipeError
from clvap.progress import Cancelled
from clvap.training.guard import TrainingError
from generation import model as sfx
from generation.finetune import clock, data, job, run
from generation.finetune.batches import PATH_KEY
from generation.finetune.module import LAST, FineTuning
from generation.finetune.pack import split
from generation.finetune.recipe import Demos, PackOptions, Recipe, Training
from tests.generation import layouts, tiny
from tests.sounds import knocks, noise, tone

STEPS = 4


@pytest.fixture
def pack(tmp_path):
    """Three folders of sounds."""
    folder = tmp_path / "My Pack"
    for name, make in (("Tones", lambda number: tone(220.0 * (number + 1), 0.8)), ("Noise", lambda _: noise()), ("Knocks", lambda n: knocks((0.1 * n, 0.6)))):
        for number in range(3):
            audio.write(folder / name / f"{name[:-1]}_{number}.wav", make(number))
    return folder


@pytest.fixture(autouse=True)
def embedder(monkeypatch):
    monkeypatch.setattr(job, "_embedder", lambda name: tiny.FakeEmbedder())


def recipe(tmp_path, pack, kind="lora", start=None, **changes):
    start = start or tiny.saved(tmp_path / "base")
    given = {"steps": STEPS, "batch": 2, "warmup": 1, "validate_every": 2, "checkpoint_every": 1, "log_every": 1} | changes.pop("training", {})
    training = Training(1e-3, **given)
    out = tmp_path / ("out" if kind == "full" else "out.safetensors")
    values = {"demos": Demos((), 100), "pack": PackOptions(held_out=0.3)} | changes
    return Recipe(kind, str(start), pack, tmp_path / "run", out, training, **values)


def logged(folder: Path, name="loss"):
    with open(folder / "log.csv", newline="") as file:
        return {int(row["step"]): float(row["value"]) for row in csv.DictReader(file) if row["loss"] == name}


def published(folder: Path) -> Path:
    return layouts.save(folder, layouts.shrunk(layouts.open_1_0()))


@pytest.mark.parametrize("kind", ["lora", "full"])
def test_a_model_trained_here_is_fine_tuned(tmp_path, pack, kind):
    made = recipe(tmp_path, pack, kind, demos=Demos(("a bell",), 2, 0.5))
    out = run.finetune(made)
    assert list(logged(made.run)) == [1, 2, 3, 4] and list(logged(made.run, "validation/loss")) == [0, 2, 4]
    assert sorted(path.name for path in (made.run / "demos").iterdir()) == ["0000002-1.wav", "0000004-1.wav", "prompts.txt"]
    before, after = sfx.load(tmp_path / "base")[0].state_dict(), None
    if kind == "full":
        after = sfx.load(out)[0].state_dict()
        assert any(not torch.allclose(before[name], value, atol=1e-3) for name, value in after.items())
        assert all(torch.allclose(before[name], value, atol=2e-3) for name, value in after.items() if name.startswith("pretransform"))
    else:
        assert any(value.any() for name, value in load_file(out).items() if "lora_B" in name)


@pytest.mark.parametrize("kind", ["lora", "full", "adapter"])
def test_a_published_model_is_fine_tuned(tmp_path, pack, kind):
    made = recipe(tmp_path, pack, kind, published(tmp_path / "open"), training={"checkpointing": True, "accumulate": 2, "precision": "bfloat16"})
    out = run.finetune(made)
    assert list(logged(made.run)) == [1, 2, 3, 4]
    if kind == "full":
        before, after = load_file(tmp_path / "open" / "model.safetensors"), load_file(out / "model.safetensors")
        assert before.keys() == after.keys()
        assert {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])} == {"model", "conditioner"}
    if kind == "adapter":
        from generation.adapter import load_adapter

        adapter = load_adapter(out, job.prepared(recipe(tmp_path, pack, "full", tmp_path / "open")).backend.model)
        assert any(block.values.weight.any() for block in adapter.blocks)


SCRIPT = """
import sys
from pathlib import Path
from generation.finetune import data, job, run
from generation.finetune.batches import PATH_KEY
from tests.generation import tiny, test_finetune as here
job._embedder = lambda name: tiny.FakeEmbedder()
folder = Path(sys.argv[1])
training = {training}
run.finetune(here.recipe(folder, folder / "My Pack", start=folder / "base", training=training))
"""


def script(tmp_path, training) -> list[str]:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.format(training=training))
    tiny.saved(tmp_path / "base")
    return [sys.executable, str(path), str(tmp_path)]


def environment():
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": str(torch.get_num_threads())}  # sums depend on how they are shared


def straight(made: Recipe) -> Recipe:
    """The same run in folders of its own, from beginning to end."""
    other = Recipe(**{**vars(made), "run": made.run.parent / "straight", "out": made.run.parent / "straight.safetensors"})
    run.finetune(other)
    return other


def test_a_cancelled_run_goes_on_exactly(tmp_path, pack):
    made = recipe(tmp_path, pack, training={"accumulate": 2})

    def cancel(done, total, what=""):
        if what.startswith("loss") and done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        run.finetune(made, cancel)
    run.finetune(made)
    whole = straight(made)
    assert (made.run / "log.csv").read_text() == (whole.run / "log.csv").read_text()
    assert all(torch.equal(value, load_file(made.out)[name]) for name, value in load_file(whole.out).items())


def test_a_run_of_minutes_ends_by_the_time_it_was_trained_over_all_its_starts(tmp_path, pack, monkeypatch):
    now = itertools.count(step=6.0)  # at every look at the clock: when training begins, and after a step
    monkeypatch.setattr(clock, "time", SimpleNamespace(perf_counter=lambda: next(now)))
    rare = {"steps": None, "minutes": 1.0, "validate_every": 100, "checkpoint_every": 100, "log_every": 100, "warmup": 100, "accumulate": 2}
    made, told = recipe(tmp_path, pack, training=rare, demos=Demos(("a bell",), 100, 0.5)), []

    def cancel(done, total, what=""):
        if what.startswith("loss"):
            told.append((done, total, what.partition(", ")[2]))
            if done == 36:
                raise Cancelled

    with pytest.raises(Cancelled):
        run.finetune(made, cancel)
    assert told[-1] == (36, 60, "0.6 of 1 minutes")
    run.finetune(made)  # from the checkpoint at 30 seconds
    assert list(logged(made.run)) == list(range(1, 11)) and list(logged(made.run, "validation/loss")) == [0, 2, 3, 4, 5, 7, 8, 9, 10]
    rates = list(logged(made.run, "learning_rate/peak").values())
    assert rates[1:] == sorted(rates[1:], reverse=True) and rates[0] < 0.1 and rates[1] > 0.9 and rates[-1] < 0.1
    assert {path.name[:7] for path in (made.run / "demos").glob("*.wav")} == {"0000003", "0000005", "0000008", "0000010"}
    assert made.out.exists() and run.finetune(made).exists() and len(logged(made.run)) == 10  # a finished run does not train any further


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_losses(tmp_path, pack):
    command = script(tmp_path, {})
    made = recipe(tmp_path, pack, start=tmp_path / "base")
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL)
    while process.poll() is None and not ((made.run / "log.csv").exists() and 2 in logged(made.run)):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert (made.run / LAST).exists() and not made.out.exists()
    run.finetune(made)
    whole = straight(made)
    assert (made.run / "log.csv").read_text() == (whole.run / "log.csv").read_text()
    assert all(torch.equal(value, load_file(made.out)[name]) for name, value in load_file(whole.out).items())


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path, pack):
    command = script(tmp_path, {"devices": 2, "strategy": "ddp", "device": "cpu", "timesteps": "uniform"})
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert list(logged(tmp_path / "run")) == [1, 2, 3, 4]
    assert any(value.any() for name, value in load_file(tmp_path / "out.safetensors").items() if "lora_B" in name)


def test_a_folder_of_bad_files_is_fine_tuned_on_and_they_are_listed(tmp_path, pack):
    (pack / "Tones" / "broken.wav").write_bytes(b"RIFF0000WAVEnothing")
    (pack / "Tones" / "empty.wav").touch()
    audio.write(pack / "Tones" / "silent.wav", Clip(np.zeros((1, 44_100), dtype=np.float32)))
    audio.write(pack / "Noise" / "phone.wav", noise().at_rate(8_000))
    audio.write(pack / "Noise" / "bat.wav", noise().at_rate(192_000))
    with soundfile.SoundFile(str(pack / "Noise" / "hour.wav"), "w", 16_000, 1, "PCM_U8") as file:
        for _ in range(60):
            file.write(np.random.default_rng(0).standard_normal(16_000 * 60).astype(np.float32) * 0.1)
    made = recipe(tmp_path, pack)
    assert run.finetune(made).exists()
    with open(made.run / "files.csv", newline="") as file:
        told = {Path(row["path"]).name: (row["what"], row["reason"]) for row in csv.DictReader(file)}
    assert {name: what for name, (what, _) in told.items()} == {
        "broken.wav": "left out", "empty.wav": "left out", "silent.wav": "left out", "phone.wav": "left out", "bat.wav": "changed", "hour.wav": "changed",
    }  # fmt: skip
    assert "8000 Hz" in told["phone.wav"][1] and "silence" in told["silent.wav"][1] and "first 60 s of 3600 s" in told["hour.wav"][1]


def broken_at(step, monkeypatch, times=1):
    """Make the model's output infinite at an optimizer step, as often as it is met."""
    original, left = FineTuning.on_train_batch_start, [times]

    def start(self, batch, batch_idx):
        original(self, batch, batch_idx)
        if self.global_step >= step and left[0] and batch[1][0][PATH_KEY] != "noise":
            left[0] -= 1
            batch[0].fill_(float("inf"))

    monkeypatch.setattr(FineTuning, "on_train_batch_start", start)


def test_a_broken_batch_stops_the_run_and_is_named(tmp_path, pack, monkeypatch):
    broken_at(2, monkeypatch)
    made = recipe(tmp_path, pack)
    with pytest.raises(TrainingError, match=r"step 2: the loss is .*\.wav.*latents are not finite"):
        run.finetune(made)
    monkeypatch.undo()
    monkeypatch.setattr(job, "_embedder", lambda name: tiny.FakeEmbedder())
    assert run.finetune(made).exists() and list(logged(made.run)) == [1, 2, 3, 4]


@pytest.mark.parametrize("on_bad", ["skip", "rewind"])
def test_a_broken_batch_is_skipped_or_gone_back_from(tmp_path, pack, monkeypatch, on_bad):
    broken_at(2, monkeypatch)
    made = recipe(tmp_path, pack, on_bad=on_bad)
    run.finetune(made)
    assert list(logged(made.run)) == [1, 2, 4] and torch.load(made.run / LAST, weights_only=True)["rewinds"] == (on_bad == "rewind")
    assert all(torch.isfinite(value).all() for value in load_file(made.out).values())
    assert logged(made.run, "learning_rate/peak")[4] == pytest.approx(0.05 * (0.5 if on_bad == "rewind" else 1.0))


def test_broken_weights_cannot_be_skipped(tmp_path, pack, monkeypatch):
    original = FineTuning.on_train_batch_start

    def start(self, batch, batch_idx):
        original(self, batch, batch_idx)
        if self.global_step == 2 and batch[1][0][PATH_KEY] != "noise":
            next(iter(self.trained().values())).data.fill_(float("nan"))

    monkeypatch.setattr(FineTuning, "on_train_batch_start", start)
    with pytest.raises(TrainingError, match=r"weights are no longer numbers.*on_bad: rewind"):
        run.finetune(recipe(tmp_path, pack, on_bad="skip"))


def test_latents_are_encoded_once_and_again_when_a_file_changes(tmp_path, pack):
    made = recipe(tmp_path, pack)
    ready = job.prepared(made)
    data.stored(ready)
    shard = made.run / "latents" / "00000-latents.npy"
    first = shard.stat().st_mtime_ns
    data.stored(ready)
    assert shard.stat().st_mtime_ns == first
    audio.write(pack / "Tones" / "Tone_0.wav", tone(110.0, 1.2))
    data.stored(ready)
    assert shard.stat().st_mtime_ns > first


def test_whole_folders_are_held_out():
    paths = [f"/pack/{folder}/{number}.wav" for folder in "abcde" for number in range(4)]
    kept = split(paths, Path("/pack"), 0.25)
    assert len(kept) == 4 and len({Path(paths[number]).parent for number in kept}) == 1
    takes = [f"/pack/{name}_{number}.wav" for name in ("door", "step", "bell") for number in range(3)]
    assert len({Path(takes[number]).stem[:4] for number in split(takes, Path("/pack"), 0.3)}) == 1
    with pytest.raises(TrainingError, match="all files are of one kind"):
        split(["/pack/a_1.wav", "/pack/a_2.wav"], Path("/pack"), 0.5)


def test_an_estimate_says_what_is_needed_and_leaves_the_weights(tmp_path, pack):
    made = recipe(tmp_path, pack, "full")
    ready = job.prepared(made)
    module = ready.module(4)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    told = run.measured(ready, module, 4)
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    numbers = sum(value.numel() for value in before.values())
    assert told.gradients == 4 * numbers and told.optimizer == 8 * numbers and told.weights > 4 * numbers and told.activations > 0
    assert "this needs about" in told.table() and "4 steps" in told.table() and not (made.run / LAST).exists()
    assert run.estimated(recipe(tmp_path, pack)).optimizer < told.optimizer


def test_a_run_that_is_refused_for_what_it_needs_has_not_begun(tmp_path, pack):
    made, told = recipe(tmp_path, pack), []

    def refuse(needs):
        told.append(needs)
        raise TrainingError("too much")

    with pytest.raises(TrainingError, match="too much"):
        run.finetune(made, weigh=refuse)
    assert told[0].needed > 0 and not (made.run / LAST).exists()


def test_captions_kept_elsewhere_are_trained_on(tmp_path, pack):
    table = tmp_path / "captions.csv"
    table.write_text("path,caption\nTones/Tone_1.wav,a church bell\n")
    ready = data.stored(job.prepared(recipe(tmp_path, pack, captions=table)))
    assert [item.caption for item in ready.store.items].count("a church bell") == 1


@pytest.mark.parametrize("path", sorted(Path("assets/recipes").glob("finetune-*.yaml")), ids=lambda path: path.stem)
def test_the_shipped_recipes_are_read(path):
    assert Recipe.load(path).kind in path.stem


def test_a_recipe_that_contradicts_itself_says_what_to_do(tmp_path):
    base = {"kind": "lora", "start": "sfx-mini", "folder": "pack", "run": "run", "out": "a.safetensors", "training": {"learning_rate": 1e-4, "steps": 5}}
    for changes, said in (
        ({"kind": "lorra"}, "kind 'lorra' is none of lora, full, adapter"), ({"out": "folder"}, "ending in .safetensors"), ({"speed": 3}, "no key speed"),
        ({"training": {"learning_rate": 1e-4}}, "either epochs or steps"), ({"lora": {"targets": ["conv"]}}, "choose from attention"),
    ):  # fmt: skip
        path = tmp_path / "recipe.yaml"
        path.write_text(json.dumps(base | changes))
        with pytest.raises(RecipeError, match=said):
            Recipe.load(path)


class Ears:
    """In the place of YAMNet: level and brightness of every tenth of a clip."""

    def embed(self, clip) -> np.ndarray:
        parts = np.array_split(clip.mono(), 10)
        return np.array([value for part in parts for value in (part.std(), np.abs(np.diff(part)).mean())], dtype=np.float32)


@pytest.mark.parametrize("kind", ["lora", "full"])
def test_the_benchmark_compares_before_and_after(tmp_path, pack, monkeypatch, kind):
    from benchmarks import finetune as benchmark

    monkeypatch.setattr(benchmark.Embedder, "from_pretrained", lambda *_: tiny.FakeEmbedder())
    made = recipe(tmp_path, pack, kind)
    figures = benchmark.measure(made, Ears())
    losses = logged(made.run, "validation/loss")
    assert figures.takes == 3 and figures.loss_before == losses[0] and figures.loss_after == min(losses.values())
    assert all(np.isfinite(value) and value >= 0 for value in (figures.frechet_before, figures.frechet_after, figures.frechet_pack))
