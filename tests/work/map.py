"""The fake library's map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clvap.progress import Progress
from clvap.workspace import library_folder
from tests.fakes import FakeLibrary


def run(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    return {"count": FakeLibrary(library_folder(Path(arguments["workspace"]))).draw_map()}
