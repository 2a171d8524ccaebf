"""Sampling from the engine's networks: a seed a row, a level of noise to start from, a part to keep. Says every step, prints nothing.

The engine's own loops run where they can; they draw their noise for a whole batch at once, print, and turn their schedule round where
little noise is left to take away, so schedules and noise are made here.
B batch (variations), C channels, L latents.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from k_diffusion import sampling as k_sampling
from k_diffusion.external import VDenoiser
from stable_audio_tools.inference.sampling import sample_discrete_euler, sample_flow_dpmpp
from torch import Tensor

from generation.conditioning import CONTROLS_KEY
from generation.samplers import Sampling

if TYPE_CHECKING:
    from stable_audio_tools.models.diffusion import ConditionedDiffusionModelWrapper

    Heard = dict[str, Tensor | None]

LEAST_NOISE = 0.02  # with no noise at all there is nothing to take away
_SIGMA_MIN, _SIGMA_MAX = 0.3, 500.0  # those of the model card of stable-audio-open-1.0
_LOG_SNR_NOISE, _LOG_SNR_END = -6.0, 2.0  # the engine's


@dataclass(frozen=True)
class Kept:
    """A sound of which a part stays.

    latents: of the sound, (1, C, L)
    free: (L,), 1 where a latent is made anew, 0 where it stays
    """

    latents: Tensor
    free: Tensor

    def blend(self, estimate: Tensor) -> Tensor:
        """An estimate of the clean latents (B, C, L), with the kept part as it is known (RePaint, Lugmayr et al. 2022, arXiv:2201.09865).

        A solver that is told the clean sound there keeps it at the right level of noise at every step.
        """
        return self.free * estimate + (1 - self.free) * self.latents


@dataclass(frozen=True)
class Start:
    """Where a batch begins.

    seeds: one a row
    level: share of noise, 1 is noise alone
    init: latents (1, C, L) under that noise
    kept: what stays of another sound
    """

    seeds: Sequence[int]
    level: float = 1.0
    init: Tensor | None = None
    kept: Kept | None = None


class Noise:
    """Gaussian noise (B, C, L), each row from its own seed, so that a take does not depend on its companions."""

    def __init__(self, seeds: Sequence[int], channels: int, latents: int, device: torch.device | str = "cpu"):
        self._rows = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._shape, self._device = (channels, latents), device

    def draw(self) -> Tensor:
        return torch.stack([torch.randn(self._shape, generator=row) for row in self._rows]).to(self._device)


def hear(
    model: ConditionedDiffusionModelWrapper,
    positive: Mapping[str, Any],
    negative: Mapping[str, Any] | None,
    device: torch.device | str,
    latents: int = 0,
    kept: Kept | None = None,
) -> Heard:
    """What the network hears of one request, a batch of one row.

    negative: what guidance compares with, holds every key too; None: zeros
    latents, kept: how many are sampled and which stay, for models that were trained to paint in
    """
    also = _painted_in(latents, kept, model.io_channels, device) if "inpaint_mask" in model.input_concat_ids else {}
    heard = model.get_conditioning_inputs(model.conditioner([dict(positive)], device) | also)
    if negative is not None:
        heard |= model.get_conditioning_inputs(model.conditioner([dict(negative)], device) | also, negative=True)
        if CONTROLS_KEY not in model.input_concat_ids:
            del heard["negative_input_concat_cond"]  # the engine leaves it out, and the guidance of these models is the engine's
    dtype = next(model.model.parameters()).dtype
    return {name: None if value is None else value.to(dtype) for name, value in heard.items()}


def _painted_in(latents: int, kept: Kept | None, channels: int, device: torch.device | str) -> dict[str, list[Tensor]]:
    """What the engine's inpainting models hear beside the rest: where the sound stays, (1, 1, L), and that sound, (1, C, L)."""
    if kept is None:
        return {"inpaint_mask": [torch.zeros(1, 1, latents, device=device)], "inpaint_masked_input": [torch.zeros(1, channels, latents, device=device)]}
    stays = (1 - kept.free)[None, None]
    return {"inpaint_mask": [stays], "inpaint_masked_input": [kept.latents * stays]}


@torch.inference_mode()
def sample(
    model: ConditionedDiffusionModelWrapper,
    start: Start,
    heard: Heard,
    latents: int,
    sampling: Sampling,
    on_step: Callable[[int, Tensor], None],
    device: torch.device | str = "cpu",
) -> Tensor:
    """Clean latents (B, C, L), single precision.

    heard: of `hear`, the same for every row
    on_step: called after every network call with (calls so far, estimate of the clean latents); what it raises stops the sampling
    """
    rows = len(start.seeds)
    noise = Noise(start.seeds, model.io_channels, latents, device)
    given = {name: None if value is None else value.expand(rows, *value.shape[1:]) for name, value in heard.items()}
    curves_guided = given.get("negative_input_concat_cond") is not None
    done = 0

    def network(x: Tensor, t: Tensor) -> Tensor:
        if curves_guided:
            return _guided(model, x, t, sampling.guidance, given)
        return model.model(x, t, cfg_scale=sampling.guidance, batch_cfg=True, rescale_cfg=True, use_checkpointing=False, **given)

    def callback(state: dict[str, Any]) -> None:
        nonlocal done
        done += 1
        on_step(done, state["denoised"])

    solve = _solve_v if model.diffusion_objective == "v" else _solve_flow
    return solve(network, start, noise, sampling, callback).float()


