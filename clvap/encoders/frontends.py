"""What an encoder hears: a clip as a spectrogram or a waveform of fixed size, as the published weights were trained on.

B batch, F frames, M mel bands, T samples.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal, Protocol

import torch
import torchaudio
from torch import Tensor
from torch.nn import functional

from clvap.audio import Clip

_BLOCK = 128
"""Frames transformed at once: few enough to stay in a core's cache."""


class FrontEnd(Protocol):
    """A clip to the tensor that an encoder reads; every clip gives the same shape."""

    @property
    def duration_s(self) -> float: ...

    def __call__(self, clip: Clip) -> Tensor: ...


@dataclass(frozen=True)
class PowerLogMel:
    """The logarithm of a mel spectrogram of power, neither normalised nor clipped: what PANNs, HTS-AT, CLAP and BYOL-A read."""

    sample_rate_hz: int
    window: int
    hop: int
    mel_bands: int
    low_hz: float
    high_hz: float
    duration_s: float
    """Seconds that the encoder hears: longer sounds are cut, shorter ones filled up."""
    scale: Literal["slaney", "htk"] = "slaney"
    """Mel scale: `slaney` with bands of equal area (librosa's default), `htk` with bands of equal height (torchaudio's)."""
    unit: Literal["db", "ln"] = "db"
    """Decibels over a floor of 1e-10, or natural logarithms over the smallest float."""
    fill: Literal["silence", "repeat"] = "silence"
    """Whether a short sound is followed by silence, or is first repeated as often as it fits whole (CLAP's `repeatpad`)."""

    @property
    def samples(self) -> int:
        """Samples T of the filled sound."""
        return round(self.duration_s * self.sample_rate_hz)

    def __call__(self, clip: Clip) -> Tensor:
        """A clip to float32 (F, M)."""
        mono = _filled(clip, self.sample_rate_hz, self.samples, self.fill == "repeat")
        framed = functional.pad(mono[None], (self.window // 2, self.window // 2), mode="reflect")[0].unfold(0, self.window, self.hop)
        power = torch.cat([self._power(block) @ self.filters() for block in framed.split(_BLOCK)])
        if self.unit == "ln":
            return (power + torch.finfo(torch.float32).eps).log()
        return 10 * torch.log10(power.clamp(min=1e-10))

    def _power(self, frames: Tensor) -> Tensor:
        """(F, window) to float32 (F, window / 2 + 1); transformed in float64, in float32 an empty band would read as rounding noise."""
        spectrum = torch.fft.rfft(frames.double() * _hann(self.window))
        return (spectrum.real**2 + spectrum.imag**2).float()

    def filters(self) -> Tensor:
        """The mel filters, (window / 2 + 1, M)."""
        return _filters(self.window // 2 + 1, self.low_hz, self.high_hz, self.mel_bands, self.sample_rate_hz, self.scale)


@dataclass(frozen=True)
class Waveform:
    """The sound itself, for codecs."""

    sample_rate_hz: int
    duration_s: float = 5.0
    multiple: int = 1
    """Samples of one frame of the codec: the length is a multiple of it."""

    @property
    def samples(self) -> int:
        """Samples T of the filled sound."""
        return math.ceil(self.duration_s * self.sample_rate_hz / self.multiple) * self.multiple

    def __call__(self, clip: Clip) -> Tensor:
        """A clip to float32 (T,)."""
        return _filled(clip, self.sample_rate_hz, self.samples, repeat=False)


PANNS = PowerLogMel(32_000, 1_024, 320, 64, 50.0, 14_000.0, duration_s=10.0)
"""Kong et al. 2020, arXiv:1912.10211; HTS-AT on AudioSet reads the same."""
CLAP = PowerLogMel(48_000, 1_024, 480, 64, 50.0, 14_000.0, duration_s=10.0, fill="repeat")
"""Wu et al. 2023, arXiv:2211.06687; its checkpoints with feature fusion use the `htk` scale."""
BYOL_A = PowerLogMel(16_000, 1_024, 160, 64, 60.0, 7_800.0, duration_s=5.0, scale="htk", unit="ln")
"""Niizumi et al. 2021, arXiv:2103.06695."""

_KINDS: dict[str, type] = {"power-log-mel": PowerLogMel, "waveform": Waveform}


def to_dict(front_end: PowerLogMel | Waveform) -> dict[str, Any]:
    """A front end as written in a tower's config, the inverse of `from_dict`."""
    kind = next(kind for kind, known in _KINDS.items() if isinstance(front_end, known))
    return {"kind": kind, **asdict(front_end)}


def from_dict(values: dict[str, Any]) -> PowerLogMel | Waveform:
    """A front end from a tower's config. Raises ValueError for a kind or a key that does not exist."""
    kind, settings = values.get("kind"), {key: value for key, value in values.items() if key != "kind"}
    if kind not in _KINDS:
        raise ValueError(f"front end {kind!r}: use one of {', '.join(_KINDS)}")
    try:
        return _KINDS[kind](**settings)
    except TypeError as error:
        raise ValueError(f"front end {kind}: {error}") from error


def _filled(clip: Clip, sample_rate_hz: int, samples: int, repeat: bool) -> Tensor:
    """A clip as mono float32 of exactly `samples` samples."""
    mono = torch.from_numpy(clip.at_rate(sample_rate_hz).mono()[:samples])
    if repeat and 0 < len(mono) < samples:
        mono = mono.repeat(samples // len(mono))
    return functional.pad(mono, (0, samples - len(mono)))


@lru_cache(maxsize=4)
def _hann(window: int) -> Tensor:
    return torch.hann_window(window, dtype=torch.float64)


@lru_cache(maxsize=8)
def _filters(bins: int, low_hz: float, high_hz: float, bands: int, rate: int, scale: str) -> Tensor:
    return torchaudio.functional.melscale_fbanks(bins, low_hz, high_hz, bands, rate, norm="slaney" if scale == "slaney" else None, mel_scale=scale)
