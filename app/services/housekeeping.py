"""What nobody comes back for: uploads, copies made for downloads, gestures of visitors without a name, what was deleted. Looked for at the start and now
and then."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from app.services.history import History
from app.services.limits import Limits, free_bytes

_log = logging.getLogger(__name__)
_EVERY_S = 600.0
_KEPT_WHERE_IT_IS_TIGHT_S = 3_600.0
_UPLOADS_KEPT_S = 86_400.0
VISITOR = "page:"
"""How the owner of what belongs to one open page, and not to a user, begins."""


class Housekeeping:
    """Deletes what is old in the folder of uploads and, where strangers come, what they left in the history."""

    def __init__(self, uploads: Path, history: History, limits: Limits, also: Sequence[Callable[[], object]] = ()) -> None:
        """also: others that have something to tidy, of which none keeps the next from it"""
        self._uploads, self._history, self._limits, self._also = uploads, history, limits, also

    def start(self) -> None:
        """Tidy now and every ten minutes, in the background."""
        threading.Thread(target=self._go_on, name="housekeeping", daemon=True).start()

    def tidy(self, now_s: float | None = None) -> None:
        """Delete what is old at `now_s`, seconds since 1970 (default: now)."""
        now_s = time.time() if now_s is None else now_s
        for path in sorted(self._uploads.rglob("*"), reverse=True):  # files before the folders that hold them
            try:
                if path.stat().st_mtime < now_s - _UPLOADS_KEPT_S:
                    path.rmdir() if path.is_dir() else path.unlink()
            except OSError:
                continue  # not empty, or gone already
        if self._limits.visitor_kept_s is not None:
            tight = free_bytes(self._uploads) < 2 * self._limits.free_bytes
            self._history.clear(VISITOR, before_s=now_s - (_KEPT_WHERE_IT_IS_TIGHT_S if tight else self._limits.visitor_kept_s))

    def everything(self) -> None:
        """Tidy here and with the others."""
        for tidy in (self.tidy, *self._also):
            try:
                tidy()
            except Exception:
                _log.exception("housekeeping stopped half-way; it goes on in ten minutes")

    def _go_on(self) -> None:
        while True:
            self.everything()
            time.sleep(_EVERY_S)
