"""Loudness drawn to a gesture's."""

from __future__ import annotations

import numpy as np

from clvap.audio import SAMPLE_RATE_HZ, Clip
from clvap.contours import HOP, Contours, extract, resample_curve

_MOST_CUT_DB = 60.0
_SILENT_DB = -60.0


def follow_loudness(clip: Clip, gesture: Contours, amount: float, most_boost_db: float = 15.0, passes: int = 1) -> Clip:
    """The clip with its loudness drawn toward the gesture's, stretched over its length; `amount` from 0 (as it is) to 1.

    Both are compared relative to their own loudest moment.

    most_boost_db: keeps silence from being turned into noise
    passes: how often the gain is corrected by what it did; frames overlap, so at a sudden change one is a little off
    """
    if amount <= 0:
        return clip
    actual = _relative(extract(clip).loudness_db)
    wanted = _relative(resample_curve(gesture.loudness_db, len(actual)))
    target = actual + amount * (wanted - actual)
    gain_db, shaped = np.zeros_like(actual), clip
    for _ in range(passes):
        gain_db = np.clip(gain_db + target - _relative(extract(shaped).loudness_db), -amount * _MOST_CUT_DB, amount * most_boost_db)
        shaped = _gained(clip, gain_db)
    return shaped


def _relative(loudness_db: np.ndarray) -> np.ndarray:
    """A loudness curve under its own loudest moment."""
    return np.maximum(loudness_db - loudness_db.max(), _SILENT_DB)


def _gained(clip: Clip, gain_db: np.ndarray) -> Clip:
    """The clip with a gain of (F,) contour frames, straight in dB from one to the next."""
    centres = (np.arange(len(gain_db)) + 0.5) * HOP * clip.sample_rate_hz / SAMPLE_RATE_HZ
    gain = 10 ** (np.interp(np.arange(clip.samples.shape[1]), centres, gain_db) / 20)
    return Clip((clip.samples * gain).astype(np.float32), clip.sample_rate_hz)
