"""The user's library: filled in the background at the start or on request, one folder at a time, counted for the page."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from app.services.board import Board
from app.services.errors import RequestError, explain
from app.services.models import Models
from app.settings import Settings
from clvap.progress import Cancelled, Progress, silent

if TYPE_CHECKING:
    from clvap.library import IndexReport, Skipped

_log = logging.getLogger(__name__)
_SUBJECT = "library"
_DONE_MARK = ".indexed"
_COUNT_EVERY_S = 5.0


class RenderStarter(Protocol):
    """Writes the starter effects and their captions into a folder, as `generation.procedural.render_starter_library` does."""

    def __call__(self, folder: Path, *, progress: Progress = silent) -> None: ...


@dataclass(frozen=True)
class LibraryState:
    """The library as the page shows it.

    count: sounds in it, None while it is not open yet
    categories: their categories, sorted
    folders: the indexed folders
    skipped: files in them that could not be used, and why
    indexing: the folder being indexed now, None when idle
    report: what the last finished indexing did
    trouble: why the last indexing failed, None when it did not
    """

    count: int | None = None
    categories: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    indexing: str | None = None
    report: IndexReport | None = None
    trouble: str | None = None


class LibraryService:
    """Opens, fills and counts the library. Indexing runs one folder at a time, outlives the page that asked, can be cancelled."""

    def __init__(self, settings: Settings, models: Models, board: Board, render_starter: RenderStarter) -> None:
        self._settings, self._models, self._board, self._render_starter = settings, models, board, render_starter
        self._turn = threading.Lock()
        self._cancel = threading.Event()
        self._lock = threading.Lock()
        self._state = LibraryState()
        self._counted_at_s = float("-inf")

    def state(self) -> LibraryState:
        """How the library stands; never waits for it to open. Counting reads the whole table, so it is not done at each call."""
        with self._lock:
            stale = self._state.count is None or (self._state.indexing and time.monotonic() > self._counted_at_s + _COUNT_EVERY_S)
        if stale and self._models.library.ready:
            self._count()
        with self._lock:
            return self._state

    def fill_at_start(self) -> None:
        """What a start owes: the folder of --library, or, for a library without one, the starter effects. Blocks; never raises."""
        if self._settings.library is not None:
            self._quietly(lambda: self.index(self._settings.library))
        else:
            self._quietly(lambda: self._needs_starter() and self._fill_with_starter())

    def start_indexing(self, folder: str) -> LibraryState:
        """Index a folder in the background; raises RequestError at once for a folder that cannot be."""
        checked = self._checked(folder)
        if self._turn.locked():
            raise RequestError("another folder is being indexed; wait for it, or stop it first")
        self._note(indexing=str(checked), trouble=None)
        threading.Thread(target=self._quietly, args=(lambda: self.index(checked),), name="index", daemon=True).start()
        return self.state()

    def index(self, folder: str | Path, progress: Progress = silent) -> IndexReport:
        """Index a folder now and wait. Raises RequestError, ModelError, or Cancelled after `cancel`."""
        checked = self._checked(str(folder))
        with self._turn:
            self._cancel.clear()
            self._note(indexing=str(checked), trouble=None)
            try:
                report = self._models.library().index(checked, progress=self._reporting(f"Indexing {checked.name}", progress))
                self._note(report=report)
                return report
            finally:
                self._note(indexing=None)
                self._board.clear(_SUBJECT)
                if self._models.library.ready:
                    self._count()

    def cancel(self) -> LibraryState:
        """Stop the indexing that runs; what it has indexed stays."""
        self._cancel.set()
        return self.state()

    def _quietly(self, work: Callable[[], object]) -> None:
        """Work of a background thread: what goes wrong is told on the page."""
        try:
            work()
        except Cancelled:
            _log.info("indexing was stopped")
            self._note(indexing=None)
            self._board.clear(_SUBJECT)
        except Exception as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        message = explain(error)
        self._note(indexing=None, trouble=message)
        self._board.fail(_SUBJECT, message)

    def _note(self, **changes) -> None:
        with self._lock:
            self._state = replace(self._state, **changes)

    def _count(self) -> None:
        library = self._models.library()
        self._counted_at_s = time.monotonic()
        self._note(
            count=library.count(),
            categories=tuple(sorted(library.categories())),
            folders=tuple(library.folders()),
            skipped=tuple(library.skipped()),
        )

    def _needs_starter(self) -> bool:
        """An empty library needs it, and one whose rendering or indexing was cut short: a mark in its folder says it was not."""
        unfinished = self._starter.exists() and not (self._starter / _DONE_MARK).exists()
        return unfinished or self._models.library().count() == 0

    def _fill_with_starter(self) -> None:
        self._board.busy(_SUBJECT, "Rendering the starter effects")
        self._starter.mkdir(parents=True, exist_ok=True)
        self._note(indexing=str(self._starter))
        self._render_starter(self._starter, progress=self._reporting("Rendering the starter effects", silent))
        self.index(self._starter)
        (self._starter / _DONE_MARK).touch()

    def _reporting(self, what: str, also: Progress) -> Progress:
        def progress(done: int, total: int, detail: str = "") -> None:
            if self._cancel.is_set():
                raise Cancelled
            self._board.busy(_SUBJECT, f"{what}: {done} of {total}", done, total)
            also(done, total, detail)

        return progress

    @property
    def _starter(self) -> Path:
        return self._settings.workspace / "starter"

    @staticmethod
    def _checked(folder: str) -> Path:
        if not folder.strip():
            raise RequestError("type the folder that holds your sounds")
        path = Path(folder.strip()).expanduser().absolute()
        if not path.is_dir():
            raise RequestError(f"{path}: no such folder; check the path, or the disk it is on")
        return path
