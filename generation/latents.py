"""Training sounds as latents and controls, encoded once: what the diffusion model trains on.

Every sound is stored several times at different speeds, which costs little and gives a small collection more variety.
N items, L latents, C channels.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from stable_audio_tools.models.autoencoders import AudioAutoencoder

from clvap.audio import SAMPLE_RATE_HZ, Clip
from clvap.contours import extract
from clvap.files import whole
from clvap.progress import Progress, silent
from generation.analysis import RATIO
from generation.controls import CURVES, from_contours
from generation.sounds import Sounds

_TAIL = 8  # latents of silence after a sound, so that endings are heard
_LONGEST_S = 10.0
_SPEEDS = (0.75, 1.33)


@dataclass(frozen=True)
class Item:
    """One stored variant.

    sound: number of the sound
    start, length: where its latents lie
    content: latents before the silence
    """

    sound: int
    start: int
    length: int
    content: int


class Latents:
    """Latents (L, C) and controls (4, L) by item number."""

    def __init__(self, folder: Path):
        self._latents = np.load(folder / "latents.npy", mmap_mode="r")
        self._controls = np.load(folder / "controls.npy", mmap_mode="r")
        index = json.loads((folder / "items.json").read_text(encoding="utf-8"))
        self.silence = np.asarray(index["silence"], dtype=np.float32)
        self.items = [Item(**item) for item in index["items"]]

    def latents(self, item: Item) -> np.ndarray:
        return self._latents[item.start : item.start + item.length].astype(np.float32)

    def controls(self, item: Item) -> np.ndarray:
        return self._controls[:, item.start : item.start + item.length].astype(np.float32)


def encode(autoencoder: AudioAutoencoder, sounds: Sounds, folder: Path, variants: int, seed: int = 0, progress: Progress = silent) -> Latents:
    """Encode all sounds `variants` times (the first as they are); a finished folder is used as it is."""
    if (folder / "items.json").exists():
        return Latents(folder)
    rng = np.random.default_rng(seed)
    autoencoder.eval()
    latents, controls, items, start = [], [], [], 0
    for variant in range(variants):
        for number in range(len(sounds)):
            wave = _variant(sounds.wave(number), rng, plain=variant == 0)
            coded, curves = latents_of(autoencoder, wave), _curves(wave)
            length = len(coded)
            padded = np.pad(curves, ((0, 0), (0, max(length - curves.shape[1], 0))))[:, :length]
            padded[0, curves.shape[1] :] = -1.0
            latents.append(coded.astype(np.float16))
            controls.append(padded.astype(np.float16))
            items.append(Item(number, start, length, length - _TAIL))
            start += length
            progress(len(items), variants * len(sounds), "encoding sounds")
    return _store(folder, np.concatenate(latents).astype(np.float32), np.concatenate(controls, axis=1), items, silence_latent(autoencoder))


@torch.inference_mode()
def latents_of(autoencoder: AudioAutoencoder, wave: np.ndarray, tail: int = _TAIL) -> np.ndarray:
    """Latents (L, C) of a wave (T,) followed by `tail` latents of silence."""
    latents = -(-len(wave) // RATIO) + tail
    padded = np.pad(wave, (0, latents * RATIO - len(wave)))
    return autoencoder.encoder(torch.from_numpy(padded)[None, None])[0].T.numpy()


def silence_latent(autoencoder: AudioAutoencoder) -> np.ndarray:
    """The latent of silence, (C,)."""
    return latents_of(autoencoder, np.zeros(16 * RATIO, dtype=np.float32), tail=0)[8]


def _variant(wave: np.ndarray, rng: np.random.Generator, plain: bool) -> np.ndarray:
    wave = wave[: int(_LONGEST_S * SAMPLE_RATE_HZ)]
    if plain:
        return wave
    speed = float(np.exp(rng.uniform(*np.log(_SPEEDS))))
    return np.interp(np.arange(int(len(wave) / speed)) * speed, np.arange(len(wave)), wave).astype(np.float32)


def _curves(wave: np.ndarray) -> np.ndarray:
    return from_contours(extract(Clip(wave[None]))).values


def _store(folder: Path, latents: np.ndarray, controls: np.ndarray, items: list[Item], silence: np.ndarray) -> Latents:
    assert controls.shape[0] == CURVES
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "latents.npy", latents.astype(np.float16))
    np.save(folder / "controls.npy", controls)
    index = {"silence": silence.tolist(), "items": [vars(item) for item in items]}
    with whole(folder / "items.json") as partial:
        partial.write_text(json.dumps(index), encoding="utf-8")
    return Latents(folder)
