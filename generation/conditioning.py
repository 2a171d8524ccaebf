"""CLVAP queries in the cross-attention of a Stable-Audio model: the native way, for models trained with it.

The engine's factories know no conditioner but their own, so this one is put in after the model is built.
B batch, L tokens, W width of a token, D dimensions of the query vector, C width of the conditioning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from stable_audio_tools.models.conditioners import Conditioner
from torch import Tensor, nn

from clvap.query import Query
from generation.controls import ControlsConditioner

if TYPE_CHECKING:
    from stable_audio_tools.models.diffusion import ConditionedDiffusionModelWrapper

TOKENS_KEY, CONTROLS_KEY = "clvap", "controls"


class ClvapConditioner(Conditioner):
    """Queries -> (B, 1 + length, C) and a mask of ones: the query's point first, then its tokens.

    The engine drops cross-attention masks, so positions without a token hold a learned embedding instead of being masked.
    """

    def __init__(self, token_width: int, dimension: int, output_dim: int, length: int):
        super().__init__(token_width, output_dim, project_out=True)
        self.dimension, self.length = dimension, length
        self.norm = nn.LayerNorm(token_width)
        self.point = nn.Linear(dimension, output_dim)
        self.no_token = nn.Parameter(torch.randn(output_dim) * 0.02)
        self.no_point = nn.Parameter(torch.randn(output_dim) * 0.02)

    def forward(self, queries: Sequence[Query | None], device: torch.device | str = "cpu") -> list[Tensor]:
        """None stands for no query at all, which is what guidance compares with."""
        tokens = np.zeros((len(queries), self.length, self.dim), dtype=np.float32)
        vectors = np.zeros((len(queries), self.dimension), dtype=np.float32)
        counts = np.zeros(len(queries), dtype=np.int64)
        for row, query in enumerate(queries):
            if query is not None:
                counts[row] = min(len(query.tokens), self.length)
                tokens[row, : counts[row]] = query.tokens[: self.length]
                vectors[row] = query.vector
        there = torch.arange(self.length) < torch.from_numpy(counts)[:, None]
        points = torch.from_numpy(vectors).to(device) * self.dimension**0.5
        embedded = torch.where(there[..., None].to(device), self.proj_out(self.norm(torch.from_numpy(tokens).to(device))), self.no_token)
        known = torch.from_numpy(counts > 0).to(device)[:, None]
        point = torch.where(known, self.point(points), self.no_point)
        sequence = torch.cat([point[:, None], embedded], dim=1)
        return [sequence, torch.ones(sequence.shape[:2], device=device)]


def attach(model: ConditionedDiffusionModelWrapper, tokens: ClvapConditioner) -> None:
    """Put the query and the controls into a model that the engine built."""
    model.conditioner.conditioners[TOKENS_KEY] = tokens
    model.conditioner.conditioners[CONTROLS_KEY] = ControlsConditioner()
    # new lists: the engine's constructors share their default ones between models
    model.cross_attn_cond_ids = [TOKENS_KEY, *model.cross_attn_cond_ids]
    model.input_concat_ids = [*model.input_concat_ids, CONTROLS_KEY]
