"""What the studio is busy with in the background, for the status line: written by any thread, read by the page."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Notice:
    """One line of the board.

    text: what is being done, or what went wrong
    fraction: how far it is, 0 to 1, None where that is not known
    kind: `busy` while it runs, `error` when it failed
    """

    text: str
    fraction: float | None = None
    kind: Literal["busy", "error"] = "busy"


class Board:
    """Notices by subject, in the order in which their subjects first spoke."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._notices: dict[str, Notice] = {}

    def busy(self, subject: str, text: str, done: int = 0, total: int = 0) -> None:
        """Say what is being done; `done` of `total` gives the fraction where `total` is positive."""
        fraction = min(done / total, 1.0) if total > 0 else None
        with self._lock:
            self._notices[subject] = Notice(text, fraction)

    def fail(self, subject: str, text: str) -> None:
        """Say what went wrong and what to do; stays until the subject is cleared or busy again."""
        with self._lock:
            self._notices[subject] = Notice(text, kind="error")

    def clear(self, subject: str) -> None:
        """The subject has nothing more to say."""
        with self._lock:
            self._notices.pop(subject, None)

    def notices(self) -> tuple[Notice, ...]:
        """Everything the board says now, each thing once: a missing model fails all that needs it in the same words."""
        with self._lock:
            return tuple(dict.fromkeys(self._notices.values()))
