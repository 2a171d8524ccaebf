"""Effects that make a sound another recording of it, each a pure function of the clip and a seeded generator; by name in `EFFECTS`.

The work is done by pedalboard (Spotify, GPL-3) and SciPy. C channels, T samples. Rate and channels are kept; length only changes where
that is the effect (time_stretch, speed) or where a tail is added (echo, reverb, room).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import soxr
from scipy.signal import fftconvolve, lfilter

from clvap.audio import SAMPLE_RATE_HZ, Clip

_SHORTEST_S = 0.25  # the time stretcher returns nothing for less
_MP3_RATES_HZ = (32_000, 44_100, 48_000)


class AugmentError(ValueError):
    """An effect, a plug-in or a batch that cannot be run; the message says what to do."""


@dataclass(frozen=True)
class Range:
    """Where a parameter is drawn from.

    low, high: both ends, in the parameter's unit
    log: even in ratio instead of in difference
    """

    low: float
    high: float
    log: bool = False

    def draw(self, rng: np.random.Generator) -> float:
        if self.log:
            return float(math.exp(rng.uniform(math.log(self.low), math.log(self.high))))
        return float(rng.uniform(self.low, self.high))


@dataclass(frozen=True)
class Effect:
    """A named effect with the ranges of its parameters.

    apply: (samples float32 (C, T), rate in Hz, rng, **parameters) -> samples float32 (C, T'); rng is for noise only
    """

    name: str
    apply: Callable[..., np.ndarray]
    ranges: dict[str, Range]

    def __call__(self, clip: Clip, rng: np.random.Generator, **fixed: float) -> Clip:
        """The clip with this effect at random settings; `fixed` ones are not drawn. Same clip, seed and settings, same sound."""
        settings = {name: range_.draw(rng) for name, range_ in self.ranges.items()} | fixed
        made = self.apply(np.ascontiguousarray(clip.samples, dtype=np.float32), clip.sample_rate_hz, rng, **settings)
        return bounded(Clip(np.asarray(made, dtype=np.float32), clip.sample_rate_hz))


def bounded(clip: Clip) -> Clip:
    """The clip with what is not finite silenced, and turned down where it passes full scale."""
    samples = np.nan_to_num(clip.samples, nan=0.0, posinf=0.0, neginf=0.0)
    peak = float(np.abs(samples).max(initial=0.0))
    return Clip(samples * np.float32(0.98 / peak) if peak > 1 else samples, clip.sample_rate_hz)


def randomised(clip: Clip, rng: np.random.Generator, effects: Sequence[Callable[[Clip, np.random.Generator], Clip]], most: int = 3) -> Clip:
    """The clip through one to `most` of the effects, in random order."""
    count = int(rng.integers(1, min(most, len(effects)) + 1))
    for index in rng.permutation(len(effects))[:count]:
        clip = effects[index](clip, rng)
    return clip


def named(names: Sequence[str]) -> list[Effect]:
    """Effects by name. Raises AugmentError for one that does not exist."""
    strange = [name for name in names if name not in EFFECTS]
    if strange:
        raise AugmentError(f"no effect {', '.join(strange)}; use some of {', '.join(EFFECTS)}")
    return [EFFECTS[name] for name in names]


def pedalboard() -> Any:
    """The module, imported on first use. Raises AugmentError where it is not installed."""
    try:
        return import_module("pedalboard")
    except ImportError as error:
        raise AugmentError("effects need pedalboard; pip install pedalboard") from error


def _pedal(plugin: Any, samples: np.ndarray, rate: int, tail_s: float = 0.0) -> np.ndarray:
    padded = np.pad(samples, ((0, 0), (0, int(tail_s * rate)))) if tail_s else samples
    return plugin.process(padded, rate)


def _pitch_shift(samples: np.ndarray, rate: int, rng: np.random.Generator, semitones: float) -> np.ndarray:
    """Pitch moved at the same length."""
    return _stretched(samples, rate, 1.0, semitones)


def _time_stretch(samples: np.ndarray, rate: int, rng: np.random.Generator, factor: float) -> np.ndarray:
    """Length times `factor` at the same pitch."""
    return _stretched(samples, rate, factor, 0.0)


def _stretched(samples: np.ndarray, rate: int, factor: float, semitones: float) -> np.ndarray:
    """By Rubber Band's offline engine, which is exact to some cents and a millisecond; its live one (`PitchShift`) is off by ten times that."""
    length = max(int(samples.shape[1] * factor), 1)
    padded = np.pad(samples, ((0, 0), (0, max(int(_SHORTEST_S * rate) - samples.shape[1], 0))))
    return pedalboard().time_stretch(padded, rate, stretch_factor=1 / factor, pitch_shift_in_semitones=semitones)[:, :length]


def _speed(samples: np.ndarray, rate: int, rng: np.random.Generator, ratio: float) -> np.ndarray:
    """Played `ratio` times as fast: length and pitch together, as tape does."""
    return soxr.resample(samples.T, rate * ratio, rate, quality="MQ").T


def _noise(samples: np.ndarray, rate: int, rng: np.random.Generator, snr_db: float, colour: float) -> np.ndarray:
    """Noise `snr_db` under the sound's level where it sounds; colour 0 is white, 1 close to brown."""
    noise = lfilter([1.0], [1.0, -0.98 * colour], rng.standard_normal(samples.shape[1]))
    loud = np.sqrt((samples**2).mean(axis=0))
    level = np.sqrt((loud[loud > 0.05 * loud.max(initial=0.0)] ** 2).mean()) if loud.any() else 0.0
    return samples + noise / noise.std() * level * 10 ** (-snr_db / 20)


def _reverb(samples: np.ndarray, rate: int, rng: np.random.Generator, size: float, damping: float, wet: float) -> np.ndarray:
    return _pedal(pedalboard().Reverb(room_size=size, damping=damping, wet_level=wet, dry_level=1 - wet), samples, rate, tail_s=0.3 + size)


def _echo(samples: np.ndarray, rate: int, rng: np.random.Generator, delay_s: float, feedback: float, mix: float) -> np.ndarray:
    return _pedal(pedalboard().Delay(delay_seconds=delay_s, feedback=feedback, mix=mix), samples, rate, tail_s=2 * delay_s)


def _distortion(samples: np.ndarray, rate: int, rng: np.random.Generator, drive_db: float) -> np.ndarray:
    """Overdriven, at the peak level it had."""
    driven = _pedal(pedalboard().Distortion(drive_db), samples, rate)
    return driven * np.abs(samples).max(initial=0.0) / max(float(np.abs(driven).max(initial=0.0)), 1e-9)


def _microphone(
    samples: np.ndarray, rate: int, rng: np.random.Generator, low_hz: float, high_hz: float, presence_db: float, presence_hz: float, ratio: float
) -> np.ndarray:
    """What a small microphone and its preamplifier do: both ends of the band cut, a bump in the middle, some compression."""
    top = min(high_hz, 0.45 * rate)
    pb = pedalboard()
    band = [pb.HighpassFilter(low_hz), pb.LowpassFilter(top), pb.PeakFilter(min(presence_hz, top), presence_db, q=1.0)]
    return _pedal(pb.Pedalboard([*band, pb.Compressor(threshold_db=-24, ratio=ratio)]), samples, rate)


def _codec(samples: np.ndarray, rate: int, rng: np.random.Generator, vbr_quality: float) -> np.ndarray:
    """Through MP3, as a message or an upload does; 0 best, 9.9 worst."""
    through = Clip(samples, rate).at_rate(rate if rate in _MP3_RATES_HZ else SAMPLE_RATE_HZ)
    coded = Clip(_pedal(pedalboard().MP3Compressor(vbr_quality), through.samples, through.sample_rate_hz), through.sample_rate_hz)
    return coded.at_rate(rate).samples


def _room(samples: np.ndarray, rate: int, rng: np.random.Generator, decay_s: float, direct_db: float, damping: float) -> np.ndarray:
    """A small room: the direct sound, then a decaying tail `direct_db` under it, duller with more damping (Moorer 1979's noise model)."""
    length = max(int(decay_s * rate), 2)
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)  # 60 dB down at the end
    tail = lfilter([1 - 0.9 * damping], [1, -0.9 * damping], tail)
    tail[: int(0.002 * rate)] = 0
    response = tail / max(float(np.sqrt((tail**2).sum())), 1e-9) * 10 ** (-direct_db / 20)
    response[0] = 1
    return fftconvolve(samples, response[None], axes=1)


