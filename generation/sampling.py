"""Sampling with the engine's own samplers: one seed a variation, progress and cancel at every step, no printing.

B batch (variations), C channels, L latents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from stable_audio_tools.inference.sampling import sample_k, sample_rf
from torch import Tensor

if TYPE_CHECKING:
    from stable_audio_tools.models.diffusion import ConditionedDiffusionModelWrapper

_LEAST_NOISE = 0.02  # with no noise at all the sampler's schedule is empty


@dataclass(frozen=True)
class Sampling:
    """How to sample.

    steps: network calls (each is doubled by guidance)
    guidance: how far to go from what no query gives toward what the query gives; 1 is off
    """

    steps: int = 24
    guidance: float = 3.0


def noise(seeds: Sequence[int], channels: int, latents: int) -> Tensor:
    """Gaussian noise (B, C, L), each row from its own seed, so that a take does not depend on its companions."""
    rows = [torch.randn(channels, latents, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    return torch.stack(rows)


@torch.no_grad()
def sample(
    model: ConditionedDiffusionModelWrapper,
    start: Tensor,
    metadata: list[dict[str, Any]],
    negative: list[dict[str, Any]] | None,
    sampling: Sampling,
    on_step: Callable[[int, int], None],
    init: Tensor | None = None,
    init_strength: float = 0.5,
) -> Tensor:
    """Latents (B, C, L) from noise `start` of that shape.

    metadata, negative: conditioning a row; guidance compares the two, both hold every key
    on_step: called after every step with (done, steps); what it raises stops the sampling
    init: latents (1, C, L) to begin from, noised by 1 - init_strength
    """
    device = start.device
    conditioning = _typed(model.get_conditioning_inputs(model.conditioner(metadata, device)), model)
    if negative is not None:
        conditioning |= _typed(model.get_conditioning_inputs(model.conditioner(negative, device), negative=True), model)
    extra: dict[str, Any] = {"cfg_scale": sampling.guidance, "batch_cfg": True, "rescale_cfg": True}
    if init is not None:
        init = init.expand_as(start)
    level = 1.0 if init is None else max(1 - init_strength, _LEAST_NOISE)
    done = 0

    def callback(_: dict[str, Any]) -> None:
        nonlocal done
        done += 1
        on_step(done, sampling.steps)

    if model.diffusion_objective == "v":
        return sample_k(
            model.model, start, init, sampling.steps, sampler_type="dpmpp-2m", sigma_min=0.3, sigma_max=max(500 * level**3, 1.0) if init is not None else 500,
            callback=callback, device=device, **conditioning, **extra,
        )
    return sample_rf(
        model.model, start, init, sampling.steps, sampler_type="dpmpp", sigma_max=level, callback=callback, device=device,
        dist_shift=model.dist_shift, disable_tqdm=True, **conditioning, **extra,
    )


def _typed(inputs: dict[str, Tensor | None], model: ConditionedDiffusionModelWrapper) -> dict[str, Tensor | None]:
    dtype = next(model.model.parameters()).dtype
    return {name: value if value is None else value.to(dtype) for name, value in inputs.items()}
