"""What a mouth controls, as curves: loudness, brightness and pitch of a sound over time.

The three control signals of Sketch2Sound (Garcia et al. 2024, arXiv:2412.08550), at 44 100 / 1 024 = 43.07 frames a second,
which is twice the latent rate of Stable Audio Open. F is the number of frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from scipy.ndimage import uniform_filter

from clvap.audio import SAMPLE_RATE_HZ, Clip

HOP = 1_024
RATE_HZ = SAMPLE_RATE_HZ / HOP
FLOOR_DB = -80.0
_WINDOW = 2_048
_PITCH_RATE_DIVISOR = 2
_PITCH_RANGE_HZ = (55.0, 1_500.0)
_VOICED_ABOVE = 0.55
_SMOOTHED = (3, 9)  # frames and bins
_SUBTRACTED, _LEAST_SHARE = 2.0, 1e-3


@dataclass(frozen=True)
class Contours:
    """Curves of one sound, each float32 of shape (F,), 43.07 frames a second.

    loudness_db: level of the frame, dB under full scale, never under -80
    brightness: spectral centroid as a MIDI note number (69 is 440 Hz)
    pitch: fundamental as a MIDI note number, 0 where there is none
    """

    loudness_db: np.ndarray
    brightness: np.ndarray
    pitch: np.ndarray

    @property
    def duration_s(self) -> float:
        return len(self.loudness_db) / RATE_HZ

    def stacked(self) -> np.ndarray:
        """The three curves in the order loudness, brightness, pitch: float32 of shape (3, F)."""
        return np.stack([self.loudness_db, self.brightness, self.pitch]).astype(np.float32)

    @staticmethod
    def from_stacked(curves: np.ndarray) -> Contours:
        """Inverse of `stacked`."""
        loudness_db, brightness, pitch = np.asarray(curves, dtype=np.float32)
        return Contours(loudness_db, brightness, pitch)


def extract(clip: Clip) -> Contours:
    """Contours of a clip at any rate and channel count (channels are mixed), of a gesture without its rumble and the noise of its room; at least one frame."""
    clip = clip.at_rate(SAMPLE_RATE_HZ).without_rumble()
    mono = clip.mono()
    frames = _frames(mono, _WINDOW, HOP)
    windowed = frames * _hann()
    power = _power(windowed)
    level = np.sqrt(np.einsum("fw,fw->f", windowed, windowed) * (8 / 3 / _WINDOW))
    if clip.room is not None:
        heard = power * _share_of_sound(power, clip.room)
        level = level * np.sqrt(heard.sum(axis=1) / (power.sum(axis=1) + 1e-12))
        power = heard
    loudness_db = np.maximum(20 * np.log10(level + 1e-9), FLOOR_DB).astype(np.float32)
    frequency = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE_HZ).astype(np.float32)
    centroid_hz = power @ frequency / (power.sum(axis=1) + 1e-12)
    return Contours(loudness_db, midi(np.maximum(centroid_hz, 20.0)), _pitch(mono, len(frames), loudness_db))


def midi(frequency_hz: np.ndarray) -> np.ndarray:
    """Frequency in Hz as a MIDI note number."""
    return (69 + 12 * np.log2(np.asarray(frequency_hz) / 440.0)).astype(np.float32)


def resample_curve(curve: np.ndarray, frames: int) -> np.ndarray:
    """A curve stretched linearly over `frames` frames: (..., F) -> (..., frames)."""
    curve = np.asarray(curve, dtype=np.float32)
    if curve.shape[-1] == frames:
        return curve
    at = np.linspace(0, curve.shape[-1] - 1, frames)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, curve.shape[-1] - 1)
    weight = (at - low).astype(np.float32)
    return curve[..., low] * (1 - weight) + curve[..., high] * weight


def _frames(mono: np.ndarray, window: int, hop: int) -> np.ndarray:
    """Centred frames of shape (F, window), F = ceil(T / hop)."""
    count = max(-(-len(mono) // hop), 1)
    padded = np.zeros((count - 1) * hop + window, dtype=np.float32)
    start = window // 2 - hop // 2
    usable = mono[: len(padded) - start]
    padded[start : start + len(usable)] = usable
    return np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]


def _hann() -> np.ndarray:
    return np.hanning(_WINDOW).astype(np.float32)


def _share_of_sound(power: np.ndarray, room: np.ndarray) -> np.ndarray:
    """How much of the power (F, N) is not the room's, which is steady: spectral subtraction (Berouti et al. 1979), over smoothed spectra."""
    alone = np.median(_power(_frames(room, _WINDOW, HOP)[1:-1] * _hann()), axis=0) / np.log(2)  # of an exponential distribution: its mean
    expected = uniform_filter(alone, _SMOOTHED[1])
    return np.clip(1 - _SUBTRACTED * expected / (uniform_filter(power, _SMOOTHED) + 1e-12), _LEAST_SHARE, 1)


