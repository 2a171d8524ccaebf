"""HTS-AT (Chen et al. 2022, arXiv:2202.00874), as CLAP uses it: `transformers.ClapAudioModel` is this network."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers import ClapAudioConfig, ClapAudioModel


class HtsatEncoder(nn.Module):
    """A log-mel spectrogram to a short sequence of frame states.

    The last stage's grid (frequency, time) is averaged over frequency: what is left is a sequence in time.
    """

    def __init__(self, config: dict[str, Any]):
        super().__init__()
        self.net = ClapAudioModel(ClapAudioConfig(**config, enable_fusion=False))

    @property
    def width(self) -> int:
        return self.net.config.hidden_size

    def forward(self, log_mel: Tensor) -> Tensor:
        """(B, F, M) log-mel to states of shape (B, L, W)."""
        grid = self.net(log_mel.unsqueeze(1)).last_hidden_state
        return grid.mean(dim=2).transpose(1, 2)
