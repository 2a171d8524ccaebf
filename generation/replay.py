"""A training step's pass forward and back, recorded once for each size of batch and replayed: a small transformer leaves a fast card waiting
for the next of its thousands of short operations otherwise (CUDA graphs, https://pytorch.org/docs/stable/notes/cuda.html#cuda-graphs)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

_WARM_UPS = 3


@dataclass(frozen=True)
class _Recording:
    """graph: the operations; inputs: what they read; loss and gradients: what they leave, in the order of the parameters"""

    graph: torch.cuda.CUDAGraph
    inputs: list[Tensor]
    loss: Tensor
    gradients: list[Tensor | None]


class Replayed:
    """`loss = replayed(inputs)` leaves the gradients of `loss_of(inputs)` on the model's parameters.

    loss_of: from tensors on the card to one loss; nothing in it may wait for the card or draw random numbers
    """

    def __init__(self, model: nn.Module, loss_of: Callable[[list[Tensor]], Tensor]):
        self._parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self._loss_of = loss_of
        self._recordings: dict[tuple[torch.Size, ...], _Recording] = {}

    def __call__(self, inputs: Sequence[Tensor]) -> Tensor:
        sizes = tuple(one.shape for one in inputs)
        if sizes not in self._recordings:
            self._recordings[sizes] = self._record([one.clone() for one in inputs])
        recording = self._recordings[sizes]
        for kept, new in zip(recording.inputs, inputs, strict=True):
            kept.copy_(new)
        recording.graph.replay()
        for parameter, gradient in zip(self._parameters, recording.gradients, strict=True):
            parameter.grad = gradient
        return recording.loss

    def _record(self, inputs: list[Tensor]) -> _Recording:
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UPS):
                self._forget()
                self._loss_of(inputs).backward()
        torch.cuda.current_stream().wait_stream(aside)
        self._forget()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            loss = self._loss_of(inputs)
            loss.backward()
        return _Recording(graph, inputs, loss.detach(), [parameter.grad for parameter in self._parameters])

    def _forget(self) -> None:
        for parameter in self._parameters:
            parameter.grad = None
