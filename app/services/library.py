"""The user's library: filled in the background at the start or on request, one folder at a time, counted for the page."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from app.services.board import Board
from app.services.errors import RequestError, explain
from app.services.models import Models
from app.settings import Settings
from clvap.progress import Cancelled, Progress, silent

if TYPE_CHECKING:
    from clvap.library import IndexReport

_log = logging.getLogger(__name__)
_SUBJECT = "library"
_DONE_MARK = ".indexed"


class RenderStarter(Protocol):
    """Writes the starter effects and their captions into a folder, as `generation.procedural.render_starter_library` does."""

    def __call__(self, folder: Path, *, progress: Progress = silent) -> None: ...


@dataclass(frozen=True)
class LibraryState:
    """The library as the page shows it.

    count: sounds in it, None while it is not open yet
    categories: their categories, sorted
    indexing: the folder being indexed now, None when idle
    report: what the last finished indexing did
    trouble: why the last indexing failed, None when it did not
    """

    count: int | None
    categories: tuple[str, ...]
    indexing: str | None
    report: IndexReport | None
    trouble: str | None


class LibraryService:
    """Opens, fills and counts the library. Indexing runs one folder at a time, outlives the page that asked, can be cancelled."""

    def __init__(self, settings: Settings, models: Models, board: Board, render_starter: RenderStarter) -> None:
        self._settings, self._models, self._board, self._render_starter = settings, models, board, render_starter
        self._turn = threading.Lock()
        self._cancel = threading.Event()
        self._lock = threading.Lock()
        self._indexing: str | None = None
        self._report: IndexReport | None = None
        self._trouble: str | None = None

    def state(self) -> LibraryState:
        """How the library stands; never waits for it to open."""
        count, categories = None, ()
        if self._models.library.ready:
            library = self._models.library()
            count, categories = library.count(), tuple(sorted(library.categories()))
        with self._lock:
            return LibraryState(count, categories, self._indexing, self._report, self._trouble)

    def fill_at_start(self) -> None:
        """What a start owes: the folder of --library, or, for a library without one, the starter effects. Blocks; never raises."""
        try:
            if self._settings.library is not None:
                self.index(self._settings.library)
            elif self._needs_starter():
                self._fill_with_starter()
        except Cancelled:
            _log.info("indexing was cancelled")
        except Exception as error:
            self._failed(error)

    def start_indexing(self, folder: str) -> LibraryState:
        """Index a folder in the background; raises RequestError at once for a folder that cannot be."""
        checked = self._checked(folder)
        if self._turn.locked():
            raise RequestError("another folder is being indexed; wait for it, or stop it first")
        threading.Thread(target=self._index_quietly, args=(checked,), name="index", daemon=True).start()
        with self._lock:
            self._indexing = str(checked)
        return self.state()

    def index(self, folder: str | Path, progress: Progress = silent) -> IndexReport:
        """Index a folder now and wait. Raises RequestError, ModelError, or Cancelled after `cancel`."""
        checked = self._checked(str(folder))
        with self._turn:
            self._cancel.clear()
            with self._lock:
                self._indexing, self._trouble = str(checked), None
            try:
                report = self._models.library().index(checked, progress=self._reporting(f"Indexing {checked.name}", progress))
                with self._lock:
                    self._report = report
                return report
            finally:
                with self._lock:
                    self._indexing = None
                self._board.clear(_SUBJECT)

    def cancel(self) -> LibraryState:
        """Stop the indexing that runs; what it has indexed stays."""
        self._cancel.set()
        return self.state()

    def _index_quietly(self, folder: Path) -> None:
        try:
            self.index(folder)
        except Cancelled:
            _log.info("indexing was cancelled")
        except Exception as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        message = explain(error)
        with self._lock:
            self._trouble = message
        self._board.fail(_SUBJECT, message)

    def _needs_starter(self) -> bool:
        """A mark in the starter folder says that it was rendered and indexed to the end; a kill before that starts it again."""
        starter = self._starter
        return not (starter / _DONE_MARK).exists() and (starter.exists() or self._models.library().count() == 0)

    def _fill_with_starter(self) -> None:
        self._board.busy(_SUBJECT, "Rendering the starter effects")
        self._starter.mkdir(parents=True, exist_ok=True)
        with self._lock:
            self._indexing = str(self._starter)
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
