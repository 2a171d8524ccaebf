"""What the two training tabs ask for: look at a folder, say what a run needs, start, stop, go on, compare, use."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from app.services.access import Action, allowed, require
from app.services.errors import RequestError
from app.services.jobs import Job, Jobs
from app.services.training import recipes
from app.services.training.kept import KeptRuns
from app.services.training.more import MoreData
from app.services.training.packs import Carried, Pack, Packs
from app.services.training.recipes import Kind, Template, Wish
from app.services.training.runs import RECIPE, About, Run, Runs, RunView, now_s
from app.settings import Settings

_ESTIMATES = ".estimates"
_JOBS = 200
_GB = 1024**3


class Shelf(Protocol):
    """Where the model of a run is put to use, see `app.services.shelf`."""

    def use(self, kind: str, location: str, strength: float = 1.0) -> object: ...

    def uses(self, folder: Path) -> bool: ...


@dataclass(frozen=True)
class Needs:
    """What a run will need.

    title: of which run
    job: that measures it
    needed, available: bytes; seconds: of the whole run; None before they are measured
    device: as torch calls it
    """

    title: str
    job: Job
    needed: int | None = None
    available: int | None = None
    seconds: float | None = None
    device: str = ""

    @property
    def fits(self) -> bool:
        """False only where it is known not to."""
        return self.needed is None or self.available is None or self.needed <= self.available


@dataclass(frozen=True)
class Board:
    """A training tab's right side. shown: the run looked at; other: the one it is compared with; needs: the last estimate; export: of the run's best weights;
    more: jobs that make more data of the folder chosen"""

    runs: tuple[Run, ...]
    shown: RunView | None = None
    other: RunView | None = None
    needs: Needs | None = None
    export: Job | None = None
    more: tuple[Job, ...] = ()


@dataclass(frozen=True)
class Choices:
    """What a form offers, as (name to show, value): folders of sounds, models to start from."""

    folders: tuple[tuple[str, str], ...]
    starts: tuple[tuple[str, str], ...]


class Training:
    """The service behind both tabs. Every method is for those who may train (`Action.TRAIN`)."""

    def __init__(self, settings: Settings, jobs: Jobs, folders: Callable[[], tuple[Path, ...]], shelf: Callable[[], Shelf]) -> None:
        """folders: those of the library; shelf: where a finished model is put to use"""
        self._settings, self._jobs, self._folders, self._shelf = settings, jobs, folders, shelf
        self._packs = Packs(settings.workspace / "packs")
        self.more = MoreData(settings, self._packs, jobs)
        self._runs = Runs(settings.workspace / "runs", jobs)
        self.kept = KeptRuns(settings, self._runs, jobs, shelf)

    def folders(self) -> tuple[tuple[str, str], ...]:
        """The library's folders as (name to show, value for `look`): their paths for those who may see them, else opaque."""
        require(self._settings, Action.TRAIN)
        paths = self._folders()
        if Action.SEE_PATHS in allowed(self._settings):
            return tuple((str(path), str(path)) for path in paths)
        names = [path.name for path in paths]
        told = [name if names.count(name) == 1 else f"{name} ({number})" for number, name in enumerate(names, 1)]
        return tuple((name, _opaque(path)) for name, path in zip(told, paths, strict=True))

    def look(self, folder: str | None) -> Pack:
        """Look into one of the library's folders, or, for those who may name it, any. Raises RequestError."""
        require(self._settings, Action.TRAIN)
        if not (folder or "").strip():
            raise RequestError("Choose a folder of sounds first.")
        known = {value: path for path in self._folders() for value in (_opaque(path), str(path))}
        if folder in known and (folder == _opaque(known[folder]) or Action.SEE_PATHS in allowed(self._settings)):
            return self._packs.look(known[folder])
        require(self._settings, Action.NAME_PATHS)
        return self._packs.look(Path(folder.strip()).expanduser())

    def pack(self, key: str) -> Pack:
        """A folder looked at before."""
        require(self._settings, Action.TRAIN)
        return self._packs.find(key)

    def mend(self, key: str, file: str, caption: str) -> Pack:
        """Another caption for a sound; an empty one brings back the folder's own."""
        require(self._settings, Action.TRAIN)
        return self._packs.mend(key, file, caption)

    def replace(self, key: str, find: str, by: str) -> Pack:
        """Replace a text in all captions of a folder."""
        require(self._settings, Action.TRAIN)
        return self._packs.replace(key, find, by)

    def reset(self, key: str) -> Pack:
        """All captions as the folder has them."""
        require(self._settings, Action.TRAIN)
        return self._packs.reset(key)

    def write_captions(self, key: str) -> Carried:
        """Write a folder's captions beside its sounds, as captions.csv; one that was there is kept under another name. RequestError where that cannot be."""
        require(self._settings, Action.TRAIN)
        require(self._settings, Action.NAME_PATHS)
        return self._packs.write_beside(key)

    def starts(self, kind: Kind) -> tuple[tuple[str, str], ...]:
        """Models to start from as (name to show, value): the published names and, for those who may see paths, what own runs made of the whole model."""
        if kind == "finetune":
            from generation.checkpoints import CARDS

            names = [card.name for card in CARDS]
        else:
            names = ["clvap-mini"]
        if Action.SEE_PATHS not in allowed(self._settings):
            return tuple((name, name) for name in names)
        own = [(run.label, str(run.made)) for run in self._runs.list(kind) if run.about.method in ("full", "clvap") and run.usable]
        return (*((name, name) for name in names), *own)

    def choices(self, kind: Kind) -> Choices:
        """What the form of a kind offers now."""
        return Choices(self.folders(), self.starts(kind))

    def estimate(self, wish: Wish) -> Job:
        """Measure what a run would need, as a job of kind `estimate`. Raises RequestError for what cannot be run."""
        require(self._settings, Action.TRAIN)
        pack = self._asked(wish)
        folder = self._runs.folder / _ESTIMATES / self._mark(wish, pack)
        if (busy := self._jobs.running(str(folder))) is not None:
            return busy
        recipe = self._written(wish, pack, folder)
        return self._jobs.start("estimate", str(folder), _title(wish, pack), {"kind": wish.kind, "recipe": str(recipe)})

    def start(self, wish: Wish, anyway: bool = False) -> Run:
        """Start a run. Raises RequestError for what cannot be run, and for what was measured not to fit in memory unless `anyway`."""
        require(self._settings, Action.TRAIN)
        pack = self._asked(wish)
        mark = self._mark(wish, pack)
        measured = next((one for one in map(_needs, self._jobs.list("estimate")) if one.job.target.endswith(mark)), None)
        if measured is not None and not measured.fits and not anyway:
            raise RequestError(
                f"This needs about {measured.needed / _GB:.1f} GB and {measured.available / _GB:.1f} GB are free. Choose a smaller model or a LoRA, "
                "close other programs and press Estimate again, or start it anyway."
            )
        chosen = recipes.template(wish.kind, wish.template)
        folder = self._runs.new(pack.name, wish.template.removeprefix("finetune-").removeprefix("train-"))
        self._written(wish, pack, folder)
        base = Path(wish.start or chosen.start)
        about = About(
            wish.kind, _title(wish, pack), pack.name, len(pack.rows), wish.template, chosen.method, base.parent.name if base.name == "model" else base.name,
            recipes.length_of(wish), now_s(),
        )  # fmt: skip
        self._runs.note(folder, about)
        return self._begun(self._runs.find(wish.kind, folder.name), anyway)

    def stop(self, kind: Kind, name: str) -> Run:
        """Ask a run to stop; it can go on later."""
        require(self._settings, Action.TRAIN)
        run = self._runs.find(kind, name)
        return replace(run, job=self._jobs.cancel(run.job.id)) if run.running else run

    def resume(self, kind: Kind, name: str) -> Run:
        """Let a stopped run go on from its last checkpoint."""
        require(self._settings, Action.TRAIN)
        run = self._runs.find(kind, name)
        if run.job is not None:
            return replace(run, job=self._jobs.resume(run.job.id))
        return self._begun(run, anyway=True)

    def export(self, kind: Kind, name: str) -> Job:
        """Write the best weights so far as a model, as a job of kind `best`, also while the run goes on."""
        require(self._settings, Action.TRAIN)
        run = self._runs.find(kind, name)
        return self._jobs.start("best", f"{run.folder}/best", f"Best so far of {run.label}", {"kind": kind, "recipe": str(run.folder / RECIPE)})

    def use(self, kind: Kind, name: str) -> Run:
        """Put what a run made to use in the studio. Raises RequestError where nothing is made yet, ModelError where it does not load."""
        require(self._settings, Action.TRAIN)
        run = self._runs.find(kind, name)
        if not run.usable:
            raise RequestError("This run has made no model yet: let it finish, or export its best so far.")
        kinds = {"full": "generator"}
        self._shelf().use(kinds.get(run.about.method, run.about.method), str(run.made))
        return run

    def board(self, kind: Kind, shown: str | None = None, other: str | None = None, pack: str | None = None) -> Board:
        """All runs, the one looked at (the newest where `shown` is not there) and the one beside it; `pack` is the folder chosen."""
        require(self._settings, Action.TRAIN)
        jobs = self._jobs.list(limit=_JOBS)
        runs = self._runs.list(kind, jobs)
        by_name = {run.name: run for run in runs}
        looked_at = by_name.get(shown or "") or (runs[0] if runs else None)
        beside = by_name.get(other or "")
        measured = next((job for job in jobs if job.kind == "estimate" and job.arguments.get("kind") == kind), None)
        if measured is not None and runs and runs[0].about.began_s > measured.began_s:
            measured = None  # it has been acted upon
        return Board(
            runs,
            shown=self._runs.view(looked_at) if looked_at else None,
            other=self._runs.view(beside) if beside and beside != looked_at else None,
            needs=_needs(measured) if measured else None,
            more=self.more.jobs(pack, jobs) if pack and self._packs.known(pack) else (),
            export=next((job for job in jobs if looked_at and job.target == f"{looked_at.folder}/best"), None),
        )

    def templates(self, kind: Kind) -> tuple[Template, ...]:
        """The recipes to choose from."""
        return recipes.templates(kind)

    def _asked(self, wish: Wish) -> Pack:
        """The folder of a wish. Raises Forbidden where it names a model that the visitor may not."""
        if wish.start is not None and wish.start not in (value for _, value in self.starts(wish.kind)):
            require(self._settings, Action.NAME_PATHS)
        return self._packs.find(wish.pack)

    def _written(self, wish: Wish, pack: Pack, folder: Path) -> Path:
        """The recipe of a wish in a run's folder."""
        folder.mkdir(parents=True, exist_ok=True)
        if wish.kind == "finetune":
            table = self._packs.copy_table(pack, folder / "captions.csv")
        else:
            table = self._packs.manifest(self.more.rows(pack), folder / "sounds.csv")
        return recipes.write(recipes.filled(wish, pack, folder, table), folder / RECIPE)

    def _begun(self, run: Run, anyway: bool) -> Run:
        """A run with a job at work on it."""
        return replace(run, job=self._jobs.start(run.about.kind, str(run.folder), run.label, {"recipe": str(run.folder / RECIPE), "anyway": anyway}))

    def _mark(self, wish: Wish, pack: Pack) -> str:
        """Changes with everything that memory and time depend on."""
        told = recipes.filled(replace(wish, demos=()), pack, Path("run"), None)
        return hashlib.sha256(json.dumps([told, len(pack.rows)], sort_keys=True).encode()).hexdigest()[:16]


def _title(wish: Wish, pack: Pack) -> str:
    chosen = recipes.template(wish.kind, wish.template)
    names = {"lora": "LoRA", "full": "all weights", "adapter": "adapter", "clvap": "CLVAP"}
    return f"{pack.name} · {names[chosen.method]} of {Path(wish.start or chosen.start).name}"


def _needs(job: Job) -> Needs:
    known = job.result if job.status == "done" else {}
    return Needs(job.title, job, known.get("needed"), known.get("available"), known.get("seconds"), known.get("device", ""))


def _opaque(path: Path) -> str:
    return hashlib.sha256(str(path).encode("utf-8", "surrogateescape")).hexdigest()[:16]
