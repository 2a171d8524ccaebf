"""Vocal gestures: a recorded or uploaded file, checked, trimmed and measured, whole or one of the gestures in it."""

from __future__ import annotations

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clvap.activity import Activity, Event, pick, split
from clvap.audio import PEAK, AudioError, Clip, gesture, read, read_gesture, write
from clvap.contours import Contours, extract

_KEPT = 32


@dataclass(frozen=True)
class Recording:
    """A recording ready for use.

    source: the file it was read from
    prepared: a file with `clip`, for the browser to play
    clip: mono, 44.1 kHz, trimmed, peak at -3 dBFS
    contours: its loudness, brightness and pitch
    parts: the gestures in it, their times in seconds of `clip`
    """

    source: Path
    prepared: Path
    clip: Clip
    contours: Contours
    parts: tuple[Event, ...]

    def whole(self) -> Clip:
        """The recording before it was trimmed, mono, peak at -3 dBFS: read again, it brings its room along. `clip` where its file is gone."""
        try:
            made = read(self.source)
        except AudioError:
            return self.clip
        return Clip(made.mono()[None] * np.float32(PEAK / max(made.peak, 1e-9)), made.sample_rate_hz)


@dataclass(frozen=True)
class Gesture:
    """What is imitated: a recording as a whole, or one part of it.

    recording: where it comes from
    clip, contours: as in `Recording`, of the part alone
    part: its number among the recording's parts, counted from 1; None for the whole
    """

    recording: Recording
    clip: Clip
    contours: Contours
    part: int | None

    @property
    def event(self) -> Event | None:
        """Where in the recording it lies; None for the whole."""
        return self.recording.parts[self.part - 1] if self.part else None


class Gestures:
    """Reads recordings and keeps the last few, because a recording is shown first and used a moment later."""

    def __init__(self, listen: Callable[[Clip], Activity | None] = lambda clip: None) -> None:
        """listen: what a network hears in a recording, None where none listens"""
        self._listen = listen
        self._folder = tempfile.TemporaryDirectory(prefix="clvap-gestures-")  # beside the uploads, and gone with the studio
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Path, int], Recording] = OrderedDict()

    def read(self, path: str | Path) -> Recording:
        """The recording in a file; raises AudioError where it cannot be one (silent, too short, too long, not sound)."""
        path = Path(path)
        key = (path, path.stat().st_mtime_ns if path.exists() else 0)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        clip = read_gesture(path)
        contours = extract(clip)
        with tempfile.NamedTemporaryFile(suffix=".wav", dir=self._folder.name, delete=False) as file:
            prepared = write(file.name, clip)
        recording = Recording(path, prepared, clip, contours, tuple(split(contours, self._listen(clip))))
        with self._lock:
            self._kept[key] = recording
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)[1].prepared.unlink(missing_ok=True)
        return recording

    def choose(self, path: str | Path, part: int | None = None) -> Gesture:
        """The whole recording in a file, or one part of it, counted from 1; raises AudioError as `read` does, and where there is no such part."""
        recording = self.read(path)
        if part is None:
            return Gesture(recording, recording.clip, recording.contours, None)
        event = pick(recording.parts, part, recording.source.name)
        clip = gesture(recording.clip.cut(event.start_s, event.end_s), recording.source.name)
        return Gesture(recording, clip, extract(clip), part)
