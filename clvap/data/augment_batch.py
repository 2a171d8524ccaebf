"""Many sounds through effects and the vocaliser, in parallel and resumable: variants and imitations on disk, and a manifest of them.

Every output file depends on the seed, its row and its number alone, so it is the same for any number of workers, and a run that was
stopped, even killed, goes on where it was. The folder made:

    sounds/NAME-v00.flac       a row's sound through one to three of the effects
    imitations/NAME-i00.flac   an imitation of a row's sound
    manifest.csv               written last: variants with their row's caption, category and licence; and each row's own sound beside each imitation
    settings.json              what the folder was made with
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import soundfile
from filelock import FileLock, Timeout

from clvap.audio import Clip, read
from clvap.data import manifests
from clvap.data.effects import EFFECTS, AugmentError, Range, named, pedalboard, randomised
from clvap.data.plugins import Plugin
from clvap.data.rows import Row
from clvap.data.vocalize import Imitator
from clvap.data.workers import processes
from clvap.files import LEFT_BEHIND, whole
from clvap.progress import Progress, silent

_VARIANT, _IMITATION = "v", "i"
_FOLDERS = {_VARIANT: "sounds", _IMITATION: "imitations"}


class _DiskError(AugmentError):
    """The folder cannot be written; no other sound will fare better."""


@dataclass(frozen=True)
class Settings:
    """What decides how an output file sounds, but for its row and number."""

    effects: tuple[str, ...] = tuple(EFFECTS)
    """Names of the effects a variant draws from."""
    plugin: str | None = None
    """Path of a plug-in that every variant goes through after the effects; PATH#NAME for one of several in a file."""
    plugin_ranges: tuple[tuple[str, float, float], ...] = ()
    """Where the plug-in's parameters are drawn from: name, low, high in its own unit; none varies all."""
    most: int = 3
    """Effects a variant at most."""
    max_seconds: float = 30.0
    """How much of a longer sound is used, from its start."""
    seed: int = 0
    format: str = "flac"
    """Of the files: flac or wav."""

    def __post_init__(self) -> None:
        named(self.effects)
        if not self.effects and not self.plugin:
            raise AugmentError(f"no effects; name some of {', '.join(EFFECTS)}, or a plug-in")
        if self.most < 1 or not self.max_seconds > 0 or self.format not in ("flac", "wav") or self.seed < 0:
            raise AugmentError("needs at most 1 or more effects, more than 0 seconds, a seed of 0 or more, and the format flac or wav")

    def chain(self) -> Callable[[Clip, np.random.Generator], Clip]:
        """What makes a variant of a clip. Raises AugmentError where pedalboard is not installed, and for a plug-in that does not load."""
        pedalboard()
        effects, plugin = named(self.effects), self._plugin()

        def through(clip: Clip, rng: np.random.Generator) -> Clip:
            clip = randomised(clip, rng, effects, self.most) if effects else clip
            return plugin(clip, rng) if plugin else clip

        return through

    def _plugin(self) -> Plugin | None:
        if self.plugin is None:
            return None
        path, _, name = self.plugin.partition("#")
        ranges = {key: Range(low, high) for key, low, high in self.plugin_ranges} or None
        return Plugin(path, ranges, name or None)


