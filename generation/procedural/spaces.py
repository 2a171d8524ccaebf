"""Where a sound is and how it is delivered: stereo place, movement past a listener, rooms, and the final level. C channels, T samples."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from generation.procedural.signals import RATE_HZ, Array, band, clock, convolve, curve, decay, fade, length, noise, unit

MAX_SECONDS = 6.0
SOUND_SPEED_MPS = 343.0
LOUDEST_DBFS, SOFTEST_DBFS = -1.2, -5.0


def stereo(x: Array) -> Array:
    """(T,) or (2, T) as (2, T)."""
    return np.stack([x, x]) if x.ndim == 1 else x


def pan(x: Array, position: Array | float) -> Array:
    """Constant-power place of a mono sound, -1 left to 1 right, fixed or moving, (2, T)."""
    angle = 0.25 * np.pi * (1.0 + np.clip(position, -1.0, 1.0))
    return np.stack([x * np.cos(angle), x * np.sin(angle)])


def balance(x: Array, position: Array | float) -> Array:
    """Move a stereo sound between the sides, keeping its width, (2, T)."""
    angle = 0.25 * np.pi * (1.0 + np.clip(position, -1.0, 1.0))
    return x * np.sqrt(2.0) * np.stack(np.broadcast_arrays(np.cos(angle), np.sin(angle))).reshape(2, -1)


def widen(rng: Generator, x: Array, amount: float = 0.5) -> Array:
    """A mono sound made wide: the sides differ by a short random all-pass-like echo pattern, (2, T)."""
    size = length(0.012)
    side = np.zeros(size)
    side[rng.integers(20, size, 10)] = rng.choice([-1.0, 1.0], 10) * rng.uniform(0.2, 0.5, 10)
    difference = amount * convolve(x, side)[: len(x)]
    return np.stack([x + difference, x - difference])


def room(rng: Generator, x: Array, t60_s: float, mix: float, low_hz: float = 150.0, damping: float = 0.4) -> Array:
    """Early reflections and a diffuse tail: convolution with decaying stereo noise whose treble dies first; longer than `x`, (2, T)."""
    x = stereo(x)
    n = length(t60_s)
    tail = noise(rng, n, channels=2)
    dull = band(tail, low_hz, 2_500.0, 1)
    tail = dull * decay(n, t60_s) + 0.5 * (tail - dull) * decay(n, t60_s * damping)
    tail *= np.minimum(clock(n) / (0.01 + 0.02 * t60_s), 1.0)
    taps = rng.integers(length(0.002), max(length(min(0.01 + 0.03 * t60_s, 0.06)), length(0.004)), 9)
    for channel in range(2):
        shift = rng.integers(-40, 40, len(taps))
        tail[channel, np.clip(taps + shift, 0, n - 1)] += rng.choice([-1.0, 1.0], len(taps)) * rng.uniform(2.0, 5.0, len(taps)) * 0.5
    tail /= np.sqrt((tail**2).sum(axis=1, keepdims=True)) + 1e-9
    wet = convolve(x, tail)
    out = mix * wet * (np.sqrt((x**2).sum()) / (np.sqrt((wet**2).sum()) + 1e-9))
    out[:, : x.shape[1]] += x
    return out


def tail(x: Array, seconds: float) -> Array:
    """The sound followed by `seconds` of silence, for echoes to fill."""
    return np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, length(seconds))])


def echo(x: Array, delay_s: float, feedback: float, count: int, dull_hz: float = 4_000.0) -> Array:
    """Repeats, each softer and duller; as long as `x`."""
    out, repeat, shift = x.copy(), x, length(delay_s)
    for _ in range(count):
        repeat = band(np.pad(repeat, [(0, 0)] * (x.ndim - 1) + [(shift, 0)])[..., : x.shape[-1]] * feedback, None, dull_hz, 1)
        out = out + repeat
    return out


def pass_by(x: Array, speed_mps: float, distance_m: float, closest: float = 0.5, direction: float = 1.0) -> Array:
    """A source driving past: Doppler shift, loudness, treble lost to the air and stereo movement from the geometry, (2, T)."""
    n = len(x)
    along_m = speed_mps * (clock(n) - closest * n / RATE_HZ)
    away_m = np.sqrt(along_m**2 + distance_m**2)
    heard = np.interp(np.arange(n) - (away_m - away_m.min()) / SOUND_SPEED_MPS * RATE_HZ, np.arange(n), x)
    near = distance_m / away_m
    mixed = heard * near + band(heard, None, 1_800.0, 1) * 0.5 * (1.0 - near) * near
    return pan(mixed * curve(n, (0, 0), (0.04, 1), (0.94, 1), (1, 0)), direction * along_m / away_m * 0.9)


def reverse(x: Array) -> Array:
    """Played backwards."""
    return x[..., ::-1]


def deliver(rng: Generator, x: Array) -> Array:
    """The finished effect: no direct current, no silence before it, short fades, at most 6 s, peak between -5 and -1.2 dBFS; float32 (2, T)."""
    x = np.pad(stereo(x), ((0, 0), (132, 0)))  # room for the fade, so that it never blunts an attack
    x = band(unit(x - x.mean(axis=1, keepdims=True)), 22.0, None)
    envelope = np.abs(x).max(axis=0)
    heard = np.flatnonzero(envelope > 10.0 ** (-46.0 / 20.0) * envelope.max())
    audible = np.flatnonzero(envelope > 10.0 ** (-62.0 / 20.0) * envelope.max())
    x = x[:, max(heard[0] - 120, 0) : audible[-1] + 1_200]
    limit = length(MAX_SECONDS)
    cut = x.shape[1] > limit
    x = fade(x[:, :limit], 0.002, 0.4 if cut else min(0.03, x.shape[1] / RATE_HZ * 0.15))
    x -= x.mean(axis=1, keepdims=True) * np.hanning(x.shape[1]) * 2.0
    peak = 10.0 ** (rng.uniform(SOFTEST_DBFS, LOUDEST_DBFS) / 20.0)
    return (unit(x) * peak).astype(np.float32)
