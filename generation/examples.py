"""What a training step of the diffusion transformer learns from: batches drawn from stored latents, controls and queries.

A batch is drawn from the seed and the number of its step alone, so that other processes can draw ahead and a resumed run draws the same.
B batch, C channels, L latents, T tokens, W width of a token, D dimensions of a query vector.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from clvap.audio import SAMPLE_RATE_HZ
from clvap.query import Query
from generation.analysis import RATIO
from generation.conditioning import StackedQueries, stacked
from generation.latents import Item, Latents
from generation.model import DiffusionConfig
from generation.queries import Queries
from generation.train import Schedule
from generation.windows import Dropout, Windows, cut

_USUAL_LENGTH, _SHORTEST, _FEWEST = 64, 48, 4


class Batch(NamedTuple):
    """What one step learns from.

    latents: (B, C, L), unit deviation
    queries: of B rows
    controls: (B, 7, L), as `Controls.stacked`
    seconds: (B,), how long each sound is
    name: which sounds, for a message

    Half precision until it is on its device, since that is how all of it is stored.
    """

    latents: Tensor
    queries: StackedQueries
    controls: Tensor
    seconds: Tensor
    name: str

    def to(self, device: torch.device | str) -> Batch:
        """The same in single precision on a device."""

        def there(part: Tensor) -> Tensor:
            moved = part.to(device, non_blocking=True)
            return moved.float() if moved.is_floating_point() else moved

        queries = StackedQueries(*map(there, self.queries))
        return Batch(there(self.latents), queries, there(self.controls), there(self.seconds), self.name)


class Row(NamedTuple):
    """One window: latents (L, C), query or None, controls (7, L), seconds."""

    latents: np.ndarray
    query: Query | None
    controls: np.ndarray
    seconds: float


class Examples:
    """Draws batches. Origins are drawn in fixed shares, so that a large pack of footsteps does not outweigh the rest.

    latents, queries: of the same sounds; queries None to train without any
    origins: where each sound is from; kinds: what each is, such as its caption
    shares: of each origin
    """

    def __init__(
        self,
        latents: Latents,
        queries: Queries | None,
        origins: Sequence[str],
        kinds: Sequence[str],
        shares: dict[str, float],
        sizes: DiffusionConfig,
        dropout: Dropout,
        windows: Windows,
    ):
        self._latents, self._queries, self._sizes = latents, queries, sizes
        self._windows, self._dropout = windows, dropout
        self._by_origin: dict[str, list[Item]] = {}
        for item in latents.items:
            self._by_origin.setdefault(origins[item.sound], []).append(item)
        kin: dict[tuple[str, str], list[int]] = {}
        for sound, key in enumerate(zip(origins, kinds, strict=True)):
            kin.setdefault(key, []).append(sound)
        self._kin = [kin[key] for key in zip(origins, kinds, strict=True)]
        weights = np.array([shares[origin] for origin in self._by_origin])
        self._shares = weights / weights.sum()

    def draw(self, rng: np.random.Generator, size: int) -> Batch:
        """A batch of windows of one length; of long windows there are fewer, so that every step costs about the same."""
        length = int(rng.choice(self._windows.lengths, p=self._windows.shares))
        size = max(size * _USUAL_LENGTH // max(length, _SHORTEST), _FEWEST)
        origins = rng.choice(list(self._by_origin), p=self._shares, size=size)
        chosen = [self._by_origin[origin][int(rng.integers(len(self._by_origin[origin])))] for origin in origins]
        rows = [self._row(item, length, rng) for item in chosen]
        latents = torch.from_numpy(np.stack([row.latents for row in rows]).astype(np.float16)).transpose(1, 2).contiguous()
        controls = torch.from_numpy(np.stack([row.controls for row in rows])).half()
        seconds = torch.tensor([row.seconds for row in rows], dtype=torch.float32)
        queries = stacked([row.query for row in rows], self._sizes.tokens, self._sizes.token_width, self._sizes.dimension)
        queries = queries._replace(tokens=queries.tokens.half(), vectors=queries.vectors.half())
        return Batch(latents, queries, controls, seconds, f"of sounds {[item.sound for item in chosen]}")

    def _row(self, item: Item, length: int, rng: np.random.Generator) -> Row:
        latents, curves = self._latents.latents(item), self._latents.controls(item)
        window = cut(latents, curves, item.content, self._latents.silence, length, self._dropout, rng)
        return Row(window.latents, self._query(item, rng), window.controls.stacked(), window.content * RATIO / SAMPLE_RATE_HZ)

    def _query(self, item: Item, rng: np.random.Generator) -> Query | None:
        if self._queries is None or rng.random() < self._dropout.query:
            return None
        sound = item.sound
        if rng.random() < self._dropout.own_query:
            sound = int(rng.choice(self._kin[sound]))
        return self._queries.draw(sound, rng)


class Steps(Dataset):
    """The batch of every step by its number."""

    def __init__(self, examples: Examples, schedule: Schedule):
        self._examples, self._schedule = examples, schedule

    def __len__(self) -> int:
        return self._schedule.steps

    def __getitem__(self, step: int) -> Batch:
        return self._examples.draw(np.random.default_rng([self._schedule.seed, step]), self._schedule.batch)


def batches(examples: Examples, schedule: Schedule, first: int) -> Iterator[Batch]:
    """Batches of the steps from `first` on, drawn ahead by `schedule.workers` other processes where there are any."""
    steps = range(first, schedule.steps)
    pinned = schedule.device_name == "cuda"
    return iter(DataLoader(Steps(examples, schedule), batch_size=None, sampler=steps, num_workers=schedule.workers, pin_memory=pinned))
