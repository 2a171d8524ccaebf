"""Which of several candidates becomes a take, and the order in which takes are shown. N takes, D dimensions of CLVAP."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SAME = 0.99
FOLLOWING = 0.5
"""How much the correlation of loudness with the gesture's counts beside the cosine to the query; chosen on clips of ESC-50 that their licence keeps
out of training."""


def merit(likeness: float, following: float | None) -> float:
    """What a candidate is chosen by: its likeness to the query, a cosine, and, for a gesture, the correlation of their loudness."""
    return likeness + FOLLOWING * (following or 0.0)


def choose(merits: Sequence[float], vectors: np.ndarray, taken: Sequence[np.ndarray] = (), same: float = SAME) -> int:
    """Number of the best candidate; of those that hardly differ from a take there is already, only where there is no other.

    merits: (N,), higher is better
    vectors: unit vectors of the candidates, (N, D); of those taken, (D,) each
    """
    return max(range(len(merits)), key=lambda number: (not any(vectors[number] @ other >= same for other in taken), merits[number]))


def order(scores: Sequence[float], vectors: np.ndarray, same: float = SAME) -> list[int]:
    """Numbers of the takes, best first; one that hardly differs from a better one comes after all that do.

    scores: (N,), higher is better
    vectors: unit vectors of the takes, (N, D)
    same: cosine from which two takes count as one
    """
    fresh: list[int] = []
    repeated: list[int] = []
    for number in np.argsort(-np.asarray(scores), kind="stable").tolist():
        known = any(vectors[number] @ vectors[other] >= same for other in fresh)
        (repeated if known else fresh).append(number)
    return fresh + repeated
