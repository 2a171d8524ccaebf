"""Training sound, kept as one array of 16-bit samples with an index beside it, so that a crop costs nothing.

Only rows whose licence permits use and change without further terms are read; fold 4 of ESC-50 is never among them.
"""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from clvap import audio
from clvap.data.licences import PERMISSIVE
from clvap.files import whole
from clvap.progress import Progress, silent

TRAINING_FOLDS = ("1", "2", "3")
_MAX_DURATION_S = 15.0


@dataclass(frozen=True)
class Sound:
    """One sound to train on.

    path: file
    caption: what it is, in words; for ESC-50 the class name
    category: class or pack
    origin: `esc50`, `sfx` or `starter`
    """

    path: str
    caption: str
    category: str
    origin: str


def esc50(data: Path, folds: tuple[str, ...] = TRAINING_FOLDS, permissive: bool = True) -> list[Sound]:
    """Clips of the given ESC-50 folds whose licence permits training on them, or those whose licence does not."""
    rows = _rows(data / "esc50" / "esc50.csv")
    return [
        Sound(str(data / "esc50" / row["filename"]), row["category"].replace("_", " "), row["category"], "esc50")
        for row in rows
        if row["fold"] in folds and (row["licence"] in PERMISSIVE) == permissive
    ]


def effects(data: Path) -> list[Sound]:
    """Permissive rows of the effect packs."""
    rows = _rows(data / "sfx" / "sfx.csv")
    return [Sound(str(data / "sfx" / row["path"]), row["caption"], row["pack"], "sfx") for row in rows if row["licence"] in PERMISSIVE]


def starter(folder: Path) -> list[Sound]:
    """Sounds of a rendered starter library, by its captions.csv."""
    return [Sound(str(folder / row["path"]), row["caption"], row["category"], "starter") for row in _rows(folder / "captions.csv")]


def training_sounds(data: Path, starter_folder: str | None = None) -> list[Sound]:
    """Everything version one trains on: ESC-50 folds 1 to 3, the effect packs, a rendered starter library where there is one."""
    return esc50(data) + effects(data) + (starter(Path(starter_folder)) if starter_folder else [])


def held_out_sounds(data: Path) -> list[Sound]:
    """Sounds to watch a training by: ESC-50 clips that their licence keeps out of it."""
    return esc50(data, permissive=False)


class Sounds:
    """Mono sound at 44.1 kHz by number: `sounds.wave(i)` is float32 (T,), trimmed of silence, peak at 0.9."""

    def __init__(self, folder: Path):
        self._samples = np.load(folder / "samples.npy", mmap_mode="r")
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        self.sounds = [Sound(**row["sound"]) for row in index]
        self._spans = [(row["start"], row["length"]) for row in index]

    def __len__(self) -> int:
        return len(self.sounds)

    def duration_s(self, number: int) -> float:
        return self._spans[number][1] / audio.SAMPLE_RATE_HZ

    def wave(self, number: int) -> np.ndarray:
        start, length = self._spans[number]
        return self._samples[start : start + length].astype(np.float32) / 32_768


def collect(sounds: list[Sound], folder: Path, progress: Progress = silent) -> Sounds:
    """Read all sounds into `folder` once; a folder that already holds exactly these is used as it is."""
    index_file = folder / "index.json"
    if index_file.exists() and [row["sound"] for row in json.loads(index_file.read_text(encoding="utf-8"))] == [asdict(s) for s in sounds]:
        return Sounds(folder)
    folder.mkdir(parents=True, exist_ok=True)
    parts, index, start = [], [], 0
    for number, sound in enumerate(sounds):
        wave = _prepared(sound.path)
        if len(wave):
            parts.append(wave)
            index.append({"sound": asdict(sound), "start": start, "length": len(wave)})
            start += len(wave)
        progress(number + 1, len(sounds), "reading sounds")
    np.save(folder / "samples.npy", np.concatenate(parts))
    with whole(index_file) as partial:
        partial.write_text(json.dumps(index), encoding="utf-8")
    return Sounds(folder)


def _prepared(path: str) -> np.ndarray:
    clip = audio.trim(audio.read(path, _MAX_DURATION_S).at_rate(audio.SAMPLE_RATE_HZ), below_peak_db=-55.0)
    mono = clip.mono()
    peak = np.abs(mono).max(initial=0.0)
    if peak < 1e-4:
        return np.zeros(0, dtype=np.int16)
    return np.round(mono * (0.9 / peak) * 32_767).astype(np.int16)


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
