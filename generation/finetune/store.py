"""A pack as latents and controls on disk, encoded once, shard by shard, by the autoencoder of any model; and its queries.

C channels, T samples, L latents.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from clvap import audio
from clvap.audio import AudioError, Clip
from clvap.contours import extract
from clvap.files import whole
from clvap.library.scan import Sound
from clvap.progress import Progress, silent
from clvap.training.guard import TrainingError
from generation.controls import from_contours, stretched
from generation.finetune.pack import LEFT_OUT, Finding, Heard, hear
from generation.finetune.recipe import PackOptions

if TYPE_CHECKING:
    from stable_audio_tools.models.diffusion import ConditionedDiffusionModelWrapper
    from stable_audio_tools.models.pretransforms import Pretransform

_SHARD = 32
_PIECE, _CONTEXT = 256, 16  # latents encoded at once, and what is heard of either side of them
_LONGEST_IMITATED_S = 10.0


@dataclass(frozen=True)
class Item:
    """One stored sound.

    path, caption: of the file
    shard, start, length: where its latents lie
    """

    path: str
    caption: str
    shard: int
    start: int
    length: int


class Store:
    """Latents (L, C), as the autoencoder gives them, and controls (4, L) of the sounds that could be used, by number."""

    def __init__(self, folder: Path, shards: int, silence: np.ndarray):
        self._folder, self.silence = folder, silence
        indices = [json.loads((folder / f"{number:05}.json").read_text(encoding="utf-8")) for number in range(shards)]
        self.items = [Item(**item) for index in indices for item in index["items"]]
        self.findings = [Finding(**finding) for index in indices for finding in index["findings"]]
        self._arrays = lru_cache(maxsize=64)(self._opened)

    def __len__(self) -> int:
        return len(self.items)

    def latents(self, number: int) -> np.ndarray:
        item = self.items[number]
        return self._arrays(item.shard)[0][item.start : item.start + item.length].astype(np.float32)

    def controls(self, number: int) -> np.ndarray:
        item = self.items[number]
        return self._arrays(item.shard)[1][:, item.start : item.start + item.length].astype(np.float32)

    def _opened(self, shard: int) -> tuple[np.ndarray, np.ndarray]:
        latents, controls = (np.load(self._folder / f"{shard:05}-{what}.npy", mmap_mode="r") for what in ("latents", "controls"))
        return latents, controls


def encode(
    model: ConditionedDiffusionModelWrapper, sounds: Sequence[Sound], options: PackOptions, folder: Path, tidied: bool, progress: Progress = silent
) -> Store:
    """Encode all sounds; a shard that is there for the same files and the same autoencoder is used as it is.

    tidied: cut silent ends and bring every peak to 0.9, as the models trained here know sound
    Raises TrainingError when not one sound can be used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    encoder = Encoder(model, tidied)
    shards = [sounds[start : start + _SHARD] for start in range(0, len(sounds), _SHARD)]
    for number, part in enumerate(shards):
        key = _key(part, encoder, options)
        if not _made(folder, number, key):
            _encode_shard(encoder, part, options, folder, number, key)
        progress(min((number + 1) * _SHARD, len(sounds)), len(sounds), "encoding sounds")
    store = Store(folder, len(shards), encoder.silence())
    if not store.items:
        first = store.findings[0]
        raise TrainingError(f"none of the {len(sounds)} files can be used, such as {first.path}: {first.reason}")
    return store


class Encoder:
    """A model's autoencoder: sound in, latents (L, C) and controls (4, L) out. Takes the mean where the autoencoder is variational."""

    def __init__(self, model: ConditionedDiffusionModelWrapper, tidied: bool):
        if model.pretransform is None:
            raise TrainingError("this model has no autoencoder to encode the sounds with; choose one that works on latents")
        self._pretransform, self._rate_hz, self._tidied = model.pretransform, model.sample_rate, tidied
        self._ratio = model.pretransform.downsampling_ratio
        self.fingerprint = _fingerprint(model.pretransform) + ("-tidied" if tidied else "")

    def __call__(self, heard: Heard) -> tuple[np.ndarray, np.ndarray]:
        clip = heard.clip.at_rate(self._rate_hz)
        if self._tidied:
            clip = audio.trim(clip, below_peak_db=-55.0)
            clip = Clip(clip.samples * np.float32(0.9 / clip.peak), clip.sample_rate_hz)
        latents = self._latents(self._channels(clip.samples))
        return latents, stretched(from_contours(extract(clip)), len(latents)).values

    def silence(self) -> np.ndarray:
        """The latent of silence, (C,)."""
        return self._latents(np.zeros((self._pretransform.io_channels, 16 * self._ratio), dtype=np.float32))[8]

    def _channels(self, samples: np.ndarray) -> np.ndarray:
        """As many channels as the autoencoder has: the mean for one, else repeated or cut."""
        count = self._pretransform.io_channels
        return samples.mean(axis=0, keepdims=True) if count == 1 else np.resize(samples, (count, samples.shape[1]))

    def _latents(self, samples: np.ndarray) -> np.ndarray:
        """Latents of (C, T), in pieces that see a little of their neighbours, so that a long file needs no more memory than a short one."""
        count = -(-samples.shape[1] // self._ratio)
        padded = np.pad(samples, ((0, 0), (0, count * self._ratio - samples.shape[1])))
        parts = []
        for start in range(0, count, _PIECE):
            first, last = max(start - _CONTEXT, 0), min(start + _PIECE + _CONTEXT, count)
            piece = self._piece(padded[:, first * self._ratio : last * self._ratio])
            parts.append(piece[start - first : start - first + _PIECE])
        return np.concatenate(parts)

    @torch.inference_mode()
    def _piece(self, samples: np.ndarray) -> np.ndarray:
        parameter = next(self._pretransform.parameters(), torch.zeros(()))
        wave = torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))[None].to(parameter.device, parameter.dtype)
        return _mean(self._pretransform, wave)[0].float().T.cpu().numpy()


