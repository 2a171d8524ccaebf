"""How long work reports itself and is stopped: one callback, one exception. Knows nothing of who listens."""

from __future__ import annotations

from typing import Protocol


class Cancelled(Exception):
    """Raised by a progress callback to stop the work that called it."""


class Progress(Protocol):
    """Called as ``progress(done, total, what)``; may raise `Cancelled` to stop the work."""

    def __call__(self, done: int, total: int, what: str = "") -> None: ...


def silent(done: int, total: int, what: str = "") -> None:
    """The callback of someone who does not listen."""
