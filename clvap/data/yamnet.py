"""YAMNet (Google, Apache-2.0; AudioSet, MobileNet v1) as a teacher and as a judge; needed at training time only."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from clvap.audio import Clip

_RATE_HZ = 16_000
_PATCH = 15_600
_EMBEDDING = 121  # the tensor yamnet_frames/global_average_pooling2d/Mean


@dataclass(frozen=True)
class Heard:
    """What YAMNet makes of a clip: embedding float32 (1024,), scores float32 (521,) from 0 to 1."""

    embedding: np.ndarray
    scores: np.ndarray


class Yamnet:
    """Embeddings and AudioSet classes of the TensorFlow Lite model; needs the development package ai-edge-litert."""

    DIMENSIONS = 1_024

    def __init__(self, path: Path):
        from ai_edge_litert.interpreter import Interpreter

        self._path = path
        self._net = Interpreter(model_path=str(path), num_threads=1, experimental_preserve_all_tensors=True)
        self._net.allocate_tensors()
        self._input = self._net.get_input_details()[0]["index"]
        self._scores = next(one["index"] for one in self._net.get_output_details() if one["shape"][-1] == 521)

    @cached_property
    def class_names(self) -> list[str]:
        """The 521 classes, from yamnet_class_map.csv beside the model."""
        with open(self._path.parent / "yamnet_class_map.csv", newline="") as file:
            return [row["display_name"] for row in csv.DictReader(file)]

    def embed(self, clip: Clip) -> np.ndarray:
        """The embedding of `hear`."""
        return self.hear(clip).embedding

    def hear(self, clip: Clip) -> Heard:
        """Means over 0.975 s frames, each weighted by its level."""
        sound = clip.at_rate(_RATE_HZ).mono()
        sound = sound / max(np.abs(sound).max(), 1e-6)
        frames = max(-(-len(sound) // _PATCH), 1)
        patches = np.pad(sound, (0, frames * _PATCH - len(sound))).reshape(frames, 1, _PATCH).astype(np.float32)
        weights = np.sqrt((patches**2).mean(axis=(1, 2))) + 1e-4
        embedding, scores = np.zeros(self.DIMENSIONS, dtype=np.float32), np.zeros(521, dtype=np.float32)
        for patch, weight in zip(patches, weights, strict=True):
            self._net.set_tensor(self._input, patch)
            self._net.invoke()
            embedding += weight * self._net.get_tensor(_EMBEDDING)[0]
            scores += weight * self._net.get_tensor(self._scores)[0]
        return Heard(embedding / weights.sum(), scores / weights.sum())
