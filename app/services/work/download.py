"""Fetch a published model from the hub; goes on where it stopped."""

from __future__ import annotations

from typing import Any

from app.services import installed
from clvap import hub_files
from clvap.progress import Progress


def run(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """arguments: name, of a published model. The result names the folder."""
    return {"folder": str(hub_files.fetch(installed.wanted(arguments["name"]), progress)[0])}
