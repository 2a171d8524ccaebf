"""How much of a sound is in an imitation of it, as numbers, and three sounds that show it best. F frames (43.07 a second)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter, stft

from clvap.audio import SAMPLE_RATE_HZ, Clip
from clvap.contours import RATE_HZ, Contours, extract, resample_curve

_HEARD_DB = -40.0
_ONSET_DB = 8.0
_ONSET_TOLERANCE_S = 0.06
_BANDS = 96
_MOVES_DB, _MOVES_SEMITONES = 3.0, 2.0


@dataclass(frozen=True)
class Kept:
    """How much of a sound is in an imitation of it. All but `onsets` compare the two as if they were equally long.

    loudness, brightness: correlation of the contours, brightness where both are heard; None where the sound's own hardly moves
    pitch: correlation of the melodies where both are voiced; None where hardly anything is, or the sound's own hardly moves
    onsets: F-measure of the onset times after the first onset, within 0.06 s
    transposed: the imitation's middle pitch less the sound's, in semitones; None where hardly anything is voiced
    spectrum: correlation of the fine spectrum (harmonics, resonances; 96 bands less their coarse shape)
    """

    loudness: float | None
    brightness: float | None
    pitch: float | None
    onsets: float
    transposed: float | None
    spectrum: float


def measure(sound: Clip, imitation: Clip) -> Kept:
    """Compare a sound and its imitation, both trimmed or both not."""
    ours, played = extract(sound), extract(imitation)
    theirs = _as_long(played, len(ours.loudness_db))
    heard = (_relative(ours) > _HEARD_DB) & (_relative(theirs) > _HEARD_DB)
    voiced = heard & (ours.pitch > 0) & (theirs.pitch > 0)
    sung = voiced.sum() > 0.2 * heard.sum()
    return Kept(
        _followed(_relative(ours), _relative(theirs), _MOVES_DB),
        _followed(ours.brightness[heard], theirs.brightness[heard], _MOVES_SEMITONES),
        _followed(ours.pitch[voiced], theirs.pitch[voiced], _MOVES_SEMITONES) if sung else None,
        _f_measure(onsets_s(ours), onsets_s(played)),
        float(np.median(theirs.pitch[voiced]) - np.median(ours.pitch[voiced])) if sung else None,
        _correlation(_fine_spectrum(sound), _fine_spectrum(imitation)),
    )


def onsets_s(contours: Contours) -> np.ndarray:
    """Times at which the loudness rises by 8 dB or more within three frames, from audible, in seconds."""
    level = _relative(contours)
    rise = level - np.pad(level, (3, 0), constant_values=_HEARD_DB)[: len(level)]
    peak = np.array([rise[i] > _ONSET_DB and rise[i] == rise[max(i - 4, 0) : i + 5].max() for i in range(len(rise))], bool)
    return np.flatnonzero(peak) / RATE_HZ


def knocking(times_s: tuple[float, ...] = (0.05, 0.45, 0.65, 1.2), seconds: float = 1.6) -> Clip:
    """Bursts of noise that die away."""
    samples, rng = np.zeros(int(seconds * SAMPLE_RATE_HZ)), np.random.default_rng(0)
    for time_s in times_s:
        burst = 0.5 * rng.standard_normal(4_000) * np.exp(-np.linspace(0, 6, 4_000))
        samples[int(time_s * SAMPLE_RATE_HZ) :][: len(burst)] += burst
    return Clip(samples[None].astype(np.float32))


def gliding(low_hz: float = 250.0, seconds: float = 1.6) -> Clip:
    """A harmonic tone that rises an octave, falls, and rises a little again, swelling twice."""
    at = np.linspace(0, 1, int(seconds * SAMPLE_RATE_HZ))
    octave = np.interp(at, [0, 0.4, 0.75, 1], [0, 1, 0.2, 0.6])
    phase = 2 * np.pi * np.cumsum(low_hz * 2**octave) / SAMPLE_RATE_HZ
    wave = sum(np.sin(k * phase) / k for k in range(1, 6))
    return Clip((0.2 * wave * (0.15 + np.sin(2 * np.pi * at) ** 2))[None].astype(np.float32))


def hissing(seconds: float = 1.6) -> Clip:
    """Noise around a frequency that climbs from dark to bright and comes half-way back, steady in loudness."""
    count = int(seconds * SAMPLE_RATE_HZ)
    centre_hz = 400 * 20 ** np.interp(np.linspace(0, 1, count), [0, 0.6, 1], [0, 1, 0.5])
    carrier = np.exp(2j * np.pi * np.cumsum(centre_hz) / SAMPLE_RATE_HZ)
    rng = np.random.default_rng(0)
    narrow = lfilter([0.02], [1, -0.98], rng.standard_normal(count) + 1j * rng.standard_normal(count))
    wave = (narrow * carrier).real
    return Clip((0.3 * wave / np.abs(wave).max())[None].astype(np.float32))


def _as_long(contours: Contours, frames: int) -> Contours:
    nearest = np.linspace(0, len(contours.pitch) - 1, frames).round().astype(int)
    return Contours(resample_curve(contours.loudness_db, frames), resample_curve(contours.brightness, frames), contours.pitch[nearest])


def _relative(contours: Contours) -> np.ndarray:
    """Loudness under its own peak, not below what is heard beside it, dB (F,)."""
    return np.maximum(contours.loudness_db - contours.loudness_db.max(), _HEARD_DB)


def _followed(ours: np.ndarray, theirs: np.ndarray, moves: float) -> float | None:
    """Correlation of two curves; None where the first has a smaller standard deviation than `moves`."""
    return _correlation(ours, theirs) if len(ours) and ours.std() >= moves else None


def _f_measure(ours_s: np.ndarray, theirs_s: np.ndarray) -> float:
    if not len(ours_s) or not len(theirs_s):
        return float(len(ours_s) == len(theirs_s))
    near = np.abs((ours_s - ours_s[0])[:, None] - (theirs_s - theirs_s[0])[None]) <= _ONSET_TOLERANCE_S
    recall, precision = near.any(axis=1).mean(), near.any(axis=0).mean()
    return float(2 * recall * precision / (recall + precision)) if recall + precision else 0.0


def _fine_spectrum(clip: Clip) -> np.ndarray:
    """Mean spectrum in dB over 96 bands evenly spaced in pitch, less its coarse shape (nine bands): (96,)."""
    frequency, _, spectrum = stft(clip.mono(), SAMPLE_RATE_HZ, nperseg=8_192, noverlap=4_096)
    power = (np.abs(spectrum) ** 2).mean(axis=1)
    level = 10 * np.log10(np.interp(np.geomspace(100, 8_000, _BANDS), frequency, power) + 1e-12)
    return level - np.convolve(np.pad(level, 4, mode="edge"), np.ones(9) / 9, mode="valid")


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's; 0 where one of them hardly moves."""
    if len(a) < 3 or a.std() < 1e-3 or b.std() < 1e-3:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