@dataclass(frozen=True)
class Refused:
    """A row that could not be used, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Report:
    """What a run did.

    made, kept: files written now and found from before
    skipped: rows that could not be used
    seconds: how long it took
    """

    manifest: Path
    made: int
    kept: int
    skipped: list[Refused]
    seconds: float


def run(
    rows: Sequence[Row], root: Path, out: Path, settings: Settings, per_sound: int = 1, imitations: int = 0, workers: int = 1, progress: Progress = silent
) -> Report:
    """Make what is not there yet. Rows are told apart by their path relative to `root` (the manifest's folder).

    Raises AugmentError for nothing to do, where no sound can be used, for a folder made with other settings or in use by another run,
    and for a full disk.
    """
    began = time.monotonic()
    if per_sound < 0 or imitations < 0 or not per_sound + imitations:
        raise AugmentError("nothing to make; ask for one or more variants or imitations a sound")
    if per_sound:
        settings.chain()  # a plug-in that does not load is told before any work
    tasks = _tasks(rows, root, per_sound, imitations)
    with _claimed(out, settings):
        made, kept, skipped = 0, 0, {}
        work = partial(_work, settings, out)
        for done, result in enumerate(_results(work, tasks, workers), 1):
            made, kept = made + result.made, kept + result.kept
            if result.reason:
                skipped[result.key] = Refused(str(result.path), result.reason)
            progress(done, len(tasks), result.path.name)
        usable = [task for task in tasks if task.key not in skipped]
        if not usable:
            first = f"; the first: {next(iter(skipped.values())).reason}" if skipped else ""
            raise AugmentError(f"none of {len(tasks)} sounds could be used{first}")
        manifest = manifests.write([row for task in usable for row in _described(task, out, settings.format)], out / "manifest.csv")
    return Report(manifest, made, kept, [skipped[task.key] for task in tasks if task.key in skipped], time.monotonic() - began)


@dataclass(frozen=True)
class _Task:
    """One sound file and all the rows that share it.

    key: its path relative to the source, from which its file names and random numbers come
    """

    key: str
    rows: tuple[Row, ...]
    outputs: tuple[tuple[str, int], ...]

    @property
    def path(self) -> Path:
        return self.rows[0].path

    @property
    def digest(self) -> bytes:
        return hashlib.blake2b(self.key.encode(), digest_size=6).digest()

    def target(self, out: Path, kind: str, number: int, suffix: str) -> Path:
        stem = re.sub(r"[^A-Za-z0-9]+", "-", self.path.stem).strip("-")[:40]
        return out / _FOLDERS[kind] / f"{stem}-{self.digest.hex()}-{kind}{number:02d}.{suffix}"


@dataclass(frozen=True)
class _Result:
    key: str
    path: Path
    made: int = 0
    kept: int = 0
    reason: str = ""


def _tasks(rows: Sequence[Row], root: Path, per_sound: int, imitations: int) -> list[_Task]:
    outputs = (*((_VARIANT, n) for n in range(per_sound)), *((_IMITATION, n) for n in range(imitations)))
    by_path: dict[Path, list[Row]] = {}
    for row in rows:
        by_path.setdefault(row.path, []).append(row)
    return [_Task(_key(path, root), tuple(same), outputs) for path, same in by_path.items()]


def _key(path: Path, root: Path) -> str:
    return Path(os.path.relpath(path.absolute(), root.absolute())).as_posix()


def _work(settings: Settings, out: Path, task: _Task) -> _Result:
    """Make one sound's files that are not there; a sound that cannot be used is a reason, a disk that cannot be written is raised."""
    absent = [(kind, number, path) for kind, number in task.outputs if not (path := task.target(out, kind, number, settings.format)).exists()]
    kept = len(task.outputs) - len(absent)
    if not absent:
        return _Result(task.key, task.path, kept=kept)
    try:
        clip = read(task.path, settings.max_seconds)
        if clip.peak == 0:
            return _Result(task.key, task.path, kept=kept, reason="silent; leave it out")
        imitator = Imitator(clip) if any(kind == _IMITATION for kind, _, _ in absent) else None
        for kind, number, path in absent:
            rng = np.random.default_rng([settings.seed, int.from_bytes(task.digest, "big"), ord(kind), number])
            _write(path, imitator.draw(rng) if kind == _IMITATION else _chain(settings)(clip, rng))
    except _DiskError:
        raise
    except (ValueError, soundfile.SoundFileError) as error:
        return _Result(task.key, task.path, kept=kept, reason=str(error))
    return _Result(task.key, task.path, len(absent), kept)


@lru_cache(1)
def _chain(settings: Settings) -> Callable[[Clip, np.random.Generator], Clip]:
    """A process's effects, made once: a plug-in takes seconds to load."""
    return settings.chain()


def _write(path: Path, clip: Clip) -> None:
    """The whole file or none. Encoded in memory first, so that what the disk says is told as it is."""
    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(clip.samples.T, -1, 1), clip.sample_rate_hz, format=path.suffix[1:].upper(), subtype="PCM_16")
    try:
        with whole(path) as partial_path:
            partial_path.write_bytes(buffer.getbuffer())
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        what = "the disk is full; free some space" if full else f"could not be written ({error.strerror}); check the folder"
        raise _DiskError(f"{path}: {what}, then run the same command again; it goes on from here") from error


def _described(task: _Task, out: Path, suffix: str) -> Iterable[Row]:
    """A row for each variant of each row, and each row's own sound beside each imitation."""
    for row in task.rows:
        for kind, number in task.outputs:
            made = task.target(out, kind, number, suffix)
            yield replace(row, path=made) if kind == _VARIANT else replace(row, imitation=made)


class _claimed:
    """An output folder of this run alone, made with these settings."""

    def __init__(self, out: Path, settings: Settings):
        self._out, self._settings = out, settings

    def __enter__(self) -> None:
        try:
            for name in _FOLDERS.values():
                (self._out / name).mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self._out / ".lock")
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise AugmentError(f"{self._out}: another run is writing there; wait for it, or choose another folder") from error
        except OSError as error:
            raise AugmentError(f"{self._out}: could not be written ({error.strerror}); choose another folder") from error
        try:
            self._settle()
        except BaseException:
            self._lock.release()
            raise

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def _settle(self) -> None:
        path, wanted = self._out / "settings.json", json.loads(json.dumps(asdict(self._settings)))
        there = json.loads(path.read_text()) if path.is_file() else wanted
        differing = sorted(key for key in wanted.keys() | there.keys() if wanted.get(key) != there.get(key))
        if differing:
            was = ", ".join(f"{key} {there.get(key)}" for key in differing)
            raise AugmentError(f"{self._out} was made with other settings ({was}); give these again, or choose another folder")
        with whole(path) as partial_path:
            partial_path.write_text(json.dumps(wanted, indent=1))
        for name in _FOLDERS.values():
            for left in (self._out / name).glob(LEFT_BEHIND):
                left.unlink()


def _results(work: Callable[[_Task], _Result], tasks: list[_Task], workers: int) -> Iterable[_Result]:
    """Results as they come; with one worker in this process."""
    if workers <= 1:
        yield from map(work, tasks)
        return
    try:
        with processes(workers) as pool:
            for future in as_completed([pool.submit(work, task) for task in tasks]):
                yield future.result()
    except BrokenProcessPool as error:
        raise AugmentError("a worker process died, perhaps for lack of memory; run the same command again with fewer workers") from error
