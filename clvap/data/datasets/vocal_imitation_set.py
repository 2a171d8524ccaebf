"""Vocal Imitation Set (Kim, Ghei, Pardo, Duan 2018): people imitating 302 Freesound recordings of classes of the AudioSet ontology.

Layout: `vocal_imitations.txt` (tab-separated), `vocal_imitations/included/`, `original_recordings/reference/`, and for the recordings nobody
imitated `original_recordings_classes.txt` with `original_recordings/non_reference/CLASS/`.
"""

from __future__ import annotations

from pathlib import Path

from clvap.data import tables
from clvap.data.rows import Row, present

_NEEDED = ("imitation_filename", "category_d1", "reference_filename", "included")
_LEVELS = tuple(f"category_d{depth}" for depth in range(1, 7))
_BY = "Vocal Imitation Set, Kim et al. 2018"


def read(folder: Path, licence: str = "CC-BY-4.0", non_reference: bool = False) -> list[Row]:
    """One row an imitation that the makers included, beside the recording it imitates.

    licence: that of the set; it names the author of each Freesound recording but not its licence
    non_reference: the other recordings of each class too, which have no imitation

    Raises ManifestError for another layout.
    """
    authors = _authors(folder / "original_recordings_license.csv")
    rows = [
        _row(
            folder / "original_recordings" / "reference" / row["reference_filename"], row, licence, authors,
            folder / "vocal_imitations" / "included" / row["imitation_filename"],
        )
        for row in tables.read(folder / "vocal_imitations.txt", _NEEDED, delimiter="\t")
        if row["included"].lower() == "true"
    ]
    if non_reference:
        others = tables.read(folder / "original_recordings_classes.txt", ("filename", "classname", "category_d1", "is_reference"), delimiter="\t")
        apart = folder / "original_recordings" / "non_reference"
        rows += [_row(apart / row["classname"] / row["filename"], row, licence, authors) for row in others if row["is_reference"].lower() != "true"]
    return present(rows, f"Vocal Imitation Set in {folder}")


def phrases(levels: list[str]) -> tuple[str, ...]:
    """Captions of a class by its path in the ontology: the last two levels, and the last alone.

    ["Animal", "Cat", "Growling"] becomes ("cat, growling", "growling").
    """
    named = [level.lower() for level in levels if level]
    return tuple(dict.fromkeys([", ".join(named[-2:]), named[-1]]))


def _row(path: Path, row: dict[str, str], licence: str, authors: dict[str, str], imitation: Path | None = None) -> Row:
    levels = [row[level] for level in _LEVELS if row.get(level)]
    author = authors.get(path.name)
    by = f"{author} on Freesound; {_BY}" if author else _BY
    return Row(path, phrases(levels), "vocal-imitation-set/" + "/".join(levels), path.name, licence, by, imitation)


def _authors(path: Path) -> dict[str, str]:
    return {row["filename"]: row["username"] for row in tables.read(path, ("filename", "username"))} if path.is_file() else {}
