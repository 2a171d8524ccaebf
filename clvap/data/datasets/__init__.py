"""Ready readers of published collections: one module each, with `read(folder, ...) -> list[Row]`, and here by name."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

from clvap.data.datasets import audioset, captioned, clotho, esc50, folder, sfx, vimsketch, vocal_imitation_set, vocalsketch
from clvap.data.rows import ManifestError, Row

READERS: dict[str, Callable[..., list[Row]]] = {
    "esc50": esc50.read,
    "clotho": clotho.read,
    "audioset": audioset.read,
    "vocalsketch": vocalsketch.read,
    "vocal-imitation-set": vocal_imitation_set.read,
    "vimsketch": vimsketch.read,
    "folder": folder.read,
    "captioned-folder": captioned.read,
    "sfx": sfx.read,
}


def read(kind: str, folder: str | Path, **options: Any) -> list[Row]:
    """The rows of a collection by its name in `READERS`; options are those of its reader, such as `folds=(1, 2)` for esc50.

    Raises ManifestError for a name, an option or a folder that is not there, and what the reader raises.
    """
    if kind not in READERS:
        raise ManifestError(f"no reader {kind!r}; use one of {', '.join(READERS)}")
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise ManifestError(f"{folder}: {'not a folder' if folder.exists() else 'no such folder'}; name the folder of the collection")
    reader = READERS[kind]
    known = list(signature(reader).parameters)[1:]
    strange = sorted(set(options) - set(known))
    if strange:
        raise ManifestError(f"{kind} has no option {', '.join(strange)}; it has {', '.join(known) or 'none'}")
    return reader(folder, **options)
