"""How fast a count grows and how long the rest of it takes, in words, for those who wait."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from clvap.progress import Progress

_WINDOW_S = 20.0
_SETTLED_S = 2.0


class Pace:
    """A progress callback that adds rate and time left to what it passes on: "1,200 of 3,700 · 31 files/s · 1 min left"."""

    def __init__(self, onward: Progress, unit: str, now: Callable[[], float] = time.monotonic) -> None:
        self._onward, self._unit, self._now = onward, unit, now
        self._seen: deque[tuple[float, int]] = deque()

    def __call__(self, done: int, total: int, what: str = "") -> None:
        now = self._now()
        if self._seen and done < self._seen[-1][1]:
            self._seen.clear()  # another count began
        self._seen.append((now, done))
        while now - self._seen[0][0] > _WINDOW_S and len(self._seen) > 2:
            self._seen.popleft()
        self._onward(done, total, " · ".join([f"{done:,} of {total:,}", *self._outlook(total)]))

    def _outlook(self, total: int) -> list[str]:
        (began, first), (now, done) = self._seen[0], self._seen[-1]
        if now - began < _SETTLED_S or done == first:
            return []
        rate = (done - first) / (now - began)
        return [f"{rate:.{0 if rate >= 10 else 1}f} {self._unit}/s", f"{span((total - done) / rate)} left"]


def span(seconds: float) -> str:
    """A length of time as people say it."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min" if seconds < 5_400 else f"{seconds / 3_600:.1f} h"
