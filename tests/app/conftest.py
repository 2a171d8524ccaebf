"""A studio on fake models, in a workspace of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from app.services.jobs import Jobs
from app.services.models import Lazy, Lent, Models
from app.services.studio import Studio
from app.settings import Settings
from clvap.audio import write
from clvap.workspace import library_folder
from tests.fakes import FakeEmbedder, FakeGenerator, FakeLibrary, gestures_in_a_row, render_effects, tone


@dataclass(frozen=True)
class Bench:
    """A studio and the fakes inside it."""

    studio: Studio
    library: FakeLibrary
    generator: FakeGenerator


def bench(
    workspace: Path,
    library: FakeLibrary | None = None,
    generator: FakeGenerator | None = None,
    folder: Path | None = None,
    embedder: FakeEmbedder | None = None,
    **settings,
) -> Bench:
    """A studio on fakes; `folder` is the one of --library, `settings` go to `Settings`."""
    library, generator, embedder = library or FakeLibrary(library_folder(workspace)), generator or FakeGenerator(), embedder or FakeEmbedder()
    models = Models(Lazy(lambda: embedder), Lazy(lambda: library), Lent(lambda: generator))
    return Bench(Studio(Settings(workspace=workspace, library=folder, **settings), models, Jobs(workspace / "jobs", "tests.work")), library, generator)


@pytest.fixture
def filled(tmp_path: Path) -> Bench:
    """A studio whose library holds six tones."""
    made = bench(tmp_path / "workspace")
    render_effects(tmp_path / "workspace" / "starter")
    made.library.index(tmp_path / "workspace" / "starter")
    (tmp_path / "workspace" / "starter" / ".indexed").touch()
    return made


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    """A gesture of about 0.9 s."""
    return write(tmp_path / "voice.wav", tone(0.9, 300.0))


@pytest.fixture
def three_gestures(tmp_path: Path) -> Path:
    """A recording of three gestures, the second of 0.9 s."""
    return write(tmp_path / "three.wav", gestures_in_a_row((0.6, 0.9, 0.5)))
