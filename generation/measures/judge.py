"""Real sound as the judge, and whether it takes made sound for the class that was asked.

The judge is YAMNet with a linear classifier on real clips of ESC-50 folds 1 to 3; it taught neither autoencoder nor transformer.
N sounds, E = 1 024 embedding dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clvap.audio import read, trim
from clvap.data.rows import Row
from clvap.data.yamnet import Yamnet
from clvap.progress import Progress, silent

ESC10 = ("chainsaw", "clock_tick", "crackling_fire", "crying_baby", "dog", "helicopter", "rain", "rooster", "sea_waves", "sneezing")
_RIDGE = 0.3


@dataclass(frozen=True)
class Embedded:
    """Sounds as YAMNet or another model hears them.

    vectors: float32 (N, E)
    classes: of each sound
    sources: of each sound, the recordings it was made from
    """

    vectors: np.ndarray
    classes: list[str]
    sources: list[frozenset[str]]

    def __len__(self) -> int:
        return len(self.classes)

    def of(self, classes: Sequence[str]) -> Embedded:
        """Only sounds of these classes."""
        kept = [number for number, one in enumerate(self.classes) if one in classes]
        return Embedded(self.vectors[kept], [self.classes[number] for number in kept], [self.sources[number] for number in kept])


def category(row: Row) -> str:
    """The ESC-50 class of a row."""
    return row.label.removeprefix("esc50/")


def embedded(yamnet: Yamnet, rows: Sequence[Row], progress: Progress = silent) -> Embedded:
    """Files of ESC-50, trimmed of silence."""
    vectors = []
    for number, row in enumerate(rows):
        vectors.append(yamnet.embed(trim(read(row.path))))
        progress(number + 1, len(rows), "real sound")
    return Embedded(np.stack(vectors), [category(row) for row in rows], [frozenset({row.source}) for row in rows])


class Judge:
    """A linear classifier over unit embeddings."""

    def __init__(self, classes: list[str], weights: np.ndarray, mean: np.ndarray):
        self.classes, self._weights, self._mean = classes, weights, mean

    @classmethod
    def trained(cls, real: Embedded) -> Judge:
        """Ridge regression onto the classes of `real`."""
        x, classes = _unit(real.vectors), sorted(set(real.classes))
        targets = np.eye(len(classes))[[classes.index(one) for one in real.classes]]
        centred = x - x.mean(axis=0)
        weights = np.linalg.solve(centred.T @ centred + _RIDGE * np.eye(x.shape[1]), centred.T @ (targets - targets.mean(axis=0)))
        return cls(classes, weights, x.mean(axis=0))

    def places(self, vectors: np.ndarray, classes: Sequence[str]) -> np.ndarray:
        """Where in the judge's order the right class of each sound stands, 0 for the first: int (N,)."""
        scores = (_unit(vectors) - self._mean) @ self._weights
        right = scores[np.arange(len(scores)), [self.classes.index(one) for one in classes]]
        return (scores > right[:, None]).sum(axis=1)


def nearest(vectors: np.ndarray, real: Embedded) -> np.ndarray:
    """Cosine of each sound to the real one most like it, (N,)."""
    return (_unit(vectors) @ _unit(real.vectors).T).max(axis=1)


def nearest_classes(vectors: np.ndarray, real: Embedded) -> list[str]:
    """Class of the real sound most like each sound."""
    return [real.classes[place] for place in (_unit(vectors) @ _unit(real.vectors).T).argmax(axis=1)]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
