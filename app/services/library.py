"""The user's library: filled by jobs, at the start or on request, one folder at a time, and counted for the page; see `catalogue` for its sounds."""

from __future__ import annotations

import csv
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.services.access import Action, allowed, require
from app.services.board import Board
from app.services.errors import RequestError, explain
from app.services.files import plain_cell
from app.services.jobs import Job, Jobs
from app.services.models import Models
from app.settings import Settings
from clvap.progress import Cancelled
from clvap.workspace import library_folder

if TYPE_CHECKING:
    from clvap.library import IndexedFolder, IndexReport

_log = logging.getLogger(__name__)
_SUBJECT = "library"
_KINDS = ("index", "starter")
_COUNT_EVERY_S, _LOOK_EVERY_S, _LOOK_FOR_OTHERS_EVERY_S = 2.0, 0.5, 5.0
_NOT_TOLD = "The library could not be brought up to date; look at the terminal of the studio for the reason."


@dataclass(frozen=True)
class LibraryState:
    """The library as the page shows it.

    count: sounds in it, None while it is not open yet
    categories: their categories, sorted
    folders: the indexed folders with what was left out of them; none for visitors who may not see paths
    left_out: a table (CSV) of the files that are not in the library, with the reasons; None where there are none
    job: the indexing at work, or the last one, as long as nobody dismissed it
    trouble: why there is none, None where nothing is wrong
    """

    count: int | None = None
    categories: tuple[str, ...] = ()
    folders: tuple[IndexedFolder, ...] = ()
    left_out: Path | None = None
    job: Job | None = None
    trouble: str | None = None

    @property
    def filling(self) -> bool:
        """Whether sounds are coming into the library."""
        return self.job is not None and self.job.running


