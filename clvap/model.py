"""CLVAP: a text tower and a voice tower fused into a query, an audio tower for the sounds, one space for both.

After "Converting CLAP to CLVAP" (LISN, 2024), which extends CLAP (Wu et al. 2023, arXiv:2211.06687) by the voice tower and
the fusion. B batch, F frames, M mel bands, L tokens, W width, D dimensions of the shared space.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import RobertaConfig

from clvap.checkpoints import ModelError
from clvap.config import ClvapConfig
from clvap.encoders.htsat import HtsatEncoder
from clvap.fusion import CrossAttentionFusion, Fused
from clvap.text import TextTower

WEIGHTS = "model.safetensors"


class Clvap(nn.Module):
    """Three towers, a fusion, two projections and the temperature of their contrast."""

    def __init__(self, config: ClvapConfig):
        super().__init__()
        self.config = config
        self.text = TextTower(RobertaConfig(**config.text))
        self.voice = HtsatEncoder(config.voice)
        self.audio = HtsatEncoder(config.audio)
        self.fusion = CrossAttentionFusion(self.text.width, self.voice.width, config.width, config.heads, config.dropout)
        self.query_projection = _mlp(2 * config.width, config.dimension, config.dropout)
        self.audio_projection = _mlp(self.audio.width, config.dimension, config.dropout)
        self.log_temperature = nn.Parameter(torch.tensor(0.07).log())

    def audio_vectors(self, log_mel: Tensor) -> Tensor:
        """Sounds as (B, F, M) log-mel to unit vectors (B, D)."""
        return functional.normalize(self.audio_projection(self.audio(log_mel).mean(dim=1)), dim=-1)

    def fuse(self, text: Tensor | None, text_mask: Tensor | None, voice: Tensor | None) -> Fused:
        """Tower states (either may be None) to the fused sequence."""
        return self.fusion(text, text_mask, voice)

    def query_vectors(self, fused: Fused) -> Tensor:
        """A fused sequence to unit vectors (B, D)."""
        return functional.normalize(self.query_projection(fused.pooled), dim=-1)

    @staticmethod
    def from_folder(folder: Path) -> Clvap:
        """Load config.json and model.safetensors. Raises ModelError naming the keys that do not fit."""
        model = Clvap(ClvapConfig.load(folder))
        try:
            weights = load_file(folder / WEIGHTS)
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{folder / WEIGHTS} cannot be read ({error}); copy the model folder again") from error
        expected = model.state_dict()
        wrong = sorted(expected.keys() ^ weights.keys()) or [k for k in expected if expected[k].shape != weights[k].shape]
        if wrong:
            raise ModelError(f"{folder}: weights do not fit the config, first {', '.join(wrong[:5])}; use the config.json they came with")
        model.load_state_dict(weights)
        return model.eval()

    def save(self, folder: Path, dtype: torch.dtype = torch.float16) -> None:
        """Write config.json and model.safetensors; floating weights in `dtype`."""
        self.config.save(folder)
        weights = {k: (v.to(dtype) if v.is_floating_point() else v).contiguous() for k, v in self.state_dict().items()}
        save_file(weights, folder / WEIGHTS)


def fingerprint(folder: Path) -> str:
    """Twelve hex digits that change with the weights: two models' vectors compare only when these agree."""
    return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()[:12]


def _mlp(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
    """The 2-layer projection of CLAP."""
    return nn.Sequential(nn.Linear(inputs, outputs), nn.GELU(), nn.Dropout(dropout), nn.Linear(outputs, outputs))
