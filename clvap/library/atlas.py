"""The map of a library: where each sound lies by its sound, worked out once for a state of the library and kept beside the table."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clvap.files import whole
from clvap.library import projection
from clvap.library.rows import vectors_of
from clvap.library.store import Store

_FILE = "map.npz"


@dataclass(frozen=True)
class Point:
    """A sound on the map.

    duration_s: of the whole file
    x, y: its place, 0 to 1, y downwards
    """

    path: Path
    name: str
    caption: str
    category: str
    duration_s: float
    x: float
    y: float


@dataclass(frozen=True)
class _Drawing:
    """key: of the sounds it was made for; places: (x, y) by path."""

    key: str
    places: dict[str, tuple[float, float]]


class Atlas:
    """The map on disk. Of a very large library it holds a sample."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keyed: tuple[tuple, str] | None = None
        self._read: tuple[tuple[int, int], _Drawing] | None = None

    @property
    def version(self) -> int:
        """Of the drawing on disk, 0 while there is none."""
        return self._read[0][1] if self._drawing() and self._read else 0

    def outdated(self) -> bool:
        """Whether it was drawn of other sounds, or of the same by another model. Descriptions do not matter."""
        key, drawing = self._key(), self._drawing()
        return drawing.key != key if drawing else bool(key)

    def draw(self) -> int:
        """Place all sounds, starting from where they lay before; how many there are on the map."""
        key = self._key()
        if not key:
            return 0
        table = self._store.columns(["path", "vector"])
        order = np.argsort(table["path"].to_numpy(zero_copy_only=False))
        if len(order) > projection.MOST:
            order = np.sort(np.random.default_rng(0).permutation(len(order))[: projection.MOST])
        table = table.take(order)
        paths = table["path"].to_pylist()
        earlier = self._drawing()
        before = np.array([earlier.places.get(path, (np.nan, np.nan)) for path in paths]) if earlier else None
        places = projection.project(vectors_of(table), before)
        with whole(self._store.folder / _FILE) as fresh:
            np.savez_compressed(fresh, key=np.array(key), paths=np.array(paths), places=places)
        return len(paths)

    def points(self) -> list[Point]:
        """Its sounds that are still in the library, as they are described now."""
        drawing = self._drawing()
        if drawing is None or self._store.table() is None:
            return []
        names = ["path", "name", "caption", "category", "duration_s"]
        table = self._store.columns(names)
        rows = zip(*(table[name].to_pylist() for name in names), strict=True)
        return [
            Point(Path(path), name, caption, category, duration_s, *place)
            for path, name, caption, category, duration_s in rows
            if (place := drawing.places.get(path)) is not None
        ]

    def _key(self) -> str:
        """Of the sounds in the library and of the model that heard them; empty for none."""
        if self._store.table() is None:
            return ""
        version = self._store.version[:2]
        if self._keyed is None or self._keyed[0] != version:
            table = self._store.columns(["path", "content"])
            rows = sorted(zip(table["path"].to_pylist(), table["content"].to_pylist(), strict=True))
            digest = hashlib.blake2b(repr((version[0], rows)).encode(), digest_size=16).hexdigest()
            self._keyed = (version, digest if rows else "")
        return self._keyed[1]

    def _drawing(self) -> _Drawing | None:
        path = self._store.folder / _FILE
        try:
            status = path.stat()
            stamp = (status.st_ino, status.st_mtime_ns)
            if self._read is None or self._read[0] != stamp:
                with np.load(path) as held:
                    places = dict(zip(held["paths"].tolist(), map(tuple, held["places"].tolist()), strict=True))
                    self._read = (stamp, _Drawing(str(held["key"]), places))
            return self._read[1]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):  # none yet, or one to be drawn again
            return None
