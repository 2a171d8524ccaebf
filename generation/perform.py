"""Shaping a finished sound by a gesture, without a network."""

from __future__ import annotations

import numpy as np

from clvap.audio import SAMPLE_RATE_HZ, Clip
from clvap.contours import HOP, Contours, extract, resample_curve

_MOST_BOOST_DB, _MOST_CUT_DB = 15.0, 40.0
_SILENT_DB = -60.0


def follow_loudness(clip: Clip, gesture: Contours, amount: float) -> Clip:
    """The clip with its loudness drawn toward the gesture's, stretched over its length; `amount` from 0 (as it is) to 1.

    Both are compared relative to their own loudest moment. Boost is bounded so that silence is not turned into noise.
    """
    if amount <= 0:
        return clip
    actual = extract(clip).loudness_db
    wanted = resample_curve(gesture.loudness_db, len(actual))
    actual, wanted = (np.maximum(curve - curve.max(), _SILENT_DB) for curve in (actual, wanted))
    gain_db = amount * np.clip(wanted - actual, -_MOST_CUT_DB, _MOST_BOOST_DB)
    centres = (np.arange(len(gain_db)) + 0.5) * HOP * clip.sample_rate_hz / SAMPLE_RATE_HZ
    gain = 10 ** (np.interp(np.arange(clip.samples.shape[1]), centres, gain_db) / 20)
    return Clip((clip.samples * gain).astype(np.float32), clip.sample_rate_hz)


def finished(clip: Clip, seconds: float, peak: float = 0.89) -> Clip:
    """Cut to `seconds`, without offset, loudest sample at `peak`, edges faded so that nothing clicks."""
    samples = clip.cut(0, seconds).samples
    samples = samples - samples.mean(axis=1, keepdims=True)
    fade_in, fade_out = (min(int(time_s * clip.sample_rate_hz), samples.shape[1] // 4) for time_s in (0.002, 0.02))
    if fade_in:
        samples[:, :fade_in] *= np.linspace(0, 1, fade_in, dtype=np.float32)
    if fade_out:
        samples[:, -fade_out:] *= np.linspace(1, 0, fade_out, dtype=np.float32)
    return Clip((samples * (peak / max(float(np.abs(samples).max(initial=0.0)), 1e-4))).astype(np.float32), clip.sample_rate_hz)
