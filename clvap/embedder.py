"""A trained CLVAP as a tool: sounds to vectors, voices and words to queries. Knows nothing of training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from clvap import audio, checkpoints, clap, contours
from clvap.activity import Activity, Event, events
from clvap.audio import Clip
from clvap.cores import one_thread_each
from clvap.encoders.inference import for_inference
from clvap.model import Clvap, fingerprint
from clvap.query import Query
from clvap.text import load_tokenizer, tokenize

MAX_WINDOWS = 3
_TOGETHER, _TOGETHER_ON_A_GPU = 8, 32


class Embedder:
    """N sounds to unit vectors of D dimensions, and queries to the same space."""

    def __init__(self, model: Clvap, tokenizer, device: str = "cpu", fingerprint: str = "", name: str = ""):
        self._model = model.to(device).eval()
        self._audio, self._voice = for_inference(model.audio), for_inference(model.voice)
        self._hears_audio, self._hears_voice = (model.config.front_end(tower) for tower in (model.config.audio, model.config.voice))
        self._tokenizer = tokenizer
        self._device = device
        self.fingerprint = fingerprint
        self.name = name

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path = "clvap-mini", device: str = "auto") -> Embedder:
        """Load a shipped model by name, any model folder, or `clap-zero-shot`, see clvap.clap.

        Raises ModelError where it is not there or does not fit.
        """
        if clap.is_zero_shot(name_or_path):
            found = clap.zero_shot(str(name_or_path))
            return cls(found.model, found.tokenizer, checkpoints.device(device), found.fingerprint, str(name_or_path))
        folder = checkpoints.resolve(name_or_path)
        return cls(Clvap.from_folder(folder), load_tokenizer(folder), checkpoints.device(device), fingerprint(folder), str(name_or_path))

    @property
    def dimension(self) -> int:
        """Dimensions D of the shared space."""
        return self._model.config.dimension

    @property
    def token_width(self) -> int:
        """Width W of the fused tokens."""
        return self._model.config.width

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(weights.numel() for weights in self._model.parameters())

    def embed_audio(self, sounds: Sequence[str | Path | Clip]) -> np.ndarray:
        """Sound files or clips to unit vectors, float32 (N, D). A long sound is the mean of up to three windows.

        On a processor, each core reads and embeds a few sounds at a time. Raises AudioError for a file that cannot be read.
        """
        if not len(sounds):
            return np.zeros((0, self.dimension), np.float32)
        cores = torch.get_num_threads() if self._device == "cpu" else 1
        size = min(_TOGETHER, math.ceil(len(sounds) / cores)) if self._device == "cpu" else _TOGETHER_ON_A_GPU
        parts = [sounds[start : start + size] for start in range(0, len(sounds), size)]
        if cores == 1 or len(parts) == 1:
            return np.concatenate([self._embed(part) for part in parts])
        with one_thread_each(min(cores, len(parts))) as pool:
            return np.concatenate(list(pool.map(self._embed, parts)))

    @torch.inference_mode()
    def query(self, voice: Clip | str | Path | None = None, text: str | None = None, balance: float = 0.5) -> Query:
        """A gesture, words or both to a query; `balance` runs from 0 (voice alone) to 1 (words alone).

        Raises AudioError for an unusable gesture and ValueError when there is neither voice nor words.
        """
        if not 0 <= balance <= 1:
            raise ValueError(f"balance {balance} is outside 0 (voice) to 1 (words)")
        text = (text or "").strip() or None
        if voice is None and text is None:
            raise ValueError("a query needs a recording, words, or both")
        if isinstance(voice, Clip):
            voice = audio.gesture(voice)
        elif voice is not None:
            voice = audio.read_gesture(voice)
        mouth = None if voice is None else voice.without_rumble()
        curves = None if mouth is None else contours.extract(mouth)
        heard = None if mouth is None or (balance == 1 and text) else self._voice_states(mouth)
        said = None if text is None or (balance == 0 and voice is not None) else self._text_states(text)
        as_sound = None if heard is None else self.embed_audio([voice])[0]
        fused = self._model.fuse(*(said or (None, None)), heard, balance)
        vector = self._model.balanced_vectors(*said, heard, balance) if said and heard is not None else self._model.query_vectors(fused)
        return Query(vector[0].cpu().numpy(), fused.tokens[0].cpu().numpy(), curves, text, as_sound)

    def embed_query(self, voice: Clip | str | Path | None = None, text: str | None = None, balance: float = 0.5) -> np.ndarray:
        """The vector of `query`: float32 (D,), unit norm."""
        return self.query(voice, text, balance).vector

    def gestures(self, sound: str | Path | Clip) -> list[Event]:
        """The gestures of a recording in the order of time; to use one, cut it out: `query(voice=clip.cut(one.start_s, one.end_s))`.

        Raises AudioError for a file that cannot be read.
        """
        clip = sound if isinstance(sound, Clip) else audio.read(sound, max_duration_s=audio.MAX_GESTURE_S)
        return events(clip, self.activity(clip))

    @torch.inference_mode()
    def activity(self, clip: Clip) -> Activity | None:
        """What the voice tower's token-semantic head hears over a clip; None where the model has no such head."""
        if getattr(self._voice, "tscam_conv", None) is None:
            return None
        clip, step_s, presence = clip.without_rumble(), self._hears_voice.duration_s, []
        for start in np.arange(0, clip.duration_s, step_s):
            part = clip.cut(start, start + step_s)
            frames = self._voice.activity(self._hears_voice(part)[None].to(self._device)).frames[0]
            presence.append(frames[: max(round(len(frames) * part.duration_s / step_s), 1)].cpu().numpy())
        return Activity(np.concatenate(presence), self._model.config.voice.get("labels", ()))

    @torch.inference_mode()
    def _embed(self, sounds: Sequence[str | Path | Clip]) -> np.ndarray:
        """A few sounds to unit vectors (N, D)."""
        clips = (sound if isinstance(sound, Clip) else audio.read(sound, max_duration_s=audio.MAX_GESTURE_S) for sound in sounds)
        windows = [self._windows(clip) for clip in clips]
        states = self._audio(torch.stack([window for of_one in windows for window in of_one]).to(self._device))
        vectors = self._model.project_audio(states).cpu()
        means = torch.stack([part.mean(dim=0) for part in vectors.split([len(of_one) for of_one in windows])])
        return torch.nn.functional.normalize(means, dim=-1).numpy()

    def _voice_states(self, gesture: Clip) -> Tensor:
        return self._voice(self._hears_voice(gesture)[None].to(self._device))

    def _text_states(self, text: str) -> tuple[Tensor, Tensor]:
        ids, mask = (t.to(self._device) for t in tokenize(self._tokenizer, [text]))
        return self._model.text(ids, mask), mask

    def _windows(self, clip: Clip) -> list[Tensor]:
        """What the audio tower hears of a clip, in evenly spread windows: one for a short sound, at most three."""
        features = self._hears_audio
        clip = audio.trim(Clip(clip.mono()[None], clip.sample_rate_hz))
        count = min(max(int(np.ceil(clip.duration_s / features.duration_s - 0.2)), 1), MAX_WINDOWS)
        starts = np.linspace(0, max(clip.duration_s - features.duration_s, 0), count)
        parts = [clip.cut(start, start + features.duration_s) for start in starts]
        loud = [part for part in parts if part.peak > 0.01 * clip.peak] or parts[:1]
        return [features(part) for part in loud]
