"""What a training will need, before it starts: memory and time, from a few sounds and a few steps on them."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
import torch

from clvap import checkpoints
from clvap.data import bank
from clvap.data.rows import Row
from clvap.recipe import Recipe, Stage
from clvap.training.batches import Data, kinds_of
from clvap.training.parallel import ALONE
from clvap.training.rows import collection
from clvap.training.state import State, fresh, set_modes
from clvap.training.step import Trained, train_step

_SOUNDS, _STEPS = 16, 3
_KEPT_TWICE = 2  # the weights and their average


@dataclass(frozen=True)
class Estimate:
    """Of a whole run.

    needed, available: bytes on the device
    bank_s: seconds to make the spectrograms; training_s: seconds of all steps
    device: as torch calls it
    """

    needed: int
    available: int
    bank_s: float
    training_s: float
    steps: int
    device: str


def estimate(recipe: Recipe, rows: list[Row], net: Trained, tokenizer: Path) -> Estimate:
    """Measure a few steps of every stage on a few of the rows, and reckon what the whole takes. `net` is spoilt by it."""
    device = checkpoints.device(recipe.device)
    sample = _sample(rows)
    with tempfile.TemporaryDirectory() as folder:
        small = replace(recipe, run=Path(folder), bank=None, passes=1, validation=None)
        features = recipe.model
        began = time.perf_counter()
        bank.build(
            sample, small.bank_folder, 1, features.front_end(features.audio), recipe.yamnet, recipe.seed,
            of_voice=features.front_end(features.voice), imitations=recipe.imitations if recipe.hears_voices else 0,
        )  # fmt: skip
        each_s = (time.perf_counter() - began) / len(sample)
        data = Data(sample, small, tokenizer, device=device)
        net = net.to(device)
        measured = [_stage(net, small, number, stage, data, device) for number, stage in enumerate(small.stages)]
    weights = sum(one.numel() * one.element_size() for one in net.parameters())
    steps = [
        stage.steps if recipe.minutes is None else max(int(recipe.seconds(stage) / step_s), 1)
        for stage, (step_s, _) in zip(recipe.stages, measured, strict=True)
    ]
    missing = recipe.passes - len(bank.available(recipe.bank_folder))
    return Estimate(
        needed=int(weights * _KEPT_TWICE + max(kept for _, kept in measured)),
        available=_available(device) + weights,
        bank_s=each_s * len(rows) * max(missing, 0) / (os.cpu_count() or 1),
        training_s=sum(count * step_s for count, (step_s, _) in zip(steps, measured, strict=True)),
        steps=sum(steps),
        device=device,
    )


def _sample(rows: list[Row]) -> list[Row]:
    """A few rows, of as many kinds as can be, so that there is something to tell apart."""
    first = list({row.label: row for row in rows}.values())
    chosen = first[:: -(-len(first) // _SOUNDS)] if len(first) > 1 else rows[:_SOUNDS]
    return chosen[: len(chosen) // 2 * 2] or rows[:2]


def _stage(net: Trained, recipe: Recipe, number: int, stage: Stage, data: Data, device: str) -> tuple[float, float]:
    """Seconds of a step of a stage, and bytes it keeps: what learns has a gradient and two moments, and a batch its activations."""
    size = len(data.rows)
    few = replace(stage, batch_size=size, accumulate=1, shares=dict.fromkeys(map(collection, data.rows), 1.0))
    state: State = fresh(Trained(net.model, len(kinds_of(data.rows)), clean=net.clean is not None).to(device), recipe, number)
    set_modes(state.net)
    data.begin(recipe, few, state.net.model.text)
    learns = sum(parameter.numel() * parameter.element_size() for parameter in state.net.parameters() if parameter.requires_grad)
    own = {parameter.untyped_storage().data_ptr() for parameter in state.net.parameters()}
    kept: dict[int, int] = {}

    def packed(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    times = []
    for step in range(_STEPS):
        kept.clear()
        began = time.perf_counter()
        batch = data.batch(number, step, few)
        with torch.autograd.graph.saved_tensors_hooks(packed, lambda tensor: tensor):
            train_step(state, batch, few, ALONE, recipe.precision, recipe.clip_norm, step)
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    share = stage.batch_size / size
    return float(np.min(times[1:])) * share, 3 * learns + sum(kept.values()) * share / stage.accumulate


def _available(device: str) -> int:
    return torch.cuda.mem_get_info()[0] if device.startswith("cuda") else psutil.virtual_memory().available
