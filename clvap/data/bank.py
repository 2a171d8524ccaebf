"""Spectrograms to train on, made once: each pass holds a variant and some imitations of every row.

Passes are independent files, so training starts on the first while the next are being made, and a kill loses one pass.
R rows, V imitations a row, E teacher dimensions.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from clvap.audio import AudioError, Clip, read, read_gesture
from clvap.data.augment import augmented
from clvap.data.manifests import Row
from clvap.data.vocalize import Imitator
from clvap.data.workers import processes
from clvap.data.yamnet import Yamnet
from clvap.encoders.frontends import FrontEnd
from clvap.progress import Progress, silent

_PART = 64
_NAMES = ("audio", "voice", "teacher")


@dataclass(frozen=True)
class BankPass:
    """One pass over the rows.

    audio: float16 (R, ...), as the audio tower's front end makes it; voice: float16 (R, V, ...), as the voice tower's does
    teacher: float16 (R, E), zero where there is none
    """

    audio: np.ndarray
    voice: np.ndarray
    teacher: np.ndarray


def build(
    rows: list[Row], folder: Path, passes: int, features: FrontEnd, yamnet: Path | None, seed: int = 0, progress: Progress = silent, workers: int = 1,
    of_voice: FrontEnd | None = None, imitations: int = 2,
) -> None:
    """Make the passes that are not there yet, in `workers` processes. Raises AudioError for a row that cannot be read.

    features: what the audio tower hears; of_voice: what the voice tower hears where that is another; imitations: V, the first of them the
    row's recorded one where it has one, the others the vocaliser's
    """  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    absent = _absent(folder, passes)
    parts = [(number, start, rows[start : start + _PART]) for number in absent for start in range(0, len(rows), _PART)]
    make = partial(_part, (features, of_voice or features), imitations, yamnet, seed)
    made: list[BankPass] = []
    with processes(workers) if workers > 1 else nullcontext() as pool:
        for (number, start, part), done in zip(parts, (pool.map if pool else map)(make, parts), strict=True):
            made.append(done)
            progress(number * len(rows) + start + len(part), passes * len(rows), part[-1].path.name)
            if start + len(part) == len(rows):
                _write(made, folder, number)
                made = []


def available(folder: Path) -> list[BankPass]:
    """The finished passes, memory-mapped."""
    return [BankPass(*(np.load(path / f"{name}.npy", mmap_mode="r") for name in _NAMES)) for path in sorted(folder.glob("pass-*"))]


def complete(folder: Path, passes: int) -> bool:
    """Whether all the passes are there."""
    return not _absent(folder, passes)


def _absent(folder: Path, passes: int) -> list[int]:
    return [number for number in range(passes) if not (folder / f"pass-{number}").exists()]


def _write(parts: list[BankPass], folder: Path, number: int) -> None:
    unfinished = folder / f"partial-{number}"
    unfinished.mkdir(exist_ok=True)
    for name in _NAMES:
        np.save(unfinished / f"{name}.npy", np.concatenate([getattr(part, name) for part in parts]))
    unfinished.rename(folder / f"pass-{number}")


def _part(
    features: tuple[FrontEnd, FrontEnd], imitations: int, yamnet: Path | None, seed: int, part: tuple[int, int, list[Row]]
) -> BankPass:
    """Some rows of a pass. The first pass leaves the sounds as they are, so that it shows what search will see."""
    number, start, rows = part
    teacher = Yamnet(yamnet) if yamnet else None
    of_audio, of_voice = features
    audio, voice, taught = [], [], np.zeros((len(rows), Yamnet.DIMENSIONS), np.float16)
    for i, row in enumerate(rows):
        rng = np.random.default_rng([seed, number, start + i])
        clip = read(row.path, max_duration_s=15)
        if clip.peak == 0:
            raise AudioError(f"{row.path}: silent; take it out of the training rows")
        variant = augmented(clip, rng, of_audio.duration_s) if number else Clip(clip.mono()[None], clip.sample_rate_hz)
        audio.append(of_audio(variant).numpy().astype(np.float16))
        if teacher is not None:
            taught[i] = teacher.embed(variant)
        voice += [of_voice(one).numpy().astype(np.float16) for one in _imitated(row, clip, imitations, number, rng, of_voice.duration_s)]
    voices = np.stack(voice).reshape(len(rows), imitations, *voice[0].shape) if imitations else np.zeros((len(rows), 0), np.float16)
    return BankPass(np.stack(audio), voices, taught)


def _imitated(row: Row, clip: Clip, count: int, number: int, rng: np.random.Generator, seconds: float) -> list[Clip]:
    """`count` imitations of a row for a pass: its recorded one, as another recording of it from the second pass on, then the vocaliser's."""
    made = []
    if row.imitation and count:
        recorded = read_gesture(row.imitation)
        made.append(augmented(recorded, rng, seconds) if number else recorded)
    imitator = Imitator(clip) if len(made) < count else None
    return made + [imitator.draw(rng) for _ in range(count - len(made))]
