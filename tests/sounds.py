"""Small sounds that tests make themselves."""

from __future__ import annotations

import numpy as np

from clvap.audio import SAMPLE_RATE_HZ, Clip


def tone(frequency_hz: float = 440.0, seconds: float = 1.0, level: float = 0.5) -> Clip:
    """A sine."""
    t = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return Clip((level * np.sin(2 * np.pi * frequency_hz * t)).astype(np.float32)[None])


def noise(seconds: float = 1.0, level: float = 0.3, seed: int = 0) -> Clip:
    """White noise."""
    return Clip((level * np.random.default_rng(seed).standard_normal(int(seconds * SAMPLE_RATE_HZ))).clip(-1, 1).astype(np.float32)[None])


def knocks(times_s: tuple[float, ...], seconds: float = 2.0, seed: int = 0) -> Clip:
    """Short noise bursts at the given times."""
    samples = np.zeros(int(seconds * SAMPLE_RATE_HZ), np.float32)
    burst = noise(0.08, seed=seed).samples[0] * np.exp(-np.linspace(0, 6, int(0.08 * SAMPLE_RATE_HZ)))
    for time_s in times_s:
        start = int(time_s * SAMPLE_RATE_HZ)
        part = samples[start : start + len(burst)]
        part += burst[: len(part)]
    return Clip(samples[None])
