"""The studio on fake models as a program of its own, with app.py's options: for tests of the page alone."""

from __future__ import annotations

import os
from pathlib import Path

from app.services.chosen import Chosen
from app.services.jobs import Jobs
from app.services.microphone import LocalMicrophones
from app.services.models import Lazy, Lent, Models
from app.services.studio import Studio
from app.settings import Settings
from app.ui.page import launch
from clvap.checkpoints import ModelError
from clvap.microphone import Microphone
from clvap.workspace import library_folder
from tests.fake_audio import FakeAudio
from tests.fakes import FakeEmbedder, FakeGenerator, FakeLibrary, render_effects


def _embedder() -> FakeEmbedder:
    """Fails like the real one for a model that does not exist."""
    if CHOSEN.now().clvap == "nope":
        raise ModelError("no model 'nope': use one of clvap-mini, or a folder with config.json and model.safetensors")
    return FakeEmbedder()


def _filled(workspace: Path) -> FakeLibrary:
    """The library of a workspace, with a few tones when it is a new one."""
    library, starter = FakeLibrary(library_folder(workspace)), workspace / "starter"
    if not starter.exists():
        render_effects(starter)
        library.index(starter)
        (starter / ".indexed").touch()
    return library


def _generator() -> FakeGenerator:
    """Fails like the real one for weights that do not fit."""
    if "unfit" in CHOSEN.now().generator:
        raise ModelError(f"{CHOSEN.now().generator}: weights do not fit config.json; take both from one model")
    return FakeGenerator(step_s=float(os.environ.get("FAKE_STEP_S", "0.05")))


SETTINGS = Settings.from_arguments()
CHOSEN = Chosen.of(SETTINGS)

if __name__ == "__main__":
    library = _filled(SETTINGS.workspace)
    models = Models(Lazy(_embedder), Lazy(lambda: library), Lent(_generator, which=lambda: str(CHOSEN.now().generator)), CHOSEN)
    studio = Studio(SETTINGS, models, Jobs(SETTINGS.workspace / "jobs", "tests.work"))
    inputs = 2 if "FAKE_MICROPHONE" in os.environ else 0
    studio.microphones = LocalMicrophones(SETTINGS, Microphone(FakeAudio(heard_s=30.0, pace=5.0, inputs=inputs)))
    page = launch(studio)
    studio.start()
    page.block_thread()
