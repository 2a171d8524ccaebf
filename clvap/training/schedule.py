"""How fast a stage learns, and how time that was trained is told."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clvap.recipe import Stage


def learning_rate(stage: Stage, done: float, warm_up: float = 0.05) -> float:
    """Linear warm-up over a part of the stage, then a cosine to a twentieth. done: the share of it that is over, 0 to 1"""
    if done < warm_up:
        return stage.learning_rate * (done / warm_up + 0.01)
    return stage.learning_rate * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up))))


def passed(before: float, done: float, parts: int) -> bool:
    """Whether something that was done to a share of `before` has passed the end of one of so many equal parts."""
    return int(done * parts) > int(before * parts)


def spoken(trained_s: float, limit_s: float) -> str:
    """How much of its time a training had, such as "3.2 of 10 minutes"."""
    return f"{min(trained_s, limit_s) / 60:.1f} of {limit_s / 60:g} minutes"
