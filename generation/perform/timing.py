"""When things happen: the moments of a sound moved to where the gesture has them.

F contour frames (43.07 a second), T samples, C channels, K knots.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from clvap.audio import Clip
from clvap.contours import FLOOR_DB, RATE_HZ, Contours, resample_curve
from clvap.library.likeness import RANGE_DB, align

_FRAMES = (16, 320)  # of an alignment, fewest and most
_BAND = 0.5  # of a sound's length by which a moment may move
_WARP_COST = 0.2  # so dear that only clear movements move: what is stretched sounds less like itself
_LONGEST = 3.0  # times the gesture's length, of which a sound is used
_SLOWEST, _FASTEST = 1 / 3, 3.0  # seconds of the sound a second of the result
_TOLERANCE_S = 0.015
_SHORTEST_S = 0.05
_ONSET_DB, _ONSET_FRAMES, _ONSET_GAP_S = 9.0, 3, 0.08
_FAINT_ONSET_DB = 24.0
_STRIKE_ENERGY, _STRIKE_SHARE = 0.8, 0.4
_SHORT_SHARE = 0.5
_LEAD_S = 0.02


@dataclass(frozen=True)
class Stretch:
    """A part of a sound and where it goes, each (start, end) in seconds; outside of the sound there is silence.

    sound: in the sound as it was
    result: in the sound as it will be
    gesture: the moments of the gesture that belong to it
    """

    sound: tuple[float, float]
    result: tuple[float, float]
    gesture: tuple[float, float]

    @property
    def rate(self) -> float:
        """Seconds of the sound a second of the result."""
        return (self.sound[1] - self.sound[0]) / (self.result[1] - self.result[0])


def plan(sound: Contours, gesture: Contours, amount: float, length_s: float) -> list[Stretch]:
    """How a sound of `length_s` is retimed, from `amount` 0 (its own timing) to 1 (the gesture's, and its length); empty where either is silent.

    The loudness curves of the two are aligned (see `clvap.library.likeness.align`), and the path made straight between few knots.
    From an amount of 0.5 on, a sound with fewer onsets than the gesture that is a single strike (one onset that dies away) or is not half
    as long is struck anew at every onset of the gesture instead: warped, it would be one long smear.
    """
    ours, theirs = _active(gesture.loudness_db), _active(sound.loudness_db)
    if ours is None or theirs is None:
        return []
    beats, hits = onsets(gesture.loudness_db), onsets(sound.loudness_db)
    short = theirs.stop - theirs.start < _SHORT_SHARE * (ours.stop - ours.start)
    if amount >= 0.5 and len(beats) > max(len(hits), 1) and (short or _is_strike(sound.loudness_db[theirs])):
        return _struck(beats, float(hits[0]) if len(hits) else theirs.start / RATE_HZ, gesture.duration_s)
    return _warped(*_path(sound, gesture, theirs, ours), length_s, gesture.duration_s, amount)


def onsets(loudness_db: np.ndarray) -> np.ndarray:
    """Times in seconds at which a loudness curve (F,) rises steeply, its start included where it starts loud."""
    within = np.maximum(loudness_db, loudness_db.max() - RANGE_DB)
    rise = within - np.pad(within, (_ONSET_FRAMES, 0), constant_values=within.min())[: len(within)]
    reached = np.array([within[i : i + _ONSET_FRAMES].max() for i in range(len(within))])
    found: list[int] = []
    for frame in np.flatnonzero((rise > _ONSET_DB) & (reached > within.max() - _FAINT_ONSET_DB)):
        if found and (frame - found[-1]) / RATE_HZ < _ONSET_GAP_S + _ONSET_FRAMES / RATE_HZ:
            continue
        found.append(int(frame))
    return np.array(found) / RATE_HZ


def retimed(clip: Clip, stretches: list[Stretch]) -> Clip:
    """The clip laid out anew, at the same rate and channels.

    Each part is stretched by one factor with Rubber Band (its R3 engine, by pedalboard), which keeps attacks within a millisecond or two;
    driven by a curve of factors the same engine drifts by a tenth of a second. Parts are joined where they match best, in a fade whose
    power is constant for the correlation they have there (Fink et al. 2016).
    """
    rate = clip.sample_rate_hz
    fade, slack = round(0.008 * rate), round(0.005 * rate)
    result = np.zeros((clip.samples.shape[0], round(stretches[-1].result[1] * rate)), dtype=np.float32)
    for number, part in enumerate(stretches):
        start, end = (round(time_s * rate) for time_s in part.result)
        begin, stop = (start if number == 0 else max(start - fade, 0)), min(end + fade, result.shape[1])
        piece = _rendered(clip, part, begin - slack, stop + slack)
        overlap = 0 if number == 0 else min(2 * fade, stop - begin)
        moved = slack
        if number and stretches[number - 1].sound[1] == part.sound[0]:
            moved += _best_lag(result[:, begin : begin + overlap], piece, slack)
        piece = piece[:, moved : moved + stop - begin]
        piece[:, :overlap] = _cross_faded(result[:, begin : begin + overlap], piece[:, :overlap])
        result[:, begin:stop] = piece
    return Clip(result, rate)


def moments(stretches: list[Stretch], times_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The moments of the sound and those of the gesture, in seconds, that belong to times of the result."""
    result, sound, gesture = ([time_s for part in stretches for time_s in getattr(part, name)] for name in ("result", "sound", "gesture"))
    return np.interp(times_s, result, sound), np.interp(times_s, result, gesture)


def simplified(sound_s: np.ndarray, gesture_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A path (K,) as the knots of few straight lines that are never off by more than 15 ms (Ramer 1972, Douglas and Peucker 1973)."""
    kept, open_ = {0, len(sound_s) - 1}, [(0, len(sound_s) - 1)]
    while open_:
        first, last = open_.pop()
        line = np.interp(gesture_s[first : last + 1], gesture_s[[first, last]], sound_s[[first, last]])
        away = np.abs(sound_s[first : last + 1] - line)
        worst = first + int(away.argmax())
        near = min(gesture_s[worst] - gesture_s[first], gesture_s[last] - gesture_s[worst])
        if away.max() > _TOLERANCE_S and near > _SHORTEST_S:
            kept.add(worst)
            open_ += [(first, worst), (worst, last)]
    at = sorted(kept)
    return sound_s[at], gesture_s[at]


def _active(loudness_db: np.ndarray) -> slice | None:
    """From the first audible frame to the last, None in silence."""
    audible = np.flatnonzero(loudness_db > max(float(loudness_db.max()) - RANGE_DB, FLOOR_DB))
    return slice(int(audible[0]), int(audible[-1]) + 1) if len(audible) else None


def _is_strike(loudness_db: np.ndarray) -> bool:
    """Whether a sound is one onset that dies away."""
    energy = np.cumsum(10 ** (loudness_db / 10))
    early = energy[int(len(energy) * _STRIKE_SHARE)] / energy[-1]
    return len(onsets(loudness_db)) == 1 and early > _STRIKE_ENERGY


def _struck(beats: np.ndarray, onset_s: float, length_s: float) -> list[Stretch]:
    """The sound from its onset at every beat, each cut off by the next."""
    edges = [0.0, *(beat - _LEAD_S for beat in beats[1:]), length_s]
    parts = []
    for beat, (start, end) in zip(beats, pairwise(edges), strict=True):
        sound = onset_s + start - float(beat)
        parts.append(Stretch((sound, sound + end - start), (start, end), (start, end)))
    return parts


def _path(sound: Contours, gesture: Contours, theirs: slice, ours: slice) -> tuple[np.ndarray, np.ndarray]:
    """Knots of the alignment: times in the sound and in the gesture, in seconds, each (K,), both rising."""
    ours, theirs = (_without_ends(part) for part in (ours, theirs))
    span = ours.stop - ours.start
    theirs = slice(theirs.start, min(theirs.stop, theirs.start + int(np.ceil(_LONGEST * span))))
    frames = int(np.clip(max(span, theirs.stop - theirs.start), *_FRAMES))
    mine, other = (_envelope(resample_curve(curves.loudness_db[part], frames)) for curves, part in ((gesture, ours), (sound, theirs)))
    path = align(mine, other[None], max(int(_BAND * frames), 2), _WARP_COST)
    weight = path.weight[:, 0]
    met = np.bincount(path.query[:, 0], weight * path.candidate[:, 0], frames) / np.bincount(path.query[:, 0], weight, frames)
    gesture_s, sound_s = (
        (part.start + 0.5 + at * (part.stop - part.start - 1) / (frames - 1)) / RATE_HZ for part, at in ((ours, np.arange(frames)), (theirs, met))
    )
    return simplified(_paced(sound_s, gesture_s), gesture_s)


def _without_ends(part: slice) -> slice:
    """Less the first and last frame, which are heard in part only: a sound cut off seems to die away there, and would be held there."""
    return slice(part.start + 1, part.stop - 1) if part.stop - part.start > _FRAMES[0] else part


def _envelope(loudness_db: np.ndarray) -> np.ndarray:
    """Levels as 0 (45 dB under the loudest) to 1."""
    return np.clip((loudness_db - loudness_db.max()) / RANGE_DB + 1, 0, 1)


def _paced(sound_s: np.ndarray, gesture_s: np.ndarray) -> np.ndarray:
    """The path held to a pace that stretching can render, catching up as soon as it may."""
    held = sound_s.copy()
    for i in range(1, len(held)):
        step_s = gesture_s[i] - gesture_s[i - 1]
        held[i] = held[i - 1] + np.clip(sound_s[i] - held[i - 1], _SLOWEST * step_s, _FASTEST * step_s)
    return held


def _warped(sound_s: np.ndarray, gesture_s: np.ndarray, sound_length_s: float, gesture_length_s: float, amount: float) -> list[Stretch]:
    """Knots as parts: before the first and after the last at the sound's own pace, cut to what lies between the two sounds' lengths."""
    before, after = max(sound_s[0], gesture_s[0]), max(sound_length_s - sound_s[-1], gesture_length_s - gesture_s[-1])
    sound_s = np.concatenate([[sound_s[0] - before], sound_s, [sound_s[-1] + after]])
    gesture_s = np.concatenate([[gesture_s[0] - before], gesture_s, [gesture_s[-1] + after]])
    result_s = (1 - amount) * sound_s + amount * gesture_s
    start, end = (
        (1 - amount) * np.interp(sound_edge, sound_s, result_s) + amount * np.interp(gesture_edge, gesture_s, result_s)
        for sound_edge, gesture_edge in ((0.0, 0.0), (sound_length_s, gesture_length_s))
    )
    inside = np.concatenate([[start], result_s[(result_s > start + _SHORTEST_S) & (result_s < end - _SHORTEST_S)], [end]])
    sound_s, gesture_s = (np.interp(inside, result_s, times) for times in (sound_s, gesture_s))
    edges = zip(pairwise(sound_s), pairwise(inside - start), pairwise(gesture_s), strict=True)
    return [Stretch(sound, result, moment) for sound, result, moment in edges]


def _rendered(clip: Clip, part: Stretch, begin: int, stop: int) -> np.ndarray:
    """Samples `begin` to `stop` of the result as this part alone gives them, (C, stop - begin); it goes on beyond its edges."""
    rate, factor = clip.sample_rate_hz, part.rate
    context = round(0.04 * rate)
    origin = part.sound[0] * rate - part.result[0] * rate * factor
    if abs(factor - 1) < 0.01:
        return _slice(clip.samples, round(origin + begin * factor), stop - begin)
    from pedalboard import time_stretch

    first = round(origin + (begin - context) * factor)
    source = _slice(clip.samples, first, round((stop - begin + 2 * context) * factor))
    stretched = time_stretch(source, rate, stretch_factor=factor)
    return _slice(stretched, context, stop - begin)


def _slice(samples: np.ndarray, start: int, length: int) -> np.ndarray:
    """`length` samples from `start`, silence outside: (C, T) -> (C, length), a copy."""
    inside = samples[:, max(start, 0) : max(start + length, 0)]
    before = min(max(-start, 0), length)
    return np.pad(inside, ((0, 0), (before, length - before - inside.shape[1])))


def _best_lag(before: np.ndarray, piece: np.ndarray, slack: int) -> int:
    """By how many samples a piece is best moved to continue what is there, within -slack to slack."""
    mine = before.mean(axis=0)
    views = np.lib.stride_tricks.sliding_window_view(piece.mean(axis=0), len(mine))[: 2 * slack + 1]
    likeness = views @ mine / (np.sqrt(np.einsum("vt,vt->v", views, views)) + 1e-6)
    return int(likeness.argmax()) - slack


def _cross_faded(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """From one to the other, (C, T) both."""
    rising = np.sin(np.linspace(0, np.pi / 2, before.shape[1])) ** 2
    norm = np.sqrt((before**2).sum() * (after**2).sum())
    alike = float(np.clip((before * after).sum() / norm, 0, 1)) if norm > 0 else 0.0
    power = rising**2 + (1 - rising) ** 2 + 2 * alike * rising * (1 - rising)
    return ((before * (1 - rising) + after * rising) / np.sqrt(power)).astype(np.float32)
