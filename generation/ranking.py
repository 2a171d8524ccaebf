"""The order in which takes are shown. N takes, D dimensions of CLVAP."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SAME = 0.99


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


def best(ranked: Sequence[int], count: int, always: Sequence[int] = ()) -> list[int]:
    """The first `count` of a ranking, and those of `always` in place of the last, in the order of the ranking."""
    others = [number for number in ranked if number not in always][: count - len(always)]
    return [number for number in ranked if number in always or number in others]
