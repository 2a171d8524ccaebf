"""Exports: sounds as files for a session, one alone or several in an archive with a table of everything, made in the workspace and kept for a day."""

from __future__ import annotations

import csv
import io
import logging
import math
import os
import secrets
import shutil
import threading
import time
import zipfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.services.access import Action, allowed, require
from app.services.errors import RequestError, explain
from app.services.files import plain_cell
from app.services.history import History
from app.services.limits import Turnstile
from app.services.models import Models
from app.services.origins import Origin, Origins
from app.services.preferences import ExportPreferences, Preferences
from app.settings import Settings
from clvap.progress import Progress, silent
from generation.export import names
from generation.export.formats import ExportError, ExportSettings

if TYPE_CHECKING:
    from generation.export.write import Written

_log = logging.getLogger(__name__)
_MOST, _MOST_FROM_OUTSIDE = 2_000, 60
_KEPT_S = 86_400.0
_KEPT_BYTES = 4 * 2**30
_TOLD = (
    "TRACKTITLE", "DESCRIPTION", "KEYWORDS", "CATID", "CATEGORY", "SUBCATEGORY", "FXNAME", "SHORTID", "SHOW", "PROMPT", "SEED", "MODEL", "SOURCE",
    "LICENSE",
)  # fmt: skip
_MEASURED = ("SECONDS", "CHANNELS", "SAMPLERATE", "BITDEPTH", "LUFS", "TRUEPEAK", "LOOPSTART", "LOOPEND")


@dataclass(frozen=True)
class Proposal:
    """A sound that could be exported. name: its file name, proposed by the Universal Category System, without suffix."""

    path: Path
    name: str


@dataclass(frozen=True)
class Item:
    """A sound to export; name: of its file, without suffix, None for the proposed one."""

    path: Path
    name: str | None = None


@dataclass(frozen=True)
class ExportRequest:
    """What to export. owner: who asks; they get only what is theirs or the library's."""

    owner: str
    items: tuple[Item, ...]
    settings: ExportSettings = field(default_factory=ExportSettings)


@dataclass(frozen=True)
class Step:
    """One more sound is being written: `done` of `total` are."""

    done: int
    total: int
    name: str


@dataclass(frozen=True)
class Exported:
    """What was made.

    path: the file, or the archive of several
    count: sounds in it
    size_bytes: of it
    left_out: why sounds are missing, a sentence each
    folder: where the files were also written, None for nowhere
    """

    path: Path
    count: int
    size_bytes: int
    left_out: tuple[str, ...] = ()
    folder: Path | None = None


@dataclass(frozen=True)
class _Done:
    """One sound that was written."""

    origin: Origin
    name: str
    written: Written


