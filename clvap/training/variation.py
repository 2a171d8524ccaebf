"""What towers hear, heard again otherwise: level, tone, time, gaps, a poor microphone, a noisy room, and two sounds at once. On spectrograms and
waveforms already made.

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
from clvap.training import microphones

_TONE_DB = 6.75
_DB_A_NEPER = 10 / math.log(10)
_SNR_DB = (6.0, 40.0)
_TILT_DB = (-40.0, 5.0)
"""From the lowest band to the highest: fans and streets to hiss."""
_BEFORE_AND_AFTER_S = 1.0


class Variation(Protocol):
    """How what one front end makes is varied, on whichever device it lies."""

    def varied(self, heard: Tensor, rng: np.random.Generator) -> Tensor:
        """(B, ...) each heard another way; may change its argument."""

    def through_microphones(self, heard: Tensor, rng: np.random.Generator) -> Tensor:
        """(B, ...) each as a poor microphone, and what comes after it, would have recorded it; as loud as before."""

    def in_rooms(self, heard: Tensor, rng: np.random.Generator) -> Tensor:
        """(B, ...) each with the noise of a room 6 to 40 dB under its level, somewhat before and after it, too; may change its argument."""

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
        count, frames, bands = heard.shape
        reach = _TONE_DB / self.unit_db
        tone = np.stack([_curve(bands, rng.uniform(-reach, reach, knots)) for knots in rng.integers(3, 6, size=count)])
        heard += torch.from_numpy(tone).float().to(heard.device)[:, None] * (heard > self.floor)
        at = (torch.arange(frames) - torch.from_numpy(rng.integers(0, 32, size=(count, 1)))) % frames
        heard = heard.gather(1, at.to(heard.device)[..., None].expand(-1, -1, bands))
        heard.masked_fill_(_gaps(count, frames, 40, rng).to(heard.device)[..., None], self.floor)
        heard.masked_fill_(_gaps(count, bands, 10, rng).to(heard.device)[:, None], self.floor)
        return heard.clamp_(min=self.floor)

    def through_microphones(self, heard: Tensor, rng: np.random.Generator) -> Tensor:
        """Far away in a room, a narrow or uneven band, overdriven, a level that is kept up, what is soft cut off: each to some, on powers (B, F, M)."""
        scale = self.unit_db / _DB_A_NEPER
        silent = math.exp(self.floor * scale)
        power = ((heard * scale).exp() - silent).clamp(min=0)
        loudest = power.amax(dim=(1, 2), keepdim=True)
        for passed in (microphones.echoing, microphones.banded, microphones.overdriven, microphones.levelled, microphones.gated):
            power = passed(power, self.frames_a_second, rng)
        power = power * loudest / power.amax(dim=(1, 2), keepdim=True).clamp(min=1e-30)
        return (power + silent).log() / scale

    def in_rooms(self, heard: Tensor, rng: np.random.Generator) -> Tensor:
        """Steady noise of a random colour, with hum in low bands half of the time, added as powers add."""
        scale = self.unit_db / _DB_A_NEPER
        neper, silent = heard * scale, math.exp(self.floor * scale)
        around, level = _sounding((neper.exp() - silent).clamp(min=0).sum(dim=2), int(_BEFORE_AND_AFTER_S * self.frames_a_second), rng)
        count, frames, bands = heard.shape
        colour_db = np.stack([_curve(bands, rng.normal(0, 4, 6)) for _ in range(count)]) + np.linspace(0, rng.uniform(*_TILT_DB, count), bands, axis=1)
        for one in np.flatnonzero(rng.random(count) < 0.5):
            colour_db[one, rng.integers(bands // 8, size=2)] += rng.uniform(5, 20, 2)
        colour = 10 ** (colour_db / 10)
        under = 10 ** (-rng.uniform(*_SNR_DB, count) / 10)
        power = level[:, None] * torch.from_numpy(colour / colour.sum(axis=1, keepdims=True) * under[:, None]).float().to(heard.device)
        noise = power[:, None] * _band_noise(count, frames, bands, rng, heard.device)
        loud = torch.logaddexp(neper, torch.log(noise + 1e-30))
        return torch.where(around[..., None], (loud / scale).clamp(min=self.floor), heard)

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

    def through_microphones(self, heard: Tensor, rng: np.random.Generator) -> Tensor:
        """A narrow or uneven band, and clipping."""
        loudest = heard.abs().amax(dim=1, keepdim=True)
        spectrum = torch.fft.rfft(heard)
        mels = np.log1p(np.fft.rfftfreq(heard.shape[1], 1 / self.sample_rate_hz) / 700)
        passed = torch.fft.irfft(spectrum * microphones.responses(len(heard), mels / mels[-1], rng).sqrt().to(heard.device), n=heard.shape[1])
        room = passed.abs().amax(dim=1, keepdim=True) * torch.from_numpy(rng.uniform(0.2, 1.5, (len(heard), 1))).float().to(heard.device)
        clipped = passed.clamp(-room, room)
        return clipped * loudest / clipped.abs().amax(dim=1, keepdim=True).clamp(min=1e-9)

    def in_rooms(self, heard: Tensor, rng: np.random.Generator) -> Tensor:
        """Steady noise of a random colour."""
        around, level = _sounding(heard**2, int(_BEFORE_AND_AFTER_S * self.sample_rate_hz), rng)
        noise = np.stack([lfilter([1.0], [1.0, -rng.uniform(0, 0.97)], rng.standard_normal(heard.shape[1])) for _ in heard])
        noise *= np.sqrt(10 ** (-rng.uniform(*_SNR_DB, len(heard)) / 10))[:, None] / noise.std(axis=1, keepdims=True)
        return heard + torch.from_numpy(noise).float().to(heard.device) * level.sqrt()[:, None] * around

    def mixed(self, first: Tensor, second: Tensor, gain_db: Tensor) -> Tensor:
        """As waves add."""
        louder = gain_db.clamp(min=0)
        return first * 10 ** (-louder / 20)[:, None] + second * 10 ** ((gain_db - louder) / 20)[:, None]


def _curve(bands: int, knots: np.ndarray) -> np.ndarray:
    """A line through values at even distances, (M,)."""
    return np.interp(np.linspace(0, len(knots) - 1, bands), np.arange(len(knots)), knots)


def _gaps(count: int, length: int, widest: int, rng: np.random.Generator) -> Tensor:
    """Where each of `count` rows misses a part shorter than `widest`: bool (B, length)."""
    width = rng.integers(0, min(widest, length), size=(count, 1))
    start = (rng.random((count, 1)) * (length - width)).astype(int)
    at = np.arange(length)
    return torch.from_numpy((at >= start) & (at < start + width))


def _band_noise(count: int, frames: int, bands: int, rng: np.random.Generator, device: torch.device) -> Tensor:
    """Power of even noise in mel bands, mean 1: (B, F, M). A wide band averages more of the noise than a narrow one.

    Gamma variates by the cubes of normal ones (Wilson and Hilferty 1931).
    """
    free = 1 + 8 * torch.linspace(0, 1, bands, device=device) ** 2
    normal = torch.randn(count, frames, bands, device=device, generator=torch.Generator(device).manual_seed(int(rng.integers(2**62))))
    return (1 - 1 / (9 * free) + normal / (3 * free.sqrt())).clamp(min=0) ** 3


def _sounding(power: Tensor, margin: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Where sounds of power (B, T) are, less than 40 dB under their peak, with up to `margin` more on either side half of the time: bool (B, T); their
    mean power there, (B,), 0 for silence."""
    count, length = power.shape
    loud = power > 1e-4 * power.amax(dim=1, keepdim=True)
    before, after = torch.from_numpy(rng.integers(0, max(margin, 1), size=(2, count)) * (rng.random((2, count)) < 0.5)).to(power.device)
    first, last = loud.int().argmax(dim=1) - before, length - 1 - loud.flip(1).int().argmax(dim=1) + after
    at = torch.arange(length, device=power.device)
    return (at >= first[:, None]) & (at <= last[:, None]), (power * loud).sum(dim=1) / loud.sum(dim=1).clamp(min=1)


def variation(front_end: FrontEnd) -> Variation:
    """How what a front end makes is varied."""
    if isinstance(front_end, Waveform):
        return Waves(front_end.sample_rate_hz)
    frames_a_second = front_end.sample_rate_hz / front_end.hop
    if isinstance(front_end, PowerLogMel):
        unit_db, floor = (1.0, -100.0) if front_end.unit == "db" else (_DB_A_NEPER, math.log(torch.finfo(torch.float32).eps))
        return Spectra(unit_db, floor, frames_a_second)
    return Spectra(-front_end.floor_db / 2, -1.0, frames_a_second)
