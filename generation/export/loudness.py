"""How loud a sound is by ITU-R BS.1770: integrated loudness and true peak; and gains that make it as loud as wanted. C channels, T samples."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import soxr

from clvap.audio import Clip
from generation.export.formats import ExportSettings

CEILING_DBTP = -1.0
_BLOCK_S = 0.4  # of the measure: shorter sounds are one block as long as they are
_OVERSAMPLED_TO_HZ = 192_000
_BLOCK, _MARGIN = 1 << 19, 256


@dataclass(frozen=True)
class Loudness:
    """What was measured.

    lufs: integrated loudness, -inf for silence
    true_peak_db: dBTP, -inf for silence
    peak_db: dBFS of the highest sample, -inf for silence
    """

    lufs: float
    true_peak_db: float
    peak_db: float

    def after(self, gain_db: float) -> Loudness:
        return Loudness(self.lufs + gain_db, self.true_peak_db + gain_db, self.peak_db + gain_db)


def measure(clip: Clip) -> Loudness:
    """Loudness and true peak of a clip.

    The measure averages blocks of 400 ms. A shorter sound, a click or a step, is measured as one block of its own
    length: as loud as it would be if it went on like that. Channels beyond five count like the front ones.
    """
    return Loudness(_integrated(clip), _decibels(_true_peak(clip)), _decibels(clip.peak))


def gain_db(measured: Loudness, settings: ExportSettings) -> float:
    """The gain that brings a sound of that loudness to what the settings ask; 0 for silence.

    Loudness never pushes the true peak over -1 dBTP: such a sound ends quieter than asked, not squashed. Without
    normalising, only what a file of integers would clip is turned down.
    """
    if not math.isfinite(measured.true_peak_db):
        return 0.0
    if settings.normalise == "peak":
        return settings.level_target - measured.true_peak_db
    if settings.normalise == "loudness":
        wanted = settings.level_target - measured.lufs if math.isfinite(measured.lufs) else math.inf
        return min(wanted, CEILING_DBTP - measured.true_peak_db)
    return 0.0 if settings.written_depth == "float" else min(0.0, -measured.peak_db)


def amplified(clip: Clip, gain: float) -> Clip:
    """The clip, `gain` decibels louder."""
    return clip if gain == 0 else Clip(clip.samples * np.float32(10 ** (gain / 20)), clip.sample_rate_hz)


def _integrated(clip: Clip) -> float:
    from pyloudnorm import Meter

    meter = Meter(clip.sample_rate_hz, block_size=min(_BLOCK_S, (clip.samples.shape[-1] - 0.5) / clip.sample_rate_hz))
    # the meter knows weights for five channels at most; more are measured by fives, and their powers added
    groups = [clip.samples[first : first + 5] for first in range(0, clip.samples.shape[0], 5)]
    with np.errstate(divide="ignore", invalid="ignore"):
        powers = [10 ** (meter.integrated_loudness(group.T.astype(np.float64)) / 10) for group in groups]
    total = float(np.nan_to_num(powers).sum())
    return 10 * math.log10(total) if total > 0 else -math.inf


def _true_peak(clip: Clip) -> float:
    """The highest value between the samples too, seen at 192 kHz or four times the rate; in blocks, so that memory stays flat."""
    rate = clip.sample_rate_hz
    finer, highest = max(_OVERSAMPLED_TO_HZ, 2 * rate), clip.peak
    length, around = clip.samples.shape[-1], 2 * _MARGIN
    for start in range(0, length, _BLOCK):
        end = min(start + _BLOCK, length)
        block = clip.samples[:, max(start - around, 0) : end + around]
        padded = np.pad(block, ((0, 0), (max(around - start, 0), max(end + around - length, 0))))
        cut = _MARGIN * finer // rate  # the ends of a block ring where it was cut out
        highest = max(highest, float(np.abs(soxr.resample(padded.T, rate, finer, quality="HQ")[cut:-cut]).max(initial=0.0)))
    return highest


def _decibels(amplitude: float) -> float:
    return 20 * math.log10(amplitude) if amplitude > 1e-9 else -math.inf
