"""What happens beside the training loop: averaged weights, checkpoints, the log, the best weights so far, demos."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor

from clvap import audio
from clvap.audio import Clip
from clvap.files import whole
from clvap.progress import Progress
from clvap.training.log import Log, mirrors
from clvap.training.state import save
from generation.finetune.clock import Clock
from generation.finetune.module import LAST, FineTuning
from generation.finetune.recipe import Demos, Recipe

BEST = "best.pt"
_PARTS, _LINES, _TIMES_HEARD = 8, 40, 4
"""Of a run that has minutes: so many checkpoints, lines in the log and times that demos are made at least."""


class Averages(Callback):
    """An exponential moving average of what learns, which is validated, heard and shipped; a young one forgets faster."""

    def __init__(self, decay: float):
        self._decay = decay
        self._steps = 0
        self.values: dict[str, Tensor] = {}

    def on_fit_start(self, trainer: Trainer, module: FineTuning) -> None:
        own = module.state_dict()
        self.values = {name: self.values.get(name, value).to(value.device, copy=True) for name, value in own.items()}

    @torch.no_grad()
    def on_train_batch_end(self, trainer: Trainer, module: FineTuning, *_: Any) -> None:
        if trainer.global_step == self._steps:
            return
        self._steps = trainer.global_step
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        own = module.state_dict()
        torch._foreach_lerp_([self.values[name] for name in own], list(own.values()), 1 - decay)

    @contextmanager
    def worn(self, module: FineTuning) -> Iterator[None]:
        """Within it the module has the averaged weights."""
        self._swap(module)
        try:
            yield
        finally:
            self._swap(module)

    @torch.no_grad()
    def _swap(self, module: FineTuning) -> None:
        """Exchange the average and the module's weights in place, one at a time; before training there is no average."""
        own = module.state_dict()
        for name, value in self.values.items():
            kept = own[name].clone()
            own[name].copy_(value)
            value.copy_(kept)

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self._steps, "values": self.values}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._steps, self.values = state["steps"], state["values"]

    def rewind(self, state: dict[str, Any]) -> None:
        """Back to a checkpoint's average, at the present step."""
        self.values = state["values"]


class Checkpoints(Callback):
    """RUN/last.ckpt: everything needed to go on exactly, replaced in one move."""

    def __init__(self, run: Path, every_batches: int, clock: Clock | None = None):
        self._path, self._every, self._clock = run / LAST, every_batches, clock
        self._at: int | None = None

    def on_train_batch_start(self, trainer: Trainer, module: FineTuning, batch: Any, batch_idx: int) -> None:
        # before a batch, not after one: only then does Lightning count the last as completed
        timed = self._clock is not None and self._clock.passed(_PARTS) and batch_idx % trainer.accumulate_grad_batches == 0
        due = timed or batch_idx % self._every == 0
        if due and (batch_idx or not self._path.exists()) and batch_idx != self._at:
            self._write(trainer)
        self._at = batch_idx

    def on_train_end(self, trainer: Trainer, module: FineTuning) -> None:
        self._write(trainer)

    def _write(self, trainer: Trainer) -> None:
        with whole(self._path) if trainer.is_global_zero else nullcontext(self._path) as path:  # the others take part, and write nothing
            trainer.save_checkpoint(path)


