"""A sound becomes a plausible vocal imitation of it.

A mouth keeps loudness, pitch where there is one, brightness, roughness and rhythm (Lemaitre and Rocchesso 2014; Cartwright and
Pardo 2015, VocalSketch); everything else, from the speaker to the room, is drawn at random, and several unrelated ways of
making the sound are used so that a model cannot learn one effect. T samples, F frames (43.07 a second), N spectrum bins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_toeplitz
from scipy.signal import fftconvolve, istft, lfilter, stft

from clvap.audio import SAMPLE_RATE_HZ, Clip, trim
from clvap.contours import HOP, RATE_HZ, Contours, extract, resample_curve

_WINDOW = 2 * HOP
_BINS_HZ = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE_HZ)
_VOWELS_HZ = np.array([[730, 1090, 2440], [270, 2290, 3010], [300, 870, 2240], [530, 1840, 2480], [570, 840, 2410], [490, 1350, 1690]])


@dataclass(frozen=True)
class Speaker:
    """Who imitates, into what: drawn once an imitation."""

    pitch_hz: float
    """Middle of the speaking range."""
    tract: float
    """Formant scale, 1 for a man's vocal tract."""
    breath: float
    """Share of breath noise in voiced sound, 0 to 1."""
    follow: float
    """How much of the sound's dynamics the mouth performs, 1 for all."""

    @staticmethod
    def draw(rng: np.random.Generator) -> Speaker:
        pitch_hz = rng.choice([115, 130, 190, 220, 260]) * rng.uniform(0.8, 1.25)
        return Speaker(float(pitch_hz), float(rng.uniform(0.92, 1.3)), float(rng.beta(1.5, 4)), float(rng.uniform(0.55, 1.15)))


class Imitator:
    """One sound, ready to be imitated any number of times."""

    def __init__(self, clip: Clip):
        self.source = trim(Clip(clip.at_rate(SAMPLE_RATE_HZ).mono()[None]))
        self.heard = extract(self.source)

    def draw(self, rng: np.random.Generator, family: str | None = None, loose: float | None = None) -> Clip:
        """One imitation, mono at 44.1 kHz.

        family: one of `FAMILIES`, drawn from all but `HELD_OUT` when None; loose: how freely timing and emphasis are redrawn, 0 to 1, drawn when None.
        """
        speaker = Speaker.draw(rng)
        loose = float(rng.choice([0.0, 0.5, 1.0], p=[0.2, 0.4, 0.4])) if loose is None else loose
        performed = _perform(self.heard, speaker, rng, loose)
        name = family or str(rng.choice(list(_WEIGHTS), p=list(_WEIGHTS.values())))
        voice = FAMILIES[name](self.source, performed, speaker, rng)
        return Clip(_record(voice * _upsampled(10 ** (performed.loudness_db / 20)), rng)[None])


def imitate(clip: Clip, rng: np.random.Generator, family: str | None = None, loose: float | None = None) -> Clip:
    """One imitation of a clip; see `Imitator.draw`."""
    return Imitator(clip).draw(rng, family, loose)


def _perform(heard: Contours, speaker: Speaker, rng: np.random.Generator, loose: float) -> Contours:
    """The curves as a mouth performs them: part of the sound, at another pace, smoothed, emphases redrawn."""
    curves = heard.stacked()
    frames = curves.shape[1]
    if loose and frames > 1.5 * RATE_HZ and rng.random() < loose:
        keep = int(rng.uniform(min(1.5 * RATE_HZ, frames), min(3.5 * RATE_HZ, frames)))
        loudest = int(np.argmax(curves[0]))
        start = int(np.clip(loudest - rng.uniform(0, 0.6) * keep, 0, frames - keep))
        curves = curves[:, start : start + keep]
    pace = rng.uniform(1 - 0.3 * loose, 1 + 0.4 * loose)
    length = max(int(curves.shape[1] / pace), 3)
    warp = np.cumsum(1 + 0.25 * loose * _wander(length, 3.0, rng))
    at = (warp - warp[0]) / (warp[-1] - warp[0]) * (curves.shape[1] - 1)
    loudness, brightness = (np.interp(at, np.arange(curves.shape[1]), curve) for curve in curves[:2])
    pitch = curves[2][np.round(at).astype(int)]
    top = loudness.max()
    loudness = top + (loudness - top) * speaker.follow + 4 * loose * _wander(length, 4.0, rng)
    loudness = np.maximum(_attack_release(loudness), -80)
    loudness = np.where(loudness < top - 45, -90, loudness)
    return Contours((loudness - loudness.max()).astype(np.float32), _smooth(brightness, 5), pitch.astype(np.float32))


