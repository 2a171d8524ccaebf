"""Pitch moved as the gesture's moves, where both have one.

F contour frames (43.07 a second), T samples, C channels.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.ndimage import median_filter, uniform_filter1d

from clvap.audio import Clip
from clvap.contours import RATE_HZ, Contours
from generation.perform.timing import Stretch, retimed, simplified

_PITCHED_SHARE = 0.6  # of the energy
_HEARD_DB = -35.0
_FARTHEST = 5.0  # semitones: further off a sound is another one
_LEAST = 0.15
_OVERSAMPLED = 4


def shift(sound: Contours, gesture: Contours, amount: float) -> np.ndarray | None:
    """Semitones (F,) that move a sound's melody about its own middle as the gesture's moves about its own; both of F frames, moment by moment.

    None where there is nothing to do: either has no pitch for most of its energy, or they agree already.
    """
    if amount <= 0 or not (is_pitched(sound) and is_pitched(gesture)):
        return None
    semitones = amount * np.clip(_melody(gesture) - _melody(sound), -_FARTHEST, _FARTHEST)
    return semitones if np.abs(semitones).max() > _LEAST else None


def bent(clip: Clip, stretches: list[Stretch], semitones: np.ndarray) -> Clip:
    """The clip retimed, and its pitch shifted by `semitones` (F,) over the result.

    As a tape does: laid out longer where it is then played faster. Formants move with the pitch; brightness is shaped apart. (Rubber Band
    can follow a curve itself, but cracks where the shift passes through zero.)
    """
    length_s = stretches[-1].result[1]
    grid = np.linspace(0, length_s, max(round(length_s * RATE_HZ * 4), 2))
    ratio = 2 ** (np.interp(grid, (np.arange(len(semitones)) + 0.5) / RATE_HZ, semitones) / 12)
    played = np.concatenate([[0.0], np.cumsum((ratio[1:] + ratio[:-1]) / 2 * np.diff(grid))])  # seconds of tape, by seconds of the result
    tape = retimed(clip, [piece for part in stretches for piece in _on_tape(part, grid, played)])
    fine = Clip(np.pad(tape.samples, ((0, 0), (8, 8))), clip.sample_rate_hz).at_rate(_OVERSAMPLED * clip.sample_rate_hz)
    times_s = np.arange(round(length_s * fine.sample_rate_hz)) / fine.sample_rate_hz
    read = _read(fine.samples, np.interp(times_s, grid, played) * fine.sample_rate_hz + 8 * _OVERSAMPLED)
    return Clip(read, fine.sample_rate_hz).at_rate(clip.sample_rate_hz)


def is_pitched(curves: Contours) -> bool:
    """Whether a good part of a sound's energy has a pitch."""
    energy = 10 ** (curves.loudness_db / 10)
    return bool(energy[curves.pitch > 0].sum() > _PITCHED_SHARE * energy.sum())


def _melody(curves: Contours) -> np.ndarray:
    """Semitones about the median pitch, bridged where there is none and freed of single wrong frames: (F,)."""
    sung = (curves.pitch > 0) & (curves.loudness_db > curves.loudness_db.max() + _HEARD_DB)
    at = np.arange(len(sung))
    notes = np.interp(at, at[sung], median_filter(curves.pitch[sung], 5, mode="nearest"))
    return uniform_filter1d(notes, 3, mode="nearest") - np.median(curves.pitch[sung])


def _on_tape(part: Stretch, grid: np.ndarray, played: np.ndarray) -> list[Stretch]:
    """A part of the result as parts of the tape, in each of which the sound runs evenly."""
    inside = grid[(grid > part.result[0]) & (grid < part.result[1])]
    result_s = np.concatenate([part.result[:1], inside, part.result[1:]])
    sound_s, tape_s = simplified(np.interp(result_s, part.result, part.sound), np.interp(result_s, grid, played))
    gesture_s = np.interp(sound_s, part.sound, part.gesture)
    edges = zip(pairwise(sound_s), pairwise(tape_s), pairwise(gesture_s), strict=True)
    return [Stretch(sound, tape, gesture) for sound, tape, gesture in edges]


def _read(samples: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Samples (C, T) read at fractional places by a cubic through four neighbours (Catmull and Rom 1974), silence outside."""
    low = np.floor(at).astype(int)
    part = (at - low).astype(np.float32)
    before, here, there, after = (np.take(samples, np.clip(low + step, 0, samples.shape[1] - 1), axis=1) for step in (-1, 0, 1, 2))
    bend = 2 * before - 5 * here + 4 * there - after
    return here + 0.5 * part * (there - before + part * (bend + part * (3 * (here - there) + after - before)))