def _mean(pretransform: Pretransform, wave: torch.Tensor) -> torch.Tensor:
    """(1, C, T) -> latents (1, C, L) before the pretransform's scale, which the engine divides out of stored latents."""
    from stable_audio_tools.models.bottleneck import VAEBottleneck

    autoencoder = getattr(pretransform, "model", None)
    if isinstance(getattr(autoencoder, "bottleneck", None), VAEBottleneck):
        return autoencoder.encode(wave, skip_bottleneck=True).chunk(2, dim=1)[0]
    return pretransform.encode(wave) * getattr(pretransform, "scale", 1.0)


def _encode_shard(encoder: Encoder, sounds: Sequence[Sound], options: PackOptions, folder: Path, number: int, key: str) -> None:
    """Write a shard; its index, written last, says that it is whole."""
    latents, controls, items, findings, start = [], [], [], [], 0
    for sound in sounds:
        try:
            heard = hear(sound, options)
            coded, curves = encoder(heard)
            if not np.isfinite(coded).all():
                raise AudioError("the autoencoder makes no finite latents of it")
        except AudioError as error:
            findings.append(Finding(sound.path, LEFT_OUT, str(error)))
            continue
        findings += heard.findings
        items.append(Item(sound.path, sound.caption, number, start, len(coded)))
        latents.append(coded.astype(np.float16))
        controls.append(curves.astype(np.float16))
        start += len(coded)
    if items:
        np.save(folder / f"{number:05}-latents.npy", np.concatenate(latents))
        np.save(folder / f"{number:05}-controls.npy", np.concatenate(controls, axis=1))
    index = {"key": key, "items": [asdict(item) for item in items], "findings": [asdict(finding) for finding in findings]}
    with whole(folder / f"{number:05}.json") as partial:
        partial.write_text(json.dumps(index), encoding="utf-8")


def _made(folder: Path, number: int, key: str) -> bool:
    path = folder / f"{number:05}.json"
    return path.exists() and json.loads(path.read_text(encoding="utf-8"))["key"] == key


def _key(sounds: Sequence[Sound], encoder: Encoder, options: PackOptions) -> str:
    """Changes with the files of a shard, the autoencoder, and what is read of a file."""
    told = [encoder.fingerprint, options.longest_s, options.lowest_rate_hz, *((sound.path, sound.caption, sound.size, sound.modified_ns) for sound in sounds)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:24]


def _fingerprint(pretransform: Pretransform) -> str:
    digest = hashlib.sha256()
    for name, value in pretransform.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().float().cpu().contiguous().numpy())
    return digest.hexdigest()[:16]


class Waves:
    """The stored sounds as `generation.queries.embed` wants them: mono at 44.1 kHz, trimmed, peak at 0.9, at most 10 s."""

    def __init__(self, store: Store):
        self._items = store.items

    def __len__(self) -> int:
        return len(self._items)

    def wave(self, number: int) -> np.ndarray:
        clip = audio.read(self._items[number].path, _LONGEST_IMITATED_S).at_rate(audio.SAMPLE_RATE_HZ)
        mono = audio.trim(Clip(clip.mono()[None]), below_peak_db=-55.0).samples[0]
        return mono * (0.9 / max(float(np.abs(mono).max(initial=0.0)), 1e-4))

    def key(self) -> str:
        """Changes with the sounds and their captions."""
        return hashlib.sha256(json.dumps([(item.path, item.caption) for item in self._items]).encode()).hexdigest()[:16]
