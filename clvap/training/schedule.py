"""How fast a stage learns."""

from __future__ import annotations

import math

from clvap.recipe import Stage


def learning_rate(stage: Stage, step: int, warm_up: float = 0.05) -> float:
    """Linear warm-up over a part of the stage's steps, then a cosine to a twentieth."""
    done = step / stage.steps
    if done < warm_up:
        return stage.learning_rate * (done / warm_up + 0.01)
    return stage.learning_rate * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up))))
