"""Linear layers laid out for the processor beforehand: the same numbers but for rounding, where nothing is learned any more."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PackedLinear(nn.Linear):
    """A linear layer computed by oneDNN, its weight laid out beforehand: on some processors twice as quick as the BLAS behind nn.Linear.

    It shares the layer's parameters and is to be used without gradients; a weight that changes later changes nothing.

    then: `none`, or `gelu` in the same pass
    """

    def __init__(self, linear: nn.Linear, then: str = "none"):
        super().__init__(linear.in_features, linear.out_features, linear.bias is not None, device="meta")
        self.weight, self.bias, self.then = linear.weight, linear.bias, then
        self._packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), None)

    @staticmethod
    def is_available() -> bool:
        """Whether this build of torch has oneDNN and these operators of it."""
        return torch.backends.mkldnn.is_available() and all(hasattr(torch.ops.mkldnn, name) for name in ("_reorder_linear_weight", "_linear_pointwise"))

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(x, self._packed, self.bias, self.then, [], "none")

    def onto(self, x: Tensor, base: Tensor) -> Tensor:
        """The layer's result added to `base`, in one pass; without what comes `then`."""
        return torch.ops.mkldnn._linear_pointwise.binary(x, base, self._packed, self.bias, "add")


def pack(module: nn.Module) -> None:
    """Every plain linear layer in a module on a processor packed; on another device, or without oneDNN, nothing changes."""
    if not PackedLinear.is_available():
        return
    for inner in list(module.modules()):
        for name, child in list(inner.named_children()):
            if type(child) is nn.Linear and child.weight.device.type == "cpu" and child.weight.dtype == torch.float32:
                setattr(inner, name, PackedLinear(child))
