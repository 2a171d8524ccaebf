"""Indexing without a model, into the fake library of the workspace: as slowly as FAKE_INDEX_S (seconds a file) says, and no further than
FAKE_INDEX_HOLD files before there is a file "go" in the workspace."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.services.pace import Pace
from clvap.progress import Progress
from clvap.workspace import library_folder
from tests.fakes import FakeLibrary


def run(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """A folder called "bad" cannot be indexed, and nobody says why."""
    folder, workspace, pace = Path(arguments["folder"]), Path(arguments["workspace"]), Pace(progress, "files")
    if folder.name == "bad":
        raise OSError("no space left")

    def slowly(done: int, total: int, what: str = "") -> None:
        pace(done, total, what)
        time.sleep(float(os.environ.get("FAKE_INDEX_S", "0")))
        while done >= int(os.environ.get("FAKE_INDEX_HOLD", "1000000")) and not (workspace / "go").exists():
            pace(done, total, what)
            time.sleep(0.1)

    report = FakeLibrary(library_folder(workspace)).index(folder, slowly)
    return asdict(report) | {"skipped": [{"path": str(one.path), "reason": one.reason} for one in report.skipped]}
