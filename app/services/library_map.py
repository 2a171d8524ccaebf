"""The map of the library for the page: drawn by a job where it is out of date, told to the browser as a file of points with tokens to play."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.services.errors import RequestError
from app.services.jobs import Job, Jobs
from app.services.models import Models
from app.services.sounds import Sounds
from app.settings import Settings
from clvap.workspace import library_folder

if TYPE_CHECKING:
    from clvap.library.atlas import Point

_log = logging.getLogger(__name__)
_LOOK_EVERY_S = 1.0


@dataclass(frozen=True)
class MapState:
    """The map as it is now.

    file: JSON of its points, {"categories": [name, ...], "points": [[x, y, category, name, caption, token, seconds, suffix], ...]}; None while
        there is none. Categories are the most frequent first
    count: number of points
    drawing: whether another is being drawn
    trouble: why that failed, empty where it did not
    """

    file: Path | None = None
    count: int = 0
    drawing: bool = False
    trouble: str = ""


class LibraryMap:
    """Draws the map when somebody looks at it and the library is another than it was."""

    def __init__(self, settings: Settings, models: Models, jobs: Jobs, sounds: Sounds) -> None:
        self._models, self._jobs, self._sounds = models, jobs, sounds
        self._workspace, self._library = settings.workspace, str(library_folder(settings.workspace))
        self._files = settings.workspace / "map"
        self._lock = threading.Lock()
        self._state, self._looked_at_s = MapState(), float("-inf")
        self._written: tuple | None = None
        self._job: Job | None = None
        self._asked_for: tuple | None = None

    def look(self) -> MapState:
        """The map as it is; starts drawing it anew where that is due and the library is not being indexed. Never waits for either."""
        with self._lock:
            if self._models.library.ready and time.monotonic() >= self._looked_at_s + _LOOK_EVERY_S:
                self._looked_at_s = time.monotonic()
                self._refresh()
            return self._state

    def points(self) -> list[Point]:
        """The sounds on the map, once the library is open; none as long as nothing was drawn."""
        library = self._models.library()
        self.look()
        return library.map_points()

    def _refresh(self) -> None:
        library = self._models.library()
        self._job = self._jobs.find(self._job.id) if self._job else self._jobs.running(self._target)
        drawing = self._job is not None and self._job.running
        if self._job is not None and self._job.status == "done":
            self._jobs.forget(self._job.id)
            self._job = None
        if not drawing and library.map_outdated():
            drawing = self._begin(library.version)
        if (version := (id(library), library.map_version())) != self._written:
            self._write(library.map_points())
            self._written = version
        failed = self._job is not None and self._job.status == "failed"
        self._state = replace(self._state, drawing=drawing, trouble="The map could not be drawn; it is tried again when the library changes." if failed else "")

    def _begin(self, version: tuple) -> bool:
        """Start drawing, once for a state of the library, and not while that still changes."""
        if version == self._asked_for or self._jobs.running(self._library) is not None:
            return False
        try:
            self._job = self._jobs.start("map", self._target, "Drawing the map of the library", {"workspace": str(self._workspace)})
        except RequestError as error:
            _log.info("no map is drawn: %s", error)
            return False
        self._asked_for = version
        return True

    def _write(self, points: list[Point]) -> None:
        """The points as a file; its name changes with what it says, since a browser keeps it."""
        counted = Counter(point.category for point in points)
        names = [name for name, _ in counted.most_common()]
        number = {name: i for i, name in enumerate(names)}
        rows = [
            [
                round(point.x, 4), round(point.y, 4), number[point.category], point.name, point.caption, self._sounds.token(point.path),
                round(point.duration_s, 1), point.path.suffix,
            ]
            for point in points
        ]  # fmt: skip
        told = json.dumps({"categories": names, "points": rows}, ensure_ascii=False, separators=(",", ":"))
        file = self._files / f"{hashlib.blake2b(told.encode(), digest_size=12).hexdigest()}.json"
        self._files.mkdir(parents=True, exist_ok=True)
        for earlier in self._files.glob("*.json"):
            earlier.unlink(missing_ok=True)
        file.write_text(told, encoding="utf-8")
        self._state = replace(self._state, file=file if points else None, count=len(points))

    @property
    def _target(self) -> str:
        return f"{self._library} (map)"
