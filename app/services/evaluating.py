"""Models measured on the user's own sounds: jobs that ask search models and generators, and their figures, kept and compared."""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from app.services.access import Action, require
from app.services.errors import RequestError
from app.services.installed import Model
from app.services.jobs import Job, Jobs
from app.services.shelf import Shelf
from app.settings import Settings

Subject = Literal["search", "generator"]
KINDS: dict[Subject, str] = {"search": "evaluate", "generator": "evaluate_generator"}
"""Which work measures what."""
_SEED = 7
_SEARCH = {False: {"most": 100, "families": ["loose"]}, True: {"most": 400, "families": []}}
"""Quick and thorough; no family of imitations named is all of them."""
_GENERATOR = {False: {"most": 120, "questions": 12, "takes": 2, "best_of": 1}, True: {"most": 400, "questions": 48, "takes": 2, "best_of": None}}
"""Quick: of the first take that comes; thorough: of the best of as many as the page makes."""
_TABLES = {".csv", ".jsonl", ".ndjson"}
_TARGET = "evaluation"
_KEPT = ".part"


@dataclass(frozen=True)
class Candidate:
    """A model that can be measured.

    name, location: of a search model, a generator, or what goes with a generator
    generator: the one that is asked; lora, adapter: what goes with it, empty for nothing
    """

    subject: Subject
    name: str
    location: str
    generator: str = ""
    lora: str = ""
    adapter: str = ""


@dataclass(frozen=True)
class Evaluation:
    """The figures of a model on some sounds.

    model, location: its name, and what asks for it; fingerprint: of its weights
    source: name of the folder or the table
    sounds, kinds: how many of each there were
    protocol: what was measured, so that two with the same can be compared
    began_s: seconds since 1970; seconds: that it took, since it last went on where it was stopped
    scores: of a search model by kind of question and by system, see `clvap.evaluate.Scores`; of a generator by way of asking and by measure,
        see `generation.measures.folder.FolderFigures`
    """

    id: str
    model: str
    location: str
    fingerprint: str
    source: str
    sounds: int
    kinds: int
    protocol: dict[str, Any]
    began_s: float
    seconds: float
    scores: dict[str, dict[str, Any]]
    subject: Subject = "search"

    @property
    def title(self) -> str:
        when = time.strftime("%d %b %H:%M", time.localtime(self.began_s))
        return f"{self.model} on {self.source}, {self.sounds} sounds, {when}"

    def comparable(self, other: Evaluation) -> bool:
        """Whether both were asked the same questions about the same sounds."""
        return (self.subject, self.protocol, self.sounds, self.kinds) == (other.subject, other.protocol, other.sounds, other.kinds)


@dataclass(frozen=True)
class Evaluations:
    """jobs: those not done, and done: figures of those that are, both newest first."""

    jobs: tuple[Job, ...]
    done: tuple[Evaluation, ...]

    @property
    def running(self) -> bool:
        return any(job.running for job in self.jobs)

    def find(self, evaluation_id: str | None) -> Evaluation | None:
        """One by its id, None where it is not there."""
        return next((one for one in self.done if one.id == evaluation_id), None)


