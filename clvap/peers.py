"""Ways to search by voice and words without CLVAP, to stand beside it in a table.

N sounds, Q queries, K classes of the judge.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.fft import dct

from clvap import contours
from clvap.audio import Clip, trim
from clvap.contours import resample_curve
from clvap.data.sentences import Sentences
from clvap.data.yamnet import Yamnet
from clvap.features import LogMel

_SURE = 20.0  # sharpness of the choice among class names


def mfcc_statistics(clips: list[Clip]) -> np.ndarray:
    """Mean and deviation of 20 MFCCs and their deltas, standardised over the set, unit norm: (N, 80)."""
    features = LogMel()
    vectors = []
    for clip in clips:
        mel = features(clip).numpy()
        coefficients = dct(mel[: max(int(clip.duration_s * features.sample_rate_hz / features.hop), 2)], axis=1, norm="ortho")[:, :20]
        deltas = np.diff(coefficients, axis=0)
        vectors.append(np.concatenate([coefficients.mean(0), coefficients.std(0), deltas.mean(0), deltas.std(0)]))
    table = np.stack(vectors)
    table = (table - table.mean(axis=0)) / (table.std(axis=0) + 1e-6)
    return table / np.linalg.norm(table, axis=1, keepdims=True)


def envelopes(clips: list[Clip]) -> np.ndarray:
    """Loudness curves of the trimmed clips stretched to 128 points, centred, unit norm: (N, 128)."""
    loudness = [contours.extract(trim(clip)).loudness_db for clip in clips]
    table = np.stack([resample_curve(np.maximum(curve, curve.max() - 50), 128) for curve in loudness])
    table = table - table.mean(axis=1, keepdims=True)
    return table / (np.linalg.norm(table, axis=1, keepdims=True) + 1e-6)


class YamnetSearch:
    """YAMNet as a search engine: voices by its embedding, words by the AudioSet classes whose names come near them, both by the sum of ranks."""

    def __init__(self, tflite: Path, clips: list[Clip]):
        self._net = Yamnet(tflite)
        heard = [self._net.hear(clip) for clip in clips]
        self._centre = np.mean([one.embedding for one in heard], axis=0)
        self._sounds = self._unit([one.embedding for one in heard])
        self._scores = np.stack([one.scores for one in heard])
        self._names = Sentences().embed(self._net.class_names)

    def by_voice(self, voices: list[Clip]) -> np.ndarray:
        """Cosine of embeddings, (Q, N)."""
        return self._unit([self._net.hear(voice).embedding for voice in voices]) @ self._sounds.T

    def by_words(self, texts: list[str]) -> np.ndarray:
        """Scores of the classes named like the words, (Q, N)."""
        near = np.exp(_SURE * (Sentences().embed(texts) @ self._names.T))
        return near / near.sum(axis=1, keepdims=True) @ np.log(self._scores + 1e-4).T

    def by_both(self, voices: list[Clip], texts: list[str]) -> np.ndarray:
        """Mean of both ranks, (Q, N)."""
        return sum(similarity.argsort(axis=1).argsort(axis=1) for similarity in (self.by_voice(voices), self.by_words(texts))) / 2

    def _unit(self, embeddings: list[np.ndarray]) -> np.ndarray:
        table = np.stack(embeddings) - self._centre
        return table / np.linalg.norm(table, axis=1, keepdims=True)
