"""Text and voice become one sequence: bidirectional cross-attention, either modality may be absent.

The fusion of the report "Converting CLAP to CLVAP": words attend to voice frames, voice frames attend to words, each keeps
itself through a residual. A missing modality adds no tokens; its pooled half is a learned vector, never silence or "".
B batch, L tokens, W width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from clvap.text import masked_mean


@dataclass(frozen=True)
class Fused:
    """What the fusion makes of a query.

    tokens: (B, L, W), words first, then voice frames
    mask: (B, L), 1 where a token is real
    pooled: (B, 2 W), mean word state beside mean voice state
    """

    tokens: Tensor
    mask: Tensor
    pooled: Tensor


class CrossAttentionFusion(nn.Module):
    """Multi-head cross-attention in both directions."""

    def __init__(self, text_width: int, voice_width: int, width: int, heads: int, dropout: float):
        super().__init__()
        self.text_in = nn.Sequential(nn.Linear(text_width, width), nn.LayerNorm(width))
        self.voice_in = nn.Sequential(nn.Linear(voice_width, width), nn.LayerNorm(width))
        self.text_from_voice = nn.MultiheadAttention(width, heads, dropout=dropout, batch_first=True)
        self.voice_from_text = nn.MultiheadAttention(width, heads, dropout=dropout, batch_first=True)
        self.text_out = nn.LayerNorm(width)
        self.voice_out = nn.LayerNorm(width)
        self.no_text = nn.Parameter(torch.randn(width) * 0.02)
        self.no_voice = nn.Parameter(torch.randn(width) * 0.02)

    def forward(self, text: Tensor | None, text_mask: Tensor | None, voice: Tensor | None) -> Fused:
        """Text states (B, L, W_t) with mask (B, L), voice states (B, L, W_v); one of the two may be None."""
        if text is None and voice is None:
            raise ValueError("a query needs a voice, words, or both")
        text = None if text is None else self.text_in(text)
        voice = None if voice is None else self.voice_in(voice)
        if text is not None and voice is not None:
            from_voice = self.text_from_voice(text, voice, voice, need_weights=False)[0]
            from_text = self.voice_from_text(voice, text, text, key_padding_mask=text_mask == 0, need_weights=False)[0]
            text, voice = text + from_voice, voice + from_text
        parts, masks = [], []
        if text is not None:
            parts.append(self.text_out(text))
            masks.append(text_mask)
        if voice is not None:
            parts.append(self.voice_out(voice))
            masks.append(torch.ones(voice.shape[:2], dtype=torch.long, device=voice.device))
        return Fused(torch.cat(parts, dim=1), torch.cat(masks, dim=1), self._pooled(parts, masks, text is not None, voice is not None))

    def _pooled(self, parts: list[Tensor], masks: list[Tensor], has_text: bool, has_voice: bool) -> Tensor:
        batch = parts[0].shape[0]
        words = masked_mean(parts[0], masks[0]) if has_text else self.no_text.expand(batch, -1)
        frames = masked_mean(parts[-1], masks[-1]) if has_voice else self.no_voice.expand(batch, -1)
        return torch.cat([words, frames], dim=-1)
