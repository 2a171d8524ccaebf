"""Means that say how sure they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A mean over questions.

    mean: each class counts the same, however often it was asked
    error: standard error of the mean
    n: questions
    """

    mean: float
    error: float
    n: int


def estimate(values: Sequence[float], classes: Sequence[str]) -> Estimate:
    """Mean of a value a question over classes of unequal size. Raises ValueError when there is none."""
    if not len(values):
        raise ValueError("no question has such a value; ask about more classes")
    values = np.asarray(values, dtype=float)
    asked = Counter(classes)
    weights = np.array([1 / (len(asked) * asked[one]) for one in classes])
    mean = float(weights @ values)
    spread = float(((weights * (values - mean)) ** 2).sum())
    return Estimate(round(mean, 4), round((spread * len(values) / max(len(values) - 1, 1)) ** 0.5, 4), len(values))


def known(values: Sequence[float | None], classes: Sequence[str]) -> Estimate | None:
    """The same of the questions that have a value; None where none has."""
    pairs = [(value, name) for value, name in zip(values, classes, strict=True) if value is not None]
    return estimate(*zip(*pairs, strict=True)) if pairs else None
