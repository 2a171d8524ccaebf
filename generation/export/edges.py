"""How a sound begins and ends: fades, and loops without a click. C channels, T samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clvap.audio import Clip
from generation.export.formats import LoopKind

_SEARCHED_S = 0.25
_COMPARED_S = 0.01
_LONGEST_CROSSFADE_S = 1.0
_MOST_CANDIDATES = 400


@dataclass(frozen=True)
class Loop:
    """The part that repeats, in samples; `end` is the first sample after it."""

    start: int
    end: int


@dataclass(frozen=True)
class Looped:
    """A sound and where it loops."""

    clip: Clip
    loop: Loop


def faded(clip: Clip, in_ms: float, out_ms: float) -> Clip:
    """The clip with raised-cosine fades; where both do not fit they are shortened alike."""
    length = clip.samples.shape[-1]
    wanted = np.array([in_ms, out_ms]) * clip.sample_rate_hz / 1_000
    start, end = (wanted * min(1.0, length / max(wanted.sum(), 1.0))).astype(int)
    if not start and not end:
        return clip
    samples = clip.samples.copy()
    if start:
        samples[:, :start] *= _rise(start)
    if end:
        samples[:, length - end :] *= _rise(end)[::-1]
    return Clip(samples, clip.sample_rate_hz)


def looped(clip: Clip, kind: LoopKind) -> Looped:
    """The clip ready to repeat: with the best pair of loop points in it, or crossfaded into itself."""
    return _crossfaded(clip) if kind == "crossfade" else Looped(clip, _points(clip))


def _rise(length: int) -> np.ndarray:
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length)).astype(np.float32)


def _crossfaded(clip: Clip) -> Looped:
    """The end laid over the beginning at equal power: the last sample leads on to the first, and the sound is shorter by that much."""
    length = clip.samples.shape[-1]
    over = min(int(_LONGEST_CROSSFADE_S * clip.sample_rate_hz), length // 3)
    if over < 2:
        return Looped(clip, Loop(0, length))
    angle = np.pi / 2 * np.linspace(0, 1, over, dtype=np.float32)
    samples = clip.samples[:, : length - over].copy()
    samples[:, :over] = samples[:, :over] * np.sin(angle) + clip.samples[:, length - over :] * np.cos(angle)
    return Looped(Clip(samples, clip.sample_rate_hz), Loop(0, length - over))


def _points(clip: Clip) -> Loop:
    """Of the rising zero crossings near both ends, the two whose surroundings are most alike."""
    mono = clip.mono()
    length, around = len(mono), max(int(_COMPARED_S * clip.sample_rate_hz), 2)
    searched = min(int(_SEARCHED_S * clip.sample_rate_hz), length // 3)
    rising = np.flatnonzero((mono[:-1] < 0) & (mono[1:] >= 0)) + 1
    starts = _thinned(rising[(rising >= around) & (rising < searched)])
    ends = _thinned(rising[(rising >= length - searched) & (rising <= length - around)])
    if not len(starts) or not len(ends):
        return Loop(0, length)
    offsets = np.arange(-around, around)
    first, last = mono[starts[:, None] + offsets], mono[ends[:, None] + offsets]
    unlike = (first**2).sum(1)[:, None] + (last**2).sum(1)[None] - 2 * first @ last.T
    best = np.unravel_index(int(np.argmin(unlike)), unlike.shape)
    return Loop(int(starts[best[0]]), int(ends[best[1]]))


def _thinned(places: np.ndarray) -> np.ndarray:
    """At most so many of them, evenly: noise crosses zero thousands of times."""
    return places[:: max(len(places) // _MOST_CANDIDATES, 1)]
