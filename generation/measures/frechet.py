"""Frechet distance of made sound to real sound, as a ratio to that of real sound to other real sound.

Frechet audio distance (Kilgour et al. 2019, arXiv:1812.08466) over the embeddings of a judge. There are tens of sounds, not thousands, so
the embeddings are projected on the first principal components of real sound and covariances are shrunk (Ledoit and Wolf 2004).
What bias is left is the same above and below the line, since both sides of the ratio compare sets of the same sizes.
N sounds, E embedding dimensions, K components.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from sklearn.covariance import ledoit_wolf
from sklearn.decomposition import PCA

from generation.measures.judge import Embedded

COMPONENTS = 32
_HALVINGS = 16
_FEWEST = 8


@dataclass(frozen=True)
class Ratio:
    """How far made sound is from real sound.

    ratio: 1 is as near as other real sound
    made, real: mean distances to one half of the real sounds, of made ones and of the other half
    size: fewest sounds on each side
    """

    ratio: float
    made: float
    real: float
    size: int


def components(real: np.ndarray) -> PCA:
    """The space to compare in, from real sounds (N, E); others than those compared, where there are enough."""
    return PCA(min(COMPONENTS, *real.shape), svd_solver="full").fit(real)


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Frechet distance of the normal distributions nearest to two sets (N, K)."""
    (first, _), (second, _) = ledoit_wolf(one), ledoit_wolf(other)
    root = scipy.linalg.sqrtm(first).real
    cross = np.sqrt(np.linalg.eigvalsh(root @ second @ root).clip(0)).sum()
    return float(((one.mean(axis=0) - other.mean(axis=0)) ** 2).sum() + np.trace(first) + np.trace(second) - 2 * cross)


def ratio(made: Embedded, real: Embedded, space: PCA, seed: int = 0) -> Ratio | None:
    """Mean over random halvings of the real sounds; None for fewer than 8 sounds a side.

    Both sides hold the same number of sounds of each class. Recordings stay whole, and no made sound is compared with one it was made from.
    """
    rng = np.random.default_rng(seed)
    made_at, real_at = space.transform(made.vectors), space.transform(real.vectors)
    above, below, sizes = [], [], []
    for _ in range(_HALVINGS):
        one, other = _halves(real, frozenset().union(*made.sources), rng)
        taken = frozenset().union(*(real.sources[number] for number in other))
        usable = [number for number, sources in enumerate(made.sources) if not sources & taken]
        chosen, peers = _alike([made.classes[number] for number in usable], [real.classes[number] for number in one], rng)
        if len(chosen) < _FEWEST:
            return None
        compared = {real.classes[one[place]] for place in peers}
        against = real_at[[number for number in other if real.classes[number] in compared]]
        above.append(distance(made_at[[usable[place] for place in chosen]], against))
        below.append(distance(real_at[[one[place] for place in peers]], against))
        sizes.append(len(chosen))
    return Ratio(round(float(np.mean(above) / np.mean(below)), 3), round(float(np.mean(above)), 3), round(float(np.mean(below)), 3), min(sizes))


def _halves(real: Embedded, first: frozenset[str], rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Rows of the two halves; each class has half of its recordings in each, those in `first` in the one half as far as they fit."""
    recordings: dict[str, dict[frozenset[str], list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, (category, sources) in enumerate(zip(real.classes, real.sources, strict=True)):
        recordings[category][sources].append(number)
    one: list[int] = []
    other: list[int] = []
    for of_class in recordings.values():
        groups = [list(of_class.items())[place] for place in rng.permutation(len(of_class))]
        groups.sort(key=lambda group: not group[0] & first)
        for place, (_, numbers) in enumerate(groups):
            (one if place < len(groups) / 2 else other).extend(numbers)
    return one, other


def _alike(one: Sequence[str], other: Sequence[str], rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Places in two lists of classes, as many of each class from either, as many as there are in both."""
    chosen: tuple[list[int], list[int]] = [], []
    for category in sorted(set(one) & set(other)):
        places = [[place for place, name in enumerate(names) if name == category] for names in (one, other)]
        size = min(map(len, places))
        for kept, of_class in zip(chosen, places, strict=True):
            kept.extend(rng.choice(of_class, size, replace=False))
    return chosen
