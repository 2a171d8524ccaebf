"""Clotho (Drossos, Lipping, Virtanen 2020): Freesound recordings of 15 to 30 s with five captions each, under the licence of each recording.

Layout: `clotho_captions_PART.csv`, `clotho_metadata_PART.csv` (Latin-1) and the sounds in `PART/` or `clotho_audio_PART/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clvap.data import tables
from clvap.data.licences import UNKNOWN, spdx
from clvap.data.rows import ManifestError, Row

PARTS = ("development", "validation", "evaluation")


def read(folder: Path, parts: Sequence[str] | None = None) -> list[Row]:
    """The recordings of the given parts (None: all that are there); each is its own kind.

    Raises ManifestError for another layout.
    """
    there = [part for part in PARTS if (folder / f"clotho_captions_{part}.csv").is_file()]
    if not there:
        raise ManifestError(f"{folder}: no clotho_captions_development.csv (or validation, evaluation); download Clotho's CSV files into this folder")
    return [row for part in (there if parts is None else parts) for row in _part(folder, part)]


def _part(folder: Path, part: str) -> list[Row]:
    metadata_path = folder / f"clotho_metadata_{part}.csv"
    metadata = {row["file_name"]: row for row in tables.read(metadata_path, ("file_name", "license"), encoding="latin-1")} if metadata_path.is_file() else {}
    captioned = tables.read(folder / f"clotho_captions_{part}.csv", ("file_name", "caption_1"))
    sounds = next((path for name in (part, f"clotho_audio_{part}") if (path := folder / name).is_dir()), folder / part)
    return [_row(sounds, part, row, metadata.get(row["file_name"], {})) for row in captioned]


def _row(sounds: Path, part: str, captioned: dict[str, str], known: dict[str, str]) -> Row:
    name, source = captioned["file_name"], known.get("sound_id", "")
    captions = tuple(text for key, text in captioned.items() if key.startswith("caption_") and text)
    author = known.get("manufacturer", "")
    by = f"{author} on Freesound, {source}" if author else ""
    return Row(sounds / name, captions, f"clotho/{name}", source or name, spdx(known.get("license", UNKNOWN)), by, split=part)
