"""The level of a finished sound: its ends, its peak."""

from __future__ import annotations

import numpy as np

from clvap.audio import Clip

_OVERSAMPLED = 4
_SURROUND = 32  # samples of silence, so that the ends ring out as they will when played
CEILING_DB = -1.0


def finished(clip: Clip, seconds: float, peak: float = 0.89) -> Clip:
    """Cut to `seconds`, without offset, loudest sample at `peak`, edges faded so that nothing clicks."""
    samples = clip.cut(0, seconds).samples
    samples = faded(Clip(samples - samples.mean(axis=1, keepdims=True), clip.sample_rate_hz)).samples
    return Clip((samples * (peak / max(float(np.abs(samples).max(initial=0.0)), 1e-4))).astype(np.float32), clip.sample_rate_hz)


def faded(clip: Clip, in_s: float = 0.002, out_s: float = 0.02) -> Clip:
    """Both ends faded, each over at most a quarter of the clip."""
    samples = clip.samples.copy()
    fade_in, fade_out = (min(int(time_s * clip.sample_rate_hz), samples.shape[1] // 4) for time_s in (in_s, out_s))
    if fade_in:
        samples[:, :fade_in] *= np.linspace(0, 1, fade_in, dtype=np.float32)
    if fade_out:
        samples[:, -fade_out:] *= np.linspace(1, 0, fade_out, dtype=np.float32)
    return Clip(samples, clip.sample_rate_hz)


def true_peak(clip: Clip) -> float:
    """The highest level between the samples too, by four times oversampling (ITU-R BS.1770-4, annex 2); full scale is 1.0."""
    surrounded = Clip(np.pad(clip.samples, ((0, 0), (_SURROUND, _SURROUND))), clip.sample_rate_hz)
    return max(clip.peak, surrounded.at_rate(_OVERSAMPLED * clip.sample_rate_hz).peak)


def held(clip: Clip, ceiling_db: float = CEILING_DB) -> Clip:
    """The clip, made quieter as a whole where its true peak is over `ceiling_db` dBTP."""
    ceiling, peak = 10 ** (ceiling_db / 20), true_peak(clip)
    return clip if peak <= ceiling else Clip((clip.samples * (0.999 * ceiling / peak)).astype(np.float32), clip.sample_rate_hz)
