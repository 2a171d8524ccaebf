"""What a search learns from earlier choices: a sound that was taken for one gesture fits the next gesture like it, and so do sounds like that sound.

A mouth makes the same thing alike each time, more alike than it is to any sound; so what somebody chose before says what no training can.
The query stays as it is, unlike in relevance feedback (Rocchio 1971): every choice counts by how near its query is to this one, and most count nothing.
N sounds, P lessons, D dimensions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

_MOST = 8
_SAME_QUERY = (0.75, 0.95)  # cosine of two queries from which a lesson counts, and from which in full
_UNLIKE = 0.3  # cosine of two sounds that says nothing
"""These, and how much a lesson counts in a search, were chosen on clips of ESC-50 that their licence keeps out of training."""


@dataclass(frozen=True)
class Lesson:
    """A sound that was taken.

    asked: unit vector of the query it was taken for, (D,), by the model of the library
    sound: its path in the library
    """

    asked: np.ndarray
    sound: str

    def share(self, query: np.ndarray) -> float:
        """How far it counts for another query, a unit vector (D,): 0 (not at all) to 1."""
        low, high = _SAME_QUERY
        return float(np.clip((self.asked @ query - low) / (high - low), 0, 1)) if self.asked.shape == query.shape else 0.0


def applying(query: np.ndarray, lessons: Iterable[Lesson]) -> dict[str, float]:
    """The sounds of the lessons that count most for a query (D,), by path, with how far."""
    shares: dict[str, float] = {}
    for lesson in lessons:
        shares[lesson.sound] = max(shares.get(lesson.sound, 0.0), lesson.share(query))
    most = sorted(shares, key=shares.__getitem__, reverse=True)[:_MOST]
    return {sound: shares[sound] for sound in most if shares[sound] > 0}


@dataclass(frozen=True)
class Taught:
    """What lessons say of one query.

    shares: how far each counts, (P,), 0 to 1
    sounds: unit vectors of their sounds, (P, D)
    """

    shares: np.ndarray
    sounds: np.ndarray

    def likeness(self, vectors: np.ndarray) -> np.ndarray:
        """How much sounds of unit vectors (N, D) are what was taken for such a query, (N,), 0 to 1."""
        near = np.clip((vectors @ self.sounds.T - _UNLIKE) / (1 - _UNLIKE), 0, 1)
        return (near * self.shares).max(axis=1)
