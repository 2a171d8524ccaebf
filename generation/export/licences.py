"""Under which licence a sound may be used, as far as its model and its neighbours on disk say."""

from __future__ import annotations

import csv
import re
from functools import lru_cache
from pathlib import Path

from clvap.checkpoints import SHIPPED
from clvap.data.licences import spdx
from generation.checkpoints import card

_TABLES = ("captions.csv", "manifest.csv", "metadata.csv")
_TEXTS = re.compile(r"(?i)(licen[cs]e|copying)([\W_].*)?")
_LEVELS = 4
_LARGEST_TABLE = 32 * 2**20
_STATED = re.compile(r"(?im)^license:\s*(.+)$")


def of_model(name: str) -> str:
    """The licence of a generator's weights, by its name or folder; empty where it says nothing."""
    known = card(name)
    if known is not None:
        return known.licence
    for folder in (SHIPPED / name, Path(name).expanduser()):
        try:
            stated = _STATED.search((folder / "README.md").read_text(encoding="utf-8")[:20_000])
        except (OSError, ValueError):
            continue
        return stated[1].strip() if stated else ""
    return ""


def of_sound(path: Path) -> str:
    """The licence of a sound file: its row of a captions.csv or manifest.csv in its folder or above, else the licence text that lies there."""
    for folder in list(path.parents)[:_LEVELS]:
        for name in _TABLES:
            said = _table(folder / name).get(path.relative_to(folder).as_posix())
            if said:
                return said
        text = _text_in(folder)
        if text:
            return f"see {text} of {folder.name}"
    return ""


def _table(path: Path) -> dict[str, str]:
    try:
        state = path.stat()
    except OSError:
        return {}
    return _read_table(path, state.st_mtime_ns) if state.st_size <= _LARGEST_TABLE else {}


@lru_cache(maxsize=16)
def _read_table(path: Path, modified_ns: int) -> dict[str, str]:
    """Licences by file, as the table's folder sees it; modified_ns: of the table, so that an edited one is read again."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            licence = next((name for name in rows.fieldnames or () if name.lower() in ("licence", "license")), None)
            place = next((name for name in rows.fieldnames or () if name.lower() in ("path", "file", "filename")), None)
            return {row[place]: spdx(row[licence] or "") for row in rows if row[place]} if licence and place else {}
    except (OSError, ValueError, csv.Error):
        return {}


def _text_in(folder: Path) -> str:
    try:
        return next((one.name for one in sorted(folder.iterdir()) if _TEXTS.fullmatch(one.stem) and one.is_file()), "")
    except OSError:
        return ""
