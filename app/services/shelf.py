"""The models of the studio: which there are, which are in use, how one is fetched, added, chosen, or deleted."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from app.services import installed
from app.services.access import Action, require
from app.services.chosen import Choice
from app.services.errors import RequestError
from app.services.installed import Kind, Model
from app.services.jobs import Job, Jobs
from app.services.models import Models
from app.services.training.runs import name_of
from app.settings import Settings
from clvap import hub_files

DOWNLOAD = "download"
STRONGEST: dict[Kind, float] = {"lora": 2.0, "adapter": 1.0}
"""How far these may count at most."""


@dataclass(frozen=True)
class Shown:
    """A model on the shelf.

    in_use: whether the studio works with it
    strength: how far a LoRA or an adapter counts, while it is in use
    job: its download as far as it got, None where none was begun or its files are here
    """

    model: Model
    in_use: bool
    strength: float | None = None
    job: Job | None = None


@dataclass(frozen=True)
class ShelfState:
    """The shelf as the page shows it.

    models: by kind, those that are here first
    token: whether there is one for gated models
    advice: what does not go together among the models in use
    library_outdated: whether the library's sounds were heard by another search model
    """

    models: tuple[Shown, ...]
    token: bool
    advice: tuple[str, ...]
    library_outdated: bool

    @property
    def downloading(self) -> bool:
        return any(shown.job is not None and shown.job.running for shown in self.models)


class Shelf:
    """Only those who may manage models get more than a list of them (`Action.MANAGE_MODELS`)."""

    def __init__(self, settings: Settings, models: Models, jobs: Jobs) -> None:
        self._settings, self._models, self._jobs = settings, models, jobs
        self._own, self._runs = settings.workspace / "models", settings.workspace / "runs"
        self._lock = threading.RLock()

    def state(self) -> ShelfState:
        """As it is now; asks no network and loads nothing. Raises Forbidden."""
        require(self._settings, Action.MANAGE_MODELS)
        jobs = {job.target: job for job in reversed(self._jobs.list(DOWNLOAD)) if job.status != "done"}
        models = sorted(self._all(), key=lambda model: not model.here)
        return ShelfState(tuple(self._shown(models, jobs)), _has_token(), tuple(self._advice(models)), self._library_outdated())

    def use(self, kind: Kind, location: str, strength: float = 1.0) -> Model:
        """Work with a model from now on, over restarts too; returns it once it is loaded.

        strength: of a LoRA or an adapter; 0 lets go of it. Another generator lets go of the LoRAs and the adapter of the earlier one.
        Raises RequestError or ModelError, with the earlier model still in use, where it is not here or does not fit.
        """
        require(self._settings, Action.MANAGE_MODELS)
        with self._lock:
            model = self._find(kind, location)
            if not model.here:
                raise RequestError(f"{model.name} is not on this computer yet; download it first")
            now = self._models.chosen.now()
            if kind == "clvap":
                self._models.use_clvap(replace(now, clvap=location))
            elif kind == "generator":
                self._models.use_generator(replace(now, generator=location, adapter=None, adapter_strength=1.0, loras=()))
            else:
                self._tune(now, model, _checked(strength, kind))
            return model

    def uses(self, folder: Path) -> bool:
        """Whether a model in that folder is in use."""
        places = (Path(location.removeprefix("clap-zero-shot:")).absolute() for _, location in _used(self._models.chosen.now()))
        return any(place.is_relative_to(folder.absolute()) for place in places)

    def download(self, name: str) -> Job:
        """Fetch a published model in the background. Raises RequestError where that is at work already, ModelError for a name that is none."""
        require(self._settings, Action.MANAGE_MODELS)
        return self._jobs.start(DOWNLOAD, name, f"Downloading {name.rpartition('/')[2]}", {"name": name})

    def cancel(self, name: str) -> Job:
        """Stop a download; what came is kept. Raises RequestError where there is none."""
        return self._jobs.cancel(self._download_of(name).id)

    def resume(self, name: str) -> Job:
        """Go on with a download that stopped. Raises RequestError where there is none."""
        return self._jobs.resume(self._download_of(name).id)

    def add(self, place: str) -> Model:
        """List a folder or file of this machine, which stays where it is. Raises ModelError, saying what is missing, for one that holds no model."""
        require(self._settings, Action.MANAGE_MODELS)
        require(self._settings, Action.NAME_PATHS)
        if not place.strip():
            raise RequestError("type the folder of the model, or a LoRA's file")
        path = Path(place.strip()).expanduser().absolute()
        model = installed.checked(path, "linked")
        with self._lock:
            if any(one.location == model.location for one in self._all()):
                raise RequestError(f"{model.name} is on the list already")
            now = self._models.chosen.now()
            self._models.chosen.keep(replace(now, linked=(*now.linked, str(path))))
        return model

    def delete(self, kind: Kind, location: str) -> Model:
        """Delete a model's files, or, of one that was added, its entry alone. Raises RequestError for one that ships or is in use."""
        require(self._settings, Action.MANAGE_MODELS)
        with self._lock:
            model = self._find(kind, location)
            if model.origin == "shipped":
                raise RequestError(f"{model.name} comes with the studio and stays")
            if self._in_use(model):
                raise RequestError(f"{model.name} is in use; {'let go of it' if kind in ('lora', 'adapter') else 'use another'} first")
            if model.origin == "linked":
                now = self._models.chosen.now()
                self._models.chosen.keep(replace(now, linked=tuple(place for place in now.linked if place != str(model.folder))))
            elif model.origin == "published":
                self._forget_published(model)
            else:
                self._remove(model)
            return model

    def _tune(self, now: Choice, model: Model, strength: float) -> None:
        """A LoRA or an adapter with a strength; what lets go of one needs nothing loaded, and works for a file that is broken or gone."""
        if model.kind == "adapter":
            same = now.adapter == model.location
            after = replace(now, adapter=model.location if strength else None, adapter_strength=strength or 1.0)
            cheap = same or not strength
        else:
            others = tuple((file, amount) for file, amount in now.loras if file != model.location)
            after = replace(now, loras=(*others, (model.location, strength)) if strength else others)
            cheap = len(after.loras) <= len(now.loras)
        if cheap:
            self._models.chosen.keep(after)
        else:
            self._models.use_generator(after)

    def _shown(self, models: list[Model], jobs: dict[str, Job]) -> Iterator[Shown]:
        now = self._models.chosen.now()
        strengths = dict(now.loras) | ({now.adapter: now.adapter_strength} if now.adapter else {})
        for model in models:
            yield Shown(model, self._in_use(model), strengths.get(model.location), None if model.here else jobs.get(model.location))

    def _all(self) -> list[Model]:
        """Everything on the shelf, each thing once; of what was added, also what is gone by now, so that it can be taken off the list."""
        models = [*installed.published(), *installed.found(self._own, "own"), *map(self._called, installed.found(self._runs, "run"))]
        known = {model.location for model in models}
        choice = self._models.chosen.now()
        places = [(Path(place), "linked") for place in choice.linked]
        for place, origin in places:
            try:
                model = installed.described(place, origin)
            except (ValueError, OSError):
                model = Model(_gone(place), str(place), place.name, "its files are gone or broken", "", origin, place, 0)
            if model.location not in known:
                known.add(model.location)
                models.append(model)
        models += (_lost(kind, location) for kind, location in _used(choice) if location not in known)
        return models

    def _called(self, model: Model) -> Model:
        """The model of a run, by the name that the run was given."""
        name = name_of(self._runs / model.folder.relative_to(self._runs).parts[0])
        return replace(model, name=name) if name else model

    def _find(self, kind: str, location: str) -> Model:
        model = next((one for one in self._all() if (one.kind, one.location) == (kind, location)), None)
        if model is None and Path(location).is_absolute():
            model = installed.described(Path(location), "linked")
        if model is None or model.kind != kind:
            raise RequestError("This model is not there any more; reload the page.")
        return model

    def _in_use(self, model: Model) -> bool:
        return (model.kind, model.location) in _used(self._models.chosen.now())

    def _download_of(self, name: str) -> Job:
        require(self._settings, Action.MANAGE_MODELS)
        job = next((job for job in self._jobs.list(DOWNLOAD) if job.target == name), None)
        if job is None:
            raise RequestError("This download is not there any more; reload the page.")
        return job

    def _forget_published(self, model: Model) -> None:
        if self._jobs.running(model.location) is not None:
            raise RequestError(f"{model.name} is being downloaded; stop that first")
        hub_files.forget(installed.wanted(model.location)[0].repository)

    def _remove(self, model: Model) -> None:
        """Files of the workspace, and of nowhere else."""
        place = model.folder
        if not place.resolve().is_relative_to(self._settings.workspace.resolve()):
            raise RequestError(f"{place} leads out of the workspace; delete it by hand")
        try:
            if place.is_symlink() or place.is_file():
                place.unlink()
            else:
                shutil.rmtree(place)
        except OSError as error:
            raise RequestError(f"{place} could not be deleted ({error.strerror})") from error

    def _library_outdated(self) -> bool:
        return self._models.library.ready and self._models.library().outdated

    def _advice(self, models: list[Model]) -> Iterator[str]:
        """Generators and adapters want the tokens of the CLVAP they were trained with."""
        if not self._models.embedder.ready:
            return
        heard = self._models.embedder().fingerprint
        for model in models:
            name, fingerprint = installed.trained_with(model) if self._in_use(model) else ("", "")
            if fingerprint and fingerprint != heard:
                yield (
                    f"{model.name} was trained with {Path(name).name} ({fingerprint}), and another search model is in use: "
                    "its takes follow voice and words less well, or not at all."
                )


def _used(choice: Choice) -> list[tuple[str, str]]:
    """Kind and location of all that a choice names."""
    tuned = [("lora", file) for file, _ in choice.loras] + ([("adapter", choice.adapter)] if choice.adapter else [])
    return [("clvap", choice.clvap), ("generator", choice.generator), *tuned]


def _lost(kind: Kind, location: str) -> Model:
    """A model in use that is on no list: named on the command line, or deleted by hand."""
    place = Path(location.removeprefix("clap-zero-shot:"))
    if not place.exists():
        return Model(kind, location, place.name, "its files are gone", "", "linked", None, 0)
    return Model(kind, location, place.name, "named when the studio was started", "", "linked", place, installed.size_of(place))


def _gone(place: Path) -> Kind:
    return "lora" if place.suffix == ".safetensors" else "generator"


def _checked(strength: float, kind: Kind) -> float:
    most = STRONGEST[kind]
    if not 0 <= strength <= most:
        raise RequestError(f"strength {strength:g}: use a number from 0 to {most:g}")
    return strength


def _has_token() -> bool:
    from huggingface_hub import get_token

    return get_token() is not None
