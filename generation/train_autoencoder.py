"""Training of the spectral autoencoder. Works on spectrograms only: no sound is rebuilt while training, which is what makes it fast."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from clvap.audio import SAMPLE_RATE_HZ
from generation import spectrum
from generation.autoencoder import RATIO, AutoencoderConfig, Spectrogram, build, noisiness
from generation.sounds import Sounds, collect, training_sounds
from generation.train import Schedule, State, apply, resume, train_loop

WEIGHTS = {"spectrum/log": 1.0, "spectrum/loud": 6.0, "spectrum/convergence": 0.3, "spectrum/mel": 0.5, "spectrum/deviation": 0.1, "latent/kl": 2e-4}
_MEL_BANDS = 80
_TONE_SHARE, _MIX_SHARE, _LONGEST_GAIN_DB = 0.12, 0.25, 26.0


def start(config: AutoencoderConfig, schedule: Schedule, freeze_encoder: bool = False, weights: str | None = None) -> State:
    """Networks (random, or the averaged ones of a checkpoint), averaged copy, optimiser and random numbers."""
    torch.manual_seed(schedule.seed)
    model = build(config)
    if weights is not None:
        # a checkpoint from before the comb lacks its two layers, which then start fresh
        model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True)["averaged"], strict=False)
    model.encoder.requires_grad_(not freeze_encoder)
    averaged = copy.deepcopy(model).requires_grad_(False)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=schedule.learning_rate, betas=(0.9, 0.99), weight_decay=0.01)
    return State(model, averaged, optimizer, np.random.default_rng(schedule.seed))


def crop_batch(sounds: Sounds, rng: np.random.Generator, batch: int, latents: int) -> np.ndarray:
    """Random crops (batch, T), T = latents * 2 048: sounds at random speed and gain, some mixed, some synthetic tones."""
    length = latents * RATIO
    waves = np.stack([_crop(sounds, rng, length) for _ in range(batch)])
    mixed = rng.random(batch) < _MIX_SHARE
    waves[mixed] = 0.5 * waves[mixed] + 0.5 * waves[rng.permutation(batch)][mixed]
    for row in np.flatnonzero(rng.random(batch) < _TONE_SHARE):
        waves[row] = harmonic_tone(rng, length)
    gain_db = -rng.uniform(0, _LONGEST_GAIN_DB, size=(batch, 1)) * rng.random((batch, 1))
    return (waves * 10 ** (gain_db / 20)).astype(np.float32)


def harmonic_tone(rng: np.random.Generator, length: int) -> np.ndarray:
    """A gliding tone with harmonics and a decay or a swell, (length,), peak about 0.7: effects hold too few to learn pitch from."""
    time_s = np.arange(length, dtype=np.float32) / SAMPLE_RATE_HZ
    knots = rng.integers(2, 7)
    note = rng.uniform(35, 95) + np.cumsum(rng.normal(0, rng.choice([0.0, 0.5, 4.0]), knots))
    frequency = 440 * 2 ** ((np.interp(np.linspace(0, 1, length), np.linspace(0, 1, knots), note) - 69) / 12)
    phase = 2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE_HZ
    top = int(min(24, 18_000 / frequency.max()))
    wave = np.zeros(length)
    tilt, odd = rng.uniform(0.3, 2.0), rng.random() < 0.3
    for harmonic in range(1, max(top, 1) + 1, 2 if odd else 1):
        wave += rng.uniform(0.3, 1.0) * harmonic**-tilt * np.sin(harmonic * phase + rng.uniform(0, 6.28))
    onset = rng.uniform(-0.5, 0.6) * length / SAMPLE_RATE_HZ
    envelope = np.where(time_s > onset, np.exp(-(time_s - onset) * rng.choice([0.0, 1.0, 6.0])), 0.0)
    return (0.7 * wave * envelope / np.abs(wave).max()).astype(np.float32)


def reconstruction_losses(predicted: Spectrogram, target: Tensor, bands: Tensor, bin_weight: Tensor) -> dict[str, Tensor]:
    """Named losses between a prediction and log magnitudes (B, F, K); `bands` is (K, M), `bin_weight` is (K,) of mean 1."""
    error = (predicted.log_mag - target).abs()
    magnitude, wanted = predicted.log_mag.clamp_max(2.0).exp(), target.exp()
    # a median says less than the power of a noise does: 1 / ln 2 less where the bin is all noise
    power = magnitude**2 * (-math.log(math.log(2)) * noisiness(predicted.log_deviation)).exp()
    mel, mel_wanted = ((p @ bands + spectrum.FLOOR**2).log() / 2 for p in (power, wanted**2))
    deviation = error.detach() * (-predicted.log_deviation).exp() + predicted.log_deviation
    return {
        "spectrum/log": (error * bin_weight).mean(),
        "spectrum/loud": ((0.3 * predicted.log_mag.clamp_max(2.0)).exp() - (0.3 * target).exp()).abs().mul(bin_weight).mean(),
        "spectrum/convergence": ((magnitude - wanted).square().sum((1, 2)) / (wanted.square().sum((1, 2)) + 1e-3)).add(1e-8).sqrt().mean(),
        "spectrum/mel": (mel - mel_wanted).abs().mean(),
        "spectrum/deviation": deviation.mean(),
    }


def mel_bands(bands: int = _MEL_BANDS) -> Tensor:
    """Triangles on the mel scale, (K, M), each of unit sum."""
    frequency = torch.linspace(0, SAMPLE_RATE_HZ / 2, spectrum.BINS)
    top = 2595 * np.log10(1 + SAMPLE_RATE_HZ / 2 / 700)
    edges = 700 * (10 ** (torch.linspace(0, float(top), bands + 2) / 2595) - 1)
    rise = (frequency[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - frequency[:, None]) / (edges[2:] - edges[1:-1])
    triangles = torch.minimum(rise, fall).clamp_min(0)
    return triangles / triangles.sum(0).clamp_min(1e-3)


def bin_weights() -> Tensor:
    """Weight of each bin, (K,), mean 1: half way between the linear and the mel scale, since ears resolve low bins better."""
    weight = (torch.linspace(0, SAMPLE_RATE_HZ / 2, spectrum.BINS) + 700).rsqrt()
    return weight / weight.mean()


def train_step(state: State, waves: Tensor, schedule: Schedule, weights: dict[str, float], bands: Tensor, bin_weight: Tensor, name: str) -> None:
    """One step on waves (B, T)."""
    model: nn.Module = state.model
    target = spectrum.log_magnitude(waves)
    latents, info = model.bottleneck.encode(model.encoder.encode(target), return_info=True)
    losses = reconstruction_losses(model.decoder.predict(latents), target, bands, bin_weight)
    losses["latent/kl"] = info["kl"]
    apply(state, losses, weights, schedule, name)


def train(recipe: dict[str, Any]) -> Path:
    """Run a recipe of kind `autoencoder`; returns the checkpoint. Resumes where an earlier run of the same folder stopped."""
    folder, data = Path(recipe["run"]), Path(recipe["data"]["folder"])
    schedule, config = Schedule(**recipe["schedule"]), AutoencoderConfig(**recipe["model"])
    torch.set_num_threads(schedule.threads)
    sounds = collect(training_sounds(data, recipe["data"].get("starter")), folder / "sounds")
    state = start(config, schedule, recipe.get("freeze_encoder", False), recipe.get("weights_from"))
    resume(state, folder / "last.pt")
    weights = WEIGHTS | recipe.get("loss_weights", {})
    bands, bin_weight, latents = mel_bands(), bin_weights(), recipe["data"]["latents"]

    def step(state: State) -> None:
        waves = torch.from_numpy(crop_batch(sounds, state.rng, schedule.batch, latents))
        train_step(state, waves, schedule, weights, bands, bin_weight, f"{state.step} of {folder}")

    train_loop(state, schedule, folder, step)
    return folder / "last.pt"


def _crop(sounds: Sounds, rng: np.random.Generator, length: int) -> np.ndarray:
    """A crop at a random speed; it may begin before the sound or end after it, because silence must be learned too."""
    wave = sounds.wave(int(rng.integers(len(sounds))))
    speed = 1.0 if rng.random() < 0.4 else float(np.exp(rng.uniform(-0.35, 0.35)))
    needed = int(length * speed) + 2
    slack = len(wave) - needed
    begin = int(rng.integers(min(slack, 0) - needed // 4, max(slack, 0) + needed // 4 + 1))
    window = np.zeros(needed, dtype=np.float32)
    first, last = max(begin, 0), min(begin + needed, len(wave))
    if last > first:
        window[first - begin : last - begin] = wave[first:last]
    if speed == 1.0:
        return window[:length]
    return np.interp(np.arange(length) * speed, np.arange(needed), window).astype(np.float32)
