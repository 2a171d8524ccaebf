"""One row of training data, and what can be wrong with a collection of them. Knows no file format and no collection."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path


class ManifestError(ValueError):
    """A collection of sounds that cannot be used; the message says which rows or files and what to do."""


@dataclass(frozen=True)
class Row:
    """One sound.

    path: the sound file
    captions: phrases that describe it
    label: what makes two sounds the same kind
    source: recordings of one source share it (takes of one Freesound clip)
    licence: SPDX-like name
    attribution: whom to name
    imitation: a vocal imitation of this sound, None where there is none
    split: the part the collection's makers put it in, such as "train" or "fold-3"; empty where they did not
    """

    path: Path
    captions: tuple[str, ...]
    label: str
    source: str
    licence: str
    attribution: str = ""
    imitation: Path | None = None
    split: str = ""


def listed(names: list[str], most: int = 5) -> str:
    """The first few of many names, for a message: "a, b and 7 more"."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def present(rows: list[Row], collection: str) -> list[Row]:
    """The rows whose files are there, for collections that nobody can have whole; says how many are not.

    Raises ManifestError where none is.
    """
    kept = [row for row in rows if row.path.is_file() and (row.imitation is None or row.imitation.is_file())]
    if rows and not kept:
        raise ManifestError(f"{collection}: none of its {len(rows)} sounds is there, such as {rows[0].path}; unpack the audio into the same folder")
    if len(kept) < len(rows):
        warnings.warn(f"{collection}: {len(rows) - len(kept)} of {len(rows)} rows have no sound file and are left out", stacklevel=3)
    return kept
