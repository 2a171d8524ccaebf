"""Log-mel spectrograms, the towers' input. B batch, F frames, M mel bands, T samples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
import torchaudio
from torch import Tensor

from clvap.audio import SAMPLE_RATE_HZ, Clip


@dataclass(frozen=True)
class LogMel:
    """A log-mel spectrogram of fixed size, as CLAP computes it (Wu et al. 2023, arXiv:2211.06687) but for the numbers."""

    sample_rate_hz: int = SAMPLE_RATE_HZ
    window: int = 2_048
    hop: int = 882
    mel_bands: int = 64
    low_hz: float = 50.0
    high_hz: float = 16_000.0
    frames: int = 256
    floor_db: float = -90.0

    @property
    def duration_s(self) -> float:
        """Seconds of sound that fill all frames."""
        return self.frames * self.hop / self.sample_rate_hz

    def __call__(self, clip: Clip) -> Tensor:
        """A clip to float32 (F, M): peak-normalised, cut or padded with silence to all frames, scaled to about -1 .. 1."""
        mono = torch.from_numpy(clip.at_rate(self.sample_rate_hz).mono()[: self.frames * self.hop])
        length = min(len(mono) + self.window, self.frames * self.hop)  # the silence behind it need not be transformed
        mono = torch.nn.functional.pad(mono / mono.abs().max().clamp(min=1e-5), (0, length - len(mono)))
        spectrum = torch.stft(mono, self.window, self.hop, window=_hann(self.window), center=True, return_complex=True)[:, : self.frames]
        power = (spectrum.real**2 + spectrum.imag**2).T
        power = power @ _filters(self.window // 2 + 1, self.low_hz, self.high_hz, self.mel_bands, self.sample_rate_hz)
        level_db = 10 * torch.log10(power + 1e-9) - 30.0  # a full-scale sine reads about +24 dB before the shift
        scaled = level_db.clamp(min=self.floor_db) / -self.floor_db * 2 + 1
        return torch.nn.functional.pad(scaled, (0, 0, 0, self.frames - len(scaled)), value=-1.0)


@lru_cache(maxsize=4)
def _hann(window: int) -> Tensor:
    return torch.hann_window(window)


@lru_cache(maxsize=4)
def _filters(bins: int, low_hz: float, high_hz: float, bands: int, rate: int) -> Tensor:
    return torchaudio.functional.melscale_fbanks(bins, low_hz, high_hz, bands, rate, norm="slaney", mel_scale="slaney") * 1_000
