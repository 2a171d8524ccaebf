"""Spectrograms to train on, made once: each pass holds a variant and some imitations of every row.

Passes are independent files, so training starts on the first while the next are being made, and a kill loses one pass.
R rows, V imitations a row, F frames, M mel bands, E teacher dimensions.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from clvap.audio import AudioError, Clip, read
from clvap.data.augment import augmented
from clvap.data.manifests import Row
from clvap.data.vocalize import Imitator
from clvap.data.yamnet import Yamnet
from clvap.features import LogMel
from clvap.progress import Progress, silent

IMITATIONS = 2
_PART = 64
_NAMES = ("audio", "voice", "teacher")


@dataclass(frozen=True)
class BankPass:
    """One pass over the rows.

    audio: float16 (R, F, M); voice: float16 (R, V, F, M); teacher: float16 (R, E), zero where there is none
    """

    audio: np.ndarray
    voice: np.ndarray
    teacher: np.ndarray


def build(
    rows: list[Row], folder: Path, passes: int, features: LogMel, yamnet: Path | None, seed: int = 0, progress: Progress = silent, workers: int = 1
) -> None:
    """Make the passes that are not there yet, in `workers` processes. Raises AudioError for a row that cannot be read."""
    folder.mkdir(parents=True, exist_ok=True)
    absent = [number for number in range(passes) if not (folder / f"pass-{number}").exists()]
    parts = [(number, start, rows[start : start + _PART]) for number in absent for start in range(0, len(rows), _PART)]
    make = partial(_part, features, yamnet, seed)
    made: list[BankPass] = []
    with ProcessPoolExecutor(workers, get_context("spawn")) if workers > 1 else nullcontext() as pool:
        for (number, start, part), done in zip(parts, (pool.map if pool else map)(make, parts), strict=True):
            made.append(done)
            progress(number * len(rows) + start + len(part), passes * len(rows), part[-1].path.name)
            if start + len(part) == len(rows):
                _write(made, folder, number)
                made = []


def available(folder: Path) -> list[BankPass]:
    """The finished passes, memory-mapped."""
    return [BankPass(*(np.load(path / f"{name}.npy", mmap_mode="r") for name in _NAMES)) for path in sorted(folder.glob("pass-*"))]


def _write(parts: list[BankPass], folder: Path, number: int) -> None:
    unfinished = folder / f"partial-{number}"
    unfinished.mkdir(exist_ok=True)
    for name in _NAMES:
        np.save(unfinished / f"{name}.npy", np.concatenate([getattr(part, name) for part in parts]))
    unfinished.rename(folder / f"pass-{number}")


def _part(features: LogMel, yamnet: Path | None, seed: int, part: tuple[int, int, list[Row]]) -> BankPass:
    """Some rows of a pass. The first pass leaves the sounds as they are, so that it shows what search will see."""
    number, start, rows = part
    teacher = Yamnet(yamnet) if yamnet else None
    shape = (features.frames, features.mel_bands)
    shapes = (len(rows), *shape), (len(rows), IMITATIONS, *shape), (len(rows), Yamnet.DIMENSIONS)
    made = BankPass(*(np.zeros(each, np.float16) for each in shapes))
    for i, row in enumerate(rows):
        rng = np.random.default_rng([seed, number, start + i])
        clip = read(row.path, max_duration_s=15)
        if clip.peak == 0:
            raise AudioError(f"{row.path}: silent; take it out of the training rows")
        variant = augmented(clip, rng, features.duration_s) if number else Clip(clip.mono()[None], clip.sample_rate_hz)
        made.audio[i] = features(variant).numpy()
        if teacher is not None:
            made.teacher[i] = teacher.embed(variant)
        imitator = Imitator(clip)
        for v in range(IMITATIONS):
            made.voice[i, v] = features(imitator.draw(rng)).numpy()
    return made
