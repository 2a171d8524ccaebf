"""Sound as a log-magnitude spectrogram and back: the transform the autoencoder works on, and phase from magnitude.

B batch, T samples, F frames (T / 512), K bins (1 025). A frame is 2 048 samples, 512 apart, so four frames make one latent of 2 048.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

WINDOW = 2_048
HOP = 512
BINS = WINDOW // 2 + 1
FLOOR = 1e-5
LOG_FLOOR = math.log(FLOOR)
_EDGE = (WINDOW - HOP) // 2
_FULL_SCALE = WINDOW / 4  # magnitude of a full-scale sine under a Hann window
# Median of the log of a Rayleigh variable of unit mean square: the level that a median-trained network predicts for noise.
_NOISE_LOG_MEDIAN = 0.5 * math.log(math.log(2))


def stft(wave: Tensor) -> Tensor:
    """Complex spectrum (B, F, K) of a wave (B, T), T a multiple of 512; a full-scale sine has magnitude 1."""
    frames = functional.pad(wave, (_EDGE, _EDGE)).unfold(-1, WINDOW, HOP)
    return torch.fft.rfft(frames * _window(wave)) / _FULL_SCALE


def istft(spectrum: Tensor) -> Tensor:
    """Wave (B, T) whose spectrum is nearest to `spectrum` (B, F, K) in least squares (Griffin and Lim 1984)."""
    window = _window(spectrum)
    frames = torch.fft.irfft(spectrum * _FULL_SCALE, n=WINDOW) * window
    weight = _overlap_add((window**2).expand(1, frames.shape[1], WINDOW))
    wave = _overlap_add(frames) / weight.clamp_min(1e-4)
    return wave[:, _EDGE:-_EDGE]


def log_magnitude(wave: Tensor) -> Tensor:
    """Natural log of the magnitude, (B, T) -> (B, F, K), never under ln(1e-5), which is -100 dB."""
    spectrum = stft(wave)
    return 0.5 * (spectrum.real**2 + spectrum.imag**2).clamp_min(FLOOR**2).log()


def noise_texture(frames: int, batch: int, generator: torch.Generator | None = None, device: str | torch.device = "cpu") -> tuple[Tensor, Tensor]:
    """Spectrum of white noise as (log magnitude about its median, unit phasor), each (B, F, K): the grain of a noisy sound."""
    noise = torch.randn(batch, frames * HOP, generator=generator, device=device)
    spectrum = stft(noise)
    magnitude = spectrum.abs().clamp_min(1e-9)
    root_mean_square = math.sqrt(0.375 * WINDOW) / _FULL_SCALE
    return (magnitude / root_mean_square).log() - _NOISE_LOG_MEDIAN, spectrum / magnitude


def tonal_phase(log_mag: Tensor) -> Tensor:
    """Unit phasors (B, F, K) that continue every spectral peak from frame to frame.

    Each bin follows its nearest peak, whose frequency is refined by a parabola, as in single-pass spectrogram inversion
    (Beauregard, Harish and Wyse 2015).
    """
    bins = torch.arange(BINS, device=log_mag.device)
    left, centre, right = log_mag[..., :-2], log_mag[..., 1:-1], log_mag[..., 2:]
    is_peak = functional.pad((centre >= left) & (centre > right), (1, 1))
    bend = (left - 2 * centre + right).clamp_max(-1e-6)
    offset = functional.pad((0.5 * (left - right) / bend).clamp(-0.5, 0.5), (1, 1))
    below = torch.where(is_peak, bins, -BINS).cummax(-1).values
    above = -torch.where(is_peak, -bins, -2 * BINS).flip(-1).cummax(-1).values.flip(-1)
    peak = torch.where(bins - below <= above - bins, below, above).clamp(0, BINS - 1)
    frequency = peak + offset.gather(-1, peak)
    turns = torch.cumsum((frequency[:, 1:] + frequency[:, :-1]).double() / 2 * (HOP / WINDOW), dim=1)
    phase = functional.pad(turns, (0, 0, 1, 0)) + bins / 2  # a window centred in its frame alternates sign from bin to bin
    return torch.polar(torch.ones_like(log_mag), (phase.remainder(1.0) * 2 * math.pi).float())


def griffin_lim(magnitude: Tensor, phasor: Tensor, iterations: int, momentum: float = 0.99) -> Tensor:
    """Wave (B, T) with the given magnitude, from initial unit phasors, both (B, F, K).

    The fast Griffin-Lim algorithm (Perraudin, Balazs and Sondergaard 2013).
    """
    previous = torch.zeros_like(phasor)
    for _ in range(iterations):
        rebuilt = stft(istft(magnitude * phasor))
        phasor = rebuilt - (momentum / (1 + momentum)) * previous
        phasor = phasor / phasor.abs().clamp_min(1e-12)
        previous = rebuilt
    return istft(magnitude * phasor)


def _window(like: Tensor) -> Tensor:
    return torch.hann_window(WINDOW, device=like.device)


def _overlap_add(frames: Tensor) -> Tensor:
    """(B, F, 2048) -> (B, (F + 3) * 512): four shifted sums, since a window is four hops."""
    batch, count, _ = frames.shape
    parts = frames.reshape(batch, count, WINDOW // HOP, HOP)
    total = frames.new_zeros(batch, count + WINDOW // HOP - 1, HOP)
    for shift in range(WINDOW // HOP):
        total[:, shift : shift + count] += parts[:, :, shift]
    return total.reshape(batch, -1)
