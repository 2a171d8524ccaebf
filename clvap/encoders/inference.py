"""Encoders made quicker where nothing is learned any more: the same numbers but for rounding, from the same weights.

B batch, N patches, W width, w side of an attention window.
"""

from __future__ import annotations

import copy
from itertools import chain, pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval
from transformers.activations import GELUActivation
from transformers.models.clap.modeling_clap import ClapAudioIntermediate, ClapAudioLayer, ClapAudioStage

from clvap.packing import PackedLinear, pack

_CACHED = 4_096 * 96
"""Numbers that a block takes in at once on a processor: what it makes of more does not stay in a core's cache, of fewer, weights are read
too often. It is one sound in the first stage of the published HTS-AT and eight in the last."""


def for_inference(encoder: nn.Module) -> nn.Module:
    """A copy that shares the encoder's weights but where they are folded: batch normalisation into the convolution before it,
    the three projections of window attention into one, its bias and mask into one table; on a processor, linear layers are packed.

    To be used without gradients."""
    shared = {id(tensor): tensor for tensor in chain(encoder.parameters(), encoder.buffers())}
    quick = copy.deepcopy(encoder, shared).eval()
    for module in list(quick.modules()):
        for convolution, norm in _normalised(module):
            folded = fuse_conv_bn_eval(module.get_submodule(convolution), module.get_submodule(norm))
            setattr(module, convolution, folded.to(memory_format=torch.channels_last))
            setattr(module, norm, nn.Identity())
        if isinstance(module, ClapAudioStage):
            module.blocks = nn.ModuleList(WindowBlock(block) for block in module.blocks)
    if PackedLinear.is_available() and next(quick.parameters()).device.type == "cpu":
        _with_gelu(quick)
        pack(quick)
    return quick


def _with_gelu(module: nn.Module) -> None:
    """Linear layers with a GELU behind them packed as one."""
    for inner in list(module.modules()):
        for name, child in list(inner.named_children()):
            if isinstance(child, ClapAudioIntermediate) and isinstance(child.intermediate_act_fn, GELUActivation):
                setattr(inner, name, PackedLinear(child.dense, "gelu"))


def _normalised(module: nn.Module) -> list[tuple[str, str]]:
    """Names of the children that are a convolution with a batch normalisation right behind it."""
    children = dict(module.named_children())
    if isinstance(module, nn.Sequential):
        pairs = list(pairwise(children))
    else:
        pairs = [(name, f"bn{name[len('conv') :]}") for name in children if name.startswith("conv")]
    return [(a, b) for a, b in pairs if isinstance(children[a], nn.Conv2d) and isinstance(children.get(b), nn.BatchNorm2d)]


class WindowBlock(nn.Module):
    """One block of HTS-AT for one resolution: attention in (shifted) windows, then the perceptron (Liu et al. 2021, arXiv:2103.14030)."""

    def __init__(self, block: ClapAudioLayer):
        super().__init__()
        block.set_shift_and_window_size(block.input_resolution)
        self.side, self.size = block.window_size, block.input_resolution
        self.padding = tuple(-length % self.side for length in self.size)
        attention = block.attention.self
        self.heads = attention.num_attention_heads
        parts = (attention.query, attention.key, attention.value)
        self.qkv = nn.Linear(parts[0].in_features, 3 * parts[0].out_features, bias=parts[0].bias is not None, device="meta")
        with torch.no_grad():
            self.qkv.weight = nn.Parameter(torch.cat([part.weight for part in parts]))
            if self.qkv.bias is not None:
                self.qkv.bias = nn.Parameter(torch.cat([part.bias for part in parts]))
            self.register_buffer("bias", _bias(block), persistent=False)
            self.register_buffer("order", self._windowed(block.shift_size).to(self.bias.device), persistent=False)
            inside = functional.pad(torch.ones(1, 1, *self.size), (0, self.padding[1], 0, self.padding[0])).flatten(1)
            self.register_buffer("inside", inside.to(self.order.device)[:, self.order, None], persistent=False)
        self.before, self.after = block.layernorm_before, block.layernorm_after
        self.out, self.wide, self.narrow = block.attention.output.dense, block.intermediate, block.output.dense

    def forward(self, x: Tensor, *_: tuple[int, int] | bool | None) -> tuple[Tensor]:
        """(B, N, W) patches to the same, as ClapAudioLayer returns them."""
        (height, width), (bottom, right) = self.size, self.padding
        if bottom or right:
            x = functional.pad(x.unflatten(1, self.size), (0, 0, 0, right, 0, bottom)).flatten(1, 2)
        together = max(_CACHED // x[0].numel(), 1) if x.device.type == "cpu" else len(x)
        result = torch.empty_like(x)
        for some, of_some in zip(x.split(together), result.split(together), strict=True):
            of_some.index_copy_(1, self.order, self._transform(some.index_select(1, self.order)))
        if bottom or right:
            result = result.unflatten(1, (height + bottom, width + right))[:, :height, :width].flatten(1, 2)
        return (result,)

    def _transform(self, x: Tensor) -> Tensor:
        """The block for patches (B, N, W) that lie window by window."""
        x = _onto(self.out, self._attend(self.before(x)), x)
        return _onto(self.narrow, self.wide(self.after(x)), x)

    def _attend(self, x: Tensor) -> Tensor:
        if any(self.padding):
            x = x * self.inside
        windows = x.view(-1, self.side**2, x.shape[2])
        query, key, value = self.qkv(windows).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        bias = self.bias.repeat(len(x), 1, 1, 1) if len(self.bias) > 1 and len(x) > 1 else self.bias.expand(len(windows), -1, -1, -1)
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        return attended.transpose(1, 2).reshape(x.shape)

    def _windowed(self, shift: int) -> Tensor:
        """Which patch of the padded grid lies where, window by window, when the grid is rolled by `shift`: (N,)."""
        height, width = (length + more for length, more in zip(self.size, self.padding, strict=True))
        grid = torch.arange(height * width).view(height, width).roll((-shift, -shift), (0, 1))
        return grid.view(height // self.side, self.side, width // self.side, self.side).transpose(1, 2).flatten()


def _onto(layer: nn.Module, x: Tensor, base: Tensor) -> Tensor:
    """A linear layer's result added to `base`."""
    return layer.onto(x, base) if isinstance(layer, PackedLinear) else base + layer(x)


def _bias(block: ClapAudioLayer) -> Tensor:
    """What is added to the attention of each window: (1 or windows, heads, w^2, w^2)."""
    attention, side = block.attention.self, block.window_size
    table = attention.relative_position_bias_table[attention.relative_position_index.view(-1)]
    bias = table.view(side * side, side * side, -1).permute(2, 0, 1).unsqueeze(0)
    height, width = (size + -size % side for size in block.input_resolution)
    mask = block.get_attn_mask(height, width, bias.dtype, bias.device)
    return (bias if mask is None else bias + mask.unsqueeze(1)).contiguous()
