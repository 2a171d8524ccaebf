"""Effect packs described by one `sfx.csv`: path, caption, keywords (separated by `;`), licence, attribution."""

from __future__ import annotations

from pathlib import Path

from clvap.data import tables
from clvap.data.rows import Row


def read(folder: Path) -> list[Row]:
    """All sounds of the table; those of the same caption are of the same kind. Raises ManifestError for another table."""
    rows = tables.read(folder / "sfx.csv", ("path", "caption", "keywords", "licence", "attribution"))
    return [
        Row(folder / row["path"], (row["caption"], row["keywords"].replace(";", " ")), f"sfx/{row['caption']}", row["path"], row["licence"], row["attribution"])
        for row in rows
    ]
