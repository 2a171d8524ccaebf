"""What a run will need, before it starts: memory part by part and time, from a few steps on noise with the learning rate at zero.

B batch, C channels, L latents.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import psutil
import torch
from pytorch_lightning import Callback, Trainer
from torch.utils.data import DataLoader, Dataset

from generation.conditioning import CONTROLS_KEY, TOKENS_KEY
from generation.controls import absent
from generation.finetune.batches import PATH_KEY, Batch
from generation.finetune.module import FineTuning

GB, MB = 1024**3, 1024**2
_STEPS = 3


@dataclass(frozen=True)
class Estimate:
    """Memory in bytes and time in seconds of a run.

    weights: of the whole model; gradients, optimizer and average: of what learns
    activations: what a forward pass keeps for the backward pass
    available: what the device has free with the model loaded, its weights included
    step_s: an optimizer step; steps: of the run
    device: as torch calls it
    """

    weights: int
    gradients: int
    optimizer: int
    average: int
    activations: int
    available: int
    step_s: float
    steps: int
    device: str

    @property
    def needed(self) -> int:
        """All of it together."""
        return self.weights + self.gradients + self.optimizer + self.average + self.activations

    def table(self) -> str:
        """Line by line, for a terminal; the last line says whether it fits."""
        parts = ("weights", "gradients", "optimizer", "average", "activations")
        lines = [f"{name:12} {_size(getattr(self, name)):>10}" for name in parts]
        lines.append(f"{'time':12} {self.step_s:8.2f} s a step, {self.steps} steps: {_spoken(self.step_s * self.steps)}")
        fits = "" if self.needed <= self.available else "; use a smaller batch with more accumulate, checkpointing: true, precision: bfloat16, or kind: lora"
        lines.append(f"this needs about {_size(self.needed)} on {self.device}; you have {_size(self.available)}{fits}")
        return "\n".join(lines)


class Noise(Dataset):
    """Batches of noise that ask for what a real one asks for."""

    def __init__(self, module: FineTuning, length: int, size: int, count: int):
        self._channels, self._length, self._size, self._count = module.diffusion.io_channels, length, size, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> Batch:
        if number >= self._count:
            raise IndexError(number)
        told: dict[str, Any] = {
            TOKENS_KEY: None, CONTROLS_KEY: absent(self._length), "prompt": "noise", "seconds_start": 0.0, "seconds_total": 1.0,
            "padding_mask": [torch.ones(self._length, dtype=torch.bool)], PATH_KEY: "noise",
        }  # fmt: skip
        return torch.randn(self._size, self._channels, self._length), [told] * self._size


class _Measure(Callback):
    """Time of every optimizer step after the first, and bytes kept for the backward pass."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.kept, self.weights, self.available = 0, 0, 0
        self._kept_now: dict[int, int] = {}
        self._own: set[int] = set()
        self._started, self._step = 0.0, 0
        self._hooks = torch.autograd.graph.saved_tensors_hooks(self._packed, lambda tensor: tensor)

    def on_train_start(self, trainer: Trainer, module: FineTuning) -> None:
        self._own = {parameter.untyped_storage().data_ptr() for parameter in module.parameters()}
        self.weights = sum(parameter.numel() * parameter.element_size() for parameter in module.parameters())
        self.available = _available(module.device) + self.weights
        self._started = time.perf_counter()

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = 0.0
        self._kept_now.clear()
        self._hooks.__enter__()

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self._hooks.__exit__(None, None, None)
        self.kept = max(self.kept, sum(self._kept_now.values()))
        if trainer.global_step > self._step:
            if trainer.strategy.root_device.type == "cuda":
                torch.cuda.synchronize()
            self.times.append(time.perf_counter() - self._started)
            self._started, self._step = time.perf_counter(), trainer.global_step

    def _packed(self, tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self._own:
            self._kept_now[storage.data_ptr()] = storage.nbytes()
        return tensor


def estimate(module: FineTuning, options: dict[str, Any], length: int, size: int, accumulate: int, steps: int) -> Estimate:
    """Measure a few steps of batches (B = size, L = length); `options` are the trainer's. The weights stay as they are."""
    measure = _Measure()
    batches = DataLoader(Noise(module, length, size, _STEPS * accumulate), batch_size=None)
    Trainer(**options, callbacks=[measure], max_steps=_STEPS, limit_val_batches=0).fit(module, batches)
    trained = sum(parameter.numel() for parameter in module.trained().values())
    return Estimate(
        measure.weights, 4 * trained, 8 * trained, 4 * trained, measure.kept, measure.available, min(measure.times[1:]), steps, str(module.device)
    )  # fmt: skip


def _available(device: torch.device) -> int:
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available


def _size(count: int) -> str:
    return f"{count / GB:.1f} GB" if count >= GB else f"{count / MB:.1f} MB"


def _spoken(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds > 5400 else f"{seconds / 60:.1f} minutes"
