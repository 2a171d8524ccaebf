"""Where a library lies: a LanceDB table of sounds and a small JSON file of what it was made with and from.

Every write is one LanceDB commit or one file replaced whole, so a program that is killed leaves a library that opens.
Readers see the newest commit and may read while another thread or program writes.
"""

from __future__ import annotations

import atexit
import json
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from filelock import FileLock, Timeout

from clvap.files import whole
from clvap.library.rows import Rows
from clvap.library.scan import LibraryError, Skipped

if TYPE_CHECKING:
    from lancedb.table import Table

IN_MEMORY_ROWS = 20_000
VECTOR_INDEX_ROWS = 50_000
_TABLE = "sounds"
_CHUNK = 512
_ATTEMPTS = 6
_KEEP_OLD_VERSIONS = timedelta(hours=1)


@dataclass(frozen=True)
class Metadata:
    """What a library was made with and from.

    embedder, fingerprint: name and hash of the model whose vectors it holds; empty while nothing was indexed
    folders: indexed folders; outdated: those of them whose sounds still await a new model's vectors
    skipped: by folder, the files that could not be indexed
    indexed: by folder, when that was last finished, seconds since 1970
    """

    embedder: str = ""
    fingerprint: str = ""
    folders: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()
    skipped: dict[str, tuple[Skipped, ...]] = field(default_factory=dict)
    indexed: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """What the table says of a file, enough to tell whether it must be read again."""

    folder: str
    size: int
    modified_ns: int
    content: str
    caption: str
    category: str


