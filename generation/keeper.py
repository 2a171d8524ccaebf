"""One loaded model at a time, let go of when nobody asks for a while: a large one holds gigabytes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")
IDLE_S = 600.0


class Keeper(Generic[T]):
    """Holds what `load(name)` gave, one at a time, from any thread.

    load: makes the thing of a name; what it raises goes to who asked, and nothing is held
    idle_s: seconds without use after which it is let go of
    let_go: called after that, to give memory back
    """

    def __init__(self, load: Callable[[str], T], idle_s: float = IDLE_S, let_go: Callable[[], None] = lambda: None):
        self._load, self._idle_s, self._let_go = load, idle_s, let_go
        self._lock = threading.RLock()
        self._held: tuple[str, T] | None = None
        self._timer: threading.Timer | None = None

    @property
    def name(self) -> str | None:
        """Of what is held now."""
        held = self._held
        return None if held is None else held[0]

    @contextmanager
    def using(self, name: str) -> Iterator[T]:
        """The thing of a name, loaded if need be in place of another; others wait until the block is left."""
        with self._lock:
            self._stop_timer()
            if self._held is None or self._held[0] != name:
                self.unload()
                self._held = (name, self._load(name))
            try:
                yield self._held[1]
            finally:
                self._start_timer()

    def unload(self) -> None:
        """Let go of what is held, once nobody uses it."""
        with self._lock:
            self._stop_timer()
            if self._held is not None:
                self._held = None
                self._let_go()

    def _start_timer(self) -> None:
        self._timer = threading.Timer(self._idle_s, self._unload_if_idle)
        self._timer.daemon = True
        self._timer.start()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _unload_if_idle(self) -> None:
        with self._lock:
            if self._timer is threading.current_thread():  # else somebody came in between
                self.unload()
