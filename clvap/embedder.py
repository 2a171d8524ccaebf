"""A trained CLVAP as a tool: sounds to vectors, voices and words to queries. Knows nothing of training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from clvap import audio, checkpoints, contours
from clvap.audio import Clip
from clvap.model import Clvap, fingerprint
from clvap.query import Query
from clvap.text import load_tokenizer, tokenize

MAX_WINDOWS = 3


class Embedder:
    """N sounds to unit vectors of D dimensions, and queries to the same space."""

    def __init__(self, model: Clvap, tokenizer, device: str = "cpu", fingerprint: str = "", name: str = ""):
        self._model = model.to(device).eval()
        self._tokenizer = tokenizer
        self._device = device
        self.fingerprint = fingerprint
        self.name = name

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path = "clvap-mini", device: str = "auto") -> Embedder:
        """Load a shipped model by name or any model folder. Raises ModelError where it is not there or does not fit."""
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

    @torch.inference_mode()
    def embed_audio(self, sounds: Sequence[str | Path | Clip]) -> np.ndarray:
        """Sound files or clips to unit vectors, float32 (N, D). A long sound is the mean of up to three windows.

        Raises AudioError for a file that cannot be read.
        """
        if not len(sounds):
            return np.zeros((0, self.dimension), np.float32)
        windows: list[Tensor] = []
        counts: list[int] = []
        for sound in sounds:
            clip = sound if isinstance(sound, Clip) else audio.read(sound, max_duration_s=audio.MAX_GESTURE_S)
            parts = self._windows(clip)
            windows += parts
            counts.append(len(parts))
        batches = torch.stack(windows).split(32)
        vectors = torch.cat([self._model.audio_vectors(batch.to(self._device)) for batch in batches]).cpu()
        means = torch.stack([part.mean(dim=0) for part in vectors.split(counts)])
        return torch.nn.functional.normalize(means, dim=-1).numpy()

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
        curves = None if voice is None else contours.extract(voice)
        heard = None if voice is None or (balance == 1 and text) else self._voice_states(voice)
        said = None if text is None or (balance == 0 and voice is not None) else self._text_states(text)
        fused = self._model.fuse(*(said or (None, None)), heard)
        vector = self._model.query_vectors(fused)
        if said and heard is not None and balance != 0.5:
            one = self._model.query_vectors(self._model.fuse(*said, None) if balance > 0.5 else self._model.fuse(None, None, heard))
            share = abs(balance - 0.5) * 2
            vector = torch.nn.functional.normalize((1 - share) * vector + share * one, dim=-1)
        return Query(vector[0].cpu().numpy(), fused.tokens[0].cpu().numpy(), curves, text)

    def embed_query(self, voice: Clip | str | Path | None = None, text: str | None = None, balance: float = 0.5) -> np.ndarray:
        """The vector of `query`: float32 (D,), unit norm."""
        return self.query(voice, text, balance).vector

    def _voice_states(self, gesture: Clip) -> Tensor:
        return self._model.voice(self._model.config.features(gesture)[None].to(self._device))

    def _text_states(self, text: str) -> tuple[Tensor, Tensor]:
        ids, mask = (t.to(self._device) for t in tokenize(self._tokenizer, [text]))
        return self._model.text(ids, mask), mask

    def _windows(self, clip: Clip) -> list[Tensor]:
        """Log-mel windows over a clip, evenly spread: one for a short sound, at most three."""
        features = self._model.config.features
        clip = audio.trim(Clip(clip.mono()[None], clip.sample_rate_hz))
        count = min(max(int(np.ceil(clip.duration_s / features.duration_s - 0.2)), 1), MAX_WINDOWS)
        starts = np.linspace(0, max(clip.duration_s - features.duration_s, 0), count)
        parts = [clip.cut(start, start + features.duration_s) for start in starts]
        loud = [part for part in parts if part.peak > 0.01 * clip.peak] or parts[:1]
        return [features(part) for part in loud]
