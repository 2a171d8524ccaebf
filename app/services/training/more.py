"""More to train CLVAP on than a folder holds: captions by synonyms and templates or by a language model, variants through effects, imitations.

They lie beside the mended captions of a folder, WORKSPACE/packs/KEY/more.jsonl and WORKSPACE/packs/KEY/variants, made by jobs of their own; a run
that is started afterwards trains on them as well.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from app.services.access import Action, allowed, require
from app.services.errors import RequestError
from app.services.jobs import Job, Jobs
from app.services.preferences import CaptionPreferences, Preferences
from app.services.training import language_model
from app.services.training.language_model import Cost, LanguageModel
from app.services.training.packs import Pack, Packs
from app.settings import Settings

if TYPE_CHECKING:
    from clvap.data.rows import Row

What = Literal["caption", "augment"]
_WHATS = ("caption", "augment")
_MOST = 20
_JOBS = 200


class MoreData:
    """Starts the jobs, and adds what they made to the rows of a folder. `key` is that of a folder looked at; all of it is for those who may train."""

    def __init__(self, settings: Settings, packs: Packs, jobs: Jobs) -> None:
        self._settings, self._packs, self._jobs = settings, packs, jobs
        self._answers = settings.workspace / "captions.sqlite"
        self._preferred = Preferences(CaptionPreferences, settings.workspace / "captions.json")

    def preferences(self) -> CaptionPreferences:
        """The language model last asked, the usual one for those who may not name any."""
        return self._preferred.read() if Action.NAME_ADDRESSES in allowed(self._settings) else CaptionPreferences()

    def cost(self, key: str, count: float | None, model: LanguageModel) -> Cost:
        """What asking a language model for `count` captions of each sound will take; asks nothing, and remembers the model.

        Raises RequestError for a number that cannot be.
        """
        require(self._settings, Action.TRAIN)
        require(self._settings, Action.NAME_ADDRESSES)
        pack, wanted = self._packs.find(key), _number("Captions", count, 1)
        price = " / ".join(f"{one:g}" for one in model.per_million)
        self._preferred.write(CaptionPreferences(model.address, model.model, price))
        return language_model.cost(model, self._packs.rows(pack), wanted, self._answers)

    def captions(self, key: str, count: float | None, model: LanguageModel | None = None) -> Job:
        """New captions for each sound, as a job: of a language model, else by synonyms. Raises RequestError for a number that cannot be."""
        require(self._settings, Action.TRAIN)
        pack, arguments = self._packs.find(key), {"count": _number("Captions", count, 1)}
        if model is not None:
            require(self._settings, Action.NAME_ADDRESSES)
            arguments |= {"address": model.address, "model": model.model, "cache": str(self._answers)}
        return self._start("caption", pack, f"Captions for {pack.name}", arguments)

    def sounds(self, key: str, variants: float | None, imitations: float | None) -> Job:
        """Variants and imitations of each sound, as a job. Raises RequestError for numbers that cannot be."""
        require(self._settings, Action.TRAIN)
        pack = self._packs.find(key)
        arguments = {"variants": _number("Variants", variants), "imitations": _number("Imitations", imitations), "root": str(pack.folder)}
        if not arguments["variants"] + arguments["imitations"]:
            raise RequestError("Ask for at least one variant or imitation.")
        return self._start("augment", pack, f"Variants of {pack.name}", arguments)

    def stop(self, key: str, what: What) -> Job:
        """Ask a job to stop; what it made stays."""
        return self._jobs.cancel(self._last(key, what).id)

    def resume(self, key: str, what: What) -> Job:
        """Let a stopped job go on, with what it was asked for. Raises RequestError for one that is done or runs."""
        job = self._last(key, what)
        if "address" in job.arguments:
            require(self._settings, Action.NAME_ADDRESSES)
        return self._jobs.resume(job.id)

    def jobs(self, key: str, among: tuple[Job, ...] | None = None) -> tuple[Job, ...]:
        """The last job of either kind for a folder; `among` where they were read already."""
        require(self._settings, Action.TRAIN)
        pack, known = self._packs.find(key), self._jobs.list(limit=_JOBS) if among is None else among
        newest = (next((job for job in known if job.target == str(self._target(pack, what))), None) for what in _WHATS)
        return tuple(job for job in newest if job is not None)

    def rows(self, pack: Pack) -> list[Row]:
        """The folder's rows with all their captions, and its variants, but for those of sounds that are kept back to measure on."""
        from clvap.data import manifests

        rows = self._packs.rows(pack)
        more, table = self._target(pack, "caption"), self._target(pack, "augment") / "manifest.csv"
        if more.exists():
            known = {row.captions[0]: row.captions for row in manifests.read(more, check_audio=False)}
            rows = [replace(row, captions=known.get(row.captions[0], row.captions)) for row in rows]
        if not table.exists():
            return rows
        own = {row.source: row for row in rows if row.split == "train"}
        made = (row for row in manifests.read(table, check_audio=False) if row.source in own)
        return rows + [replace(own[row.source], path=row.path, imitation=row.imitation) for row in made]

    def _start(self, what: What, pack: Pack, title: str, arguments: dict[str, object]) -> Job:
        target = self._target(pack, what)
        sounds = self._packs.manifest(self._packs.rows(pack), target.with_name(f"sounds-to-{what}.csv"))
        return self._jobs.start(what, str(target), title, {"sounds": str(sounds), "out": str(target)} | arguments)

    def _last(self, key: str, what: What) -> Job:
        job = next((job for job in self.jobs(key) if job.kind == what), None)
        if job is None:
            raise RequestError("Nothing of that kind was made of this folder yet.")
        return job

    def _target(self, pack: Pack, what: What) -> Path:
        return self._packs.place(pack) / ("more.jsonl" if what == "caption" else "variants")


def _number(name: str, value: float | None, least: int = 0) -> int:
    if value is None or not least <= value <= _MOST:
        raise RequestError(f"{name}: give a number from {least} to {_MOST}")
    return int(value)
