"""CLVAP queries in the cross-attention of a Stable-Audio model: the native way, for models trained with it.

The engine's factories know no conditioner but their own, so this one is put in after the model is built.
B batch, L tokens, W width of a token, D dimensions of the query vector, C width of the conditioning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from stable_audio_tools.models.conditioners import Conditioner
from torch import Tensor, nn

from clvap.query import Query
from generation.controls import ControlsConditioner

if TYPE_CHECKING:
    from stable_audio_tools.models.diffusion import ConditionedDiffusionModelWrapper

TOKENS_KEY, CONTROLS_KEY = "clvap", "controls"


class StackedQueries(NamedTuple):
    """Queries as blocks of numbers: tokens (B, L, W) and vectors (B, D), zero where there are none, and how many tokens each has, (B,)."""

    tokens: Tensor
    vectors: Tensor
    counts: Tensor


def stacked(queries: Sequence[Query | None], length: int, width: int, dimension: int) -> StackedQueries:
    """Queries side by side, None for no query at all; tokens past `length` are cut."""
    tokens = np.zeros((len(queries), length, width), dtype=np.float32)
    vectors = np.zeros((len(queries), dimension), dtype=np.float32)
    counts = np.zeros(len(queries), dtype=np.int64)
    for row, query in enumerate(queries):
        if query is not None:
            counts[row] = min(len(query.tokens), length)
            tokens[row, : counts[row]] = query.tokens[:length]
            vectors[row] = query.vector
    return StackedQueries(*map(torch.from_numpy, (tokens, vectors, counts)))


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
        return self.embedded(StackedQueries(*(part.to(device) for part in stacked(queries, self.length, self.dim, self.dimension))))

    def embedded(self, queries: StackedQueries) -> list[Tensor]:
        """What `forward` gives, of queries that are stacked and on this device already."""
        tokens, vectors, counts = queries
        there = torch.arange(self.length, device=counts.device) < counts[:, None]
        embedded = torch.where(there[..., None], self.proj_out(self.norm(tokens)), self.no_token)
        point = torch.where(counts[:, None] > 0, self.point(vectors * self.dimension**0.5), self.no_point)
        sequence = torch.cat([point[:, None], embedded], dim=1)
        return [sequence, torch.ones(sequence.shape[:2], device=sequence.device)]


def attach(model: ConditionedDiffusionModelWrapper, tokens: ClvapConditioner) -> None:
    """Put the query and the controls into a model that the engine built."""
    model.conditioner.conditioners[TOKENS_KEY] = tokens
    model.conditioner.conditioners[CONTROLS_KEY] = ControlsConditioner()
    # new lists: the engine's constructors share their default ones between models
    model.cross_attn_cond_ids = [TOKENS_KEY, *model.cross_attn_cond_ids]
    model.input_concat_ids = [*model.input_concat_ids, CONTROLS_KEY]
