"""Folders of sounds to train on: what is in them, what must be left out, and captions mended without touching the folder.

Mended captions lie in WORKSPACE/packs/KEY/captions.csv, with paths relative to the folder; training reads that table before all others.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import shutil
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.services.errors import RequestError
from app.services.files import write_whole
from app.services.training import sidecars
from app.services.training.sidecars import Sidecars

if TYPE_CHECKING:
    from clvap.data.rows import Row

_TABLE = "captions.csv"
_KEPT = 4
_LONGEST = 500
_EVERY = 7  # of so many sounds, one is kept back to measure on


@dataclass(frozen=True)
class PackRow:
    """A sound of a pack.

    file: its path, relative to the folder
    caption: what it is trained as
    category: of its folder or its name
    own: what the folder itself calls it
    """

    path: Path
    file: str
    category: str
    caption: str
    own: str

    @property
    def mended(self) -> bool:
        return self.caption != self.own


@dataclass(frozen=True)
class LeftOut:
    """A file that cannot be trained on, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class Pack:
    """A folder as training will see it.

    key: names it on the page, without telling where it is
    seconds: of all usable sounds together
    """

    key: str
    folder: Path
    rows: tuple[PackRow, ...]
    seconds: float
    left_out: tuple[LeftOut, ...]

    @property
    def name(self) -> str:
        return self.folder.name

    def examples(self, count: int = 4) -> tuple[str, ...]:
        """A few different captions from all over the folder, to be heard while it trains."""
        different = list(dict.fromkeys(row.caption for row in self.rows))
        return tuple(different[:: -(-len(different) // count)])


@dataclass(frozen=True)
class Carried:
    """A pack whose captions were written beside its sounds, and into which tables."""

    pack: Pack
    sidecars: Sidecars


class Packs:
    """Looks at folders, and keeps the last few; thread-safe."""

    def __init__(self, folder: Path) -> None:
        """folder: where mended captions are kept"""
        self._folder = folder
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, Pack] = OrderedDict()

    def look(self, folder: Path) -> Pack:
        """Look into a folder; reads the head of every file. Raises RequestError where there is nothing to train on."""
        from clvap.library.scan import LibraryError, scan

        try:
            found = scan(folder)
        except LibraryError as error:
            raise RequestError(str(error)) from error
        root = folder.expanduser().resolve()
        key = _key(root)
        rows, left_out, seconds = _usable(found.sounds, root)
        left_out = [*(LeftOut(_relative(one.path, root), one.reason) for one in found.skipped), *left_out]
        if not rows:
            first = f", such as {left_out[0].file}: {left_out[0].reason}" if left_out else ""
            raise RequestError(f"{root.name}: no sound file in it that can be trained on{first}")
        mended = self._mended(key)
        rows = [replace(row, caption=mended.get(row.file, row.caption)) for row in rows]
        return self._keep(Pack(key, root, tuple(rows), seconds, tuple(left_out)))

    def find(self, key: str | None) -> Pack:
        """A pack that was looked at. Raises RequestError for another."""
        with self._lock:
            pack = self._seen.get(key)
        if not key:
            raise RequestError("Choose a folder of sounds first.")
        if pack is None:
            raise RequestError("Choose the folder again: this page was open for long, or the studio was started again.")
        return pack

    def known(self, key: str) -> bool:
        """Whether a pack was looked at and is still kept."""
        with self._lock:
            return key in self._seen

    def mend(self, key: str, file: str, caption: str) -> Pack:
        """Another caption for a sound; an empty one brings back the folder's own."""
        pack = self.find(key)
        if not any(row.file == file for row in pack.rows):
            raise RequestError(f"{pack.name}: there is no {file} in it to train on")
        rows = [replace(row, caption=_tidy(caption) or row.own) if row.file == file else row for row in pack.rows]
        return self._write(replace(pack, rows=tuple(rows)))

    def replace(self, key: str, find: str, by: str) -> Pack:
        """Replace a text in all captions, whatever its case; captions that nothing is left of come back as they were."""
        if not find:
            raise RequestError("Type what is to be replaced.")
        pack, pattern, by = self.find(key), re.compile(re.escape(find), re.IGNORECASE), _tidy(by)
        rows = [replace(row, caption=_tidy(pattern.sub(lambda _: by, row.caption)) or row.own) for row in pack.rows]
        return self._write(replace(pack, rows=tuple(rows)))

    def reset(self, key: str) -> Pack:
        """All captions as the folder has them."""
        pack = self.find(key)
        return self._write(replace(pack, rows=tuple(replace(row, caption=row.own) for row in pack.rows)))

    def write_beside(self, key: str) -> Carried:
        """Write the captions into the folder itself, which then calls its sounds so. Raises RequestError where it cannot be written."""
        from clvap.library.scan import scan

        pack = self.find(key)
        written = sidecars.write(pack.folder, pack.rows)
        own = {Path(sound.path): sound.caption for sound in scan(pack.folder).sounds}
        rows = tuple(replace(row, own=own.get(row.path, row.own)) for row in pack.rows)
        return Carried(self._write(replace(pack, rows=rows)), written)

    def copy_table(self, pack: Pack, target: Path) -> Path | None:
        """A copy of the mended captions for a run that must not change with later edits; None where there are none."""
        table = self._folder / pack.key / _TABLE
        return Path(shutil.copyfile(table, target)) if table.exists() else None

    def place(self, pack: Pack) -> Path:
        """Where everything made for a folder is kept."""
        return self._folder / pack.key

    @staticmethod
    def rows(pack: Pack) -> list[Row]:
        """All usable sounds as rows to train CLVAP on; some from all over the folder are kept back, at least two."""
        from clvap.data.licences import UNKNOWN
        from clvap.data.rows import Row

        kept = set(range(len(pack.rows))[:: max(min(_EVERY, len(pack.rows) // 2), 1)])
        return [
            Row(row.path, (row.caption,), f"{row.category}/{row.caption}", row.file, UNKNOWN, split="validation" if number in kept else "train")
            for number, row in enumerate(pack.rows)
        ]

    @staticmethod
    def manifest(rows: list[Row], target: Path) -> Path:
        """Rows as a table that training reads."""
        from clvap.data import manifests

        return manifests.write(rows, target)

    def _write(self, pack: Pack) -> Pack:
        table = self._folder / pack.key / _TABLE
        mended = [row for row in pack.rows if row.mended]
        if mended:
            table.parent.mkdir(parents=True, exist_ok=True)
            text = io.StringIO(newline="")
            csv.writer(text).writerows([["path", "caption"], *([row.file, row.caption] for row in mended)])
            write_whole(table, text.getvalue().encode("utf-8"))
        else:
            table.unlink(missing_ok=True)
        return self._keep(pack)

    def _mended(self, key: str) -> dict[str, str]:
        table = self._folder / key / _TABLE
        if not table.exists():
            return {}
        with open(table, newline="", encoding="utf-8") as file:
            return {row["path"]: row["caption"] for row in csv.DictReader(file)}

    def _keep(self, pack: Pack) -> Pack:
        with self._lock:
            self._seen[pack.key] = pack
            self._seen.move_to_end(pack.key)
            while len(self._seen) > _KEPT:
                self._seen.popitem(last=False)
        return pack


def _usable(sounds, root: Path) -> tuple[list[PackRow], list[LeftOut], float]:
    """What of the sounds can be trained on, what cannot, and how long the former are together in seconds."""
    from clvap.audio import AudioError
    from generation.finetune.pack import glance
    from generation.finetune.recipe import PackOptions

    rows, left_out, seconds, options = [], [], 0.0, PackOptions()
    for sound in sounds:
        file = _relative(sound.path, root)
        try:
            seconds += min(glance(sound, options).duration_s, options.longest_s)
            rows.append(PackRow(Path(sound.path), file, sound.category, sound.caption, sound.caption))
        except AudioError as error:
            left_out.append(LeftOut(file, str(error)))
    return rows, left_out, seconds


def _key(root: Path) -> str:
    return hashlib.sha256(str(root).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _relative(path: str, root: Path) -> str:
    return Path(path).relative_to(root).as_posix() if Path(path).is_relative_to(root) else Path(path).name


def _tidy(text: str | None) -> str:
    """One line of printable text of a bounded length."""
    return " ".join("".join(character if character.isprintable() else " " for character in text or "").split())[:_LONGEST]
