"""Files that others read while they are written: whole or not at all, and tables that no spreadsheet runs."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write a JSON file into a folder that exists. Raises OSError where the disk refuses."""
    write_whole(path, json.dumps(content, ensure_ascii=False, indent=1).encode("utf-8"))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place, then move it there, into a folder that exists. Raises OSError where the disk refuses."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(partial, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def plain_cell(text: str) -> str:
    """A cell of a table that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