def _vocal_pitch(performed: Contours, speaker: Speaker, rng: np.random.Generator) -> np.ndarray:
    """Fundamental in Hz a frame: the sound's pitch moved into the voice's range, else led by brightness or loudness."""
    frames = len(performed.pitch)
    voiced = performed.pitch > 0
    if voiced.mean() > 0.3:
        melody = np.interp(np.arange(frames), np.flatnonzero(voiced), performed.pitch[voiced])
        interval = melody - np.median(performed.pitch[voiced])
    else:
        lead = performed.brightness - np.median(performed.brightness)
        interval = lead * rng.uniform(0.0, 0.35) + performed.loudness_db * rng.uniform(0.0, 0.15)
    interval = np.clip(_smooth(interval, 3), -14, 18) + 0.4 * _wander(frames, 5.0, rng)
    return np.clip(speaker.pitch_hz * 2 ** (interval / 12), 60, 900)


def _vowel(source: Clip, performed: Contours, speaker: Speaker, rng: np.random.Generator) -> np.ndarray:
    """Source and filter (Fant 1960): glottal pulses and breath through formants that open with the sound's brightness."""
    pulses = _glottis(_vocal_pitch(performed, speaker, rng), rng, roughness=float(rng.beta(1, 4)))
    breath = rng.standard_normal(len(pulses)) * 0.08
    pairs = _VOWELS_HZ[rng.choice(len(_VOWELS_HZ), 2)]
    open_ = np.clip((performed.brightness - 65) / 50, 0, 1)[:, None]
    formants = (pairs[0] * (1 - open_) + pairs[1] * open_) * speaker.tract * (0.85 + 0.5 * open_)
    mixed = (1 - speaker.breath) * pulses + speaker.breath * breath * 4
    return _shaped(mixed, _resonances(formants, np.array([90, 120, 180]), np.array([1, 0.6, 0.35])))


def _fricative(source: Clip, performed: Contours, speaker: Speaker, rng: np.random.Generator) -> np.ndarray:
    """Breath through a narrow place, from "hoo" to "sss": noise around the sound's brightness."""
    centre = np.clip(440 * 2 ** ((performed.brightness - 69 + rng.uniform(-6, 6)) / 12), 300, 9_000)
    spread = np.stack([centre, centre * rng.uniform(1.5, 2.2)], axis=1)
    width = np.array([rng.uniform(0.2, 0.5), 0.5]) * np.median(centre)
    noise = rng.standard_normal(len(centre) * HOP)
    if rng.random() < 0.4:
        noise *= 1 + 0.8 * np.sin(2 * np.pi * rng.uniform(18, 32) * np.arange(len(noise)) / SAMPLE_RATE_HZ)  # a lip or tongue trill
    return _shaped(noise, _resonances(spread, width, np.array([1, 0.5])))


def _vocoder(source: Clip, performed: Contours, speaker: Speaker, rng: np.random.Generator) -> np.ndarray:
    """A channel vocoder (Dudley 1939): the sound's coarse spectrum, a few bands wide, on a voice's excitation."""
    spectrum = _spectrum(source.samples[0])
    bands = int(rng.integers(6, 14))
    edges = np.geomspace(120, 12_000, bands + 1)
    energy = np.stack([np.sqrt((np.abs(spectrum[(edges[i] <= _BINS_HZ) & (edges[i + 1] > _BINS_HZ)]) ** 2).mean(axis=0) + 1e-12) for i in range(bands)])
    energy = resample_curve(energy, len(performed.loudness_db))
    energy /= energy.sum(axis=0, keepdims=True) + 1e-9
    centres = np.sqrt(edges[1:] * edges[:-1]) * speaker.tract
    envelope = np.stack([np.interp(np.log(_BINS_HZ + 1), np.log(centres), frame) for frame in energy.T])
    pulses = _glottis(_vocal_pitch(performed, speaker, rng), rng, roughness=0.1)
    noise = rng.standard_normal(len(pulses)) * 0.1
    return _shaped(pulses + noise * rng.uniform(0.3, 3), envelope)


def _hum(source: Clip, performed: Contours, speaker: Speaker, rng: np.random.Generator) -> np.ndarray:
    """Closed lips or a whistle: little more than the pitch."""
    pitch = _vocal_pitch(performed, speaker, rng) * (rng.choice([1, 4, 6]) if rng.random() < 0.3 else 1)
    phase = 2 * np.pi * np.cumsum(_upsampled(pitch)) / SAMPLE_RATE_HZ
    partials = sum(np.sin(k * phase) / k ** rng.uniform(1.5, 3) for k in range(1, 6))
    return partials + rng.standard_normal(len(phase)) * 0.02 * (1 + 4 * speaker.breath)