def _pitch(mono: np.ndarray, count: int, loudness_db: np.ndarray) -> np.ndarray:
    """Pitch by normalised autocorrelation (the difference function of YIN, de Cheveigne and Kawahara 2002), as MIDI."""
    rate = SAMPLE_RATE_HZ // _PITCH_RATE_DIVISOR
    paired = mono[: len(mono) // _PITCH_RATE_DIVISOR * _PITCH_RATE_DIVISOR]
    low = paired.reshape(-1, _PITCH_RATE_DIVISOR).mean(axis=1)
    frames = _frames(low, _WINDOW // _PITCH_RATE_DIVISOR, HOP // _PITCH_RATE_DIVISOR)[:count]
    frames = np.pad(frames, ((0, count - len(frames)), (0, 0)))
    size = frames.shape[1]
    first, last = int(rate / _PITCH_RANGE_HZ[1]), int(rate / _PITCH_RANGE_HZ[0])
    correlation = scipy.fft.irfft(_power(frames, 2 * size), axis=1)[:, : last + 1]
    squares = np.cumsum(np.pad(frames**2, ((0, 0), (1, 0))), axis=1)
    head, tail = squares[:, size : size - last - 1 : -1], squares[:, -1:] - squares[:, : last + 1]
    normal = 2 * correlation / (head + tail + 1e-9)
    searched = normal[:, first:last]
    peaks = np.zeros_like(searched)
    inner = (searched[:, 1:-1] >= searched[:, :-2]) & (searched[:, 1:-1] > searched[:, 2:])
    peaks[:, 1:-1] = np.where(inner, searched[:, 1:-1], 0)
    best = peaks.max(axis=1)
    lag = (peaks >= 0.9 * best[:, None]).argmax(axis=1) + first  # the shortest good lag, against octave errors
    voiced = (best > _VOICED_ABOVE) & (loudness_db > FLOOR_DB + 20)
    pitch = np.zeros(count, dtype=np.float32)
    pitch[voiced] = midi(rate / _refined(normal[voiced], lag[voiced]))
    return pitch


def _power(frames: np.ndarray, size: int | None = None) -> np.ndarray:
    """Power spectra of frames, in single precision: (F, window) -> (F, size / 2 + 1)."""
    spectrum = scipy.fft.rfft(frames, size, axis=1)
    return spectrum.real**2 + spectrum.imag**2


def _refined(normal: np.ndarray, lag: np.ndarray) -> np.ndarray:
    """Lags refined by a parabola through their neighbours, in samples."""
    rows = np.arange(len(lag))
    left, centre, right = (normal[rows, lag + shift] for shift in (-1, 0, 1))
    bend = left - 2 * centre + right
    return lag + np.where(np.abs(bend) > 1e-9, 0.5 * (left - right) / np.where(np.abs(bend) > 1e-9, bend, 1), 0)
