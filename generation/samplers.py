"""Which samplers fit which kind of diffusion model, and what to use when nothing is said. Imports nothing heavy; `sampling` runs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Sampling:
    """How to sample.

    sampler: a name of `SAMPLERS`
    steps: network calls (each is doubled by guidance)
    guidance: how far to go from what no query gives toward what the query gives; 1 is off
    best_of: how many candidates each take is the best of
    """

    sampler: str = "dpmpp"
    steps: int = 24
    guidance: float = 4.0
    best_of: int = 1


# by the engine's `diffusion_objective`, the usual one first
SAMPLERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "v": ("dpmpp-3m-sde", "dpmpp-2m-sde", "dpmpp-2m"),
        "rectified_flow": ("dpmpp", "euler", "pingpong"),
        "rf_denoiser": ("pingpong",),
    }
)

# as the model card of stable-audio-open-1.0 has it, as the engine's page has it for flows, as the card of stable-audio-open-small has it
V = Sampling("dpmpp-3m-sde", 100, 7.0)
FLOW = Sampling("dpmpp", 50, 7.0)
DISTILLED = Sampling("pingpong", 8, 1.0)


def published_sampling(config: Mapping[str, Any]) -> Sampling:
    """The usual sampling of a model_config.json. A model distilled to few steps says so by its objective, its ARC training, or demos without guidance."""
    training = config.get("training") or {}
    objective = config["model"]["diffusion"].get("diffusion_objective", "v")
    unguided = set((training.get("demo") or {}).get("demo_cfg_scales", ())) == {1}
    if objective != "v" and (objective == "rf_denoiser" or "arc" in training or unguided):
        return DISTILLED
    return V if objective == "v" else FLOW
