"""Which parts of a recording are gestures: split at its pauses, and, where a network listened, by what it heard.

F contour frames (43.07 a second), F' frames of the network, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.ndimage import median_filter

from clvap.audio import SILENCE_DB, AudioError, Clip
from clvap.contours import FLOOR_DB, RATE_HZ, Contours, extract, resample_curve

PAUSE_S = 0.25
MIN_EVENT_S = 0.06
_MARGIN_S = 0.04
_RANGE_DB = 35.0
_HYSTERESIS_DB = 4.0
_OVER_FLOOR_DB = 5.0
_CLEAR_OF_FLOOR_DB = 10.0
_FAINTEST_DB = -30.0
_PAUSE_FRAMES = round((PAUSE_S - 0.04) * RATE_HZ)  # a frame hears 0.02 s beyond each edge
_DIGITAL_SILENCE_DB = -70.0
_FLOOR_FRAMES = _PAUSE_FRAMES - 1
_PRESENT, _STILL_PRESENT, _UNHEARD = 0.5, 0.2, 0.1
_BRIDGED_S = 0.6
_FINE_ENOUGH_S = 0.35


@dataclass(frozen=True)
class Event:
    """One gesture of a recording.

    start_s, end_s: its place, in seconds from the start of the recording
    strength: its loudest frame against that of the recording, an amplitude ratio from 0 to 1
    label: the class that the network heard in it, None where none listened or the classes have no names
    """

    start_s: float
    end_s: float
    strength: float
    label: str | None = None

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Activity:
    """What a token-semantic head heard over a recording, frame by frame (Chen et al. 2022, arXiv:2202.00874, section 2.2).

    presence: float (F', K), 0 to 1, its frames spread evenly over the recording
    labels: names of the K classes, empty where they have none
    """

    presence: np.ndarray
    labels: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.presence.ndim != 2 or not self.presence.size:
            raise ValueError(f"activity of shape {self.presence.shape}: give one row a frame and one column a class")
        if self.labels and len(self.labels) != self.presence.shape[1]:
            raise ValueError(f"{len(self.labels)} labels for {self.presence.shape[1]} classes: name each class or none")


def events(clip: Clip, activity: Activity | None = None) -> list[Event]:
    """The gestures of a recording in the order of time; none where it is silent or holds clicks alone. See `split`."""
    mono = clip.mono()
    centred = Clip((mono - mono.sum() / max(len(mono), 1))[None], clip.sample_rate_hz)
    if centred.peak < 10 ** (SILENCE_DB / 20):
        return []
    return [replace(event, end_s=min(event.end_s, clip.duration_s)) for event in split(extract(centred), activity)]


def split(contours: Contours, activity: Activity | None = None) -> list[Event]:
    """The gestures behind a recording's contours.

    Loudness alone: a gesture begins where the loudness rises clearly over the noise floor and ends where it falls back to it
    (hysteresis, so that a wavering voice is not chopped); a pause of 0.25 s ends it, so a rhythm of quick knocks stays one.
    Clicks (under 0.06 s, or 30 dB weaker than the strongest gesture as a whole) are dropped.

    With activity, made into decisions by double thresholding as in sound event detection (Dinkel et al. 2021, arXiv:2101.07687):
    a class is there from half the strongest presence in the recording, and stays so down to a fifth of it (a head that was never over
    0.1 is not asked). A part in which no class is there is dropped; a part is split where one class gives way to another; neighbours
    no further apart than 0.6 s are one where the same class goes on between them. Splitting and joining need frames of 0.35 s or finer,
    about what HTS-AT gives for ten seconds of sound.
    """
    loudness = contours.loudness_db
    spans = _without_clicks(_loud_spans(loudness), loudness)
    if activity is None or activity.presence.max() < _UNHEARD:
        return [_event(span, loudness) for span in spans]
    present, leading = _decided(activity, len(loudness))
    spans = [span for span in spans if present[span].any()]
    if contours.duration_s / len(activity.presence) <= _FINE_ENOUGH_S:
        spans = _without_clicks(_joined(_parted(spans, present, leading), present, leading), loudness)
    names = activity.labels or [None] * activity.presence.shape[1]
    return [_event(span, loudness, names[_heard(span, present, leading)]) for span in spans]


def pick(found: Sequence[Event], number: int, name: str = "recording") -> Event:
    """The gesture of that number, counted from 1; raises AudioError where there are fewer."""
    if not 1 <= number <= len(found):
        holds = {0: "none that stands out", 1: "1 gesture"}.get(len(found), f"{len(found)} gestures")
        raise AudioError(f"{name}: gesture {number} was asked for, but it holds {holds}; choose one of those, or use all of it")
    return found[number - 1]


def _loud_spans(loudness_db: np.ndarray) -> list[slice]:
    """Stretches of frames over the floor, with no pause inside."""
    peak, floor = float(loudness_db.max()), _noise_floor(loudness_db)
    leave = max(peak - _RANGE_DB, floor + _OVER_FLOOR_DB)
    enter = leave + _HYSTERESIS_DB if leave + _HYSTERESIS_DB < peak else leave
    spans = [span for span in _runs(loudness_db > leave) if loudness_db[span].max() > enter]
    return _bridged(spans, _PAUSE_FRAMES)


def _noise_floor(loudness_db: np.ndarray) -> float:
    """The level of the quietest stretch nearly as long as a pause (minimum statistics, Martin 2001), in dB.

    Digital silence at the ends is left out: many a recorder begins with it, and the room sounds different.
    Where even the quietest stretch is loud, there is no pause in which the room alone was heard, and the floor is unknown: the lowest.
    """
    audible = np.flatnonzero(loudness_db > _DIGITAL_SILENCE_DB)
    within = loudness_db[audible[0] : audible[-1] + 1] if len(audible) else loudness_db
    stretches = np.lib.stride_tricks.sliding_window_view(within, min(_FLOOR_FRAMES, len(within)))
    floor = float(stretches.max(axis=1).min())
    return floor if floor < within.max() - _CLEAR_OF_FLOOR_DB else FLOOR_DB


def _without_clicks(spans: list[slice], loudness_db: np.ndarray) -> list[slice]:
    """Those long enough, and not far weaker in energy than the strongest."""
    long = [span for span in spans if span.stop - span.start > MIN_EVENT_S * RATE_HZ]
    energy_db = [10 * np.log10((10 ** (loudness_db[span] / 10)).sum()) for span in long]
    return [span for span, energy in zip(long, energy_db, strict=True) if energy > max(energy_db) + _FAINTEST_DB]


def _decided(activity: Activity, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Activity at the contours' rate: whether any class is there, bool (F,), and which class leads, int (F,)."""
    presence = resample_curve(activity.presence.T / activity.presence.max(), frames)
    there = np.zeros(presence.shape, bool)
    for row, classed in zip(presence, there, strict=True):
        for run in _runs(row > _STILL_PRESENT):
            classed[run] = row[run].max() >= _PRESENT
    leading = np.where(there, presence, 0).argmax(axis=0)
    return there.any(axis=0), leading


def _parted(spans: list[slice], present: np.ndarray, leading: np.ndarray) -> list[slice]:
    """Each span cut where its leading class changes for at least a pause's length."""
    size = round(PAUSE_S * RATE_HZ) | 1
    parts = []
    for span in spans:
        heard = np.where(present[span], leading[span], _heard(span, present, leading))
        steady = median_filter(heard, size, mode="nearest")
        cuts = [span.start, *(span.start + 1 + np.flatnonzero(np.diff(steady))), span.stop]
        parts += [slice(int(start), int(stop)) for start, stop in pairwise(cuts)]
    return parts


def _joined(spans: list[slice], present: np.ndarray, leading: np.ndarray) -> list[slice]:
    """Neighbours made one where the same class is there all the way from one to the next."""
    joined: list[slice] = []
    for span in spans:
        before = joined[-1] if joined else None
        if before is not None and (span.start - before.stop) / RATE_HZ <= _BRIDGED_S:
            between, label = slice(before.stop - 1, span.start + 1), _heard(before, present, leading)
            if label == _heard(span, present, leading) and (present[between] & (leading[between] == label)).all():
                joined[-1] = slice(before.start, span.stop)
                continue
        joined.append(span)
    return joined


def _heard(span: slice, present: np.ndarray, leading: np.ndarray) -> int:
    """The class that leads most of a span's frames in which any is there."""
    there = leading[span][present[span]]
    return int(np.bincount(there if len(there) else leading[span]).argmax())


def _runs(mask: np.ndarray) -> list[slice]:
    """Stretches of a mask that are true."""
    edges = np.flatnonzero(np.diff(np.pad(mask.astype(np.int8), 1)))
    return [slice(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def _bridged(spans: list[slice], pause: int) -> list[slice]:
    """Spans fewer than `pause` frames apart made one."""
    bridged: list[slice] = []
    for span in spans:
        if bridged and span.start - bridged[-1].stop < pause:
            bridged[-1] = slice(bridged[-1].start, span.stop)
        else:
            bridged.append(span)
    return bridged


def _event(span: slice, loudness_db: np.ndarray, label: str | None = None) -> Event:
    strength = 10 ** (float(loudness_db[span].max() - loudness_db.max()) / 20)
    start_s, end_s = span.start / RATE_HZ - _MARGIN_S, span.stop / RATE_HZ + _MARGIN_S
    return Event(max(start_s, 0.0), min(end_s, len(loudness_db) / RATE_HZ), strength, label)
