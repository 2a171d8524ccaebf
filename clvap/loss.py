"""The symmetric contrastive loss with several right answers. B batch, D dimensions."""

from __future__ import annotations

import torch
from torch import Tensor


def contrastive(query: Tensor, audio: Tensor, log_temperature: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of query against audio and audio against query (CLIP, arXiv:2103.00020), with soft targets.

    query, audio: unit vectors (B, D); targets: (B, B), how much each query belongs to each sound, 0 or more.
    """
    logits = query @ audio.T / log_temperature.exp().clamp(0.01, 1.0)
    return 0.5 * (_cross_entropy(logits, targets) + _cross_entropy(logits.T, targets.T))


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    shares = targets / targets.sum(dim=1, keepdim=True).clamp(min=1e-6)
    return -(shares * logits.log_softmax(dim=1)).sum(dim=1).mean()


def soft_targets(labels: Tensor, same_sound: float = 0.6) -> Tensor:
    """Targets (B, B) from integer labels (B,): `same_sound` of the weight on the pair itself, the rest shared by equal labels."""
    alike = (labels[:, None] == labels[None, :]).float()
    shared = alike / alike.sum(dim=1, keepdim=True)
    return same_sound * torch.eye(len(labels), device=labels.device) + (1 - same_sound) * shared
