"""Loudness drawn to a gesture's."""

from __future__ import annotations

import numpy as np

from clvap.audio import SAMPLE_RATE_HZ, Clip
from clvap.contours import HOP, Contours, extract, resample_curve

_MOST_CUT_DB = 60.0
_HEARD_DB = -45.0
_LEAST_MOVEMENT_DB = 1.0
_MOST_STRETCH = 2.0


def follow_loudness(clip: Clip, gesture: Contours, amount: float, most_boost_db: float = 15.0, passes: int = 1) -> Clip:
    """The clip with its loudness drawn toward the gesture's, stretched over its length; `amount` from 0 (as it is) to 1.

    The clip keeps its own range: the gesture's movement is made as wide as the clip's where it is narrower, up to twice. A mouth flattens
    what it imitates, and the room fills its pauses; taken at its word it would fill those of the clip, too.

    most_boost_db: keeps silence from being turned into noise
    passes: how often the gain is corrected by what it did; frames overlap, so at a sudden change one is a little off
    """
    if amount <= 0:
        return clip
    actual = _relative(extract(clip).loudness_db)
    wanted = _relative(resample_curve(gesture.loudness_db, len(actual)))
    stretch = np.clip(actual.std() / max(wanted.std(), _LEAST_MOVEMENT_DB), 1.0, _MOST_STRETCH)
    target = _relative(actual + amount * (actual.mean() + stretch * (wanted - wanted.mean()) - actual))
    gain_db, shaped = np.zeros_like(actual), clip
    for _ in range(passes):
        gain_db = np.clip(gain_db + target - _relative(extract(shaped).loudness_db), -amount * _MOST_CUT_DB, amount * most_boost_db)
        shaped = _gained(clip, gain_db)
    return shaped


def _relative(loudness_db: np.ndarray) -> np.ndarray:
    """A loudness curve under its own loudest moment, as far down as it can be heard."""
    return np.maximum(loudness_db - loudness_db.max(), _HEARD_DB)


def _gained(clip: Clip, gain_db: np.ndarray) -> Clip:
    """The clip with a gain of (F,) contour frames, straight in dB from one to the next."""
    centres = (np.arange(len(gain_db)) + 0.5) * HOP * clip.sample_rate_hz / SAMPLE_RATE_HZ
    gain = 10 ** (np.interp(np.arange(clip.samples.shape[1]), centres, gain_db) / 20)
    return Clip((clip.samples * gain).astype(np.float32), clip.sample_rate_hz)