def _consonants(source: Clip, performed: Contours, speaker: Speaker, rng: np.random.Generator) -> np.ndarray:
    """Plosives at the onsets ("t", "k", "p" from brightness) on a soft carrier: rhythm before anything else."""
    carrier = FAMILIES[str(rng.choice(["vowel", "fricative"]))](source, performed, speaker, rng) * rng.uniform(0.05, 0.7)
    for onset in _onsets(performed):
        centre_hz = np.clip(440 * 2 ** ((performed.brightness[onset] - 69) / 12), 400, 7_000)
        burst = _plosive(centre_hz, 900, rng.uniform(0.01, 0.06), rng) * np.abs(carrier).max() * rng.uniform(1, 3)
        part = carrier[onset * HOP : onset * HOP + len(burst)]
        part += burst[: len(part)]
    return carrier


def _rhythm(source: Clip, performed: Contours, speaker: Speaker, rng: np.random.Generator) -> np.ndarray:
    """Tongue clicks or beatbox at the onsets alone: what is left is when, and how strongly."""
    sound = rng.standard_normal(len(performed.loudness_db) * HOP) * 1e-4
    drum_hz, width_hz, length_s = rng.uniform(120, 4_000), rng.uniform(80, 1_500), rng.uniform(0.03, 0.15)
    for onset in _onsets(performed):
        burst = _plosive(drum_hz * rng.uniform(0.8, 1.25), width_hz, length_s, rng)
        part = sound[onset * HOP : onset * HOP + len(burst)]
        part += burst[: len(part)]
    return sound


def _whisper(source: Clip, performed: Contours, speaker: Speaker, rng: np.random.Generator) -> np.ndarray:
    """Whispered or creaked through the sound's own linear prediction of order 10 (Atal and Hanauer 1971), formants moved to the speaker's."""
    spectrum = _spectrum(source.samples[0])
    correlation = np.fft.irfft(np.abs(spectrum.T) ** 2, axis=1)[:, :11]
    correlation[:, 0] = correlation[:, 0] * 1.001 + 1e-9
    prediction = np.stack([solve_toeplitz(row[:-1], row[1:]) for row in correlation])
    inverse = np.abs(np.fft.rfft(np.concatenate([np.ones((len(prediction), 1)), -prediction], axis=1), _WINDOW, axis=1))
    envelope = 1 / (inverse + 0.02 * inverse.max(axis=1, keepdims=True))
    moved = np.stack([np.interp(_BINS_HZ / speaker.tract, _BINS_HZ, frame) for frame in envelope])
    moved[:, (_BINS_HZ < 150) | (_BINS_HZ > 9_000)] *= 0.05  # a mouth has neither bass nor air above
    excitation = rng.standard_normal(len(performed.loudness_db) * HOP) * 0.3
    if rng.random() < 0.4:
        excitation += _glottis(_vocal_pitch(performed, speaker, rng) * 0.5, rng, roughness=0.7)
    return _shaped(excitation, resample_curve(moved.T, len(performed.loudness_db)).T)


def _onsets(performed: Contours) -> list[int]:
    """Frames where the loudness rises most, at most 40; the first where it never does."""
    rise = np.diff(performed.loudness_db, prepend=-60)
    return [i for i in range(len(rise)) if rise[i] > 6 and rise[i] == rise[max(i - 3, 0) : i + 4].max()][:40] or [0]


def _plosive(centre_hz: float, width_hz: float, length_s: float, rng: np.random.Generator) -> np.ndarray:
    """A burst of noise around a frequency, dying away, peak 1."""
    pole = np.exp(-np.pi * width_hz / SAMPLE_RATE_HZ)
    burst = rng.standard_normal(int(length_s * SAMPLE_RATE_HZ))
    burst = lfilter([1 - pole], [1, -2 * pole * np.cos(2 * np.pi * centre_hz / SAMPLE_RATE_HZ), pole**2], burst)
    burst = burst * np.exp(-np.linspace(0, 5, len(burst)))
    return burst / (np.abs(burst).max() + 1e-9)


def _mixed(source: Clip, performed: Contours, speaker: Speaker, rng: np.random.Generator) -> np.ndarray:
    """Voice and breath at once, in a proportion that wanders."""
    voice, breath = (FAMILIES[n](source, performed, speaker, rng) for n in ("vowel", "fricative"))
    share = _upsampled(np.clip(0.5 + 0.5 * _wander(len(performed.loudness_db), 2.0, rng), 0, 1))
    return voice / (voice.std() + 1e-9) * share + breath / (breath.std() + 1e-9) * (1 - share)


FAMILIES: dict[str, Callable[[Clip, Contours, Speaker, np.random.Generator], np.ndarray]] = {
    "vowel": _vowel, "fricative": _fricative, "vocoder": _vocoder, "hum": _hum, "consonants": _consonants, "mixed": _mixed, "rhythm": _rhythm,
    "whisper": _whisper,
}
HELD_OUT = "whisper"
"""Never drawn unless asked for: what a model trained on the others makes of it is the honest guess for real voices."""
_WEIGHTS = {"vowel": 0.2, "fricative": 0.2, "vocoder": 0.15, "hum": 0.1, "consonants": 0.13, "mixed": 0.17, "rhythm": 0.05}


