"""Search models measured on the user's own sounds: jobs that run the protocol, and their figures, kept and compared."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from app.services.access import Action, require
from app.services.errors import RequestError
from app.services.jobs import Job, Jobs
from app.services.shelf import Shelf
from app.settings import Settings

KIND = "evaluate"
QUICK, THOROUGH = ("loose",), ()
"""Families of imitations; none named is all of them."""
_SEED = 7
_MOST = {True: 400, False: 100}
_TABLES = {".csv", ".jsonl", ".ndjson"}
_TARGET = "evaluation"


@dataclass(frozen=True)
class Evaluation:
    """The figures of a model on some sounds.

    model, location: its name, and what asks for it; fingerprint: of its weights
    source: name of the folder or the table
    sounds, kinds: how many of each there were
    protocol: what was measured, so that two with the same can be compared
    began_s: seconds since 1970; seconds: that it took
    scores: by kind of question and by system, see `clvap.evaluate.Scores`
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
    scores: dict[str, dict[str, dict[str, float]]]

    @property
    def title(self) -> str:
        when = time.strftime("%d %b %H:%M", time.localtime(self.began_s))
        return f"{self.model} on {self.source}, {self.sounds} sounds, {when}"

    def comparable(self, other: Evaluation) -> bool:
        """Whether both were asked the same questions about the same number of sounds."""
        return (self.protocol, self.sounds, self.kinds) == (other.protocol, other.sounds, other.kinds)


class Evaluating:
    """For those who may train and name folders of this machine."""

    def __init__(self, settings: Settings, jobs: Jobs, shelf: Shelf, folders: Callable[[], tuple[Path, ...]]) -> None:
        """folders: those of the library"""
        self._settings, self._jobs, self._shelf, self._folders = settings, jobs, shelf, folders
        self._kept = settings.workspace / "evaluations"

    def models(self) -> tuple[tuple[str, str], ...]:
        """Search models that are here, as (name, location)."""
        self._allowed()
        return tuple((model.name, model.location) for model in self._shelf.search_models())

    def folders(self) -> tuple[str, ...]:
        """The library's folders, to choose from."""
        self._allowed()
        return tuple(str(folder) for folder in self._folders())

    def start(self, model: str, source: str, thorough: bool = False) -> Job:
        """Measure a model on a folder of sounds, or on a manifest, as a job. Raises RequestError for what cannot be measured."""
        self._allowed()
        name = next((name for name, location in self.models() if location == model), None)
        if name is None:
            raise RequestError("Choose a search model that is on this computer.")
        place = self._place(source)
        kind = "folder" if place.is_dir() else "manifest"
        protocol = {kind: str(place), "most": _MOST[thorough], "seed": _SEED, "families": list(THOROUGH if thorough else QUICK)}
        now = time.time()
        out = self._kept / f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(now))}-{secrets.token_hex(3)}.json"
        about = {"model": name, "location": model, "source": place.name, "began_s": now}
        arguments = {"model": model, "device": self._settings.device, "protocol": protocol, "out": str(out), "about": about}
        return self._jobs.start(KIND, _TARGET, f"Evaluating {name} on {place.name}", arguments)

    def job(self) -> Job | None:
        """The last evaluation as it stands, None where there was none."""
        self._allowed()
        return next(iter(self._jobs.list(KIND, limit=1)), None)

    def cancel(self) -> Job:
        """Stop the evaluation that runs."""
        return self._jobs.cancel(self._last().id)

    def resume(self) -> Job:
        """Begin the last evaluation, which stopped, once more."""
        return self._jobs.resume(self._last().id)

    def list(self) -> tuple[Evaluation, ...]:
        """All that were finished, newest first."""
        self._allowed()
        found = (one for file in self._kept.glob("*.json") if (one := _read(file)) is not None)
        return tuple(sorted(found, key=lambda one: one.began_s, reverse=True))

    def find(self, evaluation_id: str | None) -> Evaluation | None:
        """One by its id, None where it is not there."""
        return next((one for one in self.list() if one.id == evaluation_id), None)

    def delete(self, evaluation_id: str) -> None:
        """Delete the figures of one. Raises RequestError for one that is not there."""
        if (one := self.find(evaluation_id)) is None:
            raise RequestError("This evaluation is not there any more; reload the page.")
        (self._kept / f"{one.id}.json").unlink(missing_ok=True)

    def _last(self) -> Job:
        if (job := self.job()) is None:
            raise RequestError("No evaluation was begun.")
        return job

    def _allowed(self) -> None:
        require(self._settings, Action.TRAIN)
        require(self._settings, Action.NAME_PATHS)

    def _place(self, source: str) -> Path:
        if not (source or "").strip():
            raise RequestError("Choose a folder of sounds, or type one.")
        place = Path(source.strip()).expanduser().absolute()
        if not place.exists():
            raise RequestError(f"{place}: no such folder or table; check the path")
        if not place.is_dir() and place.suffix.lower() not in _TABLES:
            raise RequestError(f"{place}: neither a folder nor a table of sounds ({', '.join(sorted(_TABLES))})")
        return place


def _read(file: Path) -> Evaluation | None:
    """The figures of a file, None where it holds something else."""
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        return Evaluation(id=file.stem, **{field.name: values[field.name] for field in fields(Evaluation) if field.name != "id"})
    except (OSError, ValueError, TypeError, KeyError):
        return None