class ExportService:
    """Proposes names and writes files; one export at a time, so that memory holds."""

    def __init__(self, settings: Settings, models: Models, history: History, turnstile: Turnstile) -> None:
        self._settings, self._turnstile = settings, turnstile
        self._origins = Origins(settings, models, history)
        self._folder = settings.workspace / "exports"
        self._preferences = Preferences(ExportPreferences, settings.workspace / "export.json")
        self._turn = threading.Lock()

    def proposed(self, owner: str, paths: Sequence[Path], beside: Sequence[str] = ()) -> tuple[Proposal, ...]:
        """Sounds with the names proposed for them, each unlike the others and those `beside` them. RequestError for a sound that is not theirs to have."""
        self._check_count(len(paths) + len(beside))
        origins = self._origins.of(owner, paths, self.preferences().creator)
        told_apart = names.unique([*beside, *(origin.name for origin in origins)])[len(beside) :]
        return tuple(Proposal(origin.path, name) for origin, name in zip(origins, told_apart, strict=True))

    def export(self, request: ExportRequest, progress: Progress = silent) -> Exported:
        """Write the sounds and wait; raises as `steps` does, or what `progress` raises."""
        for step in self.steps(request):
            if isinstance(step, Exported):
                return step
            progress(step.done, step.total, step.name)
        raise AssertionError("an export ends with its result")

    def steps(self, request: ExportRequest) -> Iterator[Step | Exported]:
        """Write the sounds, telling each before it is written and the result at last. Closing the iterator leaves nothing behind.

        Raises RequestError where there is nothing to export or not theirs, ExportError or AudioError where a single sound
        cannot be written; of several, those that cannot are left out and told.
        """
        self._check_count(len(request.items))
        origins = self._origins.of(request.owner, [item.path for item in request.items], self.preferences().creator)
        wanted = [names.safe(origin.name if item.name is None else item.name) for item, origin in zip(request.items, origins, strict=True)]
        with self._turnstile.passing(request.owner), self._turn:
            self.tidy()
            place = self._folder / secrets.token_hex(16)
            try:
                place.mkdir(parents=True)
                made = yield from self._written(place, origins, names.unique(wanted), request.settings)
            except BaseException as error:
                shutil.rmtree(place, ignore_errors=True)
                if isinstance(error, OSError):
                    raise ExportError(f"the export could not be written ({error.strerror}); free some disk space") from error
                raise
        yield made

    def preferences(self) -> ExportPreferences:
        """What was chosen on this machine; visitors from elsewhere leave nothing and find nothing."""
        return self._preferences.read() if Action.NAME_PATHS in allowed(self._settings) else ExportPreferences()

    def prefer(self, creator: str, folder: str) -> ExportPreferences:
        """Remember the CreatorID of names and the folder that exports are also written to, "" for none. RequestError for what is no folder."""
        require(self._settings, Action.NAME_PATHS)
        place = Path(folder.strip()).expanduser() if folder.strip() else None
        if place is not None and not (place.is_absolute() and place.is_dir()):
            raise RequestError(f"{place}: no such folder; make it first, and give all of its path")
        chosen = ExportPreferences("".join(filter(str.isalnum, creator))[:24] or names.DEFAULT_CREATOR, str(place or ""))
        self._preferences.write(chosen)
        return chosen

    def tidy(self, now_s: float | None = None) -> None:
        """Delete exports older than a day, and the oldest of what is more than four gigabytes."""
        now_s, total = time.time() if now_s is None else now_s, 0
        for folder in sorted(self._folder.glob("*"), key=_changed_s, reverse=True):
            total += sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            if now_s - _changed_s(folder) > _KEPT_S or total > _KEPT_BYTES:
                shutil.rmtree(folder, ignore_errors=True)

    def _check_count(self, count: int) -> None:
        most = _MOST if Action.NAME_PATHS in allowed(self._settings) else _MOST_FROM_OUTSIDE
        if not count:
            raise RequestError("Nothing to export yet: press the export button of a sound.")
        if count > most:
            raise RequestError(f"{count:,} sounds are too many for one export; at most {most:,}.")

    def _written(self, place: Path, origins: list[Origin], stems: list[str], settings: ExportSettings) -> Generator[Step, None, Exported]:
        from generation.export.write import export

        folder, several = self.preferences().place, len(origins) > 1
        done: list[_Done] = []
        left_out: list[str] = []
        archive = place / f"CLVAP Export {time.strftime('%Y-%m-%d %H%M%S')}.zip"
        with zipfile.ZipFile(archive, "w") if several else nullcontext() as packed:
            for number, (origin, stem) in enumerate(zip(origins, stems, strict=True)):
                yield Step(number, len(origins), stem)
                try:
                    written = export(origin.path, place, stem, settings, replace(origin.about, ucs=names.fields(stem)))
                except ValueError as error:
                    if not several:
                        raise
                    left_out.append(explain(error))
                    continue
                done.append(_Done(origin, written.path.name, written))
                folder = _also(written.path, folder, left_out)
                if packed is not None:
                    packed.write(written.path, written.path.name)
                    written.path.unlink()
            if packed is not None and done:
                table = place / "export.csv"
                table.write_text(_table(done, settings), encoding="utf-8-sig", newline="")
                packed.write(table, table.name, zipfile.ZIP_DEFLATED)
                folder = _also(table, folder, left_out)
                table.unlink()
        if not done:
            raise ExportError(left_out[0])
        path = archive if several else done[0].written.path
        return Exported(path, len(done), path.stat().st_size, tuple(left_out), folder)


def _changed_s(folder: Path) -> float:
    with suppress(OSError):
        return folder.stat().st_mtime
    return 0.0


def _also(file: Path, folder: Path | None, left_out: list[str]) -> Path | None:
    """Copy a file to the folder that the user chose, never over another one; None, and why, where that cannot be."""
    if folder is None:
        return None
    for number in range(1, 10_000):
        target = folder / (file.name if number == 1 else f"{file.stem}_{number}{file.suffix}")
        try:
            with open(target, "xb") as out, open(file, "rb") as made:
                shutil.copyfileobj(made, out)
                return folder
        except FileExistsError:
            continue
        except OSError as error:
            left_out.append(f"{folder}: could not be written to ({os.strerror(error.errno)}); the download has everything")
            return None
    return folder


def _table(done: list[_Done], settings: ExportSettings) -> str:
    """All that is known of the files of an export, one a row. Texts that a spreadsheet would take for a formula get an apostrophe."""
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(("FILENAME", *_TOLD, *_MEASURED))
    for one in done:
        texts = replace(one.origin.about, ucs=names.fields(Path(one.name).stem)).named()
        loop, loudness = one.written.loop, one.written.loudness
        numbers = (
            round(one.written.duration_s, 3), one.written.channels, settings.rate_hz, settings.written_depth or "", _decibels(loudness.lufs),
            _decibels(loudness.true_peak_db), loop.start if loop else "", loop.end if loop else "",
        )  # fmt: skip
        rows.writerow([*(plain_cell(text) for text in (one.name, *(texts.get(column, "") for column in _TOLD))), *numbers])
    return written.getvalue()


def _decibels(value: float) -> float | str:
    return round(value, 2) if math.isfinite(value) else ""
