"""Sounding bodies: modes of bars, plates, bells and skins, strings, voices, and clouds of many small sounds. C channels, T samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy import signal

from generation.procedural.signals import RATE_HZ, Array, along, band, decay, formants, length, noise, saw, sculpt, unit, wander

BAR = (1.0, 2.756, 5.404, 8.933, 13.34, 18.64, 24.81)
SKIN = (1.0, 1.593, 2.135, 2.295, 2.653, 2.917, 3.155, 3.5, 3.598, 4.06, 4.15)
BELL = (0.5, 1.0, 1.183, 1.506, 2.0, 2.514, 2.662, 3.011, 4.166, 5.433, 6.796, 8.215)
TUBE = (1.0, 2.76, 5.40, 6.25, 8.93, 11.9, 13.3)


@dataclass(frozen=True)
class Modes:
    """Resonances of a body."""

    frequencies_hz: Array
    levels: Array
    t60_s: Array


def modes(rng: Generator, ratios: Sequence[float], base_hz: float, t60_s: float, damping: float = 0.7, tilt: float = 0.8,
          spread: float = 0.01) -> Modes:  # fmt: skip
    """Resonances at `ratios` of `base_hz`; higher ones ring shorter by ratio^-damping and start softer by ratio^-tilt."""
    ratio = np.asarray(ratios) * (1.0 + spread * rng.standard_normal(len(ratios)))
    frequency = base_hz * ratio
    keep = (frequency < RATE_HZ * 0.45) & (frequency > 18.0)
    ratio = ratio[keep]
    level = ratio**-tilt * rng.uniform(0.5, 1.0, len(ratio))
    return Modes(frequency[keep], level, np.maximum(t60_s * np.maximum(ratio, 0.3) ** -damping, 0.004))


def plate(rng: Generator, count: int, irregular: float = 0.35) -> Array:
    """Mode ratios of a stiff plate: about evenly spaced (Weyl's law for plates), with irregular gaps."""
    return 1.0 + np.sort(np.arange(count) * rng.uniform(0.55, 0.95) + irregular * rng.uniform(-1.0, 1.0, count) * (np.arange(count) > 0))


def contact(n: int, contact_s: float) -> Array:
    """Force of one blow: a raised cosine lasting `contact_s`; short is hard and bright, (T,)."""
    size = min(max(int(contact_s * RATE_HZ), 2), n)
    force = np.zeros(n)
    force[:size] = 1.0 - np.cos(2.0 * np.pi * (np.arange(size) + 0.5) / size)
    return force / size * 8.0


def ring(rng: Generator, body: Modes, excitation: Array, width: float = 0.6) -> Array:
    """The body's answer to an excitation (T,), each mode at its own place in the stereo picture, (2, T)."""
    n = len(excitation)
    driven = np.flatnonzero(excitation)
    spent = int(driven[-1]) + 1 if len(driven) else n
    out = np.zeros((2, n), dtype=np.float32)
    for frequency, level, t60 in zip(body.frequencies_hz, body.levels, body.t60_s, strict=False):
        radius = 10.0 ** (-3.0 / (t60 * RATE_HZ))
        omega = 2.0 * np.pi * frequency / RATE_HZ
        lasting = min(n, spent + int(1.1 * t60 * RATE_HZ))  # after that the mode is silent
        filtered = signal.lfilter([level * np.sin(omega)], [1.0, -2.0 * radius * np.cos(omega), radius * radius], excitation[:lasting])
        place = 0.25 * np.pi * (1.0 + width * rng.uniform(-1.0, 1.0))
        out[0, :lasting] += np.cos(place) * filtered
        out[1, :lasting] += np.sin(place) * filtered
    return out


def hit(rng: Generator, body: Modes, seconds: float, contact_s: float, width: float = 0.5) -> Array:
    """One blow on a body, peak 1, (2, T)."""
    return unit(ring(rng, body, contact(length(seconds), contact_s), width))


def pluck(rng: Generator, frequency_hz: float, seconds: float, t60_s: float, brightness: float = 0.5) -> Array:
    """Plucked string (Karplus & Strong 1983, with a one-pole loop filter), (T,)."""
    n = length(seconds)
    period = max(int(RATE_HZ / frequency_hz), 4)
    burst = np.zeros(n)
    burst[:period] = band(rng.uniform(-1.0, 1.0, period), None, 1_000.0 + 12_000.0 * brightness, 1)
    loss = 10.0 ** (-3.0 / (t60_s * frequency_hz))
    feedback = np.zeros(period + 2)
    feedback[0] = 1.0
    soft = 0.5 * (1.0 - brightness)
    feedback[period], feedback[period + 1] = -loss * (1.0 - soft), -loss * soft
    return unit(signal.lfilter([1.0], feedback, burst))


def poisson(rng: Generator, n: int, rate_hz: float | Array) -> Array:
    """Sample positions of events that fall at random, `rate_hz` a second (may move), sorted."""
    chance = np.broadcast_to(np.asarray(rate_hz, dtype=float) / RATE_HZ, (n,))
    expected = chance.cumsum()
    count = rng.poisson(expected[-1])
    return np.searchsorted(expected, np.sort(rng.uniform(0.0, expected[-1], count))).clip(0, n - 1)


def scatter(rng: Generator, n: int, at: Array, grains: Sequence[Array], levels: Array | float = 1.0, width: float = 1.0,
            places: Array | None = None) -> Array:  # fmt: skip
    """Many small sounds: at each position one of `grains` (T,), at random, with its level and place, (2, n)."""
    at = np.asarray(at, dtype=int)
    levels = np.broadcast_to(levels, at.shape)
    angle = 0.25 * np.pi * (1.0 + (width * rng.uniform(-1.0, 1.0, len(at)) if places is None else places))
    gains = (levels * np.stack([np.cos(angle), np.sin(angle)])).astype(np.float32)
    which = rng.integers(0, len(grains), len(at))
    grains = [np.asarray(grain, dtype=np.float32) for grain in grains]
    longest = max(len(grain) for grain in grains)
    out = np.zeros((2, n + longest), dtype=np.float32)
    for start, index, left, right in zip(at.tolist(), which.tolist(), gains[0].tolist(), gains[1].tolist(), strict=False):
        if 0 <= start < n:
            grain = grains[index]
            out[0, start : start + len(grain)] += left * grain
            out[1, start : start + len(grain)] += right * grain
    return out[:, :n]


def place(n: int, at_s: Sequence[float], sounds: Sequence[Array], levels: Sequence[float] | float = 1.0) -> Array:
    """Lay sounds (T,) or (2, T) at times in seconds on one stereo track of `n` samples; what runs over the end is cut."""
    out = np.zeros((2, n), dtype=np.float32)
    for start_s, sound, level in zip(at_s, sounds, np.broadcast_to(levels, len(at_s)), strict=False):
        start = int(start_s * RATE_HZ)
        size = min(sound.shape[-1], n - start)
        if size > 0:
            out[:, start : start + size] += level * sound[..., :size]
    return out


def click(rng: Generator, low_hz: float, high_hz: float, t60_s: float) -> Array:
    """A short dry grain of filtered noise, peak 1, (T,)."""
    n = length(t60_s * 1.2)
    return unit(band(noise(rng, n) * decay(n, t60_s), low_hz, high_hz, 1))


def drop(rng: Generator, frequency_hz: float, t60_s: float, rise: float = 0.3) -> Array:
    """An air bubble ringing under water: a sine whose pitch rises as it nears the surface (van den Doel 2005), (T,)."""
    n = length(t60_s * 1.1)
    t = np.arange(n) / RATE_HZ
    return np.sin(2.0 * np.pi * frequency_hz * (t + 0.5 * rise * t * t / t60_s)) * decay(n, t60_s) * np.minimum(t / 0.001, 1.0)


def glottis(rng: Generator, pitch_hz: Array, roughness: float = 0.1, breath: float = 0.05) -> Array:
    """A voice's source: a softened sawtooth with jitter, period-doubling growl and breath noise, (T,)."""
    n = len(pitch_hz)
    jitter = 1.0 + 0.01 * wander(rng, n, 12.0) + 0.06 * roughness * wander(rng, n, 90.0)
    source = saw(pitch_hz * jitter)
    growl = 1.0 - 0.7 * roughness * (0.5 + 0.5 * np.sin(np.pi * np.cumsum(pitch_hz * jitter) / RATE_HZ))
    shaken = growl * (1.0 + 0.5 * roughness * wander(rng, n, 45.0))
    return band(source, None, 2_500.0, 1) * shaken + breath * noise(rng, n)


def throat(x: Array, paths: Sequence[Sequence[tuple[float, float]]], widths_hz: Sequence[float], levels: Sequence[float],
           floor: float = 0.01) -> Array:  # fmt: skip
    """Pass a source through formants that move along `paths` of (fraction, Hz)."""
    return sculpt(x, lambda f, at: floor + formants(f, [along(at, *path) for path in paths], list(widths_hz), list(levels)))
