"""Stand-ins for the models, with the same interface and none of the weight: for tests whose subject is the wiring.

They are deterministic: the fake embedder hears only how long a sound is and which letters a text has.
"""

from __future__ import annotations

import csv
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from clvap.activity import events
from clvap.audio import EXTENSIONS, SAMPLE_RATE_HZ, AudioError, Clip, info, read, write
from clvap.contours import extract
from clvap.progress import silent
from clvap.query import Query


def tone(seconds: float = 0.6, hertz: float = 440.0, channels: int = 1, rate: int = SAMPLE_RATE_HZ) -> Clip:
    """A decaying tone, samples of shape (channels, T)."""
    time_s = np.arange(int(seconds * rate)) / rate
    wave = 0.5 * np.sin(2 * np.pi * hertz * time_s) * np.exp(-2 * time_s / seconds)
    return Clip(np.tile(wave.astype(np.float32), (channels, 1)), rate)


def gestures_in_a_row(lengths_s: tuple[float, ...], pause_s: float = 0.7) -> Clip:
    """Steady tones of those lengths, each higher than the one before, with pauses before, between and after."""
    pause = np.zeros((1, int(pause_s * SAMPLE_RATE_HZ)), np.float32)
    parts = [pause]
    for number, length_s in enumerate(lengths_s):
        time_s = np.arange(int(length_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
        parts += [0.5 * np.sin(2 * np.pi * 300 * (1 + number) * time_s)[None].astype(np.float32), pause]
    return Clip(np.concatenate(parts, axis=1))


def render_effects(folder: Path, *, progress=silent, count: int = 6) -> None:
    """A few tones with their captions, in place of the starter effects."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "captions.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "caption", "category"])
        for i in range(count):
            progress(i, count, "tones")
            write(folder / f"tone_{i}.wav", tone(0.3 + 0.2 * i, 220.0 * (i + 1)))
            rows.writerow([f"tone_{i}.wav", f"a falling tone, number {i}", "ALARM" if i % 2 else "BELL"])


class FakeEmbedder:
    """Two dimensions: the sound's length and the text's length, on the unit circle."""

    dimension = 2
    token_width = 4
    fingerprint = "fake"

    def embed_audio(self, sounds) -> np.ndarray:
        lengths = [(sound if isinstance(sound, Clip) else read(sound)).duration_s for sound in sounds]
        return np.stack([_on_circle(length) for length in lengths])

    def query(self, voice=None, text=None, balance=0.5) -> Query:
        if isinstance(voice, (str, Path)):
            voice = read(voice)
        length = voice.duration_s if voice is not None else len(text or "") / 10
        return Query(_on_circle(length), np.zeros((3, 4), np.float32), extract(voice) if voice is not None else None, text)

    def activity(self, clip):
        return None

    def gestures(self, sound):
        return events(sound if isinstance(sound, Clip) else read(sound))


@dataclass(frozen=True)
class FakeMatch:
    path: Path
    score: float
    caption: str
    duration_s: float
    category: str
    name: str
    sample_rate_hz: int = SAMPLE_RATE_HZ
    channels: int = 1


@dataclass(frozen=True)
class FakeSkipped:
    path: Path
    reason: str


@dataclass(frozen=True)
class FakeReport:
    indexed: int
    unchanged: int
    skipped: list
    seconds: float


@dataclass
class FakeLibrary:
    """A library in memory."""

    rows: dict[Path, FakeMatch] = field(default_factory=dict)
    indexed: list[Path] = field(default_factory=list)
    unusable: list[FakeSkipped] = field(default_factory=list)

    def index(self, folder: Path, progress=silent) -> FakeReport:
        captions = {}
        if (folder / "captions.csv").exists():
            with open(folder / "captions.csv", encoding="utf-8") as file:
                captions = {row["path"]: row for row in csv.DictReader(file)}
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in EXTENSIONS)
        known, skipped = len(self.rows), []
        for done, path in enumerate(files):
            progress(done, len(files), path.name)
            row = captions.get(path.relative_to(folder).as_posix(), {})
            try:
                caption, category = row.get("caption", path.stem), row.get("category", "MISC")
                self.rows[path] = FakeMatch(path, 0.0, caption, info(path).duration_s, category, path.stem)
            except AudioError as error:
                skipped.append(FakeSkipped(path, str(error)))
        indexed = len(self.rows) - known
        self.indexed.append(folder)
        self.unusable += skipped
        return FakeReport(indexed, len(files) - indexed - len(skipped), skipped, 0.1)

    def search(self, query: Query, k: int = 20, weights=None, filters=None) -> list[FakeMatch]:
        rows = [row for row in self.rows.values() if filters is None or _passes(row, filters)]
        scored = [(float((_on_circle(row.duration_s) @ query.vector + 1) / 2), row) for row in rows]
        scored.sort(key=lambda pair: -pair[0])
        return [FakeMatch(row.path, score, row.caption, row.duration_s, row.category, row.name) for score, row in scored[:k]]

    def count(self) -> int:
        return len(self.rows)

    def folders(self) -> list[Path]:
        return self.indexed

    def skipped(self) -> list[FakeSkipped]:
        return self.unusable

    def categories(self) -> list[str]:
        return sorted({row.category for row in self.rows.values()})


@dataclass(frozen=True)
class FakeTake:
    clip: Clip
    score: float
    seed: int
    seconds: float
    parent: str | None = None


@dataclass
class FakeGenerator:
    """Makes tones. `gate`, when given, must be set before a take is finished."""

    max_seconds: float = 10.0
    step_s: float = 0.0
    gate: threading.Event | None = None
    requests: list = field(default_factory=list)

    def generate(self, request, progress=silent, on_take=None) -> list[FakeTake]:
        self.requests.append(request)
        first, steps, takes = request.seed if request.seed is not None else 1_000, 5, []
        for variation in range(request.variations):
            for step in range(steps):
                progress(variation * steps + step, request.variations * steps, f"take {variation + 1} of {request.variations}")
                time.sleep(self.step_s)
                while self.gate is not None and not self.gate.wait(0.02):
                    progress(variation * steps + step, request.variations * steps, "held")
            parent = request.ground.name if request.ground is not None and variation == 0 else None
            take = FakeTake(tone(request.seconds, 330.0 + 110 * variation), 0.5 + 0.1 * variation, first + variation, request.seconds, parent)
            takes.append(take)
            if on_take is not None:
                on_take(take)
        return sorted(takes, key=lambda take: -take.score)


def _on_circle(length: float) -> np.ndarray:
    return np.array([np.cos(length), np.sin(length)], dtype=np.float32)


def _passes(row: FakeMatch, filters) -> bool:
    return (
        (filters.min_duration_s is None or row.duration_s >= filters.min_duration_s)
        and (filters.max_duration_s is None or row.duration_s <= filters.max_duration_s)
        and (not filters.categories or row.category in filters.categories)
    )
