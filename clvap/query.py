"""A query as the rest of the system sees it: one point, the token sequence behind it, the gesture's curves, the words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clvap.contours import Contours


@dataclass(frozen=True)
class Query:
    """What `Embedder.query` made of a voice, of words, or of both.

    vector: float32 of shape (D,), unit norm, in the space of the library's sounds
    tokens: float32 of shape (L, W), the fused sequence that conditions the generator; L varies with the modalities
    contours: the gesture's curves, None without a voice
    text: the words, None without
    as_sound: the recording as the audio tower hears sounds, float32 (D,), unit norm, for what is a sound and no voice; None where only the voice counts
    """

    vector: np.ndarray
    tokens: np.ndarray
    contours: Contours | None = None
    text: str | None = None
    as_sound: np.ndarray | None = None
