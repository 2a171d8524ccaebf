"""CNN14 of PANNs (Kong et al. 2020, arXiv:1912.10211), its parts named as in the published checkpoints. B batch, F frames, M mel bands, L states, W width."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from clvap.encoders import frontends, published

WIDTHS = (64, 128, 256, 512, 1024, 2048)
_CONSTANTS = ("spectrogram_extractor.", "logmel_extractor.")


class ConvBlock(nn.Module):
    """Two 3x3 convolutions with batch normalisation."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)
        for layer in (self.conv1, self.conv2):
            nn.init.xavier_uniform_(layer.weight)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(x)))


class PannsEncoder(nn.Module):
    """CNN14: six blocks of convolutions, halving time and frequency after each but the last.

    `config`: `num_mel_bins` M, `widths` of the blocks (published: 64 .. 2048), `classes` of the AudioSet head (none without it).
    """

    def __init__(self, config: dict[str, Any]):
        super().__init__()
        widths = config.get("widths", WIDTHS)
        self.bn0 = nn.BatchNorm2d(config["num_mel_bins"])
        self.blocks = len(widths)
        for number, (inputs, outputs) in enumerate(zip((1, *widths), widths, strict=False), start=1):
            self.add_module(f"conv_block{number}", ConvBlock(inputs, outputs))
        self.fc1 = nn.Linear(widths[-1], widths[-1])
        self.fc_audioset = nn.Linear(widths[-1], config["classes"]) if config.get("classes") else None

    @property
    def width(self) -> int:
        return self.fc1.out_features

    def forward(self, log_mel: Tensor) -> Tensor:
        """(B, F, M) log-mel to states (B, F / 32, W)."""
        x = self.bn0(log_mel.transpose(1, 2).unsqueeze(-1)).permute(0, 3, 2, 1)
        for number in range(1, self.blocks + 1):
            x = self.get_submodule(f"conv_block{number}")(x)
            if number < self.blocks:
                x = functional.avg_pool2d(x, 2)
            x = functional.dropout(x, 0.2, self.training)
        return x.mean(dim=3).transpose(1, 2)

    def pool(self, states: Tensor) -> Tensor:
        """States to the published embedding of the clip (B, W)."""
        x = functional.dropout(states.amax(dim=1) + states.mean(dim=1), 0.5, self.training)
        return functional.relu(self.fc1(x))

    def classify(self, log_mel: Tensor) -> Tensor:
        """(B, F, M) log-mel to the probabilities (B, K) of K classes; needs a head, `classes` in the config."""
        return torch.sigmoid(self.fc_audioset(self.pool(self(log_mel))))

    @staticmethod
    def published_config(source: str | Path) -> dict[str, Any]:
        """The config of a checkpoint in the layout of `Cnn14_mAP=0.431.pth`. Raises ModelError where it is not one."""
        weights = published.read(source)
        blocks = [key for key in weights if key.startswith("conv_block") and key.endswith("conv2.weight")]
        if not blocks or "bn0.weight" not in weights:
            raise published.ModelError(f"{source}: no bn0.weight and conv_block1.conv2.weight in it; give a CNN14 checkpoint of PANNs")
        widths = [weights[f"conv_block{number}.conv2.weight"].shape[0] for number in range(1, len(blocks) + 1)]
        front_end = published.front_end_of(weights, [frontends.PANNS], str(source))
        head = {"classes": len(weights["fc_audioset.bias"])} if "fc_audioset.bias" in weights else {}
        return {"kind": "panns", "num_mel_bins": len(weights["bn0.weight"]), "widths": widths, **head, "front_end": frontends.to_dict(front_end)}

    def load_published(self, source: str | Path) -> None:
        """Load such a checkpoint; its head only into an encoder that has one. Raises ModelError naming the keys that do not fit."""
        left_out = _CONSTANTS if self.fc_audioset else (*_CONSTANTS, "fc_audioset.")
        published.fit(self, published.without(published.read(source), *left_out), str(source), "give a CNN14 checkpoint of PANNs")
