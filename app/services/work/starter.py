"""The work of a first start: the starter effects are rendered and indexed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.services.pace import Pace
from app.services.work import index
from clvap.progress import Progress


def run(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """arguments: those of indexing, and mark, a file that says that all of it was done. Effects that are there are not rendered again."""
    from generation.procedural import render_starter_library

    folder = Path(arguments["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    render_starter_library(folder, progress=Pace(progress, "effects"))
    result = index.run(arguments, progress)
    Path(arguments["mark"]).touch()
    return result