def _glottis(pitch_hz: np.ndarray, rng: np.random.Generator, roughness: float) -> np.ndarray:
    """Glottal pulses at a pitch curve, with jitter and, for a rough voice, every second pulse weak: float (T,)."""
    pitch = _upsampled(pitch_hz * (1 + 0.01 * rng.standard_normal(len(pitch_hz))))
    phase = np.cumsum(pitch) / SAMPLE_RATE_HZ
    cycle = phase % 1
    pulse = np.where(cycle < 0.6, np.sin(np.pi * cycle / 0.6) ** 2, 0)  # open for 60 % of the cycle
    weak = np.where(np.floor(phase) % 2, 1 - roughness, 1) * (1 + roughness * rng.standard_normal(int(phase[-1]) + 2)[np.floor(phase).astype(int)] * 0.5)
    return np.diff(pulse * weak, prepend=0) * 20


def _resonances(centres_hz: np.ndarray, widths_hz: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Spectral envelope (F, N) of resonances at (F, R) centres."""
    distance = (_BINS_HZ[None, None, :] - centres_hz[:, :, None]) / widths_hz[None, :, None]
    return (gains[None, :, None] / np.sqrt(1 + distance**2)).sum(axis=1) + 0.004


def _shaped(excitation: np.ndarray, envelope: np.ndarray) -> np.ndarray:
    """Excitation (T,) through a time-varying filter (F, N), level made even so that loudness is set afterwards."""
    spectrum = _spectrum(excitation)
    spectrum = spectrum * resample_curve(envelope.T, spectrum.shape[1])
    spectrum /= np.sqrt((np.abs(spectrum) ** 2).sum(axis=0, keepdims=True)) + 1e-9
    _, sound = istft(spectrum, SAMPLE_RATE_HZ, nperseg=_WINDOW, noverlap=HOP)
    return sound[: len(excitation)] if len(sound) >= len(excitation) else np.pad(sound, (0, len(excitation) - len(sound)))


def _spectrum(samples: np.ndarray) -> np.ndarray:
    """Short-time spectrum (N, F) of samples (T,); of fewer than a window as if silence followed."""
    return stft(np.pad(samples, (0, max(_WINDOW - len(samples), 0))), SAMPLE_RATE_HZ, nperseg=_WINDOW, noverlap=HOP)[2]


def _record(voice: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Microphone and room: proximity or thinness, a small room, hiss, level. Peak at -3 dBFS, float32 (T,)."""
    voice = voice / (np.abs(voice).max() + 1e-9)
    tilt = rng.uniform(-0.5, 0.6)
    voice = lfilter([1, -max(tilt, 0)], [1, min(tilt, 0)], voice)
    if rng.random() < 0.5:
        length = int(rng.uniform(0.05, 0.4) * SAMPLE_RATE_HZ)
        tail = rng.standard_normal(length) * np.exp(-np.linspace(0, 7, length)) * rng.uniform(0.02, 0.15)
        tail[0] = 1
        voice = fftconvolve(voice, tail)[: len(voice)]
    voice = voice / (np.abs(voice).max() + 1e-9)
    voice = voice + rng.standard_normal(len(voice)) * 10 ** (rng.uniform(-75, -40) / 20)
    return (0.7 * voice / (np.abs(voice).max() + 1e-9)).astype(np.float32)


def _upsampled(curve: np.ndarray) -> np.ndarray:
    return np.interp(np.arange(len(curve) * HOP) / HOP, np.arange(len(curve)), curve)


def _smooth(curve: np.ndarray, frames: int) -> np.ndarray:
    padded = np.pad(curve, frames // 2, mode="edge")
    return np.convolve(padded, np.ones(frames) / frames, mode="valid")[: len(curve)].astype(np.float32)


def _attack_release(loudness_db: np.ndarray, fall_db: float = 9.0) -> np.ndarray:
    """A mouth stops a sound no faster than this many dB a frame (about 390 dB a second)."""
    held = loudness_db.copy()
    for i in range(1, len(held)):
        held[i] = max(held[i], held[i - 1] - fall_db)
    return held


def _wander(frames: int, rate_hz: float, rng: np.random.Generator) -> np.ndarray:
    """A smooth random curve of unit range at about `rate_hz` changes a second."""
    knots = max(int(frames / RATE_HZ * rate_hz) + 2, 2)
    return np.interp(np.linspace(0, knots - 1, frames), np.arange(knots), rng.uniform(-1, 1, knots))
