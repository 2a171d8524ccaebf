"""Signal primitives: time, envelopes, oscillators, noise and filters. Knows no kind of sound. Axis legend: C channels, T samples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from scipy import fft, signal

RATE_HZ = 44_100
LN_60_DB = 6.9078
Array = np.ndarray


def length(seconds: float) -> int:
    """Number of samples in `seconds`."""
    return max(int(seconds * RATE_HZ), 64)


def clock(n: int) -> Array:
    """Seconds since the start of each of `n` samples, (T,)."""
    return np.arange(n, dtype=np.float32) / np.float32(RATE_HZ)


def line(n: int) -> Array:
    """Fraction of the length at each of `n` samples, 0 to 1, (T,)."""
    return np.linspace(0.0, 1.0, n, dtype=np.float32)


def curve(n: int, *points: tuple[float, float], power: float = 1.0) -> Array:
    """Straight lines through (fraction of the length, value), raised to `power`, (T,)."""
    at, values = zip(*points, strict=False)
    path = np.interp(line(n), at, values).astype(np.float32)
    return path if power == 1.0 else np.maximum(path, 0.0) ** np.float32(power)


def glide(n: int, *points: tuple[float, float]) -> Array:
    """As `curve`, but even steps are even ratios: for frequencies in Hz, (T,)."""
    at, values = zip(*points, strict=False)
    return np.exp(np.interp(line(n), at, np.log(values)))


def decay(n: int, t60_s: float) -> Array:
    """Exponential decay that has lost 60 dB after `t60_s` seconds, (T,)."""
    return np.exp(clock(n) * np.float32(-LN_60_DB / t60_s))


def strike(n: int, attack_s: float, t60_s: float) -> Array:
    """Rise within `attack_s`, then decay by 60 dB in `t60_s`, (T,)."""
    t = clock(n)
    return np.minimum(t / max(attack_s, 1e-5), 1.0) * np.exp(np.maximum(t - attack_s, 0.0) * np.float32(-LN_60_DB / t60_s))


def hump(n: int, peak: float, rise: float = 2.0, fall: float = 2.0) -> Array:
    """Swell from 0 to 1 at fraction `peak` and back to 0; larger powers make it more pointed, (T,)."""
    x = line(n)
    return np.where(x < peak, (x / peak) ** rise, (np.maximum(1.0 - x, 0.0) / (1.0 - peak)) ** fall)


def wander(rng: Generator, n: int, rate_hz: float) -> Array:
    """Smooth random movement in -1..1 with about `rate_hz` turns a second, (T,)."""
    knots = max(int(n / RATE_HZ * rate_hz) + 3, 4)
    at = np.linspace(0.0, knots - 1.001, n, dtype=np.float32)
    left = at.astype(np.int32)
    blend = at - left
    blend *= blend * (3.0 - 2.0 * blend)
    values = rng.uniform(-1.0, 1.0, knots + 1).astype(np.float32)
    return values[left] * (1.0 - blend) + values[left + 1] * blend


def phase(frequency_hz: Array | float, n: int | None = None, start: float = 0.0) -> Array:
    """Running phase in cycles of a fixed or moving frequency, (T,)."""
    if n is None:
        return start + np.cumsum(frequency_hz) / RATE_HZ
    return start + np.broadcast_to(frequency_hz, (n,)).cumsum() / RATE_HZ


def sine(frequency_hz: Array | float, n: int | None = None, modulation: Array | float = 0.0, start: float = 0.0) -> Array:
    """Sine wave, phase-modulated by `modulation` radians, (T,)."""
    return np.sin(_turn(phase(frequency_hz, n, start)) + modulation)


def _turn(cycles: Array) -> Array:
    """Cycles as an angle in 0..2 pi; single precision is enough once whole turns are taken off."""
    return ((cycles - np.floor(cycles)) * (2.0 * np.pi)).astype(np.float32)


def saw(frequency_hz: Array | float, n: int | None = None, start: float = 0.0) -> Array:
    """Sawtooth with rounded corners (polynomial band-limited step, Valimaki & Huovilainen 2007), (T,)."""
    cycles = phase(frequency_hz, n, start)
    step = np.clip(np.broadcast_to(frequency_hz, cycles.shape) / RATE_HZ, 1e-6, 0.49)
    position = cycles - np.floor(cycles)
    wave = 2.0 * position - 1.0
    early, late = position < step, position > 1.0 - step
    a, b = position[early] / step[early], (position[late] - 1.0) / step[late]
    wave[early] -= a + a - a * a - 1.0
    wave[late] -= b * b + b + b + 1.0
    return wave.astype(np.float32)


def pulse(frequency_hz: Array | float, n: int | None = None, width: float = 0.5) -> Array:
    """Rectangle wave as the difference of two sawtooth waves, (T,)."""
    return saw(frequency_hz, n) - saw(frequency_hz, n, start=width)


def bursts(frequency_hz: Array | float, n: int | None = None, sharpness: float = 20.0) -> Array:
    """One narrow positive bump each cycle, 0..1: firing strokes, wing beats, tremolo, (T,)."""
    return np.exp(np.float32(sharpness) * (np.cos(_turn(phase(frequency_hz, n))) - 1.0))


def noise(rng: Generator, n: int, slope_db: float = 0.0, channels: int = 1) -> Array:
    """Gaussian noise of unit level whose spectrum falls by `slope_db` per octave (0 white, -3 pink, -6 brown); (T,) or (C, T)."""
    shape = (n,) if channels == 1 else (channels, n)
    if slope_db == 0.0:
        return rng.standard_normal(shape, dtype=np.float32)
    size = fft.next_fast_len(n, real=True)
    spectrum = fft.rfft(rng.standard_normal((*shape[:-1], size), dtype=np.float32))
    frequency = np.maximum(np.arange(spectrum.shape[-1], dtype=np.float32) * np.float32(RATE_HZ / size), 30.0)
    spectrum *= np.exp(np.log(frequency / 1_000.0) * np.float32(slope_db / 6.02))
    coloured = fft.irfft(spectrum, size)[..., :n]
    return coloured / (coloured.std() + 1e-12)


def band(x: Array, low_hz: float | None, high_hz: float | None, order: int = 2) -> Array:
    """Butterworth high-pass, low-pass or band-pass along the last axis."""
    top = RATE_HZ * 0.48
    low, high = (None if f is None else float(np.clip(f, 10.0, top)) for f in (low_hz, high_hz))
    if high is not None and high >= top:
        high = None
    if low is not None:
        x = signal.sosfilt(signal.butter(order, low, "highpass", fs=RATE_HZ, output="sos"), x)
    if high is not None:
        x = signal.sosfilt(signal.butter(order, high, "lowpass", fs=RATE_HZ, output="sos"), x)
    return x


def resonator(x: Array, frequency_hz: float, t60_s: float) -> Array:
    """Two-pole resonance ringing 60 dB down in `t60_s`, peak of the impulse response about 1."""
    radius = 10.0 ** (-3.0 / (t60_s * RATE_HZ))
    omega = 2.0 * np.pi * frequency_hz / RATE_HZ
    return signal.lfilter([np.sin(omega)], [1.0, -2.0 * radius * np.cos(omega), radius * radius], x)


def sculpt(x: Array, gain: Callable[[Array, Array], Array], size: int = 1_024) -> Array:
    """Filter with a response that moves: short-time spectra times `gain(frequency_hz (F, 1), fraction of the length (1, K))`."""
    hop, n = size // 4, x.shape[-1]
    window = (np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2).astype(np.float32)
    padded = np.pad(x.astype(np.float32), [(0, 0)] * (x.ndim - 1) + [(size, size + hop)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, size, axis=-1)[..., ::hop, :]
    count = frames.shape[-2]
    at = np.clip((np.arange(count, dtype=np.float32) * hop - size / 2) / max(n, 1), 0.0, 1.0)
    frequency = np.arange(size // 2 + 1, dtype=np.float32) * np.float32(RATE_HZ / size)
    shape = np.broadcast_to(gain(frequency[:, None], at[None, :]), (len(frequency), count)).T.astype(np.float32)
    pieces = fft.irfft(fft.rfft(frames * window) * shape, size) * (window / 1.5)
    out = np.zeros((*x.shape[:-1], (count + 3) * hop), dtype=np.float32)
    for quarter in range(4):
        block = pieces[..., quarter * hop : (quarter + 1) * hop].reshape(*x.shape[:-1], count * hop)
        out[..., quarter * hop : (quarter + count) * hop] += block
    return out[..., size : size + n]


def bump(frequency_hz: Array, centre_hz: Array | float, octaves: float) -> Array:
    """Bell-shaped response around a centre, `octaves` wide (one standard deviation), for `sculpt`."""
    distance = np.log2(np.maximum(frequency_hz, 10.0)) - np.log2(centre_hz)
    return np.exp(-0.5 * np.square(distance / octaves))


def along(at: Array, *points: tuple[float, float]) -> Array:
    """Value of a frequency path at fractions `at`, interpolated in ratios, for `sculpt`."""
    where, values = zip(*points, strict=False)
    return np.exp(np.interp(at, where, np.log(values))).astype(np.float32)


def formants(frequency_hz: Array, centres_hz: list[Array | float], widths_hz: list[float], levels: list[float]) -> Array:
    """Response of a vocal tract: the sum of resonances, each with its centre (may move), width and level."""
    out = 0.0
    for centre, width, level in zip(centres_hz, widths_hz, levels, strict=False):
        out = out + level / np.sqrt(1.0 + ((frequency_hz - centre) / (0.5 * width)) ** 2)
    return out


def convolve(x: Array, kernel: Array) -> Array:
    """Full convolution along the last axis in single precision."""
    n = x.shape[-1] + kernel.shape[-1] - 1
    size = fft.next_fast_len(n, real=True)
    return fft.irfft(fft.rfft(x.astype(np.float32), size) * fft.rfft(kernel.astype(np.float32), size), size)[..., :n]


def limit(x: Array, drive: float = 1.0) -> Array:
    """Soft saturation; `drive` above 1 thickens."""
    return np.tanh(x * drive) / np.tanh(drive)


def unit(x: Array) -> Array:
    """Scaled to a peak of 1."""
    return x / (np.abs(x).max() + 1e-12)


def fade(x: Array, in_s: float = 0.002, out_s: float = 0.02) -> Array:
    """Raised-cosine fades at both ends, along the last axis."""
    x, n = np.array(x, dtype=np.float32), x.shape[-1]
    for seconds, side in ((in_s, slice(None)), (out_s, slice(None, None, -1))):
        size = min(max(int(seconds * RATE_HZ), 2), n // 2)
        x[..., side][..., :size] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(size) / size)
    return x
