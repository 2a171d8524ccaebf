"""How well a sound follows a gesture: correlations of their curves. F frames, 43.07 a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter

from clvap.audio import Clip
from clvap.contours import Contours, extract, resample_curve

_FLOOR_DB = -45.0
_MEDIAN_FRAMES = 5
_LEAST_FRAMES = 5
_LEAST_MOVEMENT = 1e-3
_LEAST_SEMITONES = 1.0


@dataclass(frozen=True)
class Followed:
    """Means over the sounds of one question; None where there is nothing to follow."""

    loudness: float | None
    brightness: float | None


def followed(wanted: Contours, sounds: Sequence[Clip]) -> Followed:
    """How well sounds follow a gesture."""
    curves = [extract(clip) for clip in sounds]
    brightness = [brightness_correlation(wanted, one) for one in curves]
    return Followed(float(np.mean([loudness_correlation(wanted, one) for one in curves])), None if None in brightness else float(np.mean(brightness)))


def loudness_correlation(wanted: Contours, made: Contours) -> float:
    """Pearson correlation of two loudness curves in dB, each no lower than 45 dB under its loudest moment; 0 where one does not move.

    The second is stretched over the first.
    """
    curves = (wanted.loudness_db, resample_curve(made.loudness_db, len(wanted.loudness_db)))
    return _correlation(*(_floored(curve) for curve in curves))


def brightness_correlation(wanted: Contours, made: Contours) -> float | None:
    """Pearson correlation of two spectral centroids in semitones, where both sounds are within 45 dB of their loudest moment.

    A running median over five frames (0.12 s) takes out the grain of noise. None where the gesture's own brightness strays less
    than a semitone, which leaves nothing to follow, or is heard for fewer than five frames.
    """
    count = len(wanted.loudness_db)
    heard = _floored(wanted.loudness_db) > _FLOOR_DB
    both = heard & (_floored(resample_curve(made.loudness_db, count)) > _FLOOR_DB)
    first, second = (median_filter(curve, _MEDIAN_FRAMES, mode="nearest") for curve in (wanted.brightness, resample_curve(made.brightness, count)))
    if heard.sum() < _LEAST_FRAMES or first[heard].std() < _LEAST_SEMITONES:
        return None
    return _correlation(first[both], second[both]) if both.sum() >= _LEAST_FRAMES else 0.0


def _floored(loudness_db: np.ndarray) -> np.ndarray:
    return np.maximum(loudness_db - loudness_db.max(), _FLOOR_DB)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    if one.std() < _LEAST_MOVEMENT or other.std() < _LEAST_MOVEMENT:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
