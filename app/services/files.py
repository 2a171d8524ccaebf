"""Files that others read while they are written: whole or not at all, and tables that no spreadsheet runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from clvap.files import whole

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write a JSON file into a folder that exists. Raises OSError where the disk refuses."""
    write_whole(path, json.dumps(content, ensure_ascii=False, indent=1).encode("utf-8"))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that several may write at once, into a folder that exists. Raises OSError where the disk refuses."""
    with whole(path, shared=True) as partial:
        partial.write_bytes(content)


def plain_cell(text: str) -> str:
    """A cell of a table that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
