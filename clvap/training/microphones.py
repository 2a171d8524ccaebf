"""What lies between a mouth and a file, on powers in mel bands: distance, a narrow band, overdrive, automatic gain, noise gates.

Each function draws how strongly it meets each of B sounds, and leaves the others alone. B batch, F frames, M mel bands.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

_HARMONICS = ((0.29, 0.11), (0.43, 0.04))
"""Of a clipped tone, the third and the fifth: how far up, as a share of the bands, and their power."""
_KEPT_UP_S = 0.4
"""Over which an automatic gain looks at the level."""


def echoing(power: Tensor, frames_a_second: float, rng: np.random.Generator) -> Tensor:
    """Far from the microphone: a tail that falls by 60 dB in 0.15 to 0.9 s, as strong as the sound or up to 15 dB under it."""
    count, frames, _ = power.shape
    decay_s, under_db = rng.uniform(0.15, 0.9, count), rng.uniform(0, 15, count)
    tail = 10 ** (-6 * np.arange(frames) / frames_a_second / decay_s[:, None])
    tail[:, 0] = 0
    tail *= (10 ** (-under_db / 10) * _some(0.4, count, rng))[:, None] / np.maximum(tail.sum(axis=1, keepdims=True), 1e-9)
    tail[:, 0] = 1
    spectrum = torch.fft.rfft(power, n=2 * frames, dim=1) * torch.fft.rfft(_on(power, tail), n=2 * frames)[..., None]
    return torch.fft.irfft(spectrum, n=2 * frames, dim=1)[:, :frames].clamp(min=0)


def banded(power: Tensor, frames_a_second: float, rng: np.random.Generator) -> Tensor:
    """Through a band as narrow as a telephone's, uneven within."""
    return power * responses(len(power), np.linspace(0, 1, power.shape[2]), rng)[:, None].to(power.device)


def responses(count: int, at: np.ndarray, rng: np.random.Generator) -> Tensor:
    """What passes of the power at places (N,) from 0 to 1 of a mel scale, (B, N): cut below and above, with bumps of some 4 dB."""
    low, high = (rng.uniform(*reach, (count, 1)) for reach in ((-0.05, 0.14), (0.5, 1.1)))
    steep_low, steep_high = (np.exp(rng.uniform(np.log(100), np.log(800), (count, 1))) for _ in range(2))
    cut_db = np.maximum(low - at, 0) * steep_low + np.maximum(at - high, 0) * steep_high
    bumps_db = np.stack([np.interp(at, np.linspace(0, 1, 6), rng.normal(0, 4, 6)) for _ in range(count)])
    return torch.from_numpy(10 ** ((bumps_db - cut_db) / 10)).float()


def overdriven(power: Tensor, frames_a_second: float, rng: np.random.Generator) -> Tensor:
    """Clipped where it is loud: odd harmonics above, and levels that hardly rise."""
    count, _, bands = power.shape
    over = (_levels_db(power) + _on(power, rng.uniform(3, 25, count))[:, None]).clamp(min=0) * _on(power, _some(0.3, count, rng))[:, None]
    steps = [(int(up * bands), strength) for up, strength in _HARMONICS]
    harmonics = sum(strength * functional.pad(power[..., : bands - up], (up, 0)) for up, strength in steps)
    spread = 0.003 * power.sum(dim=2, keepdim=True)
    bent = (over / (over + 6))[..., None]
    return (power + bent * (harmonics + spread)) * 10 ** (-0.08 * over[..., None])


def levelled(power: Tensor, frames_a_second: float, rng: np.random.Generator) -> Tensor:
    """An automatic gain: what is soft for a while is raised, by up to 25 dB."""
    count = len(power)
    wide = 2 * int(_KEPT_UP_S * frames_a_second / 2) + 1
    level_db = functional.avg_pool1d(_levels_db(power).clamp(min=-30)[:, None], wide, 1, wide // 2, count_include_pad=False)[:, 0]
    return power * 10 ** (-level_db * _on(power, rng.uniform(0.2, 0.85, count) * _some(0.4, count, rng))[:, None] / 10)[..., None]


def gated(power: Tensor, frames_a_second: float, rng: np.random.Generator) -> Tensor:
    """A gate, as noise suppression has: what lies under 20 to 40 dB is pressed down."""
    count = len(power)
    under = (-_levels_db(power) - _on(power, rng.uniform(20, 40, count))[:, None]).clamp(min=0)
    return power * 10 ** (-under * _on(power, rng.uniform(1, 4, count) * _some(0.3, count, rng))[:, None] / 10)[..., None]


def _levels_db(power: Tensor) -> Tensor:
    """Of each frame, under the loudest: (B, F), at least -90."""
    level = power.sum(dim=2)
    return 10 * (level / level.amax(dim=1, keepdim=True).clamp(min=1e-30)).clamp(min=1e-9).log10()


def _some(share: float, count: int, rng: np.random.Generator) -> np.ndarray:
    """1 for a share of B, 0 for the others."""
    return (rng.random(count) < share).astype(float)


def _on(power: Tensor, values: np.ndarray) -> Tensor:
    return torch.from_numpy(values).float().to(power.device)