class Journal(Callback):
    """RUN/log.csv and its mirrors, progress to whoever listens, and the best validated weights so far in RUN/best.pt."""

    def __init__(self, recipe: Recipe, averages: Averages, steps: int, progress: Progress, clock: Clock | None = None):
        self._recipe, self._averages, self._steps, self._progress, self._clock = recipe, averages, steps, progress, clock
        self._log: Log | None = None
        self._kept = 0
        self._sum, self._count, self._logged = 0.0, 0, 0
        self.best, self.best_step, self.looked_at = float("inf"), 0, -1
        self._worn: Any = None

    def on_train_batch_end(self, trainer: Trainer, module: FineTuning, outputs: dict[str, Tensor], *_: Any) -> None:
        if "loss" in outputs:
            self._sum += float(outputs["loss"]) * trainer.accumulate_grad_batches
            self._count += 1
        step = trainer.global_step
        if step == self._logged:
            return
        due = step % self._recipe.training.log_every == 0 or (self._clock is not None and self._clock.passed(_LINES))
        if due and self._count:
            rate = trainer.optimizers[0].param_groups[0]["lr"] / self._recipe.training.learning_rate
            self._write(trainer, {"loss": self._sum / self._count, "learning_rate/peak": rate})
            self._sum, self._count = 0.0, 0
        self._logged = step
        if trainer.is_global_zero:
            text = f"loss {float(outputs.get('loss', float('nan'))) * trainer.accumulate_grad_batches:.4f}"
            if self._clock is None:
                self._progress(step, self._steps, text)
            else:
                self._progress(*self._clock.seconds, f"{text}, {self._clock}")

    def on_validation_start(self, trainer: Trainer, module: FineTuning) -> None:
        self._worn = self._averages.worn(module)
        self._worn.__enter__()

    def on_validation_end(self, trainer: Trainer, module: FineTuning) -> None:
        loss, step = module.validation_loss, trainer.global_step
        weights = {name: value.cpu().clone() for name, value in module.state_dict().items()} if loss < self.best else None
        self._worn.__exit__(None, None, None)
        if step == self.looked_at:  # a resumed run looks again where it looked before its checkpoint
            return
        self.looked_at = step
        self._write(trainer, {"validation/loss": loss})
        if weights is not None:
            self.best, self.best_step = loss, step
            if trainer.is_global_zero:
                save({"weights": weights, "loss": loss, "step": step}, self._recipe.run / BEST)

    def state_dict(self) -> dict[str, Any]:
        """Plain numbers, and how long the log was."""
        kept = self._log.kept() if self._log else self._kept
        return {
            "log_bytes": kept, "sum": self._sum, "count": self._count, "logged": self._logged,
            "best": self.best, "best_step": self.best_step, "looked_at": self.looked_at,
        }  # fmt: skip

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._kept, self._sum, self._count, self._logged = (state[name] for name in ("log_bytes", "sum", "count", "logged"))
        self.best, self.best_step, self.looked_at = (state[name] for name in ("best", "best_step", "looked_at"))

    def close(self) -> None:
        """No more will come."""
        if self._log is not None:
            self._log.close()

    def _write(self, trainer: Trainer, values: dict[str, float]) -> None:
        if not trainer.is_global_zero:
            return
        if self._log is None:
            self._log = Log(self._recipe.run / "log.csv", self._kept, mirrors(self._recipe.loggers, self._recipe.run, trainer.global_step))
        self._log.write(self._recipe.kind, trainer.global_step, trainer.global_step, values)


class DemoTakes(Callback):
    """Takes to the recipe's prompts, with the averaged weights, in RUN/demos."""

    def __init__(
        self, demos: Demos, averages: Averages, folder: Path, steps: int, render: Callable[[str, Demos], Clip], clock: Clock | None = None
    ):  # fmt: skip
        self._demos, self._averages, self._folder, self._steps, self._render, self._clock = demos, averages, folder, steps, render, clock
        self._done = -1

    def on_train_batch_end(self, trainer: Trainer, module: FineTuning, *_: Any) -> None:
        step = trainer.global_step
        due = step % self._demos.every == 0 or step == self._steps or (self._clock is not None and self._clock.passed(_TIMES_HEARD))
        if due and step != self._done and trainer.is_global_zero:
            self._done = step
            module.eval()
            with self._averages.worn(module):
                for number, prompt in enumerate(self._demos.prompts):
                    name = f"{step:07}-{number + 1}.wav"
                    with whole(self._folder / name) as partial:
                        audio.write(partial, self._render(prompt, self._demos))
            module.train()

    def on_fit_start(self, trainer: Trainer, module: FineTuning) -> None:
        self._done = trainer.global_step
        if trainer.is_global_zero and self._demos.prompts:
            self._folder.mkdir(parents=True, exist_ok=True)
            listed = [f"{number + 1}  {prompt}" for number, prompt in enumerate(self._demos.prompts)]
            (self._folder / "prompts.txt").write_text("\n".join(listed) + "\n", encoding="utf-8")
