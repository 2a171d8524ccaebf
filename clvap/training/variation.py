"""What towers hear, heard again otherwise: level, tone, time, gaps, and two sounds at once. On spectrograms and waveforms already made.

B batch, F frames, M mel bands, T samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from clvap.encoders.frontends import FrontEnd, PowerLogMel, Waveform

_TONE_DB = 6.75
_DB_A_NEPER = 10 / math.log(10)


class Variation(Protocol):
    """How what one front end makes is varied."""

    def varied(self, heard: Tensor, rng: np.random.Generator) -> Tensor:
        """(B, ...) each heard another way; changes its argument."""

    def mixed(self, first: Tensor, second: Tensor, gain_db: Tensor) -> Tensor:
        """Two sounds at once, the second `gain_db` (B,) louder: (B, ...) each to (B, ...), the louder at its own level."""


@dataclass(frozen=True)
class Spectra:
    """Of log spectrograms (B, F, M).

    unit_db: decibels of power that 1 stands for; floor: what silence reads as
    """

    unit_db: float
    floor: float

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

    def mixed(self, first: Tensor, second: Tensor, gain_db: Tensor) -> Tensor:
        """As their powers add."""
        scale = self.unit_db / _DB_A_NEPER
        shift = (gain_db / _DB_A_NEPER)[:, None, None]
        power = torch.logaddexp(first * scale, second * scale + shift) - shift.clamp(min=0)
        return (power / scale).clamp(min=self.floor)


@dataclass(frozen=True)
class Waves:
    """Of waveforms (B, T)."""

    latest: int
    """Samples that a sound may come later."""

    def varied(self, heard: Tensor, rng: np.random.Generator) -> Tensor:
        """Another level, a little later, a gap."""
        for wave in heard:
            wave *= 10 ** (float(rng.uniform(-_TONE_DB, _TONE_DB)) / 20)
            wave.copy_(wave.roll(int(rng.integers(0, self.latest)), dims=0))
            start, width = int(rng.integers(0, len(wave))), int(rng.integers(0, len(wave) // 8 + 1))
            wave[start : start + width] = 0
        return heard

    def mixed(self, first: Tensor, second: Tensor, gain_db: Tensor) -> Tensor:
        """As waves add."""
        louder = gain_db.clamp(min=0)
        return first * 10 ** (-louder / 20)[:, None] + second * 10 ** ((gain_db - louder) / 20)[:, None]


def variation(front_end: FrontEnd) -> Variation:
    """How what a front end makes is varied."""
    if isinstance(front_end, Waveform):
        return Waves(latest=max(int(0.6 * front_end.sample_rate_hz), 1))
    if isinstance(front_end, PowerLogMel):
        return Spectra(1.0, -100.0) if front_end.unit == "db" else Spectra(_DB_A_NEPER, math.log(torch.finfo(torch.float32).eps))
    return Spectra(-front_end.floor_db / 2, -1.0)
