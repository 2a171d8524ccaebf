"""HTS-AT (Chen et al. 2022, arXiv:2202.00874), as CLAP uses it: `transformers.ClapAudioModel` is this network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from transformers import ClapAudioConfig, ClapAudioModel


class HtsatEncoder(nn.Module):
    """A log-mel spectrogram to a short sequence of frame states.

    The last stage's grid (frequency, time) is averaged over frequency: what is left is a sequence in time.
    `config` holds the arguments of ClapAudioConfig, and optionally `stem`: see `conv_stem`.
    """

    def __init__(self, config: dict[str, Any]):
        super().__init__()
        settings = dict(config)
        stem = settings.pop("stem", None)
        self.net = ClapAudioModel(ClapAudioConfig(**settings, enable_fusion=False))
        if stem:
            self.net.audio_encoder.patch_embed.proj = conv_stem(stem, settings["patch_embeds_hidden_size"], settings["patch_stride"][0])

    @property
    def width(self) -> int:
        return self.net.config.hidden_size

    def forward(self, log_mel: Tensor) -> Tensor:
        """(B, F, M) log-mel to states of shape (B, L, W)."""
        grid = self.net(log_mel.unsqueeze(1)).last_hidden_state
        return grid.mean(dim=2).transpose(1, 2)


def conv_stem(layers: Sequence[Sequence[int]], width: int, stride: int) -> nn.Sequential:
    """3x3 convolutions in place of the linear patches (Xiao et al. 2021, arXiv:2106.14881): far fewer sounds teach them.

    layers: (channels, stride) each; the last has `width` channels, and the strides multiply to the patch `stride`, else ValueError.
    """
    total, inputs, parts = 1, 1, []
    for channels, step in layers:
        parts += [nn.Conv2d(inputs, channels, 3, step, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
        total, inputs = total * step, channels
    if (inputs, total) != (width, stride):
        raise ValueError(f"the stem ends with {inputs} channels at stride {total}; the transformer expects {width} at {stride}")
    return nn.Sequential(*parts)
