"""Processes that train as one: each holds the whole model and a slice of every batch, and sees the others' sounds as wrong answers.

Every rank computes the same contrastive loss over the gathered batch and the mean of its own rows' other losses; the mean of the ranks'
gradients is then the gradient of one process with the whole batch. Started by `torchrun --nproc-per-node N -m clvap train RECIPE`.
B batch, D dimensions.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed.nn.functional as differentiable
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm

from clvap import checkpoints


@dataclass(frozen=True)
class Group:
    """Who trains: this process is `rank` of `size`, and computes on `device`."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    @property
    def first(self) -> bool:
        """Whether this process writes the log and the checkpoints."""
        return self.rank == 0

    def share(self, batch: int) -> slice:
        """This rank's part of a batch; `batch` is a multiple of `size`."""
        part = batch // self.size
        return slice(self.rank * part, (self.rank + 1) * part)

    def gathered(self, vectors: Tensor) -> Tensor:
        """(B / size, D) of every rank as (B, D), in order of rank; gradients flow back to each."""
        return vectors if self.size == 1 else torch.cat(differentiable.all_gather(vectors.contiguous()))

    def mean(self, values: dict[str, float]) -> dict[str, float]:
        """The mean over ranks of numbers that every rank names alike."""
        if self.size == 1:
            return values
        table = torch.tensor(list(values.values()), dtype=torch.float32, device=self.device)
        distributed.all_reduce(table)
        return dict(zip(values, (table / self.size).tolist(), strict=True))

    def average_gradients(self, net: nn.Module) -> None:
        """Every gradient becomes its mean over ranks, in one exchange."""
        gradients = [p.grad for p in net.parameters() if p.grad is not None]
        if self.size == 1 or not gradients:
            return
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        for gradient, mean in zip(gradients, (flat / self.size).split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def told(self, value: Any) -> Any:
        """What the first rank says, for all."""
        if self.size == 1:
            return value
        said = [value]
        distributed.broadcast_object_list(said, device=torch.device(self.device))
        return said[0]

    def wait(self) -> None:
        """Until every rank is here."""
        if self.size > 1:
            distributed.barrier()


ALONE = Group()
"""One process on the processor."""


@contextmanager
def joined(device: str) -> Iterator[Group]:
    """The group that torchrun started this process in; a group of one without it. `device` is auto, cpu, cuda or mps."""
    size, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    device = checkpoints.device(device)
    if size == 1:
        yield Group(device=device)
        return
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        device = f"cuda:{os.environ['LOCAL_RANK']}"
    backend = "nccl" if device.startswith("cuda") else "gloo"
    distributed.init_process_group(backend, timeout=timedelta(days=1))  # the others wait while the first makes the bank
    try:
        yield Group(rank, size, device)
    finally:
        distributed.destroy_process_group()


class GroupBatchNorm(_BatchNorm):
    """Batch normalisation with the statistics of all ranks, on any device (torch's SyncBatchNorm is for GPUs alone)."""

    def _check_input_dim(self, input: Tensor) -> None:
        pass

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, ...) to the same shape."""
        if not self.training:
            return super().forward(x)
        size, values = distributed.get_world_size(), x.float()
        others, shape = [d for d in range(x.ndim) if d != 1], [1, -1] + [1] * (x.ndim - 2)
        mean = differentiable.all_reduce(values.mean(dim=others)) / size
        variance = differentiable.all_reduce((values - mean.view(shape)).square().mean(dim=others)) / size
        if self.track_running_stats:
            count = x.numel() / x.shape[1] * size
            with torch.no_grad():
                self.num_batches_tracked += 1
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        normal = (values - mean.view(shape)) * (variance.view(shape) + self.eps).rsqrt()
        return (normal * self.weight.view(shape) + self.bias.view(shape)).to(x.dtype) if self.affine else normal.to(x.dtype)


def with_group_statistics(net: nn.Module, group: Group) -> nn.Module:
    """The network with every batch normalisation over all ranks; weights and their names stay."""
    if group.size == 1:
        return net
    for parent in list(net.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, _BatchNorm):
                norm = GroupBatchNorm(child.num_features, child.eps, child.momentum, child.affine, child.track_running_stats)
                norm.load_state_dict(child.state_dict())
                setattr(parent, name, norm.to(child.running_mean.device))
    return net
