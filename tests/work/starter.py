"""A few tones in place of the starter effects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clvap.progress import Progress
from tests.fakes import render_effects
from tests.work import index


def run(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    folder = Path(arguments["folder"])
    render_effects(folder, progress=progress)
    result = index.run(arguments, progress)
    Path(arguments["mark"]).touch()
    return result
