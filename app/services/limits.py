"""How much one visitor, and all of them together, may ask for: by exposure, asked by the services, so that no way in is a way around it."""

from __future__ import annotations

import math
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.services.errors import RequestError
from app.services.requests import ImitateRequest
from app.settings import Settings

_MIB = 2**20


class Busy(RequestError):
    """Too much is asked at once; the message says when to come back."""


@dataclass(frozen=True)
class Limits:
    """What a run of the studio takes on.

    upload_bytes: of one file sent to it; None for any
    uploads_bytes: of all that visitors sent and that is not cleaned away yet; None for any
    words: letters of a text
    hits, variations, steps: of one request
    best_of: candidates of each take
    take_s: longest take in seconds
    in_flight: requests of one visitor at a time
    in_line: requests of all visitors at a time
    queue: events that wait before the web server refuses
    visitor_kept_s: how long the gestures of a visitor without a name are kept; None for ever
    free_bytes: of the disk that visitors leave free
    """

    upload_bytes: int | None = None
    uploads_bytes: int | None = None
    words: int = 2_000
    hits: int = 1_000
    variations: int = 16
    steps: int = 250
    best_of: int = 4
    take_s: float = 190.0
    in_flight: int = 16
    in_line: int = 24
    queue: int = 256
    visitor_kept_s: float | None = None
    free_bytes: int = 0

    @staticmethod
    def of(settings: Settings) -> Limits:
        """One's own machine may be asked for anything that ends; a public page serves many. All who know the password are one visitor."""
        if settings.exposure == "local":
            return Limits()
        return Limits(
            upload_bytes=25 * _MIB, uploads_bytes=2_048 * _MIB, words=500, hits=100, variations=6, steps=100, take_s=47.0,
            in_flight=2 if settings.auth is None else 8, in_line=24, queue=96, visitor_kept_s=86_400.0, free_bytes=2_048 * _MIB,
        )  # fmt: skip

    def check(self, request: ImitateRequest) -> None:
        """Raises RequestError for what is more than this, or is no number."""
        for name, text in (("the words", request.words), ("what to avoid", request.avoid)):
            if len(text) > self.words:
                raise RequestError(f"{len(text):,} letters for {name}: use at most {self.words:,}.")
        _within("hits", request.hits, 0, self.hits)
        _within("takes", request.variations, 0, self.variations)
        _within("seconds of a take", request.seconds, 0, self.take_s)
        _within("steps", request.steps, 1, self.steps)
        _within("candidates of a take", request.best_of, 1, self.best_of)
        _within("seed", request.seed, 0, 2**63 - 1)
        _within("guidance", request.guidance, -100, 100)
        _within("how strongly the start counts", request.start_strength, 0, 1)
        for name, length_s in (("shortest", request.shortest_s), ("longest", request.longest_s)):
            _within(name, length_s, 0, math.inf)


class Turnstile:
    """Lets in so many requests at a time, of one visitor and in all; thread-safe."""

    def __init__(self, limits: Limits, workspace: Path | None = None) -> None:
        """workspace: on whose disk there must be room for what comes of it, None where that does not matter"""
        self._limits, self._workspace = limits, workspace
        self._lock = threading.Lock()
        self._inside: Counter[str] = Counter()

    @contextmanager
    def passing(self, owner: str) -> Iterator[None]:
        """For as long as a request of that visitor is served. Raises Busy where there are too many, or no room."""
        if self._workspace is not None and free_bytes(self._workspace) < self._limits.free_bytes:
            raise Busy("The disk of this studio is full; come back in an hour.")
        with self._lock:
            if self._inside[owner] >= self._limits.in_flight:
                raise Busy(f"{self._limits.in_flight} requests of yours are being served; wait for one of them, or stop it.")
            if self._inside.total() >= self._limits.in_line:
                raise Busy(f"{self._limits.in_line} requests are being served; come back in a minute. Your gesture stays here.")
            self._inside[owner] += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside[owner] -= 1
                if not self._inside[owner]:
                    del self._inside[owner]


def free_bytes(folder: Path) -> int:
    """Room on the disk of a folder, whether it is there yet or not."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def folder_bytes(folder: Path) -> int:
    """Size of all files below a folder; what disappears meanwhile does not count."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:
            continue
    return total


def _within(name: str, value: float | None, least: float, most: float) -> None:
    if value is None:
        return
    if not (isinstance(value, (int, float)) and least <= value <= most):
        raise RequestError(f"{value} for {name}: use a number from {least:g} to {most:g}.")