EFFECTS: dict[str, Effect] = {
    effect.name: effect
    for effect in (
        Effect("pitch_shift", _pitch_shift, {"semitones": Range(-7, 7)}),
        Effect("time_stretch", _time_stretch, {"factor": Range(0.7, 1.5, log=True)}),
        Effect("speed", _speed, {"ratio": Range(0.78, 1.28, log=True)}),
        Effect("noise", _noise, {"snr_db": Range(5, 40), "colour": Range(0, 1)}),
        Effect("reverb", _reverb, {"size": Range(0.1, 0.9), "damping": Range(0.1, 0.9), "wet": Range(0.1, 0.45)}),
        Effect("echo", _echo, {"delay_s": Range(0.06, 0.4), "feedback": Range(0, 0.5), "mix": Range(0.15, 0.45)}),
        Effect("distortion", _distortion, {"drive_db": Range(6, 30)}),
        Effect(
            "microphone",
            _microphone,
            {
                "low_hz": Range(60, 350, log=True), "high_hz": Range(3_400, 14_000, log=True), "presence_db": Range(-6, 8),
                "presence_hz": Range(800, 5_000, log=True), "ratio": Range(1, 5),
            },
        ),
        Effect("codec", _codec, {"vbr_quality": Range(4, 9.9)}),
        Effect("room", _room, {"decay_s": Range(0.08, 0.7, log=True), "direct_db": Range(-2, 14), "damping": Range(0, 0.9)}),
    )
}  # fmt: skip
