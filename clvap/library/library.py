"""A library as the rest of the system sees it: open, index, search, ask what is in it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from clvap.contours import Contours
from clvap.library import search
from clvap.library.indexer import IndexReport, index_folder
from clvap.library.rows import Rows
from clvap.library.scan import LibraryError, Skipped, existing_folder
from clvap.library.search import Filters, Match, Weights
from clvap.library.store import Store
from clvap.progress import Progress, silent
from clvap.query import Query

DEFAULT_EMBEDDER = "clvap-mini"


class Library:
    """Indexed folders of sounds. Searching needs no model; safe to search in one thread while another indexes."""

    def __init__(self, store: Store, embedder: Any = None) -> None:
        self._store = store
        self._embedder = embedder

    @staticmethod
    def open(folder: str | Path, embedder: Any = None) -> Library:
        """The library in a folder, made when there is none.

        embedder: a `clvap.Embedder`; without one, indexing loads the model the library was made with, or clvap-mini.
        Raises LibraryError where the folder cannot be written or holds something else.
        """
        return Library(Store(Path(folder)), embedder)

    @property
    def embedder(self) -> Any:
        """The model; loaded on first use when none was given. Raises ModelError where it is not there."""
        if self._embedder is None:
            from clvap.embedder import Embedder

            self._embedder = Embedder.from_pretrained(self._store.metadata.embedder or DEFAULT_EMBEDDER)
        return self._embedder

    def index(self, folder: str | Path, progress: Progress = silent, workers: int | None = None) -> IndexReport:
        """Bring the library up to date with a folder of sound files and everything below it.

        Unchanged files are not read again, broken ones are listed in the report. A folder inside an indexed one brings the
        outer one up to date; one around indexed folders takes them in. With another model than before, all folders are
        embedded again. Raises LibraryError, or whatever `progress` raises, with the work so far kept.
        """
        began = time.perf_counter()
        wanted = existing_folder(folder)
        lock = self._store.writing()
        try:
            self._match_model()
            target = self._outermost(wanted)
            report = index_folder(self._store, self.embedder, target, progress, workers)
            self._done_with(target)
            for outdated in self._store.metadata.outdated:
                report = _joined(report, self._again(Path(outdated), progress, workers))
                self._done_with(Path(outdated))
        finally:
            lock.release()
        return replace(report, seconds=time.perf_counter() - began)

    def search(self, query: Query, k: int = 20, weights: Weights | None = None, filters: Filters | None = None) -> list[Match]:
        """The `k` best sounds for a query, best first; empty while the library is.

        Raises LibraryError where the library was made with another model than the query.
        """
        made_with = self._store.metadata.fingerprint
        if self._embedder is not None and made_with and self._embedder.fingerprint != made_with:
            raise LibraryError(f"the library was made with another model ({self._store.metadata.embedder}); index its folders again")
        return search.search(self._store, query, k, weights or Weights.of(query), filters or Filters())

    def count(self) -> int:
        """Number of sounds."""
        table = self._store.table()
        return table.count_rows() if table is not None else 0

    def categories(self) -> dict[str, int]:
        """Number of sounds by category, by name."""
        return dict(sorted(Counter(self._store.column("category")).items()))

    def folders(self) -> list[Path]:
        """The indexed folders."""
        return [Path(folder) for folder in self._store.metadata.folders]

    def skipped(self) -> list[Skipped]:
        """Files of the indexed folders that are not in the library, and why."""
        return [one for files in self._store.metadata.skipped.values() for one in files]

    def remove_folder(self, folder: str | Path) -> int:
        """Forget an indexed folder; how many sounds left. Files on disk stay. Raises LibraryError for an unknown folder."""
        path = str(Path(folder).expanduser().resolve())
        metadata = self._store.metadata
        if path not in metadata.folders:
            raise LibraryError(f"{path}: not an indexed folder; indexed are: {', '.join(metadata.folders) or 'none'}")
        lock = self._store.writing()
        try:
            removed = self._store.remove_folder(path)
            self._forget([path])
            self._store.tidy()
        finally:
            lock.release()
        return removed

    def row(self, path: str | Path) -> Match | None:
        """What is known of one sound, None where it is not in the library."""
        rows = self._at(path)
        return search.described(rows)[0] if rows is not None else None

    def contours(self, path: str | Path) -> Contours | None:
        """The curves of one sound's active part, 64 frames whatever its length; None where it is not in the library."""
        rows = self._at(path)
        return Contours.from_stacked(rows.curves[0]) if rows is not None else None

    def _at(self, path: str | Path) -> Rows | None:
        table = self._store.at([str(path)])
        return Rows.from_arrow(table) if table is not None and table.num_rows else None

    def _match_model(self) -> None:
        """Where the table holds vectors of another model, drop it and mark all folders to be embedded again."""
        metadata = self._store.metadata
        if metadata.fingerprint != self.embedder.fingerprint:
            name = str(getattr(self.embedder, "name", DEFAULT_EMBEDDER))
            self._store.clear()
            self._store.note(embedder=name, fingerprint=self.embedder.fingerprint, outdated=metadata.folders)

    def _outermost(self, wanted: Path) -> Path:
        """The indexed folder around `wanted`, or `wanted` itself, which takes in the indexed folders inside it."""
        folders = [Path(folder) for folder in self._store.metadata.folders]
        around = [folder for folder in folders if wanted.is_relative_to(folder)]
        if around:
            return around[0]
        self._forget([str(folder) for folder in folders if folder.is_relative_to(wanted)])
        return wanted

    def _forget(self, paths: list[str]) -> None:
        metadata = self._store.metadata
        self._store.note(
            folders=tuple(folder for folder in metadata.folders if folder not in paths),
            outdated=tuple(folder for folder in metadata.outdated if folder not in paths),
            skipped={folder: files for folder, files in metadata.skipped.items() if folder not in paths},
        )

    def _again(self, folder: Path, progress: Progress, workers: int | None) -> IndexReport:
        """Embed a folder again after a change of model; one that is gone is reported, not fatal."""
        try:
            return index_folder(self._store, self.embedder, folder, progress, workers)
        except LibraryError as error:
            return IndexReport(0, 0, [Skipped(str(folder), str(error).removeprefix(f"{folder}: "))], 0.0)

    def _done_with(self, folder: Path) -> None:
        metadata = self._store.metadata
        self._store.note(outdated=tuple(one for one in metadata.outdated if one != str(folder)))


def _joined(one: IndexReport, other: IndexReport) -> IndexReport:
    return IndexReport(
        one.indexed + other.indexed,
        one.unchanged + other.unchanged,
        one.skipped + other.skipped,
        one.seconds + other.seconds,
        one.removed + other.removed,
    )
