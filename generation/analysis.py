"""What a latent of sfx-mini says of its 46 ms of sound, worked out and not learned: so the transformer never waits for an encoder,
and a better decoder can be trained at any time without training the transformer again.

Two views of the spectrum, since no one window is sharp in both: mel bands of a long window, fine in pitch, and the movement of a
few broad bands within the latent, fine in time. And the tracked pitch, for the harmonics that bands cannot hold.
B batch, T samples, L latents (T / 2 048), F frames (4 L), K bins, M mel bands, S broad bands, C channels.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchaudio.functional import melscale_fbanks

from clvap.audio import SAMPLE_RATE_HZ
from generation import pitch, spectrum

FRAMES_PER_LATENT = 4
RATIO = spectrum.HOP * FRAMES_PER_LATENT
PITCH_CHANNELS = 4
_LONG_WINDOW = 8_192
_EDGE = (_LONG_WINDOW - RATIO) // 2
_FLOOR = spectrum.FLOOR**2
_TOP_HZ = SAMPLE_RATE_HZ / 2
_LOWEST_EDGE_HZ = 200.0


class Scale(nn.Module):
    """Puts channels, last in line, to zero mean and unit deviation, and back."""

    def __init__(self, channels: int):
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(channels), requires_grad=False)
        self.deviation = nn.Parameter(torch.ones(channels), requires_grad=False)

    def forward(self, measured: Tensor) -> Tensor:
        return (measured - self.mean) / self.deviation

    def undone(self, scaled: Tensor) -> Tensor:
        return scaled * self.deviation + self.mean

    @torch.no_grad()
    def fit(self, measured: Tensor) -> None:
        """Take mean and deviation from (N, C)."""
        self.mean.copy_(measured.mean(0))
        self.deviation.copy_(measured.std(0).clamp_min(1e-2))


class Analysis(nn.Module):
    """Wave (B, 1, T), T a multiple of 2 048 -> latents (B, M + 4 S + 4, L), all but the pitch of zero mean and unit deviation over training sound."""

    def __init__(self, mel_bands: int, broad_bands: int):
        super().__init__()
        self.scale = Scale(mel_bands + FRAMES_PER_LATENT * broad_bands)
        self.register_buffer("mel", mel_filters(mel_bands, _LONG_WINDOW // 2 + 1), persistent=False)
        self.register_buffer("broad", _broad_filters(broad_bands), persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        """See the class."""
        log_mag = spectrum.log_magnitude(wave[:, 0])
        heard = self.scale(self.measured(wave[:, 0], log_mag))
        tracked = pitch.track(log_mag, FRAMES_PER_LATENT)
        sure = 2 * tracked.strength - 1
        return torch.cat([heard.transpose(1, 2), torch.stack([tracked.octaves, tracked.octaves, sure, sure], dim=1)], dim=1)

    def measured(self, wave: Tensor, log_mag: Tensor) -> Tensor:
        """Log power of the bands, then the movement of the broad ones, in nats: (B, T) and (B, F, K) to (B, L, M + 4 S)."""
        frames = functional.pad(wave, (_EDGE, _EDGE)).unfold(-1, _LONG_WINDOW, RATIO)
        long = torch.fft.rfft(frames * torch.hann_window(_LONG_WINDOW, device=wave.device)) / (_LONG_WINDOW / 4)
        bands = ((long.real**2 + long.imag**2) @ self.mel + _FLOOR).log()
        broad = ((2 * log_mag).exp() @ self.broad + _FLOOR).log().unflatten(1, (-1, FRAMES_PER_LATENT))
        return torch.cat([bands, (broad - broad.mean(2, keepdim=True)).flatten(2)], dim=2)

    def fit(self, waves: Tensor) -> None:
        """Take mean and deviation from sounds (B, T)."""
        self.scale.fit(self.measured(waves, spectrum.log_magnitude(waves)).flatten(0, 1))


class Outline(nn.Module):
    """A first guess of the spectrogram that latents stand for, without anything learned: bands laid over bins, movement over frames."""

    def __init__(self, mel_bands: int, broad_bands: int):
        super().__init__()
        self.bands = mel_bands
        self.register_buffer("over_mel", _interpolation(_mel_centres_hz(mel_bands)), persistent=False)
        edges = _broad_edges_hz(broad_bands)
        self.register_buffer("over_broad", _interpolation((edges[1:] + edges[:-1]) / 2), persistent=False)

    def forward(self, heard: Tensor) -> Tensor:
        """What `Analysis.measured` gives, (B, L, M + 4 S), to log magnitudes (B, F, K)."""
        bands, movement = heard[..., : self.bands], heard[..., self.bands :]
        level = functional.interpolate(bands.transpose(1, 2), scale_factor=FRAMES_PER_LATENT, mode="linear").transpose(1, 2)
        return (level @ self.over_mel + movement.unflatten(2, (FRAMES_PER_LATENT, -1)).flatten(1, 2) @ self.over_broad) / 2


def mel_filters(bands: int, bins: int) -> Tensor:
    """Triangles on the mel scale from 0 Hz to half the sample rate, (bins, bands), each of unit sum."""
    filters = melscale_fbanks(bins, 0.0, _TOP_HZ, bands, SAMPLE_RATE_HZ)
    return filters / filters.sum(0).clamp_min(1e-3)


def _mel_centres_hz(bands: int) -> Tensor:
    top = 2595 * math.log10(1 + _TOP_HZ / 700)
    return 700 * (10 ** (torch.linspace(0, top, bands + 2)[1:-1] / 2595) - 1)


def _broad_edges_hz(bands: int) -> Tensor:
    """Equal steps of pitch from 200 Hz, below which all is one band."""
    return torch.cat([torch.zeros(1), torch.logspace(math.log10(_LOWEST_EDGE_HZ), math.log10(_TOP_HZ), bands)])


def _broad_filters(bands: int) -> Tensor:
    """Means over broad bands, (K, S)."""
    bins_hz, edges = torch.linspace(0, _TOP_HZ, spectrum.BINS), _broad_edges_hz(bands)
    edges[-1] += 1
    inside = ((bins_hz[:, None] >= edges[:-1]) & (bins_hz[:, None] < edges[1:])).float()
    return inside / inside.sum(0)


def _interpolation(centres_hz: Tensor) -> Tensor:
    """Weights (N, K) that carry values at centre frequencies to every bin along straight lines, level beyond the ends."""
    bins_hz = torch.linspace(0, _TOP_HZ, spectrum.BINS).clamp(centres_hz[0], centres_hz[-1])
    right = torch.searchsorted(centres_hz, bins_hz).clamp(1, len(centres_hz) - 1)
    share = (bins_hz - centres_hz[right - 1]) / (centres_hz[right] - centres_hz[right - 1])
    weights = torch.zeros(len(centres_hz), spectrum.BINS)
    weights[right - 1, torch.arange(spectrum.BINS)] = 1 - share
    weights[right, torch.arange(spectrum.BINS)] += share
    return weights
