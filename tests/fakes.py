"""Stand-ins for the models, with the same interface and none of the weight: for tests whose subject is the wiring.

They are deterministic: the fake embedder hears only how long a sound is and which letters a text has.
"""

from __future__ import annotations

import csv
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from filelock import FileLock

from clvap.activity import events
from clvap.audio import EXTENSIONS, SAMPLE_RATE_HZ, AudioError, Clip, info, read, write
from clvap.contours import extract
from clvap.library.scan import LibraryError
from clvap.progress import silent
from clvap.query import Query
from generation.inpainting import patched
from generation.request import Preview


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
class FakeAspects:
    """What a fake score is made of: long sounds have the best rhythm, whatever was asked."""

    overall: float
    timing: float


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
    aspects: FakeAspects | None = None


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
    removed: int = 0


@dataclass(frozen=True)
class FakeFolder:
    path: Path
    count: int
    skipped: tuple
    indexed_s: float | None = None


@dataclass(frozen=True)
class FakePoint:
    path: Path
    name: str
    caption: str
    category: str
    duration_s: float
    x: float
    y: float


@dataclass(frozen=True)
class FakeListing:
    matches: list
    total: int


class FakeLibrary:
    """A library without vectors: in memory, or in a file of a folder, where several programs see the same one."""

    outdated = False

    def __init__(self, folder: Path | None = None) -> None:
        self._file = folder / "fake.json" if folder is not None else None
        self._memory = {"rows": [], "folders": {}, "skipped": [], "edits": {}, "mapped": []}

    def index(self, folder: Path, progress=silent) -> FakeReport:
        folder, captions, began = Path(folder), {}, time.time()
        if (folder / "captions.csv").exists():
            with open(folder / "captions.csv", encoding="utf-8") as file:
                captions = {row["path"]: row for row in csv.DictReader(file)}
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in EXTENSIONS)
        indexed, skipped = 0, []
        with self._changed() as kept:
            kept["skipped"] = [one for one in kept["skipped"] if not Path(one[0]).is_relative_to(folder)]
            kept["folders"].setdefault(str(folder), None)
        for done, path in enumerate(files):
            progress(done, len(files), path.name)
            with self._changed() as kept:
                if any(row["path"] == str(path) for row in kept["rows"]):
                    continue
                row = captions.get(path.relative_to(folder).as_posix(), {})
                said = {"caption": row.get("caption", path.stem), "category": row.get("category", "MISC")} | kept["edits"].get(str(path), {})
                try:
                    kept["rows"].append({"path": str(path), "duration_s": info(path).duration_s, **said})
                    indexed += 1
                except AudioError as error:
                    skipped.append(FakeSkipped(path, str(error)))
                    kept["skipped"].append([str(path), str(error)])
        with self._changed() as kept:
            kept["folders"][str(folder)] = time.time()
        return FakeReport(indexed, len(files) - indexed - len(skipped), skipped, time.time() - began)

    def search(self, query: Query, k: int = 20, weights=None, filters=None, lessons=()) -> list[FakeMatch]:
        self.lessons = list(lessons)
        rows = [row for row in self.rows.values() if filters is None or _passes(row, filters)]
        scored = [(float((_on_circle(row.duration_s) @ query.vector + 1) / 2), row) for row in rows]
        scored.sort(key=lambda pair: (-_said(pair[1], query.text), -pair[0]))
        return [replace(row, score=score, aspects=FakeAspects(score, min(row.duration_s / 2, 1.0))) for score, row in scored[:k]]

    def like(self, path: Path, k: int = 20, filters=None) -> list[FakeMatch]:
        found = self.search(Query(_on_circle(self.rows[Path(path)].duration_s), np.zeros((0, 4), np.float32)), k + 1, None, filters)
        return [match for match in found if match.path != Path(path)][:k]

    def browse(self, filters=None, k: int = 20) -> FakeListing:
        rows = [row for row in self.rows.values() if filters is None or _passes(row, filters)]
        return FakeListing(sorted(rows, key=lambda row: row.path)[:k], len(rows))

    def described(self, paths) -> list[FakeMatch]:
        rows = self.rows
        return [rows[Path(path)] for path in paths if Path(path) in rows]

    def describe(self, path: Path, caption: str | None = None, category: str | None = None) -> FakeMatch:
        if not (caption or "").strip():
            raise LibraryError(f"{Path(path).name}: give a caption of at least one letter")
        with self._changed() as kept:
            kept["edits"][str(path)] = {"caption": caption, "category": category}
            next(row for row in kept["rows"] if row["path"] == str(path)).update(kept["edits"][str(path)])
        return self.rows[Path(path)]

    def remove_folder(self, folder: Path | str) -> int:
        with self._changed() as kept:
            before = len(kept["rows"])
            for name in ("rows", "skipped"):
                place = {"rows": "path", "skipped": 0}[name]
                kept[name] = [one for one in kept[name] if not Path(one[place]).is_relative_to(folder)]
            kept["folders"].pop(str(folder))
            return before - len(kept["rows"])

    @property
    def rows(self) -> dict[Path, FakeMatch]:
        return {
            Path(row["path"]): FakeMatch(Path(row["path"]), 0.0, row["caption"], row["duration_s"], row["category"], Path(row["path"]).stem)
            for row in self._read()["rows"]
        }

    def count(self) -> int:
        return len(self.rows)

    def folders(self) -> list[Path]:
        return [Path(folder) for folder in self._read()["folders"]]

    def indexed_folders(self) -> list[FakeFolder]:
        def inside(folder: str, paths) -> list:
            return [path for path in paths if Path(path).is_relative_to(folder)]

        skipped = {one.path: one for one in self.skipped()}
        return [
            FakeFolder(Path(folder), len(inside(folder, self.rows)), tuple(skipped[path] for path in inside(folder, skipped)), when)
            for folder, when in self._read()["folders"].items()
        ]

    def skipped(self) -> list[FakeSkipped]:
        return [FakeSkipped(Path(path), reason) for path, reason in self._read()["skipped"]]

    def categories(self) -> list[str]:
        return sorted({row.category for row in self.rows.values()})

    @property
    def version(self) -> tuple:
        kept = self._read()
        return (json.dumps(kept["rows"]), json.dumps(kept["folders"]), json.dumps(kept["skipped"]))

    def map_outdated(self) -> bool:
        return sorted(map(str, self.rows)) != sorted(self._read()["mapped"])

    def map_version(self) -> tuple:
        kept = self._read()
        return (json.dumps(kept["rows"]), json.dumps(kept["mapped"]))

    def draw_map(self) -> int:
        with self._changed() as kept:
            kept["mapped"] = [row["path"] for row in kept["rows"]]
            return len(kept["mapped"])

    def map_points(self) -> list[FakePoint]:
        """On a circle, in the order of their paths."""
        mapped, points = sorted(self._read()["mapped"]), []
        for number, path in enumerate(mapped):
            row = self.rows.get(Path(path))
            x, y = 0.5 + 0.5 * _on_circle(2 * np.pi * number / len(mapped))
            if row is not None:
                points.append(FakePoint(row.path, row.name, row.caption, row.category, row.duration_s, float(x), float(y)))
        return points

    def _read(self) -> dict:
        if self._file is None or not self._file.exists():
            return self._memory
        return json.loads(self._file.read_text(encoding="utf-8"))

    @contextmanager
    def _changed(self):
        """The kept things, to change; written when the block ends."""
        if self._file is None:
            yield self._memory
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self._file.with_suffix(".lock")):
            kept = self._read()
            yield kept
            partial = self._file.with_suffix(".new")
            partial.write_text(json.dumps(kept), encoding="utf-8")
            partial.replace(self._file)


