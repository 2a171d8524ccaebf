"""What a sound could have been as well: latents in another colour, with another course of loudness, with their bands moved.

A model that sees few sounds many times learns by heart which curve belongs to which of them. Since latents are worked out (see
`generation.analysis`), all three are plain sums in their bands, drawn anew for every window at no cost.
L latents, C channels, M mel bands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generation import spectrum
from generation.controls import RANGE_DB

_FLOOR = spectrum.FLOOR**2
_WAVES = 4  # slow waves over the bands that a colour is made of
_KNOTS = (3, 24)  # latents between two turns of a course of loudness, at least and at most


@dataclass(frozen=True)
class Variety:
    """Shares of windows, 0 to 1, and how far they are changed.

    colour, colour_db: a smooth curve over the spectrum, as of another microphone or room; its deviation
    course, course_db: another course of loudness, which the loudness curve follows; its deviation
    shift, shift_bands: all bands moved up or down by as many at most, where there is no pitch
    """

    colour: float = 0.0
    colour_db: float = 3.0
    course: float = 0.0
    course_db: float = 8.0
    shift: float = 0.0
    shift_bands: int = 3

    @property
    def any(self) -> bool:
        """Whether anything is ever changed."""
        return self.colour + self.course + self.shift > 0


class Varied:
    """Draws variants of latents whose first M channels are bands of this mean and deviation, (M,) each, in nats."""

    def __init__(self, variety: Variety, mean: np.ndarray, deviation: np.ndarray):
        self._variety, self._mean, self._deviation = variety, mean, deviation

    def __call__(self, latents: np.ndarray, curves: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Latents (L, C) and curves (4, L), see `Controls`, to such of another variant of the sound. Silence stays silent."""
        variety, bands = self._variety, len(self._mean)
        if not variety.any:
            return latents, curves
        power = np.maximum(np.exp(latents[:, :bands] * self._deviation + self._mean) - _FLOOR, 0)
        if rng.random() < variety.shift and not curves[3].any():
            power = _moved(power, int(rng.integers(-variety.shift_bands, variety.shift_bands + 1)))
        if rng.random() < variety.colour:
            power = _coloured(power, variety.colour_db, rng)
        if rng.random() < variety.course:
            course_db = _course(len(power), variety.course_db, rng)
            curves, course_db = _followed(curves, course_db)
            power = power * 10 ** (course_db[:, None] / 10)
        varied = (np.log(power + _FLOOR) - self._mean) / self._deviation
        return np.concatenate([varied.astype(np.float32), latents[:, bands:]], axis=1), curves


def _moved(power: np.ndarray, bands: int) -> np.ndarray:
    """Every band from the one `bands` below it, the outermost repeated."""
    return power[:, np.clip(np.arange(power.shape[1]) - bands, 0, power.shape[1] - 1)]


def _coloured(power: np.ndarray, deviation_db: float, rng: np.random.Generator) -> np.ndarray:
    """Power (L, M) under a smooth curve over the bands, as much in all as before."""
    waves = np.cos(np.pi * np.arange(1, _WAVES + 1)[:, None] * (np.arange(power.shape[1]) + 0.5) / power.shape[1])
    gain = 10 ** (rng.normal(0, deviation_db * (2 / _WAVES) ** 0.5, _WAVES) @ waves / 10)
    coloured = power * gain
    return coloured * (power.sum() / max(coloured.sum(), _FLOOR))


def _course(latents: int, deviation_db: float, rng: np.random.Generator) -> np.ndarray:
    """A random course in dB (L,): straight lines between levels at even distances."""
    apart = np.exp(rng.uniform(*np.log(_KNOTS)))
    at = np.arange(latents) / apart + rng.random()
    levels = rng.normal(0, deviation_db, int(at[-1]) + 2)
    return np.interp(at, np.arange(len(levels)), levels)


def _followed(curves: np.ndarray, course_db: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Curves whose loudness follows a course, and that course moved so that the loudest stays as loud as it was."""
    loudness_db = (curves[0] - 1) * (RANGE_DB / 2)
    heard = loudness_db > -RANGE_DB
    if not heard.any():
        return curves, np.zeros_like(course_db)
    course_db = course_db - (loudness_db + course_db)[heard].max() + loudness_db[heard].max()
    followed = curves.copy()
    followed[0] = np.where(heard, np.clip(loudness_db + course_db, -RANGE_DB, 0) / (RANGE_DB / 2) + 1, -1)
    return followed, course_db
