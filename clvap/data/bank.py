"""Spectrograms to train on, made once: each pass holds a variant and some imitations of every row.

Passes are independent files, so training starts on the first while the next are being made, and a kill loses one pass.
R rows, V imitations a row, F frames, M mel bands, E teacher dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
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


@dataclass(frozen=True)
class BankPass:
    """One pass over the rows.

    audio: float16 (R, F, M); voice: float16 (R, V, F, M); teacher: float16 (R, E), zero where there is none
    """

    audio: np.ndarray
    voice: np.ndarray
    teacher: np.ndarray


def build(rows: list[Row], folder: Path, passes: int, features: LogMel, teacher: Yamnet | None, seed: int = 0, progress: Progress = silent) -> None:
    """Make the passes that are not there yet. Raises AudioError for a row that cannot be read."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(passes):
        if (folder / f"pass-{number}").exists():
            continue
        made = _one_pass(rows, np.random.default_rng([seed, number]), features, teacher, number == 0, partial(_of_all, progress, number, passes))
        unfinished = folder / f"partial-{number}"
        unfinished.mkdir(exist_ok=True)
        for name in ("audio", "voice", "teacher"):
            np.save(unfinished / f"{name}.npy", getattr(made, name))
        unfinished.rename(folder / f"pass-{number}")


def available(folder: Path) -> list[BankPass]:
    """The finished passes, memory-mapped."""
    return [BankPass(*(np.load(path / f"{name}.npy", mmap_mode="r") for name in ("audio", "voice", "teacher"))) for path in sorted(folder.glob("pass-*"))]


def _of_all(progress: Progress, number: int, passes: int, done: int, total: int, what: str) -> None:
    """Progress within one pass as progress over all of them."""
    progress(number * total + done, passes * total, what)


def _one_pass(rows: list[Row], rng: np.random.Generator, features: LogMel, teacher: Yamnet | None, plain: bool, progress: Progress) -> BankPass:
    """`plain` leaves the sounds as they are, so that the first pass shows what search will see."""
    shape = (features.frames, features.mel_bands)
    shapes = (len(rows), *shape), (len(rows), IMITATIONS, *shape), (len(rows), Yamnet.DIMENSIONS)
    made = BankPass(*(np.zeros(each, np.float16) for each in shapes))
    for i, row in enumerate(rows):
        clip = read(row.path, max_duration_s=15)
        if clip.peak == 0:
            raise AudioError(f"{row.path}: silent; take it out of the training rows")
        variant = Clip(clip.mono()[None], clip.sample_rate_hz) if plain else augmented(clip, rng, features.duration_s)
        made.audio[i] = features(variant).numpy()
        if teacher is not None:
            made.teacher[i] = teacher.embed(variant)
        imitator = Imitator(clip)
        for v in range(IMITATIONS):
            made.voice[i, v] = features(imitator.draw(rng)).numpy()
        progress(i + 1, len(rows), row.path.name)
    return made
