"""CLVAP: a text tower and a voice tower fused into a query, an audio tower for the sounds, one space for both.

After "Converting CLAP to CLVAP" (LISN, 2024), which extends CLAP (Wu et al. 2023, arXiv:2211.06687) by the voice tower and
the fusion. B batch, F frames, M mel bands, L tokens, W width, D dimensions of the shared space.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import RobertaConfig

from clvap import checkpoints, encoders, hub
from clvap.checkpoints import ModelError
from clvap.config import ClvapConfig
from clvap.encoders import published
from clvap.fusion import CrossAttentionFusion, EarlyFusion, Fused, Fusion, LateFusion, Modality
from clvap.text import TextTower

WEIGHTS = "model.safetensors"


class Clvap(nn.Module):
    """Three towers, a fusion, two projections and the temperature of their contrast."""

    def __init__(self, config: ClvapConfig):
        super().__init__()
        self.config = config
        self.text = TextTower(RobertaConfig(**config.text))
        self.voice = encoders.build(config.voice)
        self.audio = encoders.build(config.audio)
        self.fusion = _fusion(config, self.text.width, self.voice.width)
        self.query_projection = nn.Identity() if self.fusion.projects else _mlp(config, self.fusion.pooled_width)
        self.audio_projection = _mlp(config, self.audio.width)
        self.log_temperature = nn.Parameter(torch.tensor(0.07).log())

    def audio_vectors(self, heard: Tensor) -> Tensor:
        """What the audio tower's front end hears, (B, F, M) or (B, T), to unit vectors (B, D)."""
        return self.project_audio(self.audio(heard))

    def project_audio(self, states: Tensor) -> Tensor:
        """States of the audio tower (B, L, W) to unit vectors (B, D)."""
        return functional.normalize(self.audio_projection(self.audio.pool(states)), dim=-1)

    def fuse(self, text: Tensor | None, text_mask: Tensor | None, voice: Tensor | None, balance: float = 0.5) -> Fused:
        """Tower states (either may be None) to the fused sequence; `balance` (0 voice, 1 words) is heard by late fusion."""
        words = None if text is None else Modality(text, text_mask, self.text.pool(text, text_mask))
        real = None if voice is None else torch.ones(voice.shape[:2], dtype=torch.long, device=voice.device)
        sound = None if voice is None else Modality(voice, real, self.voice.pool(voice))
        return self.fusion(words, sound, balance)

    def query_vectors(self, fused: Fused) -> Tensor:
        """A fused sequence to unit vectors (B, D)."""
        return functional.normalize(self.query_projection(fused.pooled), dim=-1)

    def balanced_vectors(self, text: Tensor, text_mask: Tensor, voice: Tensor, balance: float) -> Tensor:
        """Words and voice to unit vectors (B, D), from the voice's alone at balance 0 over the fused at 0.5 to the words' alone at 1."""
        if self.fusion.projects or balance == 0.5:
            return self.query_vectors(self.fuse(text, text_mask, voice, balance))
        fused = self.query_vectors(self.fuse(text, text_mask, voice))
        one = self.query_vectors(self.fuse(text, text_mask, None) if balance > 0.5 else self.fuse(None, None, voice))
        share = abs(balance - 0.5) * 2
        return functional.normalize((1 - share) * fused + share * one, dim=-1)

    @staticmethod
    def from_folder(folder: Path) -> Clvap:
        """Load config.json and model.safetensors. Raises ModelError naming the keys that do not fit."""
        model = Clvap(ClvapConfig.load(folder))
        try:
            weights = load_file(folder / WEIGHTS)
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{folder / WEIGHTS} cannot be read ({error}); copy the model folder again") from error
        published.fit(model, weights, str(folder), "use the config.json they came with")
        return model.eval()

    @staticmethod
    def from_pretrained(name_or_path: str | Path) -> Clvap:
        """Load a shipped model by name, a model folder, or OWNER/NAME of the hub. Raises ModelError where it is not there or does not fit."""
        return Clvap.from_folder(checkpoints.resolve(name_or_path))

    def save_pretrained(self, folder: str | Path, tokenizer=None, **facts: object) -> Path:
        """Write the model, its tokenizer and a card; `facts` are arguments of `clvap.card.gather`, such as figures and recipes."""
        return hub.save(self, Path(folder), tokenizer, facts)

    def push_to_hub(self, repo_id: str, tokenizer=None, private: bool = False, token: str | None = None, **facts: object) -> str:
        """Publish the model as `save_pretrained` writes it; the address of the commit. Raises ModelError without token or network."""
        with TemporaryDirectory() as folder:
            return hub.push(self.save_pretrained(folder, tokenizer, **({"name": repo_id} | facts)), repo_id, private, token)

    def save(self, folder: Path, dtype: torch.dtype = torch.float16) -> None:
        """Write config.json and model.safetensors; floating weights in `dtype`."""
        self.config.save(folder)
        weights = {k: (v.to(dtype) if v.is_floating_point() else v).contiguous() for k, v in self.state_dict().items()}
        save_file(weights, folder / WEIGHTS)


def fingerprint(folder: Path) -> str:
    """Twelve hex digits that change with the weights: two models' vectors compare only when these agree."""
    return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()[:12]


def _fusion(config: ClvapConfig, text_width: int, voice_width: int) -> Fusion:
    if config.fusion == "early":
        return EarlyFusion(text_width, voice_width, config.width)
    if config.fusion == "late":
        return LateFusion(_mlp(config, text_width), _mlp(config, voice_width), config.dimension)
    return CrossAttentionFusion(text_width, voice_width, config.width, config.heads, config.dropout)


def _mlp(config: ClvapConfig, inputs: int) -> nn.Sequential:
    """The 2-layer projection of CLAP."""
    middle = nn.ReLU() if config.activation == "relu" else nn.GELU()
    return nn.Sequential(nn.Linear(inputs, config.dimension), middle, nn.Dropout(config.dropout), nn.Linear(config.dimension, config.dimension))
