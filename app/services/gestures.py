"""Vocal gestures: a recorded or uploaded file, checked, trimmed and measured."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from clvap.audio import Clip, read_gesture
from clvap.contours import Contours, extract

_KEPT = 16


@dataclass(frozen=True)
class Gesture:
    """A gesture ready for use.

    source: the file it was read from
    clip: mono, 44.1 kHz, trimmed, peak at -3 dBFS
    contours: its loudness, brightness and pitch
    """

    source: Path
    clip: Clip
    contours: Contours


class Gestures:
    """Reads gestures and keeps the last few, because a recording is shown first and used a moment later."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Path, int], Gesture] = OrderedDict()

    def read(self, path: str | Path) -> Gesture:
        """The gesture in a file; raises AudioError where it cannot be one (silent, too short, too long, not sound)."""
        path = Path(path)
        key = (path, path.stat().st_mtime_ns if path.exists() else 0)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        clip = read_gesture(path)
        gesture = Gesture(path, clip, extract(clip))
        with self._lock:
            self._kept[key] = gesture
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return gesture