@dataclass(frozen=True)
class FakeTake:
    clip: Clip
    score: float
    seed: int
    seconds: float
    parent: str | None = None


@dataclass
class FakeGenerator:
    """Makes tones, shown half-made at every step. `gate`, when given, must be set before a take is finished."""

    max_seconds: float = 10.0
    step_s: float = 0.0
    gate: threading.Event | None = None
    requests: list = field(default_factory=list)

    def generate(self, request, progress=silent, on_take=None, on_preview=None) -> list[FakeTake]:
        self.requests.append(request)
        first, steps, takes = request.seed if request.seed is not None else 1_000, 5, []
        for variation in range(request.variations):
            for step in range(steps):
                if on_preview is not None:
                    on_preview(Preview(variation, np.tile(np.linspace(0, (step + 1) / steps, 24, dtype=np.float32), (16, 1))))
                progress(variation * steps + step, request.variations * steps, f"take {variation + 1} of {request.variations}")
                time.sleep(self.step_s)
                while self.gate is not None and not self.gate.wait(0.02):
                    progress(variation * steps + step, request.variations * steps, "held")
            parent = request.ground.name if request.ground is not None and variation == 0 else None
            made = tone(request.seconds, 330.0 + 110 * variation)
            clip = made if request.inpaint is None else patched(made, request.inpaint, request.seconds)
            take = FakeTake(clip, 0.5 + 0.1 * variation, first + variation, request.seconds, parent)
            takes.append(take)
            if on_take is not None:
                on_take(take)
        return sorted(takes, key=lambda take: -take.score)


def _on_circle(length: float) -> np.ndarray:
    return np.array([np.cos(length), np.sin(length)], dtype=np.float32)


def _said(row: FakeMatch, text: str | None) -> int:
    return sum(word in f"{row.caption} {row.name} {row.category}".lower() for word in (text or "").lower().split())


def _passes(row: FakeMatch, filters) -> bool:
    return (
        (filters.min_duration_s is None or row.duration_s >= filters.min_duration_s)
        and (filters.max_duration_s is None or row.duration_s <= filters.max_duration_s)
        and (not filters.categories or row.category in filters.categories)
    )
