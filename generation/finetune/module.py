"""The engine's own training wrapper on stored latents, with what fine-tuning needs around it: only some weights learn, every number is guarded,
and a batch draws the same noise whenever it is met.

B batch, C channels, L latents.
"""

from __future__ import annotations

import math
import random
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from stable_audio_tools.training.diffusion import DiffusionCondTrainingWrapper
from torch import Tensor, nn

from clvap.checkpoints import ModelError
from clvap.training.guard import TrainingError
from generation.conditioning import CONTROLS_KEY, TOKENS_KEY
from generation.finetune.batches import PATH_KEY, Batch
from generation.finetune.guard import Guard, Trouble
from generation.finetune.recipe import Training
from generation.train import Schedule

if TYPE_CHECKING:
    from stable_audio_tools.models.diffusion import ConditionedDiffusionModelWrapper

    from generation.adapter import Adapter
    from generation.finetune.clock import Clock

LAST = "last.ckpt"
_VALIDATION = 1 << 40  # far from any number of a training batch


class FineTuning(DiffusionCondTrainingWrapper):
    """Trains the parameters of `model` and `adapter` that require a gradient; checkpoints hold these alone.

    run: folder of the last checkpoint, for going back to it
    clock: what the learning rate goes by where the run has minutes and not steps
    """

    def __init__(
        self, model: ConditionedDiffusionModelWrapper, training: Training, steps: int, on_bad: str, run: Path, adapter: Adapter | None = None,
        clock: Clock | None = None,
    ):  # fmt: skip
        words_dropout = training.words_dropout if "prompt" in model.conditioner.conditioners else 0.0
        super().__init__(
            model, lr=training.learning_rate, use_ema=False, pre_encoded=True, cfg_dropout_prob=words_dropout,
            timestep_sampler=training.timesteps, timestep_sampler_options=training.timestep_options,
        )  # fmt: skip
        if not training.checkpointing:
            model.forward = partial(type(model).forward, model, use_checkpointing=False)
        self.adapter, self._training, self._run, self._clock = adapter, training, run, clock
        self._schedule = Schedule(steps, training.batch, training.learning_rate, training.warmup)
        self._guard = Guard(on_bad, self._rewind)
        self._listening = ExitStack()
        self._met: Batch | None = None
        self.validation_loss = float("nan")

    def trained(self) -> dict[str, nn.Parameter]:
        """What learns, by name."""
        return {name: parameter for name, parameter in self.named_parameters() if parameter.requires_grad}

    def state_dict(self, *_: Any, **__: Any) -> dict[str, Tensor]:
        """The trained weights alone."""
        return {name: parameter.detach() for name, parameter in self.trained().items()}

    def load_state_dict(self, state: dict[str, Tensor], strict: bool = True, assign: bool = False) -> None:
        """Inverse of `state_dict`. Raises ModelError where names or shapes differ."""
        own = self.state_dict()
        if wrong := sorted(name for name in own.keys() | state.keys() if name not in own or name not in state or own[name].shape != state[name].shape):
            raise ModelError(f"{self._run / LAST} is of another model or recipe, first in {wrong[0]}; delete it, or give the recipe another run folder")
        for name, value in state.items():
            own[name].copy_(value)

    def configure_optimizers(self) -> dict[str, Any]:
        parameters = list(self.trained().values())
        optimizer = torch.optim.AdamW(parameters, lr=self._training.learning_rate, weight_decay=self._training.weight_decay)
        shape = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: self._guard.rate * self._rate(step) / self._training.learning_rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": shape, "interval": "step"}}

    def _rate(self, step: int) -> float:
        return self._schedule.rate(step, None if self._clock is None else self._clock.done)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        return batch[0].to(device), batch[1]

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        self._draw_from(batch_idx)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor | None:
        self._met = batch
        self._listen(batch)
        loss = super().training_step(batch, batch_idx)
        value = float(loss.detach())
        if self._everywhere(0 < value < math.inf):
            self._guard.good()
            return loss
        self._listening.close()
        self._broken("loss", value)
        return None

    def on_after_backward(self) -> None:
        self._listening.close()

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        gradients = [parameter.grad for parameter in self.trained().values() if parameter.grad is not None]
        norm = float(torch.nn.utils.get_total_norm(gradients)) if gradients else 0.0
        if not math.isfinite(norm):
            self._broken("gradient", norm)

    def on_validation_batch_start(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        self._draw_from(_VALIDATION + batch_idx)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._listen(batch)
        super().validation_step(batch, batch_idx)
        self._listening.close()

    def on_validation_epoch_end(self) -> None:
        """The mean over held-out batches, noise levels and processes becomes `validation_loss`."""
        losses = [loss for of_level in self.validation_step_outputs.values() for loss in of_level]
        self.validation_loss = float(self.all_gather(torch.tensor(losses, device=self.device).mean()).mean())
        for of_level in self.validation_step_outputs.values():
            of_level.clear()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["rewinds"] = self._guard.rewinds

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._guard.rewinds = checkpoint["rewinds"]

    def _draw_from(self, number: int) -> None:
        """Noise and noise levels of a batch depend on its number alone, so that a resumed run repeats them."""
        seed = hash((self._training.seed, number, self.global_rank)) % 2**63
        torch.manual_seed(seed)
        random.seed(seed)
        self.rng = torch.quasirandom.SobolEngine(1, scramble=True, seed=seed)

    def _listen(self, batch: Batch) -> None:
        """Let the adapter hear the batch until it is done with: checkpointed blocks run again in the backward pass."""
        self._listening.close()
        if self.adapter is not None:
            self._listening.enter_context(self.adapter.hearing([row[TOKENS_KEY] for row in batch[1]], [row[CONTROLS_KEY] for row in batch[1]]))

    def _everywhere(self, true: bool) -> bool:
        """Whether it is so in all processes."""
        return bool(self.all_gather(torch.tensor(true, device=self.device)).all())

    def _broken(self, what: str, value: float) -> None:
        self.optimizers().zero_grad()
        self._guard.broken(Trouble(what, value, self.global_step), self._met, self)

    def _rewind(self) -> None:
        if not (self._run / LAST).exists():
            raise TrainingError(f"{self._met[1][0][PATH_KEY]}: not finite before the first checkpoint, so the model itself is at fault; start from another one")
        saved = torch.load(self._run / LAST, map_location=self.device, weights_only=True)
        self.load_state_dict(saved["state_dict"])
        self.optimizers().optimizer.load_state_dict(saved["optimizer_states"][0])
        for callback in self.trainer.callbacks:
            if hasattr(callback, "rewind"):
                callback.rewind(saved["callbacks"][callback.state_key])
