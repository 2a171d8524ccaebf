"""A library as the rest of the system sees it: open, index, search, ask what is in it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from clvap.contours import Contours
from clvap.library import rows, search
from clvap.library.atlas import Atlas, Point
from clvap.library.edits import Edits
from clvap.library.indexer import IndexReport, index_folder
from clvap.library.lessons import Lesson, Taught, applying
from clvap.library.rows import Rows
from clvap.library.scan import LibraryError, Skipped, existing_folder, tidy
from clvap.library.search import Filters, Listing, Match, Weights
from clvap.library.store import Store
from clvap.progress import Progress, silent
from clvap.query import Query

DEFAULT_EMBEDDER = "clvap-mini"
_PIECES = 64


@dataclass(frozen=True)
class IndexedFolder:
    """A folder of the library.

    count: sounds of it that are in the library
    skipped: its files that are not, and why
    indexed_s: when it was last indexed to its end, seconds since 1970; None where it never was
    """

    path: Path
    count: int
    skipped: tuple[Skipped, ...]
    indexed_s: float | None


class Library:
    """Indexed folders of sounds. Searching needs no model; safe to search in one thread while another indexes."""

    def __init__(self, store: Store, embedder: Any = None) -> None:
        self._store = store
        self._embedder = embedder
        self._edits = Edits(store.folder)
        self._atlas = Atlas(store)

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

    def search(
        self, query: Query, k: int = 20, weights: Weights | None = None, filters: Filters | None = None, lessons: Sequence[Lesson] = ()
    ) -> list[Match]:
        """The `k` best sounds for a query, best first; empty while the library is.

        lessons: what was taken before, for queries of the same model
        Raises LibraryError where the library was made with another model than the query.
        """
        if self.outdated:
            raise LibraryError(f"the library was made with another model ({self._store.metadata.embedder}); index its folders again")
        return search.search(self._store, query, k, weights or Weights.of(query), filters or Filters(), self._taught(query, lessons))

    def like(self, path: str | Path, k: int = 20, filters: Filters | None = None) -> list[Match]:
        """The `k` sounds most like one of the library, that one left out. Raises LibraryError for a sound it does not hold."""
        row = self._at(path)
        if row is None:
            raise LibraryError(f"{Path(path).name}: not in the library; index its folder again")
        query = search.query_of_sound(row.vectors[0], Contours.from_stacked(row.curves[0]))
        found = search.search(self._store, query, k + 1, Weights.of(query), filters or Filters())
        return [match for match in found if str(match.path) != str(path)][:k]

    def browse(self, filters: Filters | None = None, k: int = 20) -> Listing:
        """The first `k` sounds that fulfil filters, and how many do."""
        return search.listing(self._store, filters or Filters(), k)

    def describe(self, path: str | Path, caption: str | None = None, category: str | None = None) -> Match:
        """Write over the caption or the category of a sound; found by them at once, kept when its folder is indexed again, also while one is.

        Raises LibraryError for a sound that is not in the library, or for a caption or category without a letter.
        """
        if (row := self.row(path)) is None:
            raise LibraryError(f"{Path(path).name}: not in the library; index its folder again")
        caption, category = (None if text is None else tidy(text) for text in (caption, category))
        if caption == "" or category == "":
            raise LibraryError(f"{Path(path).name}: give {'a caption' if caption == '' else 'a category'} of at least one letter")
        self._edits.add(str(path), self._store.at([str(path)])["content"][0].as_py(), caption, category)
        said = replace(row, caption=row.caption if caption is None else caption, category=row.category if category is None else category)
        self._store.rewrite(str(path), rows.described(str(path), said.caption, said.category))
        if self._store.fragments() > _PIECES:
            self._store.tidy()
        return said

    @property
    def version(self) -> tuple:
        """Another one whenever the library changed, by whichever program."""
        return self._store.version

    def map_version(self) -> tuple:
        """Another one whenever the map, or what it says of its sounds, changed."""
        return (*self.version, self._atlas.version)

    def map_outdated(self) -> bool:
        """Whether the map is of other sounds than the library holds."""
        return self._atlas.outdated()

    def draw_map(self) -> int:
        """Place all sounds anew, those that sound alike near each other; how many there are on the map."""
        return self._atlas.draw()

    def map_points(self) -> list[Point]:
        """The sounds of the library that are on the map."""
        return self._atlas.points()

    @property
    def outdated(self) -> bool:
        """Whether its sounds were embedded by another model than the one it was opened with; indexing one of its folders mends that."""
        made_with = self._store.metadata.fingerprint
        return self._embedder is not None and bool(made_with) and self._embedder.fingerprint != made_with

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

    def indexed_folders(self) -> list[IndexedFolder]:
        """The same with what is known of them."""
        metadata, counts = self._store.metadata, Counter(self._store.column("folder"))
        return [
            IndexedFolder(Path(folder), counts[folder], metadata.skipped.get(folder, ()), metadata.indexed.get(folder))
            for folder in metadata.folders
        ]

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
        row = self._at(path)
        return search.described(row)[0] if row is not None else None

    def described(self, paths: Sequence[str | Path]) -> list[Match]:
        """What is known of some sounds, in their order; those that are not in the library are left out."""
        table = self._store.at([str(path) for path in paths]) if paths else None
        if table is None or not table.num_rows:
            return []
        known = {str(match.path): match for match in search.described(Rows.from_arrow(table))}
        return [known[str(path)] for path in paths if str(path) in known]

    def contours(self, path: str | Path) -> Contours | None:
        """The curves of one sound's active part, 64 frames whatever its length; None where it is not in the library."""
        row = self._at(path)
        return Contours.from_stacked(row.curves[0]) if row is not None else None

    def _taught(self, query: Query, lessons: Sequence[Lesson]) -> Taught | None:
        """What lessons say of a query; None where none of them counts, or their sounds have left the library."""
        shares = applying(query.vector, lessons)
        table = self._store.at(list(shares)) if shares else None
        if table is None or not table.num_rows:
            return None
        sounds = Rows.from_arrow(table)
        return Taught(np.array([shares[path] for path in sounds.labels["path"].to_pylist()], np.float32), sounds.vectors)

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
            indexed={folder: when for folder, when in metadata.indexed.items() if folder not in paths},
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
