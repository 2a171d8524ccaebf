"""How alike two sounds move: loudness shape, brightness and pitch, compared along one common time alignment.

Pure functions on curves; nothing here knows files, tables or models. Axis legend: N candidates, F frames (64 of a sound's
active part), P steps of an alignment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clvap.contours import FLOOR_DB, RATE_HZ, Contours

FRAMES = 64
RANGE_DB = 45.0
_BAND = 9  # frames a moment may be early or late, of 64
_WARP_COST = 0.015  # added a step for time taken from one side only, so that a straight alignment wins ties
_LOUDNESS_SPREAD = 0.12  # of the 45 dB range: movement under this counts as flat
_TIMING_SPREAD = 0.01  # the same for two sounds moment for moment
_BRIGHTNESS_SPREAD = 3.0  # semitones
_PITCH_SPREAD = 1.5  # semitones
_NEIGHBOUR = 16  # how many sounds of a library, or half of a small one, may be as near by chance
_BY_CHANCE = 1.5  # power of how far a timing stands out
_PITCHED_SHARE = 0.25  # of the loud steps


@dataclass(frozen=True)
class Summary:
    """The curves of one sound at a fixed size.

    curves: float32 (3, 64): loudness in dB, brightness and pitch as MIDI notes (pitch 0 where there is none)
    active_s: seconds between the sound's first and last audible frame, which the 64 frames span
    """

    curves: np.ndarray
    active_s: float


@dataclass(frozen=True)
class Likeness:
    """How like a query each candidate is, each float32 (N,) from 0 to 1; pitch is NaN where one side has none.

    loudness: shape after alignment; timing: how it stands out without any, see `timing`
    """

    loudness: np.ndarray
    timbre: np.ndarray
    pitch: np.ndarray
    timing: np.ndarray


def summarise(contours: Contours) -> Summary:
    """Curves of any length as 64 frames of the active part, each frame the mean of what it covers."""
    loudness, brightness, pitch = contours.stacked()
    audible = np.flatnonzero(loudness > max(loudness.max() - RANGE_DB, FLOOR_DB))
    first, last = (audible[0], audible[-1] + 1) if len(audible) else (0, len(loudness))
    loudness, brightness, pitch = (curve[first:last] for curve in (loudness, brightness, pitch))
    power = 10 ** (loudness / 10)
    voiced = (pitch > 0).astype(np.float32)
    mean_power = _cover_mean(power)
    mean_voiced = _cover_mean(power * voiced)
    curves = np.stack(
        [
            10 * np.log10(np.maximum(mean_power, 10 ** (FLOOR_DB / 10))),
            _cover_mean(power * brightness) / mean_power,
            np.where(mean_voiced > 0.5 * mean_power, _cover_mean(power * pitch) / np.maximum(mean_voiced, 1e-20), 0.0),
        ]
    )
    return Summary(curves.astype(np.float32), float(last - first) / RATE_HZ)


def compare(query: Summary, curves: np.ndarray, active_s: np.ndarray) -> Likeness:
    """Likeness of a query to candidates given as curves (N, 3, 64) and active seconds (N,)."""
    envelopes = _envelopes(np.concatenate([query.curves[None, 0], curves[:, 0]]))
    path = align(envelopes[0], envelopes[1:])
    rows = np.arange(len(curves))[None, :]
    mine, theirs = envelopes[0][path.query], envelopes[1:][rows, path.candidate]
    loud = path.weight * np.maximum(mine, theirs) ** 2
    bend = (path.weight * np.abs(path.query - path.candidate)).sum(axis=0) / np.maximum(path.weight.sum(axis=0), 1) / _BAND
    shape = shape_cosine(mine, theirs, path.weight, _LOUDNESS_SPREAD) * (1 - 0.2 * bend)
    brightness = query.curves[1][path.query], curves[rows, 1, path.candidate]
    both_loud = path.weight * mine * theirs
    pitches = query.curves[2][path.query], curves[rows, 2, path.candidate]
    return Likeness(
        loudness=(np.maximum(shape, 0) * (0.6 + 0.4 * _length_likeness(query.active_s, active_s))).astype(np.float32),
        timbre=_timbre(*brightness, both_loud).astype(np.float32),
        pitch=_pitch(*pitches, both_loud, loud).astype(np.float32),
        timing=timing(query, curves),
    )


def timing(query: Summary, curves: np.ndarray) -> np.ndarray:
    """How much candidates (N, 3, 64) stand out as the very event the query is, by their loudness moment for moment: (N,), from 0 to 1.

    A correlation says little by itself, since slow swells are all alike; so it counts against the library's other sounds, and less than half
    where one stands out by half: of many, some do by chance. Slopes count as much as levels, so that onsets meet onsets.
    """
    mine, theirs = _envelopes(query.curves[None, 0])[0], _envelopes(curves[:, 0])
    levels, slopes = _movement(theirs), _movement(np.diff(theirs))
    moved = [np.roll(mine, lag) for lag in (-1, 0, 1)]
    apart = 2 - np.max([levels @ _movement(one) + slopes @ _movement(np.diff(one)) for one in moved], axis=0)
    return standing_out(apart) ** _BY_CHANCE


def standing_out(apart: np.ndarray) -> np.ndarray:
    """How much nearer than usual each of a library's sounds is, whose distances are (N,): 1 less the distance over that of the `_NEIGHBOUR`th
    nearest, at least 0, (N,) (after the ratio test of Lowe 2004, doi:10.1023/B:VISI.0000029664.99615.94)."""
    usual = np.sort(apart)[min(_NEIGHBOUR, (len(apart) + 1) // 2) - 1] if len(apart) else 1.0
    return np.clip(1 - apart / max(usual, 1e-6), 0, 1).astype(np.float32)


def _movement(envelopes: np.ndarray) -> np.ndarray:
    """Envelopes (..., F) about their mean, of unit norm where they move by more than `_TIMING_SPREAD`."""
    about = envelopes - envelopes.mean(axis=-1, keepdims=True)
    return about / np.hypot(np.linalg.norm(about, axis=-1, keepdims=True), np.sqrt(FRAMES) * _TIMING_SPREAD)


def _envelopes(levels_db: np.ndarray) -> np.ndarray:
    """Levels (N, F) as 0 (45 dB under the peak) to 1."""
    return np.clip((levels_db - levels_db.max(axis=1, keepdims=True)) / RANGE_DB + 1, 0, 1)


@dataclass(frozen=True)
class Alignment:
    """For each candidate, pairs of frames in reverse time, each (P, N); weight is 0 on padding behind the start."""

    query: np.ndarray
    candidate: np.ndarray
    weight: np.ndarray


def align(query: np.ndarray, candidates: np.ndarray, band: int = _BAND, warp_cost: float = _WARP_COST) -> Alignment:
    """Dynamic time warping of envelopes (F,) and (N, F) inside a band of frames (Sakoe and Chiba 1978), for all candidates at once.

    warp_cost: of a frame of one side alone, in the units of the envelope

    Filled one anti-diagonal at a time, so that the loop runs 2 F steps of whole-array arithmetic. The cost of a pair is the
    distance of the envelopes and of their slopes, so that onsets meet onsets.
    """
    frames, count = len(query), len(candidates)
    level, slope = query[:, None].astype(np.float32), 2 * np.gradient(query)[:, None].astype(np.float32)
    levels = np.ascontiguousarray(candidates.T[::-1], dtype=np.float32)
    slopes = np.ascontiguousarray(2 * np.gradient(candidates, axis=1).T[::-1], dtype=np.float32)
    moves = np.zeros((2 * frames - 1, frames, count), dtype=np.int8)
    before, previous = (np.full((frames + 1, count), np.inf, dtype=np.float32) for _ in range(2))
    before[0] = 0
    for diagonal in range(2 * frames - 1):  # holds the pairs (i, diagonal - i); row i + 1 of the totals belongs to i
        first = max(0, diagonal - frames + 1, -((band - diagonal) // 2))
        last = min(frames, diagonal + 1, (diagonal + band) // 2 + 1)
        here, there = slice(first, last), slice(first + frames - 1 - diagonal, last + frames - 1 - diagonal)
        cost = np.abs(level[here] - levels[there])
        cost += np.abs(slope[here] - slopes[there])
        from_query, from_candidate = previous[here], previous[first + 1 : last + 1]
        alone = np.minimum(from_query, from_candidate) + warp_cost
        together = before[here]
        moves[diagonal, here] = np.where(together <= alone, 0, np.where(from_query <= from_candidate, 1, 2))
        total = np.full_like(previous, np.inf)
        total[first + 1 : last + 1] = cost + np.minimum(together, alone)
        before, previous = previous, total
    return _walk_back(moves, frames, count)


def _walk_back(moves: np.ndarray, frames: int, count: int) -> Alignment:
    """Follow the cheapest moves (0 in both sounds, 1 in the query, 2 in the candidate) from the last pair of frames to the first."""
    i = np.full(count, frames - 1)
    j = i.copy()
    rows = np.arange(count)
    steps = [(i, j, np.ones(count, dtype=bool))]
    for _ in range(2 * frames - 2):
        going = (i > 0) | (j > 0)
        if not going.any():
            break
        taken = moves[i + j, i, rows]
        i, j = i - (going & (taken != 2)), j - (going & (taken != 1))
        steps.append((i, j, going))
    at_query, at_candidate, weight = (np.stack(part) for part in zip(*steps, strict=True))
    return Alignment(at_query, at_candidate, weight.astype(np.float32))


def shape_cosine(mine: np.ndarray, theirs: np.ndarray, weight: np.ndarray, spread: float) -> np.ndarray:
    """Weighted correlation over steps, (P, N) each -> (N,), in which movement well under `spread` counts as flat.

    1 when both move together or neither moves, near 0 when one moves and the other does not, negative when they oppose.
    """
    total = np.maximum(weight.sum(axis=0), 1e-9)
    my_change = mine - (weight * mine).sum(axis=0) / total
    their_change = theirs - (weight * theirs).sum(axis=0) / total
    together = (weight * my_change * their_change).sum(axis=0) / total
    mine_alone = (weight * my_change**2).sum(axis=0) / total
    theirs_alone = (weight * their_change**2).sum(axis=0) / total
    return (together + spread**2) / np.sqrt((mine_alone + spread**2) * (theirs_alone + spread**2))


def _timbre(mine: np.ndarray, theirs: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Direction of the brightness, and to a lesser part its height: a hiss is no rumble, but a mouth is neither."""
    total = np.maximum(weight.sum(axis=0), 1e-9)
    apart = np.abs((weight * (mine - theirs)).sum(axis=0)) / total
    return 0.6 * np.maximum(shape_cosine(mine, theirs, weight, _BRIGHTNESS_SPREAD), 0) + 0.4 * np.exp(-apart / 15)