class Store:
    """The files of one library."""

    def __init__(self, folder: Path) -> None:
        """Opens the library in `folder`, which is created. Raises LibraryError where that cannot be."""
        self.folder = Path(folder).expanduser()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._database = _lancedb().connect(self.folder, read_consistency_interval=timedelta(0))
        except OSError as error:
            raise LibraryError(f"{self.folder}: the library cannot be opened ({error.strerror}); choose another workspace") from error
        self._lock = threading.Lock()
        self._cached: tuple[tuple[str, int], Rows] | None = None
        self._noted: tuple[tuple[int, int, int], Metadata] | None = None
        self._opened: tuple[str, Table] | None = None

    def writing(self) -> FileLock:
        """A lock to hold while writing; freed by the system when its program dies. Raises LibraryError when another holds it."""
        lock = FileLock(self.folder / "writing.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise LibraryError(f"{self.folder}: this library is being indexed already; wait until that is done") from None
        except OSError as error:
            raise LibraryError(f"{self.folder}: cannot be written ({error.strerror}); choose another workspace") from error
        return lock

    @property
    def metadata(self) -> Metadata:
        """As last written; of an empty library where there is none yet."""
        path = self.folder / "library.json"
        try:
            status = path.stat()
            stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
            if self._noted is None or self._noted[0] != stamp:
                said = json.loads(path.read_text(encoding="utf-8"))
                skipped = {folder: tuple(Skipped(**one) for one in files) for folder, files in said.pop("skipped").items()}
                lists = {name: tuple(said.pop(name)) for name in ("folders", "outdated")}
                self._noted = (stamp, Metadata(**said, **lists, skipped=skipped))
            return self._noted[1]
        except FileNotFoundError:
            return Metadata()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise LibraryError(f"{path} cannot be read; delete the folder {self.folder} and index again") from error

    def note(self, **changes: object) -> Metadata:
        """Replace fields of the metadata on disk."""
        metadata = replace(self.metadata, **changes)
        try:
            with whole(self.folder / "library.json") as fresh:
                fresh.write_text(json.dumps(asdict(metadata), ensure_ascii=False, indent=1), encoding="utf-8")
        except OSError as error:
            raise LibraryError(f"{self.folder}: could not be written ({error.strerror}); free some disk space") from error
        return metadata

    def table(self) -> Table | None:
        """The table of sounds, None before the first was written."""
        fingerprint = self.metadata.fingerprint
        if self._opened is None or self._opened[0] != fingerprint:
            try:
                self._opened = (fingerprint, self._database.open_table(_TABLE))
            except ValueError:  # there is none, or its first rows are on their way
                return None
        return self._opened[1]

    def known(self) -> dict[str, Known]:
        """All files of the table by path."""
        table = self.table()
        if table is None:
            return {}
        names = ["path", "folder", "size", "modified_ns", "content", "caption", "category"]
        read = table.search().select(names).limit(table.count_rows() + _CHUNK).to_arrow()
        return {path: Known(*rest) for path, *rest in zip(*(read[name].to_pylist() for name in names), strict=True)}

    @property
    def version(self) -> tuple:
        """Changes whenever the table or what is noted of it does, by whichever program; cheap to ask."""
        table, fingerprint = self.table(), self.metadata.fingerprint
        return (fingerprint, table.version if table is not None else 0, self._noted[0] if self._noted else None)

    def column(self, name: str) -> list:
        """One column of the table."""
        return self.columns([name])[name].to_pylist() if self.table() is not None else []

    def columns(self, names: list[str]) -> pa.Table:
        """Some columns of the table, which must be there."""
        table = self.table()
        return table.search().select(names).limit(table.count_rows() + _CHUNK).to_arrow()

    def rows(self) -> Rows | None:
        """The whole table in memory, read again when it changed; None while there is no table or where it is too large."""
        table = self.table()
        if table is None or table.count_rows() > IN_MEMORY_ROWS:
            return None
        with self._lock:
            version = (self._opened[0], table.version)
            if self._cached is None or self._cached[0] != version:
                self._cached = (version, Rows.from_arrow(table.to_arrow()))
            return self._cached[1]

    def at(self, paths: Iterable[str]) -> pa.Table | None:
        """The rows of some paths, in no particular order; paths that are not in the table are left out."""
        table, paths = self.table(), list(paths)
        if table is None:
            return None
        return table.search().where(_among("path", paths)).limit(len(paths) + 1).to_arrow()

    def put(self, fresh: pa.Table, replacing: bool) -> None:
        """Write rows; with `replacing`, those whose path is in the table already take its place."""
        table = self.table()
        if table is None:
            self._database.create_table(_TABLE, fresh, mode="create")
            self._index_words()
        elif replacing:
            _patiently(lambda: table.merge_insert("path").when_matched_update_all().when_not_matched_insert_all().execute(fresh))
        else:
            _patiently(lambda: table.add(fresh))

    def rewrite(self, path: str, values: dict[str, str]) -> None:
        """Give columns of one row other values, also while another program writes."""
        _patiently(lambda: self.table().update(where=_among("path", [path]), values=values))

    def remove(self, paths: list[str]) -> None:
        """Take rows out by path."""
        table = self.table()
        for start in range(0, len(paths) if table is not None else 0, _CHUNK):
            _patiently(partial(table.delete, _among("path", paths[start : start + _CHUNK])))

    def remove_folder(self, folder: str) -> int:
        """Take the rows of an indexed folder out; how many there were."""
        table = self.table()
        if table is None:
            return 0
        where = _among("folder", [folder])
        count = table.count_rows(where)
        _patiently(lambda: table.delete(where))
        return count

    def clear(self) -> None:
        """Drop all rows."""
        self._opened = self._cached = None
        self._database.drop_table(_TABLE, ignore_missing=True)

    def tidy(self) -> None:
        """Merge small pieces, bring the indices up to date, and make a vector index when the table has become large."""
        table = self.table()
        if table is None:
            return
        self._index_words()
        if table.count_rows() > VECTOR_INDEX_ROWS and not any(index.columns == ["vector"] for index in table.list_indices()):
            table.create_index(metric="cosine", vector_column_name="vector", index_type="IVF_HNSW_SQ")
        with suppress(RuntimeError):  # a commit conflict with another writer: the next indexing tidies up
            table.optimize(cleanup_older_than=_KEEP_OLD_VERSIONS)

    def fragments(self) -> int:
        """Of how many pieces the table is; many make reading slow."""
        return self.table().stats()["fragment_stats"]["num_fragments"]

    def listed(self, where: str | None, limit: int) -> tuple[Rows, int]:
        """Some rows that fulfil a condition, at most `limit`, and how many do."""
        table = self.table()
        found = table.search().limit(limit)
        return Rows.from_arrow((found.where(where) if where else found).to_arrow()), table.count_rows(where)

    def _index_words(self) -> None:
        """Make the full-text index where there is none: a kill may come between the first rows and it."""
        table = self.table()
        if not any(index.columns == ["words"] for index in table.list_indices()):
            table.create_fts_index("words")

    def nearest(self, vector: np.ndarray, limit: int, where: str | None) -> Rows:
        """The rows nearest to a vector (D,) by cosine, on disk."""
        found = self.table().search(vector, vector_column_name="vector").metric("cosine").limit(limit)
        return Rows.from_arrow((found.where(where, prefilter=True) if where else found).to_arrow())

    def mentioning(self, text: str, limit: int, where: str | None) -> pa.Table:
        """The rows whose caption, name or category holds words of `text`, best first (BM25)."""
        found = self.table().search(text, query_type="fts", fts_columns="words").limit(limit)
        return (found.where(where, prefilter=True) if where else found).to_arrow()


@cache
def _lancedb() -> ModuleType:
    """LanceDB, imported on first use: it takes 2 s, which a page that only names weights and filters need not wait for.

    Its worker threads need the interpreter for a moment after their last answer and abort the process when it is gone by then
    (https://github.com/lance-format/lance/issues/4152), so leaving waits for them.
    """
    import lancedb

    atexit.register(time.sleep, 0.1)
    return lancedb


def _patiently(write: Callable[[], object]) -> None:
    """Write to the table; again, where another program's commit came between."""
    for attempt in range(_ATTEMPTS):
        try:
            write()
            return
        except (RuntimeError, OSError) as error:
            if attempt == _ATTEMPTS - 1 or "conflict" not in str(error).lower():
                raise
            time.sleep(0.05 * 2**attempt)


def quoted(text: str) -> str:
    """A string as SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _among(column: str, values: list[str]) -> str:
    return f"{column} IN ({', '.join(map(quoted, values))})" if values else "false"
