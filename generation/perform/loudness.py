"""Loudness drawn to a gesture's."""

from __future__ import annotations

import numpy as np

from clvap.audio import SAMPLE_RATE_HZ, Clip
from clvap.contours import HOP, Contours, extract, resample_curve

_MOST_CUT_DB = 60.0
_SILENT_DB = -60.0
_HEARD_DB = -45.0
_LEAST_MOVEMENT_DB = 1.0
_MOST_STRETCH = 2.0


def follow_loudness(clip: Clip, gesture: Contours, amount: float, most_boost_db: float = 15.0, passes: int = 1) -> Clip:
    """The clip with its loudness drawn toward the gesture's, stretched over its length; `amount` from 0 (as it is) to 1.

    Both are compared relative to their own loudest moment.

    most_boost_db: keeps silence from being turned into noise
    passes: how often the gain is corrected by what it did; frames overlap, so at a sudden change one is a little off
    """
    if amount <= 0:
        return clip
    actual, wanted = _compared(clip, gesture, _SILENT_DB)
    return _brought(clip, actual + amount * (wanted - actual), _SILENT_DB, amount, most_boost_db, passes)


def sway_loudness(clip: Clip, gesture: Contours, amount: float, most_boost_db: float = 15.0, passes: int = 1) -> Clip:
    """As `follow_loudness`, but the clip keeps its own range: a gesture's movement is made as wide as the clip's where it is narrower, up to twice.

    A mouth flattens what it imitates, and the room fills its pauses. Taken at its word it would fill those of the clip, too.
    """
    if amount <= 0:
        return clip
    actual, wanted = _compared(clip, gesture, _HEARD_DB)
    stretch = np.clip(actual.std() / max(wanted.std(), _LEAST_MOVEMENT_DB), 1.0, _MOST_STRETCH)
    target = actual + amount * (actual.mean() + stretch * (wanted - wanted.mean()) - actual)
    return _brought(clip, _relative(target, _HEARD_DB), _HEARD_DB, amount, most_boost_db, passes)


def _compared(clip: Clip, gesture: Contours, floor_db: float) -> tuple[np.ndarray, np.ndarray]:
    """Loudness of the clip and of the gesture over its length, (F,) each."""
    actual = _relative(extract(clip).loudness_db, floor_db)
    return actual, _relative(resample_curve(gesture.loudness_db, len(actual)), floor_db)


def _brought(clip: Clip, target_db: np.ndarray, floor_db: float, amount: float, most_boost_db: float, passes: int) -> Clip:
    """The clip with the loudness (F,) asked for, under its loudest moment, as far as its gain may go."""
    gain_db, shaped = np.zeros_like(target_db), clip
    for _ in range(passes):
        off_db = target_db - _relative(extract(shaped).loudness_db, floor_db)
        gain_db = np.clip(gain_db + off_db, -amount * _MOST_CUT_DB, amount * most_boost_db)
        shaped = _gained(clip, gain_db)
    return shaped


def _relative(loudness_db: np.ndarray, floor_db: float) -> np.ndarray:
    """A loudness curve under its own loudest moment."""
    return np.maximum(loudness_db - loudness_db.max(), floor_db)


def _gained(clip: Clip, gain_db: np.ndarray) -> Clip:
    """The clip with a gain of (F,) contour frames, straight in dB from one to the next."""
    centres = (np.arange(len(gain_db)) + 0.5) * HOP * clip.sample_rate_hz / SAMPLE_RATE_HZ
    gain = 10 ** (np.interp(np.arange(clip.samples.shape[1]), centres, gain_db) / 20)
    return Clip((clip.samples * gain).astype(np.float32), clip.sample_rate_hz)
