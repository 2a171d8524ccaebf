"""What can be done with a run afterwards: a name of its own, deleted, had back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from app.services.access import Action, require
from app.services.errors import RequestError
from app.services.jobs import Job, Jobs
from app.services.training.recipes import Kind
from app.services.training.runs import RECIPE, Run, Runs
from app.settings import Settings
from clvap.checkpoints import RecipeError
from clvap.recipe_file import read

_KINDS: tuple[Kind, ...] = ("finetune", "train")
_JOBS = 200


class Used(Protocol):
    """What knows which models the studio works with, see `app.services.shelf`."""

    def uses(self, folder: Path) -> bool: ...


class KeptRuns:
    """For those who may train (`Action.TRAIN`)."""

    def __init__(self, settings: Settings, runs: Runs, jobs: Jobs, shelf: Callable[[], Used]) -> None:
        self._settings, self._runs, self._jobs, self._shelf = settings, runs, jobs, shelf

    def rename(self, kind: Kind, name: str, title: str) -> Run:
        """Call a run something else; an empty title brings back its own. Its folder keeps its name."""
        require(self._settings, Action.TRAIN)
        run = self._runs.rename(self._runs.find(kind, name), title)
        self._jobs.retitle(str(run.folder), run.label)
        return run

    def delete(self, kind: Kind, name: str) -> Run:
        """Take a run away, to be had back by its name for an hour. Raises RequestError, saying what to do, for one that something still works with."""
        require(self._settings, Action.TRAIN)
        run = self._runs.find(kind, name)
        if run.running:
            raise RequestError(f"{run.label} is running: stop it first.")
        if (job := self._at_work_with(run)) is not None:
            raise RequestError(f"{job.title} is at work with {run.label}: wait for it, or stop it first.")
        if self._shelf().uses(run.folder):
            raise RequestError(f"The studio works with the model that {run.label} made: put another one to use first.")
        if (other := self._unfinished_after(run)) is not None:
            raise RequestError(f"{other.label} starts from {run.label} and is not finished: let it finish, or delete it first.")
        self._runs.delete(run)
        return run

    def restore(self, name: str) -> Run:
        """A deleted run in its place again. Raises RequestError where it is gone for good."""
        require(self._settings, Action.TRAIN)
        return self._runs.restore(name)

    def tidy(self) -> None:
        """Delete for good what was deleted long ago, with the logs of its jobs."""
        self._runs.empty()
        for job in self._jobs.list(limit=_JOBS):
            if job.kind in _KINDS and not job.running and not self._runs.somewhere(Path(job.target)):
                self._jobs.forget(job.id)

    def _at_work_with(self, run: Run) -> Job | None:
        """A job that reads or writes something of a run."""
        jobs = (job for job in self._jobs.list(limit=_JOBS) if job.running)
        return next((job for job in jobs if any(_within(value, run.folder) for value in (job.target, *job.arguments.values()))), None)

    def _unfinished_after(self, run: Run) -> Run | None:
        """A run that starts from what this one made, and will load that again when it goes on."""
        others = (other for kind in _KINDS for other in self._runs.list(kind) if not other.done and other.name != run.name)
        return next((other for other in others if _within(_start(other), run.folder)), None)


def _start(run: Run) -> object:
    try:
        return read(run.folder / RECIPE).get("start")
    except RecipeError:
        return None


def _within(place: object, folder: Path) -> bool:
    return isinstance(place, str) and Path(place).absolute().is_relative_to(folder.absolute())
