"""The studio on fake models as a program of its own, with app.py's options: for tests of the page alone."""

from __future__ import annotations

import os

from app.services.models import Lazy, Lent, Models
from app.services.studio import Studio
from app.settings import Settings
from app.ui.page import launch
from clvap.checkpoints import ModelError
from tests.fakes import FakeEmbedder, FakeGenerator, FakeLibrary, render_effects


def _embedder() -> FakeEmbedder:
    """Fails like the real one for a model that does not exist."""
    if SETTINGS.clvap == "nope":
        raise ModelError("no model 'nope': use one of clvap-mini, or a folder with config.json and model.safetensors")
    return FakeEmbedder()


SETTINGS = Settings.from_arguments()

if __name__ == "__main__":
    library, generator = FakeLibrary(), FakeGenerator(step_s=float(os.environ.get("FAKE_STEP_S", "0.05")))
    studio = Studio(SETTINGS, Models(Lazy(_embedder), Lazy(lambda: library), Lent(lambda: generator)), render_effects)
    page = launch(studio)
    studio.start()
    page.block_thread()
