"""This machine's own microphone, for the user who sits at it: inputs, one recording at a time, its level while it runs."""

from __future__ import annotations

import queue
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.services.access import Action, require
from app.services.errors import RequestError
from app.settings import Settings
from clvap.audio import MAX_GESTURE_S
from clvap.microphone import Device, Microphone, MicrophoneError


@dataclass(frozen=True)
class Inputs:
    """The inputs there are; trouble: why there are none, empty where there are."""

    devices: tuple[Device, ...] = ()
    trouble: str = ""


@dataclass(frozen=True)
class Hearing:
    """A recording that runs: its time so far, and the peak of its last moment in dBFS."""

    seconds: float
    peak_db: float


@dataclass(frozen=True)
class Recorded:
    """The file of a finished recording."""

    path: Path


class LocalMicrophones:
    """Records what is said to this machine. Recordings live as long as the studio; what becomes a gesture is kept in the history."""

    def __init__(self, settings: Settings, microphone: Microphone | None = None) -> None:
        self._settings, self._microphone = settings, microphone or Microphone()
        self._folder = tempfile.TemporaryDirectory(prefix="clvap-recordings-")
        self._turn = threading.Lock()
        self._stop = threading.Event()

    def inputs(self) -> Inputs:
        """What can be recorded; never raises for a machine that cannot. Forbidden for visitors from elsewhere."""
        require(self._settings, Action.LOCAL_MICROPHONE)
        try:
            return Inputs(self._microphone.devices())
        except MicrophoneError as error:
            return Inputs(trouble=str(error))

    def record(self, device: int | None = None) -> Iterator[Hearing | Recorded]:
        """Record an input until `stop`, or as long as a gesture may be; its level as it comes, its file at last.

        Raises RequestError while another recording runs, MicrophoneError where the input refuses. Closing the iterator stops it.
        """
        require(self._settings, Action.LOCAL_MICROPHONE)
        if not self._turn.acquire(blocking=False):
            raise RequestError("This computer is recording already; stop that first.")
        try:
            self._stop.clear()
            chosen = self._microphone.choose(device)
            events: queue.SimpleQueue[Hearing | Recorded | Exception] = queue.SimpleQueue()
            thread = threading.Thread(target=self._work, args=(chosen, events), name="record", daemon=True)
            thread.start()
            try:
                while not isinstance(event := events.get(), Recorded):
                    if isinstance(event, Exception):
                        raise event
                    yield event
            finally:
                self._stop.set()
                thread.join()
        finally:
            self._turn.release()
        yield event

    def stop(self) -> None:
        """End the recording that runs; what was recorded counts."""
        require(self._settings, Action.LOCAL_MICROPHONE)
        self._stop.set()

    def _work(self, device: Device, events: queue.SimpleQueue) -> None:
        try:
            with tempfile.NamedTemporaryFile(suffix=".wav", dir=self._folder.name, delete=False) as file:
                path = Path(file.name)
            level = lambda seconds, peak_db: events.put(Hearing(seconds, peak_db))  # noqa: E731
            self._microphone.record(path, device, stop=self._stop, longest_s=MAX_GESTURE_S, level=level)
            events.put(Recorded(path))
        except Exception as error:
            events.put(error)
