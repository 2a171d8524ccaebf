"""A fine-tuning that was given minutes in place of steps: how long it was trained, and its end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pytorch_lightning import Callback, Trainer

from clvap.training.schedule import passed, spoken

if TYPE_CHECKING:
    from generation.finetune.module import FineTuning

_LOOKS = 8


class Clock(Callback):
    """Counts the seconds of training over all starts of a run, and ends it when they are over.

    The learning rate goes by this clock as well. Steps worked out beforehand from the time of a few would end too early or too late as soon as the
    machine has something else to do, and a run that is cut off before its rate has come down ships weights that still jump about.
    """

    def __init__(self, limit_s: float):
        self.limit_s = limit_s
        self._trained_s, self._before_s = 0.0, 0.0
        self._at_s, self._step, self._usual = 0.0, 0, 1

    @property
    def done(self) -> float:
        """How much of the time is over, 0 to 1."""
        return min(self._trained_s / self.limit_s, 1.0)

    @property
    def seconds(self) -> tuple[int, int]:
        """Whole seconds that are over, and of how many."""
        return int(self.done * self.limit_s), max(int(self.limit_s), 1)

    def __str__(self) -> str:
        return spoken(self._trained_s, self.limit_s)

    def passed(self, parts: int) -> bool:
        """Whether the last step passed the end of one of so many equal parts of the time: a slow machine may not come to the next round number of steps."""
        return passed(self._before_s / self.limit_s, self._trained_s / self.limit_s, parts)

    def on_train_start(self, trainer: Trainer, module: FineTuning) -> None:
        self._at_s, self._step, self._usual = time.perf_counter(), trainer.global_step, trainer.val_check_batch
        trainer.should_stop = self.done >= 1  # where only the writing of the model was missing

    def on_train_batch_end(self, trainer: Trainer, module: FineTuning, *_: Any) -> None:
        trainer.val_check_batch = self._usual
        if trainer.global_step == self._step:
            return
        now_s = time.perf_counter()
        self._before_s, self._trained_s = self._trained_s, trainer.strategy.broadcast(self._trained_s + now_s - self._at_s)  # all end at the same step
        self._at_s, self._step = now_s, trainer.global_step
        if self.passed(_LOOKS):
            trainer.val_check_batch = 1  # Lightning looks at this after every batch
        trainer.should_stop = self.done >= 1

    def state_dict(self) -> dict[str, Any]:
        return {"trained_s": self._trained_s}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._trained_s = self._before_s = state["trained_s"]
