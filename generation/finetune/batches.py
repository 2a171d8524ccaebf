"""Batches by number: the same number is always the same batch, so a run that goes on after a kill meets what it would have met.

B batch, C channels, L latents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from clvap.training.guard import TrainingError
from generation.conditioning import CONTROLS_KEY, TOKENS_KEY
from generation.controls import absent
from generation.finetune.store import Store
from generation.queries import Queries
from generation.windows import Dropout, Windows, cut

if TYPE_CHECKING:
    from stable_audio_tools.models.diffusion import ConditionedDiffusionModelWrapper

PATH_KEY = "path"
_KNOWN = (TOKENS_KEY, CONTROLS_KEY, "prompt", "seconds_start", "seconds_total")

Batch = tuple[Tensor, list[dict[str, Any]]]
"""What the engine's wrapper trains on: latents (B, C, L) and one dict of conditioning a row."""


@dataclass(frozen=True)
class Heard:
    """What rows of a batch tell the model of their sound.

    queries: None where the model hears no CLVAP
    controls: whether it hears the sound's own curves
    whole: whether `seconds_total` is the file's length, and `seconds_start` where the window begins, as the published models know it; else the window's
    rate_hz: latents a second
    """

    queries: Queries | None
    controls: bool
    whole: bool
    rate_hz: float

    @classmethod
    def of(cls, model: ConditionedDiffusionModelWrapper, queries: Queries | None, controls: bool) -> Heard:
        """For a model. Raises TrainingError when it wants to be told something that a pack cannot tell."""
        asked = {*model.conditioner.conditioners, *model.input_concat_ids}
        if unknown := sorted(asked - set(_KNOWN) - set(model.conditioner.default_keys)):
            raise TrainingError(f"the model is conditioned on {', '.join(unknown)}, which a folder does not tell; choose a model of words and seconds")
        return cls(queries, controls, "seconds_start" in asked, model.sample_rate / model.pretransform.downsampling_ratio)


class Batches(Dataset):
    """Batches of windows of one length; `batches[n]` depends on nothing but n and the seed."""

    def __init__(self, store: Store, numbers: Sequence[int], heard: Heard, windows: Windows, dropout: Dropout, size: int, seed: int, shuffled: bool = True):
        self._store, self._numbers, self._heard = store, np.asarray(numbers), heard
        self._windows, self._dropout, self._size, self._seed, self._shuffled = windows, dropout, size, seed, shuffled

    def __len__(self) -> int:
        """Batches an epoch."""
        return -(-len(self._numbers) // self._size)

    def __getitem__(self, number: int) -> Batch:
        rng = np.random.default_rng([self._seed, number])
        length = int(rng.choice(self._windows.lengths, p=self._windows.shares))
        rows = [self._row(sound, length, rng) for sound in self._sounds(number)]
        latents = torch.from_numpy(np.stack([row[0] for row in rows])).transpose(1, 2).contiguous()
        return latents, [row[1] for row in rows]

    def _sounds(self, number: int) -> list[int]:
        """Sound numbers of a batch: the next ones of an order drawn anew every epoch. In order, the last batch may be smaller."""
        places = range(number * self._size, (number + 1) * self._size)
        if not self._shuffled:
            return [int(self._numbers[place]) for place in places if place < len(self._numbers)]
        count = len(self._numbers)
        orders = {epoch: np.random.default_rng([self._seed, 1, epoch]).permutation(self._numbers) for epoch in {place // count for place in places}}
        return [int(orders[place // count][place % count]) for place in places]

    def _row(self, sound: int, length: int, rng: np.random.Generator) -> tuple[np.ndarray, dict[str, Any]]:
        item, store, heard = self._store.items[sound], self._store, self._heard
        window = cut(store.latents(sound), store.controls(sound), item.length, store.silence, length, self._dropout, rng)
        query = None if heard.queries is None or rng.random() < self._dropout.query else heard.queries.draw(sound, rng)
        told = {
            TOKENS_KEY: query,
            CONTROLS_KEY: window.controls if heard.controls else absent(length),
            "prompt": item.caption,
            "seconds_start": window.start / heard.rate_hz if heard.whole else 0.0,
            "seconds_total": (item.length if heard.whole else window.content) / heard.rate_hz,
            "padding_mask": [torch.ones(length, dtype=torch.bool)],
            PATH_KEY: item.path,
        }
        return window.latents, told


class Numbers(Sampler[int]):
    """Batch numbers of one process of several: `total` of them, from the `begin()`th on. Its length stays `total`, as Lightning counts a resumed run."""

    def __init__(self, total: int, begin: Callable[[], int] = lambda: 0, rank: int = 0, processes: int = 1):
        self._total, self._begin, self._rank, self._processes = total, begin, rank, processes

    def __len__(self) -> int:
        return self._total

    def __iter__(self) -> Iterator[int]:
        return (number * self._processes + self._rank for number in range(self._begin(), self._total))


def loader(batches: Batches, numbers: Numbers) -> DataLoader:
    """Batches as Lightning takes them."""
    return DataLoader(batches, batch_size=None, sampler=numbers)
