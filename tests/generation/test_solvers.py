"""The sampling loops on a network whose answer is known: latents that are Gaussian noise of deviation 1 themselves."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from generation.samplers import SAMPLERS, Sampling, published_sampling
from generation.sampling import Kept, Start, flow_times, sample, v_sigmas
from tests.generation import layouts

LATENTS = 4000
ALL = [(objective, sampler) for objective, samplers in SAMPLERS.items() for sampler in samplers]


class Ideal(torch.nn.Module):
    """The best answer there is for clean latents of deviation 1: the mean of what may lie under the noise."""

    def __init__(self, objective: str):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self._objective = objective

    def forward(self, x, t, **heard):
        if self._objective == "v":
            return torch.zeros_like(x)
        t = t[:, None, None]
        return (2 * t - 1) * x / ((1 - t) ** 2 + t**2)


def made(objective: str, sampler: str, start: Start, steps: int = 40) -> np.ndarray:
    model = SimpleNamespace(model=Ideal(objective), diffusion_objective=objective, io_channels=1)
    return sample(model, start, {}, LATENTS, Sampling(sampler, steps, 1.0), lambda step, estimate: None).numpy()


def known(seed: int = 99) -> torch.Tensor:
    return torch.randn(1, 1, LATENTS, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("objective", "sampler"), ALL)
def test_noise_becomes_a_sound_of_the_right_level_and_a_seed_does_not_depend_on_its_companions(objective, sampler):
    three = made(objective, sampler, Start([1, 2, 3]))
    assert np.allclose(three[1:2], made(objective, sampler, Start([2])), atol=1e-5)
    assert abs(np.corrcoef(three[:, 0])[0, 1]) < 0.1
    if sampler not in ("pingpong", "dpmpp-3m-sde", "dpmpp-2m-sde"):  # those lose level on an answer that is only a mean
        assert three.std() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("strength", [0.15, 0.5, 0.8, 0.95])
@pytest.mark.parametrize(("objective", "sampler"), [("v", "dpmpp-2m"), ("rectified_flow", "dpmpp"), ("rectified_flow", "euler")])
def test_a_strength_keeps_the_same_share_of_the_start_for_both_objectives(objective, sampler, strength):
    level = 1 - strength
    result = made(objective, sampler, Start([4], level, known()))
    expected = strength / np.hypot(strength, level)
    assert np.corrcoef(result[0, 0], known()[0, 0].numpy())[0, 1] == pytest.approx(expected, abs=0.05)
    assert result.std() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("level", [1.0, 0.5, 0.12, 0.05, 0.02])
def test_schedules_go_down_to_nothing(level):
    for schedule in (flow_times(8, level), v_sigmas(8, level)):
        assert len(schedule) == 9 and schedule[-1] == 0 and (schedule.diff() < 0).all()


@pytest.mark.parametrize(("objective", "sampler"), ALL)
def test_what_is_kept_stays_and_the_rest_is_new(objective, sampler):
    free = torch.zeros(LATENTS)
    free[1000:3000] = 1
    result = made(objective, sampler, Start([5, 6], kept=Kept(known(), free)))
    assert np.allclose(result[:, 0, :1000], known()[0, 0, :1000], atol=1e-4) and np.allclose(result[:, 0, 3000:], known()[0, 0, 3000:], atol=1e-4)
    assert abs(np.corrcoef(result[0, 0, 1000:3000], known()[0, 0, 1000:3000])[0, 1]) < 0.1


def test_a_start_that_stops_is_stopped():
    seen = []

    def stop(step, estimate):
        seen.append(estimate.shape)
        if step == 3:
            raise KeyboardInterrupt

    model = SimpleNamespace(model=Ideal("v"), diffusion_objective="v", io_channels=1)
    with pytest.raises(KeyboardInterrupt):
        sample(model, Start([1]), {}, 16, Sampling("dpmpp-2m", 10, 1.0), stop)
    assert seen == [(1, 1, 16)] * 3


def test_defaults_follow_the_kind_of_checkpoint():
    flow = layouts.open_small() | {"training": {}}
    flow["model"]["diffusion"]["diffusion_objective"] = "rectified_flow"
    distilled = flow | {"training": {"arc": {}}}
    assert [published_sampling(config).sampler for config in (layouts.open_1_0(), layouts.open_small(), flow, distilled)] == [
        "dpmpp-3m-sde",
        "pingpong",
        "dpmpp",
        "pingpong",
    ]
    assert (published_sampling(layouts.open_small()).steps, published_sampling(layouts.open_small()).guidance) == (8, 1.0)
