"""The autoencoder of sfx-mini: 44.1 kHz mono to latents at 21.53 a second, worked out by `generation.analysis`, and back by a network.

It runs inside stable-audio-tools' own `AudioAutoencoder` and `AutoencoderPretransform`. The network turns latents into frames of a
log-magnitude spectrogram, starting from what the latents say outright; phase is rebuilt by Griffin-Lim. A learned phase needs hours
before harmonics converge on a CPU, a magnitude takes minutes, and rebuilt phase is coherent from the first step.
The decoder also says how noisy each bin is, and that part of the sound takes its grain from real noise instead of a smear.
Where the latents carry a pitch, the decoder lays the comb of its harmonics over the spectrum, so that tones stay tones.

B batch, T samples, F frames (86.13 a second), K bins, C channels, L latents (F / 4).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch
from stable_audio_tools.models.autoencoders import AudioAutoencoder
from stable_audio_tools.models.pretransforms import AutoencoderPretransform
from torch import Tensor, nn
from torch.nn import functional

from clvap.audio import SAMPLE_RATE_HZ
from generation import pitch, spectrum
from generation.analysis import FRAMES_PER_LATENT, PITCH_CHANNELS, RATIO, Analysis, Outline, Scale

_PICTURED_DB = 60.0
_MOST_BOOST = math.log(4)  # of what a sound has; past that it is noise that is heard
_NOISE_DEVIATION = 0.49  # mean absolute deviation of the log of a Rayleigh variable from its median


@dataclass(frozen=True)
class AutoencoderConfig:
    """Sizes of the latents and of the decoder.

    mel_bands, broad_bands: see `generation.analysis`
    frame_width: width at 86 frames a second
    latent_width: width at 21.5 latents a second
    latent_blocks, frame_blocks: ConvNeXt blocks at either rate
    phase_iterations: Griffin-Lim iterations when decoding
    """

    mel_bands: int = 96
    broad_bands: int = 6
    frame_width: int = 320
    latent_width: int = 384
    latent_blocks: int = 3
    frame_blocks: int = 2
    phase_iterations: int = 16

    @property
    def channels(self) -> int:
        """Channels of a latent."""
        return self.mel_bands + FRAMES_PER_LATENT * self.broad_bands + PITCH_CHANNELS


class Block(nn.Module):
    """A ConvNeXt block over time (Liu et al. 2022): (B, C, F) -> (B, C, F)."""

    def __init__(self, width: int, kernel: int = 7, expansion: int = 2):
        super().__init__()
        self.mix = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, expansion * width)
        self.narrow = nn.Linear(expansion * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.3))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.mix(x).transpose(1, 2))
        y = self.narrow(functional.gelu(self.widen(y))) * self.scale
        return x + y.transpose(1, 2)


class Spectrogram(NamedTuple):
    """What the decoder predicts, both (B, F, K).

    log_mag: median log magnitude
    log_deviation: log of the mean absolute deviation from it, in nats; about -0.71 where the sound is noise
    """

    log_mag: Tensor
    log_deviation: Tensor


class SpectralDecoder(nn.Module):
    """Latents (B, C, L) -> wave (B, 1, T)."""

    def __init__(self, config: AutoencoderConfig):
        super().__init__()
        self.iterations = config.phase_iterations
        self.scale = Scale(config.channels - PITCH_CHANNELS)
        self.outline = Outline(config.mel_bands, config.broad_bands)
        self.project = nn.Conv1d(config.channels, config.latent_width, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(config.latent_width) for _ in range(config.latent_blocks)))
        self.up = nn.ConvTranspose1d(config.latent_width, config.frame_width, FRAMES_PER_LATENT, stride=FRAMES_PER_LATENT)
        self.frame_blocks = nn.Sequential(*(Block(config.frame_width) for _ in range(config.frame_blocks)))
        self.norm = nn.LayerNorm(config.frame_width)
        self.correction = nn.Linear(config.frame_width, spectrum.BINS)
        self.noise = nn.Linear(config.frame_width, spectrum.BINS)
        self.harmonic = nn.Linear(config.frame_width, spectrum.BINS)

    def predict(self, latents: Tensor) -> Spectrogram:
        """Latents (B, C, L) -> spectrogram of L * 4 frames."""
        heard, carried = latents[:, :-PITCH_CHANNELS], latents[:, -PITCH_CHANNELS:]
        x = self.frame_blocks(self.up(self.blocks(self.project(latents))))
        x = self.norm(x.transpose(1, 2))
        tones = functional.softplus(self.harmonic(x)) * self._comb(carried)
        outline = self.outline(self.scale.undone(heard.transpose(1, 2)))
        return Spectrogram(outline + self.correction(x) + tones, self.noise(x).clamp(-4.0, 1.0))

    def levels(self, latents: Tensor) -> Tensor:
        """Latents (C, L) as a rough spectrogram (M, L), which they hold outright: 1 is its loudest band, 0 what lies 60 dB under that."""
        bands = self.scale.undone(latents[:-PITCH_CHANNELS].T)[:, : self.outline.bands].T
        return ((bands - bands.max()) * (10 / math.log(10) / _PICTURED_DB) + 1).clamp(0, 1)

    def changed(self, wave: Tensor, before: Tensor, after: Tensor) -> Tensor:
        """A wave (B, T) of the latents `before` as it becomes when they turn into `after`, both (B, C, L).

        What the latents do not hold of it stays: it is filtered by how the spectrogram changes, but for what it lacks, which is decoded.
        """
        predicted = self.predict(after)
        gain = predicted.log_mag - self.predict(before).log_mag
        decoded = spectrum.stft(render(predicted, self.iterations))
        filtered = spectrum.stft(wave) * gain.clamp_max(_MOST_BOOST).exp()
        return spectrum.istft(torch.where(gain > _MOST_BOOST, decoded, filtered))

    def _comb(self, carried: Tensor) -> Tensor:
        """Log gain of the carried pitch's harmonics over all bins, fading with the strength: (B, F, K)."""
        octaves, strength = carried[:, :2].mean(1), ((carried[:, 2:].mean(1) + 1) / 2).clamp(0, 1)
        octaves, strength = (functional.interpolate(c[:, None], scale_factor=FRAMES_PER_LATENT, mode="linear")[:, 0] for c in (octaves, strength))
        return pitch.comb(octaves.clamp(-3.5, 3.5)) * strength[..., None]

    def forward(self, latents: Tensor) -> Tensor:
        return render(self.predict(latents), self.iterations).unsqueeze(1)


