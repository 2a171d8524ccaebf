"""The work of indexing a folder into the library, in a process of its own."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.services.pace import Pace
from clvap.progress import Progress
from clvap.workspace import library_folder


def run(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """arguments: workspace, folder, clvap, device. The result is an `IndexReport`; after a kill, what is in the library is not read again."""
    from clvap import Embedder
    from clvap.library import Library

    progress(0, 0, "Loading the search model")
    embedder = Embedder.from_pretrained(arguments["clvap"], device=arguments["device"])
    library = Library.open(library_folder(Path(arguments["workspace"])), embedder)
    progress(0, 0, "Looking for sounds")
    return asdict(library.index(arguments["folder"], progress=Pace(progress, "files")))
