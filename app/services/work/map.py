"""The work of drawing the map of the library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clvap.progress import Progress
from clvap.workspace import library_folder


def run(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """arguments: workspace. Begins anew after a kill: there is nothing worth keeping before its end."""
    from clvap.library import Library

    progress(0, 0, "Drawing the map")
    return {"count": Library.open(library_folder(Path(arguments["workspace"]))).draw_map()}
