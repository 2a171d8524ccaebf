"""Training windows: the part of a sound one row of a batch learns from, with its curves, and everything that can be missing, missing at times.

C channels, L latents.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generation.controls import Controls, dropped, roughened


@dataclass(frozen=True)
class Dropout:
    """How often what the model hears is taken away.

    query: the whole query, which is what guidance compares with
    control: each of loudness, brightness, pitch
    controls: all three at once
    own_query: the sound's own query, for that of another sound of its kind
    """

    query: float = 0.1
    control: float = 0.25
    controls: float = 0.2
    own_query: float = 0.0


@dataclass(frozen=True)
class Windows:
    """Lengths of training windows in latents and how often each is drawn: most effects are short, and short windows are cheap."""

    lengths: tuple[int, ...] = (32, 64, 96, 129)
    shares: tuple[float, ...] = (0.35, 0.35, 0.15, 0.15)


@dataclass(frozen=True)
class Window:
    """latents (L, C), silence after the sound; controls of L values; start and content in latents, content without the silence."""

    latents: np.ndarray
    controls: Controls
    start: int
    content: int


def cut(latents: np.ndarray, curves: np.ndarray, content: int, silence: np.ndarray, length: int, dropout: Dropout, rng: np.random.Generator) -> Window:
    """A window of `length` latents, more often than not from the beginning; its controls are roughened and some of them dropped.

    latents: (L, C), of which `content` are sound; curves: (4, L); silence: (C,)
    """
    longest = max(content - length, 0)
    start = 0 if rng.random() < 0.6 else int(rng.integers(0, longest + 1))
    window = np.tile(silence, (length, 1))
    part = latents[start : start + length]
    window[: len(part)] = part
    controls = dropped(roughened(Controls(curves).cut(start, length), rng), rng, dropout.control, dropout.controls)
    return Window(window, controls, start, min(content - start, length))
