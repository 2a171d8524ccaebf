"""Where the takes of a request begin: in noise, in a sound under noise, or around what stays of a sound. L latents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from generation.codec import Codec, Encoded
from generation.plan import latent_span
from generation.request import GenerateRequest, Inpaint

if TYPE_CHECKING:
    from generation.sampling import Kept, Start


@dataclass(frozen=True)
class Beginning:
    """Where a batch begins, and the sound of which it keeps what latents do not hold; None where it begins in noise alone."""

    start: Start
    origin: Encoded | None = None


def beginnings(request: GenerateRequest, groups: Sequence[Sequence[int]], latents: int, codec: Codec, device: str) -> list[Beginning]:
    """The batches of a request, in the order of the seeds of its takes (`groups`): all from one sound, or the first alone from a ground."""
    from generation.sampling import Start

    seeds = [seed for group in groups for seed in group]
    kept = None if request.inpaint is None else _kept(request.inpaint, latents, codec, device)
    if request.init is not None:
        return [_from(codec.encode(request.init, latents), request.init_strength, seeds, kept)]
    if request.ground is None:
        return [Beginning(Start(seeds, kept=kept))]
    first, others = _from(codec.encode(request.ground.clip, latents), request.ground.strength, groups[0], kept), seeds[len(groups[0]) :]
    return [first, Beginning(Start(others, kept=kept))] if others else [first]


def _from(origin: Encoded, strength: float, seeds: Sequence[int], kept: Kept | None) -> Beginning:
    """A batch from a sound of which `strength` stays."""
    from generation.sampling import LEAST_NOISE, Start

    return Beginning(Start(seeds, max(1 - strength, LEAST_NOISE), origin.latents, kept), origin if strength > 0 else None)


def _kept(inpaint: Inpaint, latents: int, codec: Codec, device: str) -> Kept:
    import torch

    from generation.sampling import Kept

    start, stop = latent_span(inpaint, codec.latents_a_second, latents)
    free = torch.zeros(latents, device=device)
    free[start:stop] = 1
    return Kept(codec.encode(inpaint.clip, latents).latents, free)
