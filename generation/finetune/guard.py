"""What happens when a loss or a gradient is not finite: why it probably is, and whether to stop, skip the batch, or go back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from clvap.data.rows import listed
from clvap.training.guard import TrainingError
from generation.finetune.batches import PATH_KEY, Batch

_LOG = logging.getLogger(__name__)
_MOST_IN_A_ROW = 20
_MOST_REWINDS = 8


@dataclass(frozen=True)
class Trouble:
    """A number that is not finite.

    what: loss or gradient
    value: what it is instead
    step: optimizer step
    """

    what: str
    value: float
    step: int


class Guard:
    """Decides after each trouble; `on_bad` is stop, skip or rewind, `rewind` goes back to the last checkpoint."""

    def __init__(self, on_bad: str, rewind: Callable[[], None]):
        self._on_bad, self._rewind = on_bad, rewind
        self._in_a_row = 0
        self.rewinds = 0

    @property
    def rate(self) -> float:
        """What the learning rate is multiplied by: half of it after every rewind."""
        return 0.5**self.rewinds

    def good(self) -> None:
        """A batch went well."""
        self._in_a_row = 0

    def broken(self, trouble: Trouble, batch: Batch, net: nn.Module) -> None:
        """Returns when training can go on without this batch. Raises TrainingError, naming the batch's files and the likely cause, when it cannot."""
        said = f"step {trouble.step}: the {trouble.what} is {trouble.value} on {_files(batch[1])}; {cause(batch[0], net)}"
        self._in_a_row += 1
        if self._on_bad == "stop":
            raise TrainingError(f"{said}. Start the same command again to go on from the last checkpoint, or set on_bad to skip or rewind")
        if self._in_a_row > _MOST_IN_A_ROW or self.rewinds == _MOST_REWINDS:
            raise TrainingError(f"{said}. It was so {self._in_a_row} times in a row, after {self.rewinds} rewinds: set a lower learning_rate and start again")
        if self._on_bad == "skip":
            if _broken_weights(net):
                raise TrainingError(f"{said}. Skipping batches cannot mend the weights: set on_bad: rewind")
            _LOG.warning("%s; skipped", said)
            return
        self._rewind()
        self.rewinds += 1
        _LOG.warning("%s; back to the last checkpoint, at %g of the learning rate", said, self.rate)


def cause(latents: Tensor, net: nn.Module) -> str:
    """The likeliest reason of a broken number, in words, and what to do about it."""
    if not torch.isfinite(latents).all():
        return "its latents are not finite: delete the run's latents folder so that they are made again, or take the files out"
    if (latents.std(dim=-1).amax(dim=-1) < 1e-6).any():
        return "a file of it is silent: take it out"
    if broken := _broken_weights(net):
        return f"{len(broken)} weights are no longer numbers, first {broken[0]}: the learning rate was too high, lower it"
    return "files and weights are sound, so a step was too long: lower learning_rate, or set precision: float32"


def _broken_weights(net: nn.Module) -> list[str]:
    return [name for name, parameter in net.named_parameters() if not torch.isfinite(parameter).all()]


def _files(rows: list[dict[str, Any]]) -> str:
    return listed([row[PATH_KEY] for row in rows])
