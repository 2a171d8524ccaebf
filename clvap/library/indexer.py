"""Bringing a library up to date with a folder: what is new is read, heard, embedded and stored; what is unchanged is left alone.

Each core takes a few files from reading to their vectors (decoding, Fourier transforms and the model leave the interpreter free),
and rows reach the table some 64 at a time, so a kill loses at most those.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from clvap import audio, contours
from clvap.audio import AudioError, Clip
from clvap.library import likeness, rows
from clvap.library.edits import Edits
from clvap.library.likeness import Summary
from clvap.library.rows import Heard
from clvap.library.scan import LibraryError, Scan, Skipped, Sound, scan
from clvap.library.store import Known, Store
from clvap.progress import Progress

MAX_HEARD_S = 30.0
BATCH = 8
_ROWS_A_WRITE = 64
_AHEAD = 4
_HASHED_BYTES = 16 << 20


@dataclass(frozen=True)
class IndexReport:
    """What indexing a folder did.

    indexed: files read, embedded and stored; unchanged: files found as the library knew them
    skipped: files that could not be used; seconds: time taken; removed: rows of files that are gone
    """

    indexed: int
    unchanged: int
    skipped: list[Skipped]
    seconds: float
    removed: int = 0


@dataclass(frozen=True)
class Loaded:
    """A file ready to embed: mono at 44.1 kHz, at most its first 30 s, with its curves and what its header says."""

    sound: Sound
    clip: Clip
    summary: Summary
    info: audio.AudioInfo
    content: str


def index_folder(store: Store, embedder: Any, folder: Path, progress: Progress, workers: int | None = None) -> IndexReport:
    """Bring the rows of one folder up to date. Raises LibraryError for a missing folder, Cancelled with the work so far kept."""
    began = time.perf_counter()
    found = scan(folder)
    if not found.sounds and not found.skipped and str(folder) not in store.metadata.folders:
        raise LibraryError(f"{folder}: holds no sound files ({', '.join(audio.EXTENSIONS)}); name a folder that does")
    metadata = store.metadata
    store.note(folders=tuple(dict.fromkeys([*metadata.folders, str(folder)])))
    run = _Run(store, embedder, str(folder), progress, workers)
    try:
        run.bring_up_to_date(found)
        store.note(indexed={**store.metadata.indexed, str(folder): time.time()})
    finally:
        store.note(skipped={**store.metadata.skipped, str(folder): tuple(run.skipped)})
        store.tidy()
    return IndexReport(run.indexed, run.unchanged, run.skipped, time.perf_counter() - began, run.removed)


def load(sound: Sound) -> Loaded:
    """Read one file. Raises AudioError where it is broken, empty or silent."""
    path = Path(sound.path)
    head = audio.read_head(path, MAX_HEARD_S)
    clip = head.clip
    mono = Clip(clip.mono()[None], clip.sample_rate_hz).at_rate(audio.SAMPLE_RATE_HZ)
    if mono.peak < 10 ** (audio.SILENCE_DB / 20):
        raise AudioError(f"{path.name}: only silence in its first {min(clip.duration_s, MAX_HEARD_S):.3g} s; remove the file or replace it")
    return Loaded(sound, mono, likeness.summarise(contours.extract(audio.trim(mono))), head.info, content_hash(path, sound.size))


def content_hash(path: Path, size: int) -> str:
    """Hash of a file's length and of all that is heard of it (its first 16 MB): the same for a file only moved or touched."""
    with path.open("rb") as file:
        return hashlib.blake2b(file.read(_HASHED_BYTES), digest_size=16, person=str(size).encode()[:16]).hexdigest()


@dataclass(frozen=True)
class Outcome:
    """A file and what became of it: what it holds with its vector, float32 (D,), or why there is none."""

    sound: Sound
    loaded: Loaded | None = None
    vector: np.ndarray | None = None
    reason: str = ""


def hear(embedder: Any, sounds: list[Sound]) -> list[Outcome]:
    """Read and embed a few files; one that cannot be used stops no other. Raises what the model raises where it can embed none of them."""
    outcomes = [_loaded(sound) for sound in sounds]
    good = [one for one in outcomes if one.loaded]
    if not good:
        return outcomes
    try:
        vectors = embedder.embed_audio([one.loaded.clip for one in good])
        embedded = [_with_vector(one, vector) for one, vector in zip(good, vectors, strict=True)]
    except Exception:
        if len(good) == 1:
            raise
        embedded = _one_by_one(embedder, good)
    found = {one.sound.path: one for one in embedded}
    return [found.get(one.sound.path, one) for one in outcomes]


def _loaded(sound: Sound) -> Outcome:
    try:
        return Outcome(sound, load(sound))
    except AudioError as error:
        return Outcome(sound, reason=str(error).removeprefix(f"{Path(sound.path).name}: "))
    except Exception as error:  # whatever one broken file does to a decoder, the others are still indexed
        return Outcome(sound, reason=f"could not be read ({type(error).__name__}: {error}); export it again as WAV")


def _with_vector(one: Outcome, vector: np.ndarray) -> Outcome:
    if not np.isfinite(vector).all():
        return Outcome(one.sound, reason="could not be embedded (not finite); export it again as WAV")
    return replace(one, vector=vector)


def _one_by_one(embedder: Any, good: list[Outcome]) -> list[Outcome]:
    """Find the sound a batch failed on; when all of them fail it is the model, and its error goes on."""
    embedded, failures = [], []
    for one in good:
        try:
            embedded.append(_with_vector(one, embedder.embed_audio([one.loaded.clip])[0]))
        except Exception as error:
            failures.append(error)
            embedded.append(Outcome(one.sound, reason=f"could not be embedded ({error}); export it again as WAV"))
    if len(failures) == len(good):
        raise failures[-1]
    return embedded


