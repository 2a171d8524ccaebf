"""Training of the decoder. Works on spectrograms only: no sound is rebuilt while training, which is what makes it fast."""

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
from generation.analysis import RATIO, mel_filters
from generation.autoencoder import AutoencoderConfig, Spectrogram, build, noisiness
from generation.sounds import Sounds, collect, training_sounds
from generation.train import Schedule, State, apply, resume, train_loop

WEIGHTS = {"spectrum/log": 1.0, "spectrum/loud": 6.0, "spectrum/convergence": 0.3, "spectrum/mel": 0.5, "spectrum/deviation": 0.1}
_MEL_BANDS = 80
_CALIBRATION = 400  # crops
_LATENT_NOISE = 0.2
_TONE_SHARE, _MIX_SHARE, _LONGEST_GAIN_DB = 0.12, 0.25, 26.0


def start(config: AutoencoderConfig, schedule: Schedule, calibration: np.ndarray) -> State:
    """A random decoder, its averaged copy, optimiser and random numbers; `calibration` (N, T) are sounds that set the scale of the latents."""
    torch.manual_seed(schedule.seed)
    model = build(config)
    model.encoder.fit(torch.from_numpy(calibration))
    model.decoder.scale.load_state_dict(model.encoder.scale.state_dict())
    model.to(schedule.device_name)
    averaged = copy.deepcopy(model).requires_grad_(False)
    optimizer = torch.optim.AdamW(model.decoder.parameters(), lr=schedule.learning_rate, betas=(0.9, 0.99), weight_decay=0.01)
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


def bin_weights() -> Tensor:
    """Weight of each bin, (K,), mean 1: half way between the linear and the mel scale, since ears resolve low bins better."""
    weight = (torch.linspace(0, SAMPLE_RATE_HZ / 2, spectrum.BINS) + 700).rsqrt()
    return weight / weight.mean()


def train_step(state: State, waves: Tensor, schedule: Schedule, weights: dict[str, float], bands: Tensor, bin_weight: Tensor, name: str) -> None:
    """One step on waves (B, T). The latents are a little noisy, as those of a transformer are."""
    model: nn.Module = state.model
    with torch.no_grad():
        latents = model.encoder(waves[:, None])
    latents = latents + _LATENT_NOISE * torch.rand(len(latents), 1, 1, device=latents.device) * torch.randn_like(latents)
    with torch.autocast(latents.device.type, torch.bfloat16, enabled=schedule.precision == "bfloat16"):
        predicted = model.decoder.predict(latents)
    losses = reconstruction_losses(Spectrogram(*(part.float() for part in predicted)), spectrum.log_magnitude(waves), bands, bin_weight)
    apply(state, losses, weights, schedule, name)


def train(recipe: dict[str, Any]) -> Path:
    """Run a recipe of kind `autoencoder`; returns the checkpoint. Resumes where an earlier run of the same folder stopped."""
    folder, data = Path(recipe["run"]), Path(recipe["data"]["folder"])
    schedule, config = Schedule(**recipe["schedule"]), AutoencoderConfig(**recipe["model"])
    torch.set_num_threads(schedule.threads)
    sounds = collect(training_sounds(data, recipe["data"].get("starter")), folder / "sounds")
    latents = recipe["data"]["latents"]
    state = start(config, schedule, crop_batch(sounds, np.random.default_rng(schedule.seed), _CALIBRATION, latents))
    resume(state, folder / "last.pt")
    weights = WEIGHTS | recipe.get("loss_weights", {})
    device = schedule.device_name
    bands, bin_weight = mel_filters(_MEL_BANDS, spectrum.BINS).to(device), bin_weights().to(device)

    def step(state: State) -> None:
        waves = torch.from_numpy(crop_batch(sounds, state.rng, schedule.batch, latents)).to(device)
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
