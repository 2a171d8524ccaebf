"""What every training of this package shares: recipes, exact checkpoints, averaged weights, a log, a guard against broken losses."""

from __future__ import annotations

import csv
import logging
import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from clvap import checkpoints
from clvap.files import whole
from clvap.training.guard import TrainingError

_LOG = logging.getLogger(__name__)
_RISING = 0.1
"""Share of a training after which its rate is up, where `warmup` steps would take longer and it goes by time."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    steps: optimiser steps in all
    batch: sounds a step
    learning_rate: peak; reached after `warmup` steps, then a cosine down to a twentieth
    warmup: steps of linear rise
    average: decay of the averaged weights, which are the ones shipped
    checkpoint_s: seconds between checkpoints
    threads: CPU threads
    device: cpu, cuda, mps, or auto for the fastest there is
    workers: processes that draw batches ahead; 0 draws them between steps
    precision: float32, or bfloat16 to compute in half precision where the operation allows; weights stay float32
    seed: of weights, batches and noise
    """

    steps: int
    batch: int
    learning_rate: float
    warmup: int = 200
    average: float = 0.999
    checkpoint_s: float = 180.0
    threads: int = 1
    device: str = "auto"
    workers: int = 0
    precision: str = "float32"
    seed: int = 0

    @property
    def device_name(self) -> str:
        """The device that `device` comes to on this machine."""
        return checkpoints.device(self.device)

    def rate(self, step: int, done: float | None = None) -> float:
        """Learning rate of a step. done: share of the training that is over, 0 to 1, where that is not told by its steps"""
        rise = min((step + 1) / self.warmup, 1.0)
        if done is None:
            done = min(step / self.steps, 1.0)
        else:
            rise = max(rise, min(done / _RISING, 1.0))
        fall = 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * done))
        return self.learning_rate * rise * fall


@dataclass
class State:
    """All that changes while training; a checkpoint holds every part of it."""

    model: nn.Module
    averaged: nn.Module
    optimizer: torch.optim.Optimizer
    rng: np.random.Generator
    step: int = 0
    trained_s: float = 0.0
    losses: dict[str, float] = field(default_factory=dict)


def checkpoint(state: State, path: Path) -> Path:
    """Write everything needed to go on exactly, in one move, so that a kill leaves the last good one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as partial:
        torch.save(
            {
                "model": state.model.state_dict(),
                "averaged": state.averaged.state_dict(),
                "optimizer": state.optimizer.state_dict(),
                "rng": state.rng.bit_generator.state,
                "torch_rng": torch.get_rng_state(),
                "step": state.step,
                "trained_s": state.trained_s,
            },
            partial,
        )
    return path


def resume(state: State, path: Path) -> bool:
    """Go on from a checkpoint; False where there is none."""
    if not path.exists():
        return False
    saved = torch.load(path, map_location="cpu", weights_only=True)
    state.model.load_state_dict(saved["model"])
    state.averaged.load_state_dict(saved["averaged"])
    state.optimizer.load_state_dict(saved["optimizer"])
    state.rng.bit_generator.state = saved["rng"]
    torch.set_rng_state(saved["torch_rng"])
    state.step, state.trained_s = saved["step"], saved["trained_s"]
    return True


def apply(state: State, losses: dict[str, Tensor], weights: dict[str, float], schedule: Schedule, batch: str, clip: float = 1.0) -> None:
    """One optimiser step on the weighted sum of the losses, then the averaged weights.

    Raises TrainingError when a loss or the gradient is not finite; weights stay as they were.
    """
    unknown = losses.keys() - weights.keys()
    if unknown:
        raise TrainingError(f"no weight for {', '.join(sorted(unknown))}; add it under weights in the recipe")
    total = sum(weights[name] * value for name, value in losses.items())
    state.losses = {name: float(value.detach()) for name, value in losses.items()}
    state.optimizer.zero_grad(set_to_none=True)
    total.backward()
    norm = nn.utils.clip_grad_norm_([p for p in state.model.parameters() if p.grad is not None], clip)
    if not (math.isfinite(float(total.detach())) and math.isfinite(float(norm))):
        bad = ", ".join(f"{name} {value:.3g}" for name, value in state.losses.items())
        raise TrainingError(f"step {state.step}: loss or gradient is not finite on batch {batch} ({bad}); resume from the last checkpoint with a lower rate")
    for group in state.optimizer.param_groups:
        group["lr"] = schedule.rate(state.step)
    state.optimizer.step()
    average(state.averaged, state.model, min(schedule.average, (1 + state.step) / (10 + state.step)))
    state.step += 1


@torch.no_grad()
def average(averaged: nn.Module, model: nn.Module, decay: float) -> None:
    """Exponential moving average of the weights."""
    torch._foreach_lerp_(list(averaged.parameters()), list(model.parameters()), 1 - decay)


def train_loop(state: State, schedule: Schedule, folder: Path, step, every: int = 20) -> None:
    """Call `step(state)` until the schedule is done, with a line in log.csv every `every` steps and checkpoints by the clock."""
    torch.set_num_threads(schedule.threads)
    last_checkpoint = time.monotonic()
    sums: dict[str, float] = {}
    while state.step < schedule.steps:
        started = time.monotonic()
        step(state)
        now = time.monotonic()
        state.trained_s += now - started
        for name, value in state.losses.items():
            sums[name] = sums.get(name, 0.0) + value / every
        if state.step % every == 0:
            log_row(folder / "log.csv", {"step": state.step, "trained_s": round(state.trained_s, 1), **{k: round(v, 5) for k, v in sums.items()}})
            sums = {}
        if now - last_checkpoint > schedule.checkpoint_s:
            checkpoint(state, folder / "last.pt")
            last_checkpoint = time.monotonic()
    checkpoint(state, folder / "last.pt")


def log_row(path: Path, row: dict[str, float]) -> None:
    """Add a line to a CSV file, with a header where it is new."""
    _LOG.info(" ".join(f"{name} {value}" for name, value in row.items()))
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = not path.exists()
    with open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row.keys())
        if fresh:
            writer.writeheader()
        writer.writerow(row)
