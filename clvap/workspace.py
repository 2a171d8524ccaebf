"""Where a user's own things lie on disk: the library table, the starter effects, the history of gestures and takes."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

VARIABLE = "CLVAP_WORKSPACE"


def default_workspace() -> Path:
    """The workspace when none is named: the environment variable CLVAP_WORKSPACE, else the user's data folder."""
    named = os.environ.get(VARIABLE, "").strip()
    return Path(named).expanduser() if named else Path(platformdirs.user_data_dir("clvap-studio", appauthor=False))


def library_folder(workspace: Path) -> Path:
    """The folder of the library table inside a workspace."""
    return Path(workspace) / "library"
