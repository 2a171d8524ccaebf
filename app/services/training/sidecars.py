"""Captions of a folder written beside its sounds, as the tables `captions.csv` that every scan of the folder reads: so they go where the folder goes.

A table that was there is copied to `captions.csv.bak` (or `.bak2` and so on) before it is replaced, each whole or not at all.
"""

from __future__ import annotations

import csv
import io
import os
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.services.errors import RequestError
from app.services.files import write_whole

if TYPE_CHECKING:
    from app.services.training.packs import PackRow

NAME = "captions.csv"


@dataclass(frozen=True)
class Sidecars:
    """What was written.

    captions: how many the tables hold
    tables: that are new, relative to the folder
    kept: copies of those that were there, relative to the folder
    """

    captions: int
    tables: tuple[str, ...]
    kept: tuple[str, ...]


def write(root: Path, sounds: Iterable[PackRow]) -> Sidecars:
    """Write the captions of the sounds below a folder.

    A table in a folder further down speaks of that folder before all others, so what is mended there is written there, and all the rest at the top.
    Raises RequestError where a folder cannot be written.
    """
    try:
        return _written(root, _by_table(root, sounds))
    except OSError as error:
        raise RequestError(f"{root}: cannot be written ({error.strerror}); change its permissions, or copy the folder elsewhere") from error


def _written(root: Path, groups: Mapping[Path, Sequence[PackRow]]) -> Sidecars:
    written, kept, count = [], [], 0
    for folder, sounds in groups.items():
        if folder != root and not any(sound.mended for sound in sounds):
            continue
        count += len(sounds)
        tables = _tables(folder)
        content = _content({(root / sound.file).relative_to(folder).as_posix(): sound for sound in sounds}, tables)
        if [folder / NAME] == tables and tables[0].read_bytes() == content:
            continue
        kept += [copy.relative_to(root).as_posix() for copy in _kept(tables)]
        write_whole(folder / NAME, content)
        written.append((folder / NAME).relative_to(root).as_posix())
    return Sidecars(count, tuple(written), tuple(kept))


def _by_table(root: Path, sounds: Iterable[PackRow]) -> dict[Path, list[PackRow]]:
    """The sounds by the folder whose table speaks of them: the nearest above them that has one, else the top."""
    groups: dict[Path, list[PackRow]] = {}
    speaks: dict[Path, Path] = {root: root}
    for sound in sounds:
        folder = (root / sound.file).parent
        if folder not in speaks:
            speaks[folder] = next((above for above in (folder, *folder.parents) if above == root or _tables(above)), root)
        groups.setdefault(speaks[folder], []).append(sound)
    return groups


def _tables(folder: Path) -> list[Path]:
    """The tables that a scan reads in a folder, in its order; their names may be in capitals."""
    return sorted(path for path in folder.iterdir() if path.name.lower() == NAME and path.is_file())


def _content(sounds: Mapping[str, PackRow], before: Iterable[Path]) -> bytes:
    """The table of some sounds by path, and what earlier tables said of others, such as those that are too short to train on."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(["path", "caption", "category"])
    rows.writerows([path, sound.caption, sound.category] for path, sound in sounds.items())
    rows.writerows(row for table in before for row in _others(table, sounds))
    return text.getvalue().encode("utf-8")


def _others(table: Path, sounds: Mapping[str, PackRow]) -> list[list[str]]:
    try:
        with open(table, newline="", encoding="utf-8-sig", errors="replace") as file:
            told = [(row["path"], row.get("caption") or "", row.get("category") or "") for row in csv.DictReader(file) if row.get("path")]
    except csv.Error:
        return []  # no scan reads it either; its copy is kept
    return [list(row) for row in told if posixpath.normpath(row[0].replace("\\", "/")) not in sounds]


def _kept(tables: Iterable[Path]) -> list[Path]:
    """Copies of a folder's own tables; one that is spelled otherwise goes, because it would be read too. Raises OSError."""
    copies = []
    for table in tables:
        copies.append(_copied(table))
        if table.name != NAME:
            table.unlink()
    return copies


def _copied(table: Path) -> Path:
    """A copy under the first free name. Raises OSError, and leaves no half of one then."""
    number = 1
    while True:
        copy = table.with_name(f"{table.name}.bak{number if number > 1 else ''}")
        try:
            with open(copy, "xb") as file:
                try:
                    file.write(table.read_bytes())
                    file.flush()
                    os.fsync(file.fileno())
                except OSError:
                    with suppress(OSError):
                        copy.unlink()
                    raise
            return copy
        except FileExistsError:
            number += 1
