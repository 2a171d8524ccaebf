"""What mouths make of the sounds to train on: curves of imitations that keep the timing of the sound.

A model that only ever saw a sound's own curves takes a mouth's for those of the sound wanted, and makes a sound that is as bright, as
even and as hoarse as the mouth. Trained on a mouth's curves of each sound, it learns how far they tell anything of it.
N items, M imitations of each, L latents.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np

from clvap.audio import SAMPLE_RATE_HZ, AudioError, Clip, sounding
from clvap.contours import extract
from clvap.data.vocalize import Imitator
from clvap.data.workers import processes
from clvap.files import whole
from clvap.progress import Progress, silent
from generation.analysis import RATIO
from generation.controls import Controls, from_contours
from generation.latents import Item, Latents, Variant
from generation.sounds import Sounds

_SHARD = 256


class Mouths:
    """Curves of imitations: `mouths.draw(item, rng)` are (4, L), of one of the item's."""

    def __init__(self, folder: Path, shards: int):
        self._curves = np.concatenate([np.load(_shard(folder, number)) for number in range(shards)], axis=2)

    def draw(self, item: Item, rng: np.random.Generator) -> np.ndarray:
        curves = self._curves[int(rng.integers(len(self._curves)))]
        return curves[:, item.start : item.start + item.length].astype(np.float32)


def listen(
    sounds: Sounds, variants: Sequence[Variant], latents: Latents, folder: Path, count: int, seed: int = 0, workers: int = 1, progress: Progress = silent
) -> Mouths:
    """Imitate every item of `latents`, which are of these variants, `count` times in `workers` processes. Resumes shard by shard."""
    folder.mkdir(parents=True, exist_ok=True)
    shards = -(-len(variants) // _SHARD)
    absent = [number for number in range(shards) if not _shard(folder, number).exists()]
    spans = [range(number * _SHARD, min((number + 1) * _SHARD, len(variants))) for number in absent]
    work = [[(variants[place], latents.items[place], latents.controls(latents.items[place]), place) for place in span] for span in spans]
    make = partial(_imitated, sounds.folder, count, seed)
    with processes(workers) if workers > 1 and absent else nullcontext() as pool:
        for number, made in zip(absent, (pool.map if pool else map)(make, work), strict=True):
            with whole(_shard(folder, number)) as unfinished:
                np.save(unfinished, made)
            progress(min((number + 1) * _SHARD, len(variants)), len(variants), "imitating sounds")
    return Mouths(folder, shards)


def _imitated(folder: Path, count: int, seed: int, work: list[tuple[Variant, Item, np.ndarray, int]]) -> np.ndarray:
    """Curves of `count` imitations of some items, one item after the other: float16 (M, 4, L); the own curves of what is too short to be imitated."""
    sounds, made = Sounds(folder), []
    for variant, item, own, place in work:
        rng = np.random.default_rng([seed, place])
        clip = Clip(variant.of(sounds.wave(variant.sound))[None])
        try:
            imitator = Imitator(clip)
            start = round(sounding(clip)[0] * SAMPLE_RATE_HZ / RATIO)
            silence = Controls(np.zeros((len(own), 0), dtype=np.float32)).cut(0, item.length)
            curves = [from_contours(extract(imitator.draw(rng, loose=0.0))).within(silence, start).values for _ in range(count)]
        except AudioError:
            curves = [own] * count
        made.append(np.stack(curves).astype(np.float16))
    return np.concatenate(made, axis=2)


def _shard(folder: Path, number: int) -> Path:
    return folder / f"curves-{number}.npy"