class LibraryService:
    """Opens, fills and counts the library. Indexing is a job: it outlives page and server, and can be stopped and resumed."""

    def __init__(self, settings: Settings, models: Models, board: Board, jobs: Jobs) -> None:
        self._settings, self._models, self._board, self._jobs = settings, models, board, jobs
        self._folder = library_folder(settings.workspace)
        self._lock = threading.RLock()
        self._state = LibraryState()
        self._counted: tuple | None = None
        self._counted_at_s = self._looked_at_s = self._searched_at_s = float("-inf")

    def state(self) -> LibraryState:
        """How the library stands; never waits for it to open. Also tells the board what is being done."""
        with self._lock:
            self._follow()
            if self._models.library.ready:
                self._count()
            state = self._state
        if Action.SEE_PATHS in allowed(self._settings):
            return state
        job = state.job and replace(state.job, target="", arguments={}, result={}, message=_NOT_TOLD if state.job.message else "")
        return replace(state, folders=(), left_out=None, job=job, trouble=_NOT_TOLD if state.trouble else None)

    @property
    def filling(self) -> bool:
        """Whether sounds are coming into the library."""
        return self.state().filling

    def places(self) -> tuple[Path, ...]:
        """Where the indexed folders are: for other services, which tell a visitor of them what that one may know."""
        self.state()
        with self._lock:
            return tuple(folder.path for folder in self._state.folders)

    def fill_at_start(self) -> None:
        """What a start owes: what an earlier run was at, then the folder of --library, or, for a library without one, the starter effects.

        Returns when that is done; never raises.
        """
        try:
            job = self._current(anew=True)
            if job is not None and job.running:
                self._jobs.wait(job.id)
            elif job is not None and job.kind == "starter" and job.status == "interrupted":
                self._ended(self._jobs.resume(job.id))
            if self._settings.library is not None:
                self._ended(self._begin("index", self._checked(str(self._settings.library))))
            elif self._needs_starter():
                self._ended(self._begin("starter", self._starter))
        except Cancelled:
            _log.info("filling the library was stopped")
        except Exception as error:
            self._board.fail(_SUBJECT, explain(error))
            with self._lock:
                self._state = replace(self._state, trouble=explain(error))

    def start_indexing(self, folder: str) -> LibraryState:
        """Index a folder in the background; raises RequestError at once for a folder that cannot be, or while another is indexed."""
        require(self._settings, Action.EDIT_LIBRARY)
        self._begin("index", self._checked(folder))
        return self.state()

    def index(self, folder: str | Path) -> IndexReport:
        """Index a folder and wait. Raises RequestError, or Cancelled after `cancel`."""
        from clvap.library import IndexReport, Skipped

        require(self._settings, Action.EDIT_LIBRARY)
        result = self._ended(self._begin("index", self._checked(str(folder)))).result
        return IndexReport(**result | {"skipped": [Skipped(**one) for one in result["skipped"]]})

    def index_again(self) -> LibraryState:
        """Index what is there once more, as another search model than before needs it. Raises RequestError where nothing is."""
        folders = self.state().folders
        if not folders:
            raise RequestError("The library has no folders yet; add one in the Library tab.")
        return self.start_indexing(str(folders[0].path))  # the others are brought up to date with it

    def cancel(self) -> LibraryState:
        """Stop the indexing that runs; what it has indexed stays."""
        return self._with_job(lambda job: self._jobs.cancel(job.id) if job.running else job)

    def resume(self) -> LibraryState:
        """Go on with an indexing that was stopped or interrupted."""
        return self._with_job(lambda job: self._jobs.resume(job.id))

    def dismiss(self) -> LibraryState:
        """Show the last indexing no more."""

        def forget_all(job: Job) -> None:
            for one in self._jobs_on_library():
                if not one.running:
                    self._jobs.forget(one.id)

        return self._with_job(forget_all)

    def remove(self, folder: str) -> LibraryState:
        """Take an indexed folder out of the library; its files stay. Raises RequestError or LibraryError."""
        require(self._settings, Action.EDIT_LIBRARY)
        self._models.library().remove_folder(folder)
        return self.state()

    def _with_job(self, work: Callable[[Job], object]) -> LibraryState:
        require(self._settings, Action.EDIT_LIBRARY)
        job = self._current(anew=True)
        if job is not None:
            work(job)
        with self._lock:
            self._looked_at_s = self._searched_at_s = float("-inf")
        return self.state()

    def _begin(self, kind: str, folder: Path) -> Job:
        """Start a job on the library. Raises RequestError while another is at work on it."""
        arguments = {
            "workspace": str(self._settings.workspace), "folder": str(folder), "clvap": self._models.chosen.now().clvap,
            "device": self._settings.device, "mark": str(self._done_mark),
        }  # fmt: skip
        title = "Preparing the starter effects" if kind == "starter" else f"Indexing {folder.name}"
        job = self._jobs.start(kind, str(self._folder), title, arguments)
        with self._lock:
            self._state = replace(self._state, job=job, trouble=None)
        return job

    def _ended(self, job: Job) -> Job:
        """The job once it is done. Raises Cancelled or RequestError where it ended otherwise."""
        job = self._jobs.wait(job.id)
        with self._lock:
            self._counted, self._looked_at_s = None, float("-inf")
        if job.status == "cancelled":
            raise Cancelled
        if job.status != "done":
            raise RequestError(job.message or f"{job.title} was interrupted; start it again and it goes on from there.")
        return job

    def _current(self, anew: bool = False) -> Job | None:
        """The job at work on the library, or the last one. Known ones are read again; unknown ones are looked for now and then."""
        now, known = time.monotonic(), self._state.job
        if not anew and known is not None and known.running:
            return self._jobs.find(known.id)
        if not anew and now < self._searched_at_s + _LOOK_FOR_OTHERS_EVERY_S:
            return known and self._jobs.find(known.id)
        self._searched_at_s = now
        return max(self._jobs_on_library(), key=lambda job: (job.running, job.updated_s), default=None)

    def _jobs_on_library(self) -> list[Job]:
        return [job for kind in _KINDS for job in self._jobs.list(kind) if job.target == str(self._folder)]

    def _follow(self) -> None:
        """Look at the job, and say on the board what it does."""
        if time.monotonic() < self._looked_at_s + _LOOK_EVERY_S:
            return
        job = self._current()
        self._looked_at_s = time.monotonic()
        self._state = replace(self._state, job=job)
        if job is not None and job.running:
            self._board.busy(_SUBJECT, f"{job.title}: {job.text}", round((job.fraction or 0) * 1_000), 1_000 if job.fraction is not None else 0)
        elif job is not None and job.status == "failed":
            self._board.fail(_SUBJECT, job.message if Action.SEE_PATHS in allowed(self._settings) else _NOT_TOLD)
        elif job is not None and job.status == "interrupted" and Action.EDIT_LIBRARY in allowed(self._settings):
            self._board.fail(_SUBJECT, f"{job.title} was interrupted; go on with it in the Library tab")
        elif self._state.trouble is None:
            self._board.clear(_SUBJECT)

    def _count(self) -> None:
        """Count where the library changed, not more often than every few seconds: it reads columns of the whole table."""
        now = time.monotonic()
        if now < self._counted_at_s + _COUNT_EVERY_S and self._counted is not None:
            return
        self._counted_at_s = now
        try:
            library = self._models.library()
            version = (id(library), *library.version)
            if version != self._counted:
                folders, categories = tuple(library.indexed_folders()), tuple(sorted(library.categories()))
                left_out = self._write_left_out(folders)
                self._state = replace(self._state, count=library.count(), categories=categories, folders=folders, left_out=left_out)
                self._counted = version
        except ValueError as error:  # a library that cannot be read: its message says what to do
            self._state = replace(self._state, trouble=explain(error))

    def _write_left_out(self, folders: tuple[IndexedFolder, ...]) -> Path | None:
        if not any(folder.skipped for folder in folders):
            return None
        table = self._settings.workspace / "map" / "left-out.csv"
        table.parent.mkdir(parents=True, exist_ok=True)
        with table.open("w", newline="", encoding="utf-8-sig") as file:
            rows = csv.writer(file)
            rows.writerow(("folder", "file", "reason"))
            for folder in folders:
                rows.writerows((plain_cell(str(folder.path)), plain_cell(str(one.path)), plain_cell(one.reason)) for one in folder.skipped)
        return table

    def _needs_starter(self) -> bool:
        """An empty library needs it, and one whose rendering or indexing was cut short: a mark in its folder says it was not."""
        unfinished = self._starter.exists() and not self._done_mark.exists()
        return unfinished or self._models.library().count() == 0

    @property
    def _starter(self) -> Path:
        return self._settings.workspace / "starter"

    @property
    def _done_mark(self) -> Path:
        return self._starter / ".indexed"

    @staticmethod
    def _checked(folder: str) -> Path:
        if not folder.strip():
            raise RequestError("type the folder that holds your sounds")
        path = Path(folder.strip()).expanduser().absolute()
        if not path.is_dir():
            raise RequestError(f"{path}: no such folder; check the path, or the disk it is on")
        return path
