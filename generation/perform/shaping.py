"""A sound performed as a gesture was: timing and pitch first, then brightness and loudness, each measured on what was left before it."""

from __future__ import annotations

import math

import numpy as np

from clvap.audio import Clip
from clvap.contours import RATE_HZ, Contours, extract
from generation.perform.amounts import Amounts
from generation.perform.brightness import follow_brightness
from generation.perform.level import faded, held
from generation.perform.loudness import follow_loudness
from generation.perform.pitch import bent, shift
from generation.perform.timing import moments, plan, retimed

_HEARD_DB = -45.0
_SHORTEST_S = 0.05
_MOST_BOOST_DB = 24.0


def perform(clip: Clip, gesture: Contours, amounts: Amounts | None = None) -> Clip:
    """The clip shaped to a gesture, at its own rate and channels (C, T); true peak at or under -1 dBTP. The same in gives the same out.

    With all amounts 0, and where nothing is heard or the clip is under 50 ms, it is the clip itself, unchanged.
    """
    amounts = amounts or Amounts()
    if not any((amounts.timing, amounts.loudness, amounts.brightness, amounts.pitch)) or clip.duration_s < _SHORTEST_S:
        return clip
    sound = extract(clip)
    stretches = plan(sound, gesture, amounts.timing, clip.duration_s)
    if not stretches:
        return clip
    frames_s = (np.arange(math.ceil(stretches[-1].result[1] * RATE_HZ)) + 0.5) / RATE_HZ
    own, wanted = (_at(curves, times_s) for curves, times_s in zip((sound, gesture), moments(stretches, frames_s), strict=True))
    semitones = shift(own, wanted, amounts.pitch)
    if semitones is not None:
        clip = faded(bent(faded(clip), stretches, semitones))
    elif amounts.timing > 0:
        clip = faded(retimed(faded(clip), stretches))
    clip = follow_brightness(clip, wanted.brightness, wanted.loudness_db > wanted.loudness_db.max() + _HEARD_DB, amounts.brightness)
    clip = follow_loudness(clip, wanted, amounts.loudness, _MOST_BOOST_DB, passes=2)
    return held(_at_level(clip, float(sound.loudness_db.max())))


def drawn(clip: Clip, gesture: Contours, loudness: float, brightness: float) -> Clip:
    """The clip drawn to a gesture that is stretched over its length, moment for moment: brightness, then loudness, each by an amount 0 to 1."""
    clip = follow_brightness(clip, gesture.brightness, gesture.loudness_db > gesture.loudness_db.max() + _HEARD_DB, brightness)
    return follow_loudness(clip, gesture, loudness, _MOST_BOOST_DB, passes=2)


def _at(curves: Contours, times_s: np.ndarray) -> Contours:
    """Curves at moments of their sound, (F,) each; pitch is never interpolated, since 0 means none."""
    centres_s = (np.arange(len(curves.loudness_db)) + 0.5) / RATE_HZ
    loudness, brightness = (np.interp(times_s, centres_s, curve).astype(np.float32) for curve in (curves.loudness_db, curves.brightness))
    nearest = np.clip(times_s * RATE_HZ, 0, len(centres_s) - 1).astype(int)
    return Contours(loudness, brightness, curves.pitch[nearest])


def _at_level(clip: Clip, level_db: float) -> Clip:
    """The loudest moment as loud as it was."""
    gain = 10 ** ((level_db - extract(clip).loudness_db.max()) / 20)
    return Clip((clip.samples * gain).astype(np.float32), clip.sample_rate_hz)
