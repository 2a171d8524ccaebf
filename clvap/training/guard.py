"""Stops a training that can no longer learn, and says why. Knows nothing of checkpoints: a stopped step has written nothing."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

_RESUME = "and start the same command again: it goes on from the last checkpoint"


class TrainingError(ValueError):
    """Training cannot go on; the message says at which step, what broke, the likely cause, and what to do."""


def check_losses(values: dict[str, float], inputs: dict[str, Tensor], net: nn.Module, where: str) -> None:
    """Raises TrainingError for a loss that is not finite, and for a contrast that is exactly 0, which no wrong answer can leave.

    inputs: what the losses were computed from, by name; where: stage and step, for the message
    """
    for name, value in values.items():
        if not math.isfinite(value):
            raise TrainingError(f"{where}: the loss {name} is {value}; {_cause(inputs, net)}")
        if value == 0 and name.endswith("/audio") and "/" in name and name.split("/")[0] in ("query", "voice", "text"):
            raise TrainingError(
                f"{where}: the loss {name} is 0, so nothing is left to tell apart: the batch holds one sound, or every sound of it is of one kind; "
                "raise batch_size or check the captions and labels of the rows"
            )


def check_gradient(norm: float, inputs: dict[str, Tensor], net: nn.Module, trainable: tuple[str, ...], where: str) -> None:
    """Raises TrainingError for a gradient norm that is not finite, or 0: no loss depends on what should learn."""
    if not math.isfinite(norm):
        raise TrainingError(f"{where}: the gradient is {norm}; {_cause(inputs, net)}")
    if norm == 0:
        raise TrainingError(
            f"{where}: the gradient is 0: none of the stage's losses reaches {', '.join(trainable)}; name other losses or other trainable parts"
        )


def _cause(inputs: dict[str, Tensor], net: nn.Module) -> str:
    """The likeliest reason of a broken number, and what to do about it."""
    broken = [name for name, tensor in inputs.items() if not torch.isfinite(tensor).all()]
    if broken:
        return f"the batch's {' and '.join(broken)} hold values that are not numbers; delete the run's bank folder so that it is made again, {_RESUME}"
    weights = [name for name, parameter in net.named_parameters() if not torch.isfinite(parameter).all()]
    if weights:
        return f"{len(weights)} weights are no longer numbers, first {weights[0]}; the learning rate was too high: lower it, {_RESUME}"
    advice = "lower the learning rate or set precision: float32"
    return f"the batch and the weights are sound, so a step was too long or half precision overflowed: {advice}, {_RESUME}"