def _guided(model: ConditionedDiffusionModelWrapper, x: Tensor, t: Tensor, guidance: float, given: Heard) -> Tensor:
    """The network's answer under classifier-free guidance (Ho and Salimans 2022, arXiv:2207.12598), where what it is compared with has another input, too.

    The engine gives both halves the same input, so that guidance strengthens the words and lets the gesture's curves stand where they are.
    """
    both = {name: torch.cat([given[name], given[f"negative_{name}"]]) for name in ("cross_attn_cond", "input_concat_cond")}
    if (embedding := given["global_cond"]) is not None:
        both["global_cond"] = embedding.repeat(2, 1)
    heard, compared = model.model(x.repeat(2, 1, 1), t.repeat(2), cfg_scale=1.0, use_checkpointing=False, **both).chunk(2)
    return compared + (heard - compared) * guidance


def flow_times(steps: int, level: float) -> Tensor:
    """Levels of noise from `level` down to 0, (steps + 1,), evenly spaced in log SNR as the engine spaces them.

    The engine ends at a level of 0.12; from a start below that its schedule would climb.
    """
    first = math.log((1 - level) / level + 1e-6) if level < 1 else _LOG_SNR_NOISE
    times = torch.sigmoid(-torch.linspace(first, max(_LOG_SNR_END, first + 1), steps + 1))
    times[0], times[-1] = level, 0
    return times


def v_sigmas(steps: int, level: float, device: torch.device | str = "cpu") -> Tensor:
    """Deviations of noise over a clean sound of deviation 1, down to 0, (steps + 1,), evenly spaced in their logarithm.

    The first has the ratio of noise to sound that `level` has for a flow, so that a strength means the same for both kinds of model.
    """
    first = min(level / (1 - level), _SIGMA_MAX) if level < 1 else _SIGMA_MAX
    return k_sampling.get_sigmas_polyexponential(steps, min(_SIGMA_MIN, first / 4), first, 1.0, device)


def _solve_flow(network: Callable[[Tensor, Tensor], Tensor], start: Start, noise: Noise, sampling: Sampling, callback) -> Tensor:
    """For models that predict the velocity from sound to noise (rectified flow, Liu et al. 2022, arXiv:2209.03003)."""

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        if start.kept is None:
            return network(x, t)
        level = t[:, None, None]
        return (x - start.kept.blend(x - level * network(x, t))) / level

    x, times = noise.draw(), flow_times(sampling.steps, start.level)
    if start.init is not None:
        x = (1 - start.level) * start.init + start.level * x
    if sampling.sampler == "pingpong":
        return sample_pingpong(velocity, x, times, noise.draw, callback)
    loop = {"dpmpp": sample_flow_dpmpp, "euler": sample_discrete_euler}[sampling.sampler]
    return loop(velocity, x, sigmas=times, callback=callback, disable_tqdm=True)


def sample_pingpong(velocity: Callable[[Tensor, Tensor], Tensor], x: Tensor, times: Tensor, draw: Callable[[], Tensor], callback) -> Tensor:
    """Ping-pong sampling of distilled models (Novack et al. 2025, arXiv:2505.08175): to the clean sound and back to the next level with new noise."""
    ones = x.new_ones(len(x))
    for number, (t, t_next) in enumerate(pairwise(times)):
        clean = x - t * velocity(x, t * ones)
        callback({"x": x, "i": number, "denoised": clean})
        x = (1 - t_next) * clean + t_next * draw() if t_next > 0 else clean
    return x


def _solve_v(network: Callable[[Tensor, Tensor], Tensor], start: Start, noise: Noise, sampling: Sampling, callback) -> Tensor:
    """For models of the v objective (Salimans and Ho 2022, arXiv:2202.00512), by k-diffusion's solvers."""
    denoiser = VDenoiser(network)

    def denoised(x: Tensor, sigma: Tensor) -> Tensor:
        clean = denoiser(x, sigma)
        return clean if start.kept is None else start.kept.blend(clean)

    x = noise.draw()
    sigmas = v_sigmas(sampling.steps, start.level, x.device)
    x = x * sigmas[0] if start.init is None else start.init + x * sigmas[0]
    loop = {
        "dpmpp-2m": k_sampling.sample_dpmpp_2m,
        "dpmpp-2m-sde": k_sampling.sample_dpmpp_2m_sde,
        "dpmpp-3m-sde": k_sampling.sample_dpmpp_3m_sde,
    }[sampling.sampler]
    extra = {"noise_sampler": lambda sigma, sigma_next: noise.draw()} if sampling.sampler.endswith("sde") else {}
    return loop(denoised, x, sigmas, callback=callback, disable=True, **extra)
