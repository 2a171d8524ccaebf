"""ESC-50 (Piczak 2015): 2 000 clips of 5 s in 50 classes and 5 folds, takes of one Freesound recording always in one fold.

Two layouts: the official one (`meta/esc50.csv`, `audio/`, and LICENSE with the licence and author of each clip), and a flat folder
whose `esc50.csv` has the columns licence and author.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from clvap.data import tables
from clvap.data.captions import esc50_captions
from clvap.data.licences import spdx
from clvap.data.rows import ManifestError, Row

_CREDIT = re.compile(r"\[(\d-\d+-[A-Z])\.\w+\]:.*\) by (.+) \[([^\]]+)\]")
_SHORT_NAMES = {"CC0": "CC0-1.0", "CC-BY": "CC-BY-3.0", "CC-BY-NC": "CC-BY-NC-3.0", "CC-Sampling+": "CC-Sampling+-1.0"}


def read(folder: Path, folds: Sequence[int] | None = None, phrases: str = "train") -> list[Row]:
    """Clips of the given folds (None: all); `phrases` picks the captions' part, "train" or "evaluate", see `esc50_captions`.

    Raises ManifestError for another layout, another class, or folds that are not there.
    """
    official = (folder / "meta" / "esc50.csv").is_file()
    table = folder / "meta" / "esc50.csv" if official else folder / "esc50.csv"
    needed = ("filename", "fold", "category", *(("src_file",) if official else ("freesound_id", "licence", "author")))
    rows = [row for row in tables.read(table, needed) if folds is None or int(row["fold"]) in folds]
    if not rows:
        raise ManifestError(f"{table}: no clip of fold {', '.join(map(str, folds or ()))}; ESC-50 has the folds 1 to 5")
    captions = esc50_captions(phrases)
    foreign = sorted({row["category"] for row in rows} - set(captions))
    if foreign:
        raise ManifestError(f"{table}: {', '.join(foreign)} is no class of ESC-50; use the reader `folder` or a manifest for other sounds")
    credits = _credits(folder / "LICENSE") if official else {}
    made = []
    for row in rows:
        source = row["src_file"] if official else row["freesound_id"]
        author, licence = credits.get(row["filename"].rsplit("-", 1)[0], ("", "CC-BY-NC-3.0")) if official else (row["author"], row["licence"])
        path = folder / "audio" / row["filename"] if official else folder / row["filename"]
        by = f"{author} on Freesound, {source}" if author else f"Freesound, {source}"
        made.append(Row(path, tuple(captions[row["category"]]), f"esc50/{row['category']}", source, licence, by, split=f"fold-{row['fold']}"))
    return made


def _credits(path: Path) -> dict[str, tuple[str, str]]:
    """Author and licence by clip (`1-100032-A`) from the collection's LICENSE; clips it does not list fall under the collection's own."""
    if not path.is_file():
        return {}
    found = _CREDIT.findall(path.read_text(encoding="utf-8", errors="replace"))
    return {clip: (author, _SHORT_NAMES.get(name, spdx(name))) for clip, author, name in found}