def render(predicted: Spectrogram, iterations: int) -> Tensor:
    """Wave (B, T) of a predicted spectrogram: peaks continued as tones, noisy bins filled with the grain of real noise."""
    batch, frames, _ = predicted.log_mag.shape
    generator = torch.Generator().manual_seed(0)  # the grain does not depend on who drew random numbers before
    grain, noise_phasor = (part.to(predicted.log_mag.device) for part in spectrum.noise_texture(frames, batch, generator))
    noisy = noisiness(predicted.log_deviation)
    magnitude = (predicted.log_mag.clamp(spectrum.LOG_FLOOR, 1.0) + noisy * grain).exp()
    magnitude = torch.where(predicted.log_mag > spectrum.LOG_FLOOR + 0.7, magnitude, torch.zeros_like(magnitude))
    phasor = (1 - noisy) * spectrum.tonal_phase(predicted.log_mag) + noisy * noise_phasor
    return spectrum.griffin_lim(magnitude, phasor / phasor.abs().clamp_min(1e-6), iterations)


def noisiness(log_deviation: Tensor) -> Tensor:
    """How much of a bin is noise, 0 to 1, by how far its magnitude strays from the median."""
    return (log_deviation.exp() / _NOISE_DEVIATION).clamp_max(1.0)


def build(config: AutoencoderConfig) -> AudioAutoencoder:
    """The engine's autoencoder around these networks, with random weights."""
    return AudioAutoencoder(
        encoder=Analysis(config.mel_bands, config.broad_bands),
        decoder=SpectralDecoder(config),
        latent_dim=config.channels,
        downsampling_ratio=RATIO,
        sample_rate=SAMPLE_RATE_HZ,
        io_channels=1,
    )


def pretransform(config: AutoencoderConfig) -> AutoencoderPretransform:
    """The engine's pretransform."""
    return AutoencoderPretransform(build(config))


def as_dict(config: AutoencoderConfig) -> dict[str, int]:
    """The configuration as it stands in config.json."""
    return asdict(config)
