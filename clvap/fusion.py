"""Text and voice become one query: the three fusions of the report "Converting CLAP to CLVAP", either modality may be absent.

A missing modality adds no tokens and is never silence or ""; where its half of a vector is needed, that half is learned.
B batch, L tokens, W width, D dimensions of the shared space.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from clvap.text import masked_mean


@dataclass(frozen=True)
class Modality:
    """What a tower made of the words or of the voice.

    states: (B, L, W_t) or (B, L, W_v)
    mask: (B, L), 1 where a state is real
    pooled: (B, W_t) or (B, W_v), the tower's vector of the whole
    """

    states: Tensor
    mask: Tensor
    pooled: Tensor


@dataclass(frozen=True)
class Fused:
    """What the fusion makes of a query.

    tokens: (B, L, W), words first, then voice frames
    mask: (B, L), 1 where a token is real
    pooled: (B, pooled width of the fusion), what the query projection reads
    """

    tokens: Tensor
    mask: Tensor
    pooled: Tensor


class Fusion(nn.Module):
    """What the model asks of a fusion.

    pooled_width: width of `Fused.pooled`
    projects: whether `pooled` lies in the shared space already, so that no query projection follows
    """

    pooled_width: int
    projects = False

    def forward(self, text: Modality | None, voice: Modality | None, balance: float = 0.5) -> Fused:
        """One of the two may be None; `balance` from 0 (voice) to 1 (words) counts for a fusion that `projects` alone."""
        raise NotImplementedError


class EarlyFusion(Fusion):
    """Concatenated after encoding: the pooled words beside the pooled voice, one projection over both. Nothing attends to anything."""

    def __init__(self, text_width: int, voice_width: int, width: int):
        super().__init__()
        self.pooled_width = 2 * width
        self.text_in, self.voice_in = _entry(text_width, width), _entry(voice_width, width)
        self.no_text, self.no_voice = _absent(width), _absent(width)

    def forward(self, text: Modality | None, voice: Modality | None, balance: float = 0.5) -> Fused:
        batch = _batch(text, voice)
        words = self.text_in(text.pooled) if text else self.no_text.expand(batch, -1)
        sound = self.voice_in(voice.pooled) if voice else self.no_voice.expand(batch, -1)
        tokens = [self.text_in(text.states)] if text else []
        tokens += [self.voice_in(voice.states)] if voice else []
        return Fused(torch.cat(tokens, dim=1), _mask(text, voice), torch.cat([words, sound], dim=-1))


class LateFusion(Fusion):
    """Merged at the last projection: words and voice each go to the shared space by a projection of their own, and meet as a weighted mean.

    The weight is learned, and `balance` shifts it; before any training, `balance` is the weight. Tokens are states in the shared space.
    """

    projects = True

    def __init__(self, text_projection: nn.Module, voice_projection: nn.Module, dimension: int):
        super().__init__()
        self.pooled_width = dimension
        self.text_projection, self.voice_projection = text_projection, voice_projection
        self.lean = nn.Parameter(torch.tensor(0.0))
        """Logit of the words' weight at balance 0.5."""

    def forward(self, text: Modality | None, voice: Modality | None, balance: float = 0.5) -> Fused:
        _batch(text, voice)
        words = functional.normalize(self.text_projection(text.pooled), dim=-1) if text else None
        sound = functional.normalize(self.voice_projection(voice.pooled), dim=-1) if voice else None
        if words is not None and sound is not None:
            weight = torch.sigmoid(self.lean + _logit(balance))
            pooled = weight * words + (1 - weight) * sound
        else:
            pooled = words if sound is None else sound
        tokens = [self.text_projection(text.states)] if text else []
        tokens += [self.voice_projection(voice.states)] if voice else []
        return Fused(torch.cat(tokens, dim=1), _mask(text, voice), pooled)


class CrossAttentionFusion(Fusion):
    """Multi-head cross-attention in both directions: words attend to voice frames and frames to words, each kept through a residual."""

    def __init__(self, text_width: int, voice_width: int, width: int, heads: int, dropout: float):
        super().__init__()
        self.pooled_width = 2 * width
        self.text_in, self.voice_in = _entry(text_width, width), _entry(voice_width, width)
        self.text_from_voice = nn.MultiheadAttention(width, heads, dropout=dropout, batch_first=True)
        self.voice_from_text = nn.MultiheadAttention(width, heads, dropout=dropout, batch_first=True)
        self.text_out, self.voice_out = nn.LayerNorm(width), nn.LayerNorm(width)
        self.no_text, self.no_voice = _absent(width), _absent(width)

    def forward(self, text: Modality | None, voice: Modality | None, balance: float = 0.5) -> Fused:
        batch = _batch(text, voice)
        words = self.text_in(text.states) if text else None
        frames = self.voice_in(voice.states) if voice else None
        if text and voice:
            from_voice = self.text_from_voice(words, frames, frames, need_weights=False)[0]
            from_text = self.voice_from_text(frames, words, words, key_padding_mask=text.mask == 0, need_weights=False)[0]
            words, frames = words + from_voice, frames + from_text
        words, frames = (self.text_out(words) if text else None), (self.voice_out(frames) if voice else None)
        halves = [
            masked_mean(words, text.mask) if text else self.no_text.expand(batch, -1),
            masked_mean(frames, voice.mask) if voice else self.no_voice.expand(batch, -1),
        ]
        tokens = torch.cat([part for part in (words, frames) if part is not None], dim=1)
        return Fused(tokens, _mask(text, voice), torch.cat(halves, dim=-1))


def _entry(inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, width), nn.LayerNorm(width))


def _absent(width: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(width) * 0.02)


def _batch(text: Modality | None, voice: Modality | None) -> int:
    """B, of the modality that is there. Raises ValueError where none is."""
    if text is None and voice is None:
        raise ValueError("a query needs a voice, words, or both")
    return len((text or voice).pooled)


def _mask(text: Modality | None, voice: Modality | None) -> Tensor:
    return torch.cat([one.mask for one in (text, voice) if one], dim=1)


def _logit(share: float) -> float:
    return math.log(share / (1 - share)) if 0 < share < 1 else math.copysign(math.inf, share - 0.5)
