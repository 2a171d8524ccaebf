"""A folder with a sidecar `captions.csv` (path, caption, category), such as the starter library."""

from __future__ import annotations

from pathlib import Path

from clvap.data import tables
from clvap.data.rows import Row


def read(folder: Path, licence: str = "CC0-1.0") -> list[Row]:
    """All sounds of the table, under one licence. Raises ManifestError for another table."""
    rows = tables.read(folder / "captions.csv", ("path", "caption", "category"))
    return [Row(folder / r["path"], (r["caption"],), f"{folder.name}/{r['category']}/{r['caption']}", r["path"], licence) for r in rows]
