"""HTS-AT (Chen et al. 2022, arXiv:2202.00874), as CLAP uses it: `transformers.ClapAudioModel` is this network.

B batch, F frames, M mel bands, L states, W width, K classes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import ClapAudioConfig, ClapAudioModel

from clvap.encoders import htsat_layout

_BLOCK = re.compile(r"\.layers\.\d+\.blocks\.\d+\.")
_ADDS = re.compile(r"\.blocks\.\d+\.(attention\.)?output\.dense\.")


@dataclass(frozen=True)
class ClassActivity:
    """What the token-semantic head hears.

    frames: probabilities (B, L, K) along the sound; L frames share the seconds that the front end hears evenly
    clip: probabilities (B, K) of the whole sound
    """

    frames: Tensor
    clip: Tensor


class HtsatEncoder(nn.Module):
    """A log-mel spectrogram to a short sequence of frame states.

    The last stage's grid (frequency, time) is averaged over frequency: what is left is a sequence in time.
    `config` holds the arguments of ClapAudioConfig, and optionally `stem`: see `conv_stem`, and `classes`: the number K of classes
    of the token-semantic head (none without it).
    """

    def __init__(self, config: dict[str, Any]):
        super().__init__()
        settings = dict(config)
        stem, classes = settings.pop("stem", None), settings.pop("classes", None)
        self.net = ClapAudioModel(ClapAudioConfig(**settings, enable_fusion=False))
        if stem:
            self.net.audio_encoder.patch_embed.proj = conv_stem(stem, settings["patch_embeds_hidden_size"], settings["patch_stride"][0])
        self.tscam_conv = nn.Conv2d(self.width, classes, (self._grid_height(), 3), padding=(0, 1)) if classes else None

    @property
    def width(self) -> int:
        return self.net.config.hidden_size

    def forward(self, log_mel: Tensor) -> Tensor:
        """(B, F, M) log-mel to states of shape (B, L, W)."""
        return self._grid(log_mel).mean(dim=2).transpose(1, 2)

    def pool(self, states: Tensor) -> Tensor:
        """States to their mean (B, W), which is CLAP's pooled output."""
        return states.mean(dim=1)

    def activity(self, log_mel: Tensor) -> ClassActivity:
        """(B, F, M) log-mel to the classes heard in it, by the token-semantic head. Raises ValueError for a tower without one."""
        if self.tscam_conv is None:
            raise ValueError("this HTS-AT has no token-semantic head; give `classes` in its config")
        logits = self.tscam_conv(self._grid(log_mel)).flatten(2)
        return ClassActivity(torch.sigmoid(logits).transpose(1, 2), torch.sigmoid(logits.mean(dim=2)))

    def _grid(self, log_mel: Tensor) -> Tensor:
        """(B, W, frequency, L)"""
        return self.net(log_mel.unsqueeze(1)).last_hidden_state

    def _grid_height(self) -> int:
        """Steps of frequency in the last stage: each row of the folded spectrogram spans the mel bands."""
        encoder = self.net.audio_encoder
        return encoder.spec_size // encoder.freq_ratio // 2 ** (encoder.num_layers - 1) // encoder.patch_stride[0]

    @staticmethod
    def published_config(source: str | Path) -> dict[str, Any]:
        """The config of a published checkpoint: CLAP's of transformers, LAION's own, or the original HTS-AT. Raises ModelError where it is none."""
        return htsat_layout.config(source)

    def load_published(self, source: str | Path) -> None:
        """Load such a checkpoint; its head only into an encoder that has one. Raises ModelError naming the keys that do not fit."""
        htsat_layout.load(self, source)


def deepened(given: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights `given`, with the transformer blocks that only a deeper model of weights `own` has, as if they were not there.

    A block adds to what it hears (Xiong et al. 2020, arXiv:2002.04745), and one whose last layers are 0 adds nothing.
    """
    blocks = {key[: match.end()] for key in given if (match := _BLOCK.search(key))}
    new = {key: value for key, value in own.items() if (match := _BLOCK.search(key)) and key[: match.end()] not in blocks}
    return given | {key: torch.zeros_like(value) if _ADDS.search(key) else value for key, value in new.items()}


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
