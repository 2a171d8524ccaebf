"""What towers hear, heard again otherwise: level, tone, time, gaps, a noisy room, and two sounds at once. On spectrograms and waveforms already made.

B batch, F frames, M mel bands, T samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from scipy.signal import lfilter
from torch import Tensor

from clvap.encoders.frontends import FrontEnd, PowerLogMel, Waveform

_TONE_DB = 6.75
_DB_A_NEPER = 10 / math.log(10)
_SNR_DB = (6.0, 40.0)
_TILT_DB = (-40.0, 5.0)
"""From the lowest band to the highest: fans and streets to hiss."""
_BEFORE_AND_AFTER_S = 1.0


class Variation(Protocol):
    """How what one front end makes is varied."""

    def varied(self, heard: Tensor, rng: np.random.Generator) -> Tensor:
        """(B, ...) each heard another way; changes its argument."""

    def in_room(self, heard: Tensor, rng: np.random.Generator) -> Tensor:
        """(...) one sound with the noise of a room 6 to 40 dB under its level, somewhat before and after it, too; changes its argument."""

    def mixed(self, first: Tensor, second: Tensor, gain_db: Tensor) -> Tensor:
        """Two sounds at once, the second `gain_db` (B,) louder: (B, ...) each to (B, ...), the louder at its own level."""


@dataclass(frozen=True)
class Spectra:
    """Of log spectrograms (B, F, M).

    unit_db: decibels of power that 1 stands for; floor: what silence reads as
    """

    unit_db: float
    floor: float
    frames_a_second: float

    def varied(self, heard: Tensor, rng: np.random.Generator) -> Tensor:
        """Other tone controls (Nam et al. 2021, arXiv:2110.03282), a little later, parts missing (SpecAugment, Park et al. 2019, arXiv:1904.08779)."""
        bands, reach = np.arange(heard.shape[2]), _TONE_DB / self.unit_db
        for spectrum in heard:
            knots = np.linspace(0, heard.shape[2] - 1, int(rng.integers(3, 6)))
            loud = spectrum > self.floor
            spectrum += torch.from_numpy(np.interp(bands, knots, rng.uniform(-reach, reach, len(knots)))).float() * loud
            spectrum.copy_(spectrum.roll(int(rng.integers(0, 32)), dims=0))
            for axis, widest in ((0, 40), (1, 10)):
                width = int(rng.integers(0, min(widest, spectrum.shape[axis])))
                start = int(rng.integers(0, spectrum.shape[axis] - width))
                spectrum.narrow(axis, start, width).fill_(self.floor)
        return heard.clamp_(min=self.floor)

    def in_room(self, heard: Tensor, rng: np.random.Generator) -> Tensor:
        """Steady noise of a random colour, with hum in low bands half of the time, added as powers add."""
        scale = self.unit_db / _DB_A_NEPER
        neper, silent = heard * scale, math.exp(self.floor * scale)
        span, level = _sounding((neper.exp() - silent).clamp(min=0).sum(dim=1).numpy(), int(_BEFORE_AND_AFTER_S * self.frames_a_second), rng)
        frames, bands = span.stop - span.start, heard.shape[1]
        colour_db = np.linspace(0, rng.uniform(*_TILT_DB), bands) + np.interp(np.arange(bands), np.linspace(0, bands - 1, 6), rng.normal(0, 4, 6))
        if rng.random() < 0.5:
            colour_db[rng.integers(bands // 8, size=2)] += rng.uniform(5, 20, 2)
        colour = 10 ** (colour_db / 10)
        free = 1 + 8 * np.linspace(0, 1, bands) ** 2  # a wide band averages more of the noise than a narrow one
        noise = rng.gamma(free, colour / free, (frames, bands)) * (level / colour.sum() * 10 ** (-rng.uniform(*_SNR_DB) / 10))
        loud = torch.logaddexp(neper[span], torch.from_numpy(np.log(noise + 1e-30)).float())
        heard[span] = (loud / scale).clamp(min=self.floor)
        return heard

    def mixed(self, first: Tensor, second: Tensor, gain_db: Tensor) -> Tensor:
        """As their powers add."""
        scale = self.unit_db / _DB_A_NEPER
        shift = (gain_db / _DB_A_NEPER)[:, None, None]
        power = torch.logaddexp(first * scale, second * scale + shift) - shift.clamp(min=0)
        return (power / scale).clamp(min=self.floor)


@dataclass(frozen=True)
class Waves:
    """Of waveforms (B, T)."""

    sample_rate_hz: int

    def varied(self, heard: Tensor, rng: np.random.Generator) -> Tensor:
        """Another level, a little later, a gap."""
        for wave in heard:
            wave *= 10 ** (float(rng.uniform(-_TONE_DB, _TONE_DB)) / 20)
            wave.copy_(wave.roll(int(rng.integers(0, max(int(0.6 * self.sample_rate_hz), 1))), dims=0))
            start, width = int(rng.integers(0, len(wave))), int(rng.integers(0, len(wave) // 8 + 1))
            wave[start : start + width] = 0
        return heard

    def in_room(self, heard: Tensor, rng: np.random.Generator) -> Tensor:
        """Steady noise of a random colour."""
        span, level = _sounding(heard.numpy() ** 2, int(_BEFORE_AND_AFTER_S * self.sample_rate_hz), rng)
        noise = lfilter([1.0], [1.0, -rng.uniform(0, 0.97)], rng.standard_normal(span.stop - span.start))
        noise *= np.sqrt(level * 10 ** (-rng.uniform(*_SNR_DB) / 10)) / noise.std()
        heard[span] += torch.from_numpy(noise).float()
        return heard

    def mixed(self, first: Tensor, second: Tensor, gain_db: Tensor) -> Tensor:
        """As waves add."""
        louder = gain_db.clamp(min=0)
        return first * 10 ** (-louder / 20)[:, None] + second * 10 ** ((gain_db - louder) / 20)[:, None]


def _sounding(power: np.ndarray, margin: int, rng: np.random.Generator) -> tuple[slice, float]:
    """Where a sound of power (T,) is, less than 40 dB under its peak, with up to `margin` more on either side half of the time; its mean power there."""
    loud = np.flatnonzero(power > 1e-4 * power.max())
    if not len(loud):
        return slice(0, len(power)), 0.0
    before, after = rng.integers(0, max(margin, 1), size=2) * (rng.random(2) < 0.5)
    return slice(max(loud[0] - before, 0), min(loud[-1] + 1 + after, len(power))), float(power[loud].mean())


def variation(front_end: FrontEnd) -> Variation:
    """How what a front end makes is varied."""
    if isinstance(front_end, Waveform):
        return Waves(front_end.sample_rate_hz)
    frames_a_second = front_end.sample_rate_hz / front_end.hop
    if isinstance(front_end, PowerLogMel):
        unit_db, floor = (1.0, -100.0) if front_end.unit == "db" else (_DB_A_NEPER, math.log(torch.finfo(torch.float32).eps))
        return Spectra(unit_db, floor, frames_a_second)
    return Spectra(-front_end.floor_db / 2, -1.0, frames_a_second)
