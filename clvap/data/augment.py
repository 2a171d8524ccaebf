"""A sound as another recording of it: speed, pitch, tone, room, noise, place in time. T samples."""

from __future__ import annotations

import numpy as np
import soxr
from scipy.signal import fftconvolve, lfilter

from clvap.audio import SAMPLE_RATE_HZ, Clip


def augmented(clip: Clip, rng: np.random.Generator, seconds: float) -> Clip:
    """A random variant of a clip, mono at 44.1 kHz, at most `seconds` long."""
    sound = clip.at_rate(SAMPLE_RATE_HZ).mono()
    if rng.random() < 0.7:
        ratio = 2 ** rng.uniform(-0.35, 0.35)  # speed and pitch together, as tape does
        sound = soxr.resample(sound, SAMPLE_RATE_HZ, SAMPLE_RATE_HZ * ratio, quality="QQ")
    sound = _placed(sound, int(seconds * SAMPLE_RATE_HZ), rng)
    if rng.random() < 0.5:
        tilt = rng.uniform(-0.6, 0.6)
        sound = lfilter([1, -max(tilt, 0)], [1, min(tilt, 0)], sound)
    if rng.random() < 0.25:
        sound = with_echo(sound, rng)
    if rng.random() < 0.3:
        sound = sound + rng.standard_normal(len(sound)) * np.abs(sound).max() * 10 ** (rng.uniform(-60, -30) / 20)
    return Clip(np.asarray(sound, dtype=np.float32)[None])


def with_echo(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A room of random size and distance: (T,) to (T,)."""
    length = int(rng.uniform(0.1, 0.8) * SAMPLE_RATE_HZ)
    tail = rng.standard_normal(length) * np.exp(-np.linspace(0, 7, length)) * rng.uniform(0.02, 0.2)
    tail[0] = 1
    return fftconvolve(sound, tail)[: len(sound)]


def _placed(sound: np.ndarray, length: int, rng: np.random.Generator) -> np.ndarray:
    """A random part of a long sound; a short one moved a little later."""
    if len(sound) > length:
        start = int(rng.integers(0, len(sound) - length + 1))
        part = sound[start : start + length]
        return part if np.abs(part).max() > 0.05 * np.abs(sound).max() else sound[:length]
    return np.pad(sound, (int(rng.uniform(0, min(length - len(sound), 0.3 * SAMPLE_RATE_HZ))), 0))
