"""The fundamental of a sound at the latent rate, for the autoencoder: one frequency and how sure it is, every 46 ms.

B batch, T samples, F frames, L latents (F / 4), K bins.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from clvap.audio import SAMPLE_RATE_HZ
from generation import spectrum

MIDDLE_HZ = 500.0
_LONGEST_LAG, _SHORTEST_LAG = 800, 9  # 55 Hz to 4.9 kHz; under some 200 Hz only rich sounds are found, since the window barely parts their harmonics
_COMPRESSION = 0.35  # of the power spectrum before autocorrelation, so that weak harmonics count too
_SURE, _UNSURE = 0.8, 0.5
_BIN_HZ = SAMPLE_RATE_HZ / spectrum.WINDOW


class Pitch(NamedTuple):
    """Both (B, L): octaves above 500 Hz, carried on where there is no pitch; and 0 (noise) to 1 (a clear pitch)."""

    octaves: Tensor
    strength: Tensor


@torch.no_grad()
def track(log_mag: Tensor, frames_per_latent: int = 4) -> Pitch:
    """Pitch from log magnitudes (B, F, K): generalised autocorrelation (Tolonen and Karjalainen 2000), summed over a latent's frames."""
    batch, frames, _ = log_mag.shape
    weight = (2 * log_mag).exp().clamp_min(1e-12) ** _COMPRESSION
    weight = weight - weight.amin(-1, keepdim=True)
    summed = weight.reshape(batch, frames // frames_per_latent, frames_per_latent, -1).sum(2)
    summed = summed - _smoothed(summed)  # what stands out of the envelope is harmonic
    correlation = torch.fft.irfft(summed, n=spectrum.WINDOW)[..., : _LONGEST_LAG + 2]
    height = correlation / summed.clamp_min(0).sum(-1, keepdim=True).mul(2 / spectrum.WINDOW).clamp_min(1e-9)
    searched = height[..., _SHORTEST_LAG:-1]
    is_peak = (searched >= height[..., _SHORTEST_LAG - 1 : -2]) & (searched > height[..., _SHORTEST_LAG + 1 :])
    peaks = torch.where(is_peak, searched, -torch.ones_like(searched))
    best = peaks.amax(-1, keepdim=True)
    lag = (peaks >= 0.85 * best).float().argmax(-1) + _SHORTEST_LAG  # the shortest good lag, against octave errors
    left, centre, right = (height.gather(-1, (lag + shift)[..., None])[..., 0] for shift in (-1, 0, 1))
    bend = left - 2 * centre + right
    refined = lag + torch.where(bend < -1e-9, 0.5 * (left - right) / bend.clamp_max(-1e-9), torch.zeros_like(bend)).clamp(-0.5, 0.5)
    loud = log_mag.amax(-1).reshape(batch, -1, frames_per_latent).amax(-1) > spectrum.LOG_FLOOR + 2.5
    strength = ((best[..., 0] - _UNSURE) / (_SURE - _UNSURE)).clamp(0, 1) * loud
    return Pitch(_carried((SAMPLE_RATE_HZ / refined / MIDDLE_HZ).log2(), strength), strength)


def comb(octaves: Tensor) -> Tensor:
    """Log gain of a harmonic comb with Hann-window lobes, from octaves (B, F): (B, F, K), 0 on a harmonic, at least -4 between."""
    fundamental = MIDDLE_HZ * 2 ** octaves[..., None]
    frequency = torch.arange(spectrum.BINS, device=octaves.device) * _BIN_HZ
    nearest = (frequency / fundamental).round().clamp_min(1.0)
    away = (frequency - nearest * fundamental) / _BIN_HZ
    return (-0.72 * away**2).clamp_min(-4.0)


def _smoothed(spectra: Tensor, width: int = 121) -> Tensor:
    """Moving mean over bins."""
    flat = spectra.reshape(-1, 1, spectra.shape[-1])
    return torch.nn.functional.avg_pool1d(flat, width, 1, width // 2, count_include_pad=False).reshape(spectra.shape)


def _carried(octaves: Tensor, strength: Tensor) -> Tensor:
    """Octaves with gaps bridged straight from one sure latent to the next; 0 where nothing is sure."""
    rows, sure = octaves.cpu().numpy().copy(), (strength > 0.35).cpu().numpy()
    at = np.arange(rows.shape[1])
    for row, known in zip(rows, sure, strict=True):
        row[:] = np.interp(at, at[known], row[known]) if known.any() else 0.0
    return torch.from_numpy(rows).to(octaves)