def _pitch(mine: np.ndarray, theirs: np.ndarray, weight: np.ndarray, loud: np.ndarray) -> np.ndarray:
    """Likeness of the melody without its register; NaN unless a good part of both sounds has a pitch at the same time."""
    voiced = (mine > 0) & (theirs > 0)
    pitched = (loud * voiced).sum(axis=0) > _PITCHED_SHARE * np.maximum(loud.sum(axis=0), 1e-9)
    return np.where(pitched, np.maximum(shape_cosine(mine, theirs, weight * voiced, _PITCH_SPREAD), 0), np.nan)


def _length_likeness(query_s: float, candidate_s: np.ndarray) -> np.ndarray:
    """1 for lengths within a factor of 1.5, falling to 0.37 at a factor of 4."""
    factor = np.abs(np.log(np.maximum(candidate_s, 0.02) / max(query_s, 0.02)))
    return np.exp(-np.maximum(factor - np.log(1.5), 0))


def _cover_mean(curve: np.ndarray) -> np.ndarray:
    """Mean over 64 equal parts of a curve, (F,) -> (64,); exact for any F by its running integral."""
    integral = np.concatenate([[0.0], np.cumsum(curve, dtype=np.float64)])
    edges = np.linspace(0, len(curve), FRAMES + 1)
    return np.diff(np.interp(edges, np.arange(len(integral)), integral)) * FRAMES / len(curve)
