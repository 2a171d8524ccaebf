"""Tests that need something this machine may lack: skipped with the reason, but failed where CI says that everything is there."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

from clvap.checkpoints import shipped

PATIENCE_S = float(os.environ.get("E2E_PATIENCE_S", "60"))
"""How long a wait may take; a busy machine needs more, and a fast one never waits that long."""


def missing(reason: str) -> NoReturn:
    """Skip, or fail under CI."""
    if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
        pytest.fail(f"{reason}, and CI promises it")
    pytest.skip(reason)


def require_models() -> None:
    """The trained models that ship with the repository."""
    absent = {"clvap-mini", "sfx-mini"} - set(shipped())
    if absent:
        missing(f"assets/models lacks {', '.join(sorted(absent))}")