class Evaluating:
    """For those who may measure: `Action.EVALUATE`."""

    def __init__(self, settings: Settings, jobs: Jobs, shelf: Shelf, folders: Callable[[], tuple[Path, ...]]) -> None:
        """folders: those of the library"""
        self._settings, self._jobs, self._shelf, self._folders = settings, jobs, shelf, folders
        self._kept = settings.workspace / "evaluations"

    def models(self) -> tuple[Candidate, ...]:
        """What is here to be measured: search models, then generators, each followed by what goes with it."""
        require(self._settings, Action.EVALUATE)
        here = [shown.model for shown in self._shelf.state().models if shown.model.here]
        found = [Candidate("search", model.name, model.location) for model in here if model.kind == "clvap"]
        for generator in (model for model in here if model.kind == "generator"):
            found.append(Candidate("generator", generator.name, generator.location, generator.location))
            found += _with(generator, here)
        return tuple(found)

    def folders(self) -> tuple[str, ...]:
        """The library's folders, to choose from."""
        require(self._settings, Action.EVALUATE)
        return tuple(str(folder) for folder in self._folders())

    def start(self, model: str, source: str, thorough: bool = False) -> Job:
        """Measure a model, by its location, on a folder of sounds or on a table of them, as a job. Raises RequestError for what cannot be measured."""
        require(self._settings, Action.EVALUATE)
        one = next((one for one in self.models() if one.location == model), None)
        if one is None:
            raise RequestError("Choose a model that is on this computer.")
        place = self._place(source)
        self._tidy()
        now = time.time()
        out = self._kept / f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(now))}-{secrets.token_hex(3)}.json"
        protocol = {"folder" if place.is_dir() else "manifest": str(place), "seed": _SEED}
        about = {"subject": one.subject, "model": one.name, "location": model, "source": place.name, "began_s": now}
        arguments = {"device": self._settings.device, "out": str(out), "kept": str(out.with_suffix(_KEPT)), "about": about}
        if one.subject == "search":
            arguments |= {"model": model, "protocol": protocol | _SEARCH[thorough]}
        else:
            extras = {"generator": one.generator, "lora": one.lora, "adapter": one.adapter}
            arguments |= extras | {"protocol": protocol | _GENERATOR[thorough] | {"clvap": self._search_model()}}
        return self._jobs.start(KINDS[one.subject], _TARGET, f"Evaluating {one.name} on {place.name}", arguments)

    def state(self) -> Evaluations:
        """Those at work or stopped, and the figures of those that are done."""
        require(self._settings, Action.EVALUATE)
        found = (one for file in self._kept.glob("[!.]*.json") if (one := _read(file)) is not None)
        done = sorted(found, key=lambda one: one.began_s, reverse=True)
        return Evaluations(tuple(job for job in self._known() if job.status != "done"), tuple(done))

    def cancel(self, job_id: str) -> Job:
        """Stop one that runs; what it has measured is kept."""
        return self._jobs.cancel(self._job(job_id).id)

    def resume(self, job_id: str) -> Job:
        """Go on with one that stopped. Raises RequestError while another runs."""
        return self._jobs.resume(self._job(job_id).id)

    def discard(self, job_id: str) -> None:
        """Give up one that stopped, with what it has measured. Raises RequestError for one that runs."""
        job = self._job(job_id)
        self._jobs.forget(job.id)
        shutil.rmtree(_folder(job), ignore_errors=True)

    def delete(self, evaluation_id: str) -> None:
        """Delete the figures of one. Raises RequestError for one that is not there."""
        if (one := self.state().find(evaluation_id)) is None:
            raise RequestError("This evaluation is not there any more; reload the page.")
        (self._kept / f"{one.id}.json").unlink(missing_ok=True)

    def _known(self) -> list[Job]:
        jobs = [job for kind in KINDS.values() for job in self._jobs.list(kind)]
        return sorted(jobs, key=lambda job: job.began_s, reverse=True)

    def _job(self, job_id: str) -> Job:
        require(self._settings, Action.EVALUATE)
        if (job := next((job for job in self._known() if job.id == job_id), None)) is None:
            raise RequestError("This evaluation is not there any more; reload the page.")
        return job

    def _tidy(self) -> None:
        """Jobs that stopped before anything was measured, and what was kept of jobs that are no more."""
        jobs = self._known()
        for job in jobs:
            if job.resumable and not any(_folder(job).glob("*")):
                self._jobs.forget(job.id)
        needed = {_folder(job) for job in jobs if job.status != "done"}
        for folder in self._kept.glob(f"*{_KEPT}"):
            if folder not in needed:
                shutil.rmtree(folder, ignore_errors=True)

    def _search_model(self) -> str:
        """The one in use: it hears the gesture, as in the studio, and judges."""
        return next(shown.model.location for shown in self._shelf.state().models if shown.in_use and shown.model.kind == "clvap")

    def _place(self, source: str) -> Path:
        if not (source or "").strip():
            raise RequestError("Choose a folder of sounds, or type one.")
        place = Path(source.strip()).expanduser().absolute()
        if not place.exists():
            raise RequestError(f"{place}: no such folder or table; check the path")
        if not place.is_dir() and place.suffix.lower() not in _TABLES:
            raise RequestError(f"{place}: neither a folder nor a table of sounds ({', '.join(sorted(_TABLES))})")
        return place


def _with(generator: Model, here: list[Model]) -> Iterator[Candidate]:
    """LoRAs and adapters that were trained for a generator, with it."""
    for model in here:
        if model.kind in ("lora", "adapter") and model.base in (generator.name, Path(generator.location).name):
            extra = {model.kind: model.location}
            yield Candidate("generator", f"{generator.name} + {model.name}", model.location, generator.location, **extra)


def _folder(job: Job) -> Path:
    """Where a job keeps what it has measured so far."""
    return Path(job.arguments["out"]).with_suffix(_KEPT)


def _read(file: Path) -> Evaluation | None:
    """The figures of a file, None where it holds something else."""
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        values = {"id": file.stem, "subject": "search"} | values
        return Evaluation(**{field.name: values[field.name] for field in fields(Evaluation)})
    except (OSError, ValueError, TypeError, KeyError):
        return None
