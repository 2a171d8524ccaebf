"""Training runs as they lie in WORKSPACE/runs, and what can be seen of them while they go on and afterwards.

    NAME/about.json      what the page knows of it
    NAME/recipe.yaml     the recipe, for the command line too
    NAME/captions.csv    the mended captions a fine-tuning was started with, where there are any
    NAME/sounds.csv      the sounds a training of CLVAP was started with
    NAME/log.csv, demos/ written by the training, as are the checkpoints
    .trash/NAME          deleted runs, for an hour
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from app.services.errors import RequestError
from app.services.files import write_json
from app.services.jobs import Job, Jobs
from app.services.training.recipes import Kind
from app.services.trash import Trash
from clvap.training import curves

ABOUT, RECIPE = "about.json", "recipe.yaml"
_QUERIES = ("query", "voice", "text")
_LOG_LINES, _MOST_JOBS = 120, 200
_LONGEST_NAME = 80
_TRASH, _KEPT_S = ".trash", 3_600.0  # a run may hold gigabytes


@dataclass(frozen=True)
class About:
    """What is known of a run from its start.

    title: what it is called by itself
    pack: name of its folder of sounds; files: how many of them can be trained on
    recipe, method: the recipe's name, and what it makes
    base: the model it starts from
    name: what somebody called it, empty where nobody did
    """

    kind: Kind
    title: str
    pack: str
    files: int
    recipe: str
    method: str
    base: str
    length: str
    began_s: float
    name: str = ""


@dataclass(frozen=True)
class Run:
    """A run in the list. job: the last one that worked on it, None where that was forgotten"""

    name: str
    folder: Path
    about: About
    job: Job | None

    @property
    def label(self) -> str:
        """What people call it."""
        return self.about.name or self.own_label

    @property
    def own_label(self) -> str:
        """Its title and its number among those of the same sounds and recipe."""
        return f"{self.about.title} {self.number}"

    @property
    def number(self) -> str:
        return f"#{self.name.rpartition('-')[2]}"

    @property
    def running(self) -> bool:
        return self.job is not None and self.job.running

    @property
    def done(self) -> bool:
        return self.job is not None and self.job.status == "done"

    @property
    def made(self) -> Path:
        """Where what it makes lies, once it does."""
        files = {"lora": "lora.safetensors", "adapter": "adapter.safetensors"}
        return self.folder / files.get(self.about.method, "model")

    @property
    def usable(self) -> bool:
        """Whether what it makes is there."""
        return self.made.is_file() or (self.made / "model.safetensors").is_file()


@dataclass(frozen=True)
class Curve:
    """A figure over the steps.

    points: (step, value), by step
    rising: whether more is better
    held_out: measured on sounds that are not trained on
    """

    name: str
    points: tuple[tuple[int, float], ...]
    rising: bool
    held_out: bool

    @property
    def best(self) -> tuple[int, float]:
        """(step, value) of its best point."""
        return (max if self.rising else min)(self.points, key=lambda point: point[1])

    @property
    def last(self) -> tuple[int, float]:
        return self.points[-1]


@dataclass(frozen=True)
class Demo:
    """A take made while training. step: at which"""

    step: int
    prompt: str
    path: Path


@dataclass(frozen=True)
class RunView:
    """A run looked at.

    curves: by name; the first that is held out is what the best weights are chosen by
    demos: in the order of making
    log: its last lines
    exportable: whether weights were kept that can be written as a model before its end
    """

    run: Run
    curves: tuple[Curve, ...]
    demos: tuple[Demo, ...]
    log: str
    exportable: bool

    @property
    def decisive(self) -> Curve | None:
        """What the best weights are chosen by, None before the first look."""
        return next((curve for curve in self.curves if curve.held_out), None)


class Runs:
    """The runs of a workspace; thread-safe."""

    def __init__(self, folder: Path, jobs: Jobs) -> None:
        self.folder, self._jobs, self._trash = folder, jobs, Trash(folder / _TRASH)
        self._lock = threading.Lock()
        self._read: dict[Path, tuple[int, tuple[Curve, ...]]] = {}

    def new(self, pack: str, template: str) -> Path:
        """An empty folder for a run, named after its sounds and recipe."""
        words = re.sub(r"[^a-z0-9]+", "-", f"{pack} {template}".lower()).strip("-")[:60] or "run"
        number = 1
        while True:
            folder = self.folder / f"{words}-{number}"
            number += 1
            if self._trash.holds(folder.name):  # its place is kept for it
                continue
            try:
                folder.mkdir(parents=True)
                return folder
            except FileExistsError:
                continue

    def note(self, folder: Path, about: About) -> None:
        """Write what is known of a run; only then it is in the list."""
        write_json(folder / ABOUT, asdict(about))

    def list(self, kind: Kind, jobs: Iterable[Job] | None = None) -> tuple[Run, ...]:
        """Runs of a kind, newest first; `jobs` where they were read already."""
        newest: dict[str, Job] = {}
        for job in self._jobs.list(kind, limit=_MOST_JOBS) if jobs is None else jobs:
            newest.setdefault(job.target, job)
        found = (self._of(path.parent, newest.get(str(path.parent))) for path in self.folder.glob(f"[!.]*/{ABOUT}"))
        return tuple(sorted((run for run in found if run and run.about.kind == kind), key=lambda run: -run.about.began_s))

    def find(self, kind: Kind, name: str | None) -> Run:
        """A run by its name. Raises RequestError where there is none."""
        run = next((run for run in self.list(kind) if run.name == name), None)
        if run is None:
            raise RequestError("This run is not there any more; reload the page.")
        return run

    def rename(self, run: Run, name: str) -> Run:
        """A run under another name, in one line of a bounded length; under its own where nothing is left of it."""
        told = " ".join("".join(character if character.isprintable() else " " for character in name).split())[:_LONGEST_NAME].strip()
        run = replace(run, about=replace(run.about, name="" if told == run.own_label else told))
        self.note(run.folder, run.about)
        return run

    def delete(self, run: Run) -> None:
        """Take a run out of the list; `restore` brings it back by its name for an hour. Raises RequestError where the disk refuses."""
        try:
            self._trash.put(run.folder)
        except OSError as error:
            raise RequestError(f"{run.label} could not be deleted ({error.strerror}).") from error

    def restore(self, name: str) -> Run:
        """A deleted run in the list again. Raises RequestError where it is gone for good."""
        folder = self._trash.put_back(name, self.folder / name)
        job = next((job for job in self._jobs.list(limit=_MOST_JOBS) if job.target == str(folder)), None)
        return self._of(folder, job)

    def empty(self) -> None:
        """Delete for good what was deleted an hour ago."""
        self._trash.empty(_KEPT_S)

    def somewhere(self, folder: Path) -> bool:
        """Whether the folder of a run is there, or among what was deleted."""
        return folder.exists() or self._trash.holds(folder.name)

    def view(self, run: Run) -> RunView:
        """Everything to be seen of a run now."""
        log = self._jobs.log(run.job.id, _LOG_LINES) if run.job else ""
        kept = run.folder / ("best.pt" if run.about.kind == "finetune" else "checkpoint.pt")
        return RunView(run, self._curves(run), _demos(run.folder), log, kept.exists() and not run.done)

    def _of(self, folder: Path, job: Job | None) -> Run | None:
        try:
            return Run(folder.name, folder, About(**json.loads((folder / ABOUT).read_text(encoding="utf-8"))), job)
        except (OSError, ValueError, TypeError):
            return None

    def _curves(self, run: Run) -> tuple[Curve, ...]:
        """The curves of log.csv; read again only when it has changed."""
        log = run.folder / "log.csv"
        try:
            state = log.stat()
        except OSError:
            return ()
        mark = hash((state.st_mtime_ns, state.st_size))
        with self._lock:
            known = self._read.get(log)
        if known is None or known[0] != mark:
            known = (mark, _read(log, run.about.kind))
            with self._lock:
                self._read[log] = known
        return known[1]


def name_of(folder: Path) -> str:
    """What somebody called the run of a folder; empty where nobody did, or it is none."""
    try:
        return str(json.loads((folder / ABOUT).read_text(encoding="utf-8")).get("name", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def now_s() -> float:
    return time.time()


def _read(log: Path, kind: Kind) -> tuple[Curve, ...]:
    """Losses and held-out figures, the decisive held-out one first among these. A last line that is being written is left for the next time."""
    try:
        points, _ = curves.read(log)
    except (ValueError, KeyError, TypeError):
        return ()
    if kind == "finetune":
        wanted = [("loss", "loss", False, False), ("validation/loss", "validation", False, True)]
    else:
        query = next((one for one in _QUERIES if f"validation/{one}/MRR" in points), None)
        wanted = [(name, name, False, False) for name in points if name.endswith("/audio") and name.split("/")[0] in _QUERIES]
        wanted += [(f"validation/{query}/{figure}", figure, True, True) for figure in ("MRR", "R@1", "P@1") if query]
    return tuple(Curve(shown, tuple(points[name]), rising, held_out) for name, shown, rising, held_out in wanted if name in points)


def _demos(folder: Path) -> tuple[Demo, ...]:
    demos = folder / "demos"
    try:
        prompts = dict(line.split("  ", 1) for line in (demos / "prompts.txt").read_text(encoding="utf-8").splitlines())
    except (OSError, ValueError):
        return ()
    found = sorted(path for path in demos.glob("*.wav") if re.fullmatch(r"\d+-\d+", path.stem))
    return tuple(Demo(int(step), prompts.get(number, ""), path) for path in found for step, number in [path.stem.split("-")])
