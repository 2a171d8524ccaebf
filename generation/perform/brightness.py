"""Brightness moved as the gesture's moves, by a tilt of the spectrum that changes over time.

C channels, K bins, N frames of 46 ms, J bands.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter, uniform_filter1d
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from clvap.audio import Clip
from clvap.contours import midi

_WINDOW_S, _OVERLAP = 0.046, 4
_LOWEST_HZ, _HIGHEST_HZ = 40.0, 18_000.0
_BANDS = 48
_STEEPEST_DB = 9.0  # an octave
_MOST_GAIN_DB = 24.0
_FARTHEST = 24.0  # semitones from its own middle
_HEARD_DB = -45.0
_HALVINGS = 14


def follow_brightness(clip: Clip, gesture_notes: np.ndarray, gesture_heard: np.ndarray, amount: float) -> Clip:
    """The clip with its spectral centroid moving about its own middle as the gesture's does about its own, by `amount` 0 to 1.

    gesture_notes: centroid of the gesture as MIDI notes over the length of the clip, (F,); gesture_heard: where it is loud enough to tell, (F,)

    Every frame gets the tilt, in dB an octave and at most 9 of them, that puts its centroid where it should be, at the same energy; all
    channels get the same. A mouth cannot be as bright as breaking glass, but it draws the movement.
    """
    if amount <= 0 or not gesture_heard.any():
        return clip
    transform, spectrum = _analysed(clip)
    power = (np.abs(spectrum) ** 2).sum(axis=0).T
    level_db = 10 * np.log10(power.sum(axis=1) + 1e-20)
    heard = level_db > level_db.max() + _HEARD_DB
    wanted = _at_frames(gesture_notes, gesture_heard, transform.t(clip.samples.shape[1]) / clip.duration_s)
    frequency = np.clip(transform.f, _LOWEST_HZ, _HIGHEST_HZ)
    own = midi(np.maximum(power @ transform.f / (power.sum(axis=1) + 1e-20), 20.0))
    movement = np.clip(wanted - np.median(wanted[heard]), -_FARTHEST, _FARTHEST)
    target = own + amount * (np.median(own[heard]) + movement - own)
    slope_db = _tilts(*_banded(power, transform.f), 440 * 2 ** ((target - 69) / 12))
    slope_db = np.interp(np.arange(len(heard)), np.flatnonzero(heard), slope_db[heard])
    slope_db = uniform_filter1d(median_filter(slope_db, 5, mode="nearest"), 3, mode="nearest")
    gain_db = slope_db[:, None] * np.log2(frequency / np.median(frequency))[None]
    gain = 10 ** (gain_db / 20)
    gain *= np.sqrt((power.sum(axis=1) + 1e-20) / ((power * gain**2).sum(axis=1) + 1e-20))[:, None]
    gain = np.minimum(gain, 10 ** (_MOST_GAIN_DB / 20))
    shaped = transform.istft(spectrum * gain.T[None], k1=clip.samples.shape[1])
    return Clip(shaped.astype(np.float32), clip.sample_rate_hz)


def _analysed(clip: Clip) -> tuple[ShortTimeFFT, np.ndarray]:
    """The transform, and the spectra (C, K, N)."""
    hop = max(round(_WINDOW_S * clip.sample_rate_hz / _OVERLAP), 1)
    transform = ShortTimeFFT(hann(hop * _OVERLAP, sym=False), hop, clip.sample_rate_hz)
    return transform, transform.stft(clip.samples.astype(np.float64))


def _at_frames(notes: np.ndarray, heard: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The gesture's centroid at moments `at` (0 to 1 of its length), bridged where it is not heard."""
    places = (np.arange(len(notes)) + 0.5) / len(notes)
    return np.interp(at, places[heard], notes[heard])


def _banded(power: np.ndarray, frequency_hz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Power (N, K) summed in bands of equal width in octaves, (N, J), and their mean frequencies, (J,)."""
    edges = np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, _BANDS - 1)
    band = np.digitize(frequency_hz, edges)
    used = np.unique(band)
    member = (band[:, None] == used[None]).astype(np.float64)
    return power @ member, (frequency_hz @ member) / member.sum(axis=0)


def _tilts(power: np.ndarray, frequency_hz: np.ndarray, centroid_hz: np.ndarray) -> np.ndarray:
    """The tilt in dB an octave, (N,), that moves the centroid of each spectrum (N, J) there: it grows with the tilt, so halving finds it."""
    low, high = np.full(len(power), -_STEEPEST_DB), np.full(len(power), _STEEPEST_DB)
    octaves = np.log2(np.clip(frequency_hz, _LOWEST_HZ, _HIGHEST_HZ))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        tilted = power * 10 ** (middle[:, None] * octaves[None] / 10)
        short = tilted @ frequency_hz < centroid_hz * tilted.sum(axis=1)
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return (low + high) / 2
