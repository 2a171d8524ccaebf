"""A sound with a span made anew: what stays is the sound itself, sample by sample. C channels, T samples."""

from __future__ import annotations

import numpy as np

from clvap.audio import Clip
from generation.request import Inpaint

FADE_S = 0.03
_PEAK, _HIGHEST = 0.9, 0.89


def gain(clip: Clip) -> float:
    """What brings a sound to the level that models know."""
    return _PEAK / max(clip.peak, 1e-4)


def channels(samples: np.ndarray, count: int) -> np.ndarray:
    """(C, T) as (count, T): one of the mean, several of the first ones over again."""
    if count == 1:
        return samples.mean(axis=0, keepdims=True)
    return samples[np.arange(count) % len(samples)]


def patched(made: Clip, inpaint: Inpaint, seconds: float) -> Clip:
    """The sound, cut to `seconds`, with its span from `made`.

    made: as decoded, at the level of `gain`
    Outside the span every sample is the sound's own; within it the two are faded over 30 ms at each end, or over half of a shorter span.
    """
    sound = inpaint.clip.at_rate(made.sample_rate_hz).cut(0, seconds).samples
    count, length = max(len(sound), len(made.samples)), made.samples.shape[1]
    sound = channels(np.pad(sound, ((0, 0), (0, max(length - sound.shape[1], 0))))[:, :length], count)
    new = channels(made.samples, count) / gain(inpaint.clip)
    weight = _weight(length, made.sample_rate_hz, inpaint)
    loudest = float(np.abs(new[:, weight > 0]).max(initial=0.0))
    new = new * min(1.0, max(_HIGHEST, inpaint.clip.peak) / max(loudest, 1e-4))
    return Clip((sound + weight * (new - sound)).astype(np.float32), made.sample_rate_hz)


def _weight(length: int, rate_hz: int, inpaint: Inpaint) -> np.ndarray:
    """How much of each sample is new, (T,): 0 outside the span. Where the span reaches an end of the sound there is nothing to fade into."""
    at_s = (np.arange(length) + 0.5) / rate_hz
    fade_s = min(FADE_S, (inpaint.end_s - inpaint.start_s) / 2)
    since = (at_s - inpaint.start_s) / fade_s if inpaint.start_s > 0 else np.ones(length)
    until = (inpaint.end_s - at_s) / fade_s if inpaint.end_s < length / rate_hz - 1 / rate_hz else np.ones(length)
    return np.clip(np.minimum(since, until), 0, 1).astype(np.float32)
