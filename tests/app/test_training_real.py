"""Real training in real job processes: a tiny generator fine-tuned, killed, resumed and loaded; a tiny training of CLVAP estimated and run."""

import json
import os
import signal
import time
from dataclasses import replace

import pytest

from app.services.jobs import Jobs
from app.services.jobs.job import PROCESS, alive
from app.services.training import Training, Wish
from app.settings import Settings
from clvap.audio import Clip, write
from generation import model as sfx
from tests.e2e.required import require_models
from tests.fakes import tone
from tests.generation import tiny
from tests.sounds import knocks, noise

pytestmark = pytest.mark.slow


@pytest.fixture
def pack(tmp_path):
    """Fourteen sounds of three folders, one of them silent."""
    require_models()
    folder = tmp_path / "Toy Pack"
    for number in range(5):
        write(folder / "Tones" / f"Tone_{number}.wav", tone(0.6, 220.0 * (number + 1)))
        write(folder / "Knocks" / f"Knock_{number}.wav", knocks((0.08 * number, 0.5)))
    for number in range(3):
        write(folder / "Noise" / f"Noise_{number}.wav", noise(0.5 + number / 4))
    write(folder / "Noise" / "Silence.wav", Clip(tone(0.5).samples * 0))
    return folder


@pytest.fixture
def training(tmp_path, pack):
    workspace = tmp_path / "workspace"
    return Training(Settings(workspace=workspace), Jobs(workspace / "jobs"), lambda: (), lambda: None)


@pytest.fixture
def start(tmp_path):
    """A generator of a few thousand weights that hears clvap-mini."""
    diffusion = replace(tiny.DIFFUSION, token_width=256, dimension=256)
    config = sfx.SfxConfig(tiny.AUTOENCODER, diffusion, steps=3, guidance=2.0)
    return sfx.save(sfx.build(config), config, tmp_path / "base")


def until(true, seconds=300.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def test_a_finetune_is_killed_resumed_and_its_model_loads(tmp_path, training, pack, start):
    seen = training.look(str(pack))
    wish = Wish("finetune", seen.key, "finetune-sfx-mini-full", start=str(start), length=24, demos=("a bell",))
    run = training.start(wish)
    until(lambda: (run.folder / "last.ckpt").exists() and len(training.board("finetune").shown.curves) == 2)
    assert training.board("finetune").shown.run.running
    process = json.loads((tmp_path / "workspace" / "jobs" / run.job.id / PROCESS).read_text())["pid"]
    os.kill(process, signal.SIGKILL)
    until(lambda: training.board("finetune").shown.run.job.status == "interrupted")
    before = training.board("finetune").shown.curves[0].points
    training.resume("finetune", run.name)
    done = until(lambda: not (view := training.board("finetune").shown).run.running and view)
    assert done.run.done, training._jobs.find(done.run.job.id).message + done.log
    steps = [step for step, _ in done.curves[0].points]
    assert steps[-1] == 24 and steps == sorted(set(steps)) and dict(done.curves[0].points).items() >= dict(before[:1]).items()
    assert done.run.usable and done.demos and done.decisive.best[1] > 0 and "this needs about" in done.log
    assert sfx.load(done.run.made)[0] is not None and "Silence" in (run.folder / "files.csv").read_text()


def test_clvap_is_estimated_trained_and_exported(tmp_path, training, pack):
    seen = training.look(str(pack))
    wish = Wish("train", seen.key, "train-folder", length=8)
    job = training._jobs.wait(training.estimate(wish).id, 300)
    needs = training.board("train").needs
    assert job.status == "done" and needs.fits and needs.seconds > 0 and needs.device in ("cpu", "cuda"), job.message
    run = training.start(wish)
    done = training._jobs.wait(run.job.id, 300)
    view = training.board("train").shown
    assert done.status == "done", done.message + view.log
    assert view.run.usable and view.decisive.name == "MRR" and "Silence" in (run.folder / "files.csv").read_text()
    until(lambda: not alive(tmp_path / "workspace" / "jobs" / run.job.id), 60)  # nothing of the processes that made the bank keeps it
    exported = training._jobs.wait(training.export("train", run.name).id, 300)
    assert exported.status == "done", exported.message
    from clvap import Embedder

    assert Embedder.from_pretrained(str(view.run.made), "cpu").embed_query(text="a bell").shape == (256,)
