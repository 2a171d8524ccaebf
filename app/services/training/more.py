"""More to train CLVAP on than a folder holds: captions by synonyms and templates, variants through effects, imitations by the vocaliser.

They lie beside the mended captions of a folder, WORKSPACE/packs/KEY/more.jsonl and WORKSPACE/packs/KEY/variants, made by jobs of their own; a run
that is started afterwards trains on them as well.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from app.services.errors import RequestError
from app.services.jobs import Job, Jobs
from app.services.training.packs import Pack, Packs

if TYPE_CHECKING:
    from clvap.data.rows import Row

What = Literal["caption", "augment"]
_MOST = 20


class MoreData:
    """Starts the jobs, and adds what they made to the rows of a folder."""

    def __init__(self, packs: Packs, jobs: Jobs) -> None:
        self._packs, self._jobs = packs, jobs

    def captions(self, pack: Pack, count: float) -> Job:
        """New captions for each sound, as a job. Raises RequestError for a number that cannot be."""
        arguments = {"count": _number("Captions", count, 1)}
        return self._start("caption", pack, f"Captions for {pack.name}", arguments)

    def variants(self, pack: Pack, variants: float, imitations: float) -> Job:
        """Variants and imitations of each sound, as a job. Raises RequestError for numbers that cannot be."""
        arguments = {"variants": _number("Variants", variants), "imitations": _number("Imitations", imitations), "root": str(pack.folder)}
        if not arguments["variants"] + arguments["imitations"]:
            raise RequestError("Ask for at least one variant or imitation.")
        return self._start("augment", pack, f"Variants of {pack.name}", arguments)

    def stop(self, pack: Pack, what: What) -> None:
        """Ask a job to stop; what it made stays."""
        if what not in ("caption", "augment"):
            raise RequestError("Only captions and variants are made here.")
        if (job := self._jobs.running(str(self._target(pack, what)))) is not None:
            self._jobs.cancel(job.id)

    def jobs(self, pack: Pack, among: tuple[Job, ...]) -> tuple[Job, ...]:
        """The last job of either kind for a folder."""
        newest = (next((job for job in among if job.target == str(self._target(pack, what))), None) for what in ("caption", "augment"))
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

    def _target(self, pack: Pack, what: What) -> Path:
        return self._packs.place(pack) / ("more.jsonl" if what == "caption" else "variants")


def _number(name: str, value: float | None, least: int = 0) -> int:
    if value is None or not least <= value <= _MOST:
        raise RequestError(f"{name}: give a number from {least} to {_MOST}")
    return int(value)