def ahead(pool: Executor, work: Callable[[list[Sound]], Any], groups: list[list[Sound]]) -> Iterator[Future]:
    """Do `work` on groups of sounds in a pool, a bounded number ahead of who consumes; in order, each as a future."""
    waiting: deque[Future] = deque()
    try:
        for group in groups:
            waiting.append(pool.submit(work, group))
            if len(waiting) > _AHEAD:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()
    finally:
        for future in waiting:
            future.cancel()


def _content_or_none(sound: Sound) -> str | None:
    try:
        return content_hash(Path(sound.path), sound.size)
    except OSError:
        return None


class _Run:
    """One indexing of one folder: counts, and rows on their way to the table, described as people wrote where they did."""

    def __init__(self, store: Store, embedder: Any, folder: str, progress: Progress, workers: int | None) -> None:
        self.indexed = self.unchanged = self.removed = 0
        self.skipped: list[Skipped] = []
        self._store, self._embedder, self._folder, self._progress, self._workers = store, embedder, folder, progress, workers
        self._edits = Edits(store.folder)
        self._pending: list[tuple[Sound, Heard]] = []
        self._known: dict[str, Known] = {}

    def bring_up_to_date(self, found: Scan) -> None:
        self.skipped += found.skipped
        self._known = self._store.known()
        sounds = [self._edits.over(sound, known.content if (known := self._known.get(sound.path)) else None) for sound in found.sounds]
        present = {sound.path for sound in sounds}
        gone = [path for path in self._known if path.startswith(self._folder.rstrip(os.sep) + os.sep) and path not in present]
        fresh: list[Sound] = []
        renamed: list[tuple[str, Sound]] = []
        by_content = {known.content: path for path, known in self._known.items()}
        for sound in sounds:
            known = self._known.get(sound.path)
            if known is None or (known.size, known.modified_ns) != (sound.size, sound.modified_ns):
                fresh.append(sound)
            elif (known.folder, known.caption, known.category) != (self._folder, sound.caption, sound.category):
                renamed.append((sound.path, sound))
                self.unchanged += 1
            else:
                self.unchanged += 1
        self._rename(renamed)
        fresh = self._recognise(fresh, by_content)
        self._store.remove(gone)
        self.removed = len(gone)
        self._hear(fresh, len(sounds))
        self._overtaken()

    def _recognise(self, fresh: list[Sound], by_content: dict[str, str]) -> list[Sound]:
        """Give files that were only moved, copied or touched the row of their content; what is left must be heard."""
        sizes = {known.size for known in self._known.values()}
        changing = {sound.path for sound in fresh}
        unheard, moved = [], []
        for sound in fresh:
            content = _content_or_none(sound) if sound.size in sizes else None
            source = by_content.get(content)
            if source is None or (source in changing and source != sound.path):
                unheard.append(sound)
            else:
                moved.append((source, self._edits.over(sound, content)))
        self._rename(moved)
        self.unchanged += len(moved)
        return unheard

    def _rename(self, pairs: list[tuple[str, Sound]]) -> None:
        """Write the rows known at the first of each pair under the path, caption and category of the second."""
        for start in range(0, len(pairs), 256):
            part = pairs[start : start + 256]
            table = self._store.at({source for source, _ in part})
            position = {path: number for number, path in enumerate(table["path"].to_pylist())}
            taken = table.take([position[source] for source, _ in part])
            self._store.put(rows.renamed(taken, self._folder, [sound for _, sound in part]), replacing=True)

    def _hear(self, fresh: list[Sound], total: int) -> None:
        """Read, embed and store sounds; on any interruption what is embedded so far is stored first."""
        from clvap.cores import one_thread_each

        done = total - len(fresh)
        groups = [fresh[start : start + BATCH] for start in range(0, len(fresh), BATCH)]
        try:
            self._progress(done, total, "")
            with one_thread_each(self._workers) as pool, closing(ahead(pool, partial(hear, self._embedder), groups)) as hearing:
                for future in hearing:
                    outcomes = future.result()
                    for outcome in outcomes:
                        self._keep(outcome)
                    for outcome in outcomes:
                        done += 1
                        self._progress(done, total, Path(outcome.sound.path).name)
        finally:
            self._write()

    def _keep(self, one: Outcome) -> None:
        if one.loaded is None or one.vector is None:
            self._skip(one.sound, one.reason)
            return
        info = one.loaded.info
        heard = Heard(one.vector, one.loaded.summary, info.duration_s, info.sample_rate_hz, info.channels, one.loaded.content)
        self._pending.append((self._edits.over(one.sound, heard.content), heard))
        self.indexed += 1
        if len(self._pending) >= _ROWS_A_WRITE:
            self._write()

    def _overtaken(self) -> None:
        """Rows edited while they were on their way to the table were written as they had been before."""
        for path, known in self._store.known().items() if self._edits.all() else ():
            edit = self._edits.of(path, known.content)
            if edit is None:
                continue
            caption, category = (said if mine is None else mine for mine, said in ((edit.caption, known.caption), (edit.category, known.category)))
            if (caption, category) != (known.caption, known.category):
                self._store.rewrite(path, rows.described(path, caption, category))

    def _write(self) -> None:
        if not self._pending:
            return
        sounds, heard = zip(*self._pending, strict=True)
        replacing = any(sound.path in self._known for sound in sounds)
        self._store.put(rows.to_arrow(self._folder, list(sounds), list(heard)), replacing)
        self._pending = []

    def _skip(self, sound: Sound, reason: str) -> None:
        self.skipped.append(Skipped(sound.path, reason))
        if sound.path in self._known:  # it was fine when it was indexed, and is broken now
            self._store.remove([sound.path])
