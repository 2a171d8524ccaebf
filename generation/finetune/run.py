"""A fine-tuning from its recipe to the file or folder it makes; every part is resumed where it was interrupted."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytorch_lightning import Trainer
from torch.utils.data import DataLoader

from clvap.audio import Clip
from clvap.progress import Progress, silent
from clvap.training.guard import TrainingError
from generation.finetune.batches import Numbers, loader
from generation.finetune.callbacks import Averages, Checkpoints, DemoTakes, Journal
from generation.finetune.clock import Clock
from generation.finetune.data import Data, stored
from generation.finetune.estimate import Estimate, estimate
from generation.finetune.job import Job, export, prepared
from generation.finetune.module import LAST, FineTuning
from generation.finetune.pack import found
from generation.finetune.recipe import PRECISIONS, Demos, Recipe
from generation.memory import is_out_of_memory
from generation.request import GenerateRequest

_LOG = logging.getLogger(__name__)


def finetune(recipe: Recipe, progress: Progress = silent, weigh: Callable[[Estimate], None] = lambda estimate: None) -> Path:
    """Run a recipe to its end, from where it stopped; returns what was written. `progress` may raise to stop: the last checkpoint stays.

    weigh: told what the run needs before its first step; may raise to refuse
    Raises TrainingError when it cannot learn, ModelError and RecipeError for what does not fit.
    """
    job = prepared(recipe)
    data = stored(job, progress)
    steps = recipe.training.total_steps(len(data.trained))
    clock = None if recipe.training.minutes is None else Clock(60 * recipe.training.minutes)
    module = job.module(steps, clock)
    if "LOCAL_RANK" not in os.environ and not (recipe.run / LAST).exists():
        needs = measured(job, module, steps)
        _LOG.info("%s", needs.table())
        weigh(needs)
    trainer = _train(job, data, module, steps, progress, clock)
    return export(recipe, job) if trainer.is_global_zero else recipe.out


def estimated(recipe: Recipe) -> Estimate:
    """What the recipe's run will need, without making anything of it."""
    job = prepared(recipe)
    steps = recipe.training.total_steps(len(found(recipe.folder, recipe.captions).sounds))
    return measured(job, job.module(steps), steps)


def measured(job: Job, module: FineTuning, steps: int) -> Estimate:
    """What a run of so many steps will need."""
    training = job.recipe.training
    with _quiet(), _out_of_memory_told():
        needs = estimate(module, _options(job.recipe, 1, "auto"), max(job.windows().lengths), training.batch, training.accumulate, steps)
    return needs if training.minutes is None else replace(needs, steps=max(round(60 * training.minutes / needs.step_s), 1))


def _train(job: Job, data: Data, module: FineTuning, steps: int, progress: Progress, clock: Clock | None) -> Trainer:
    """Lightning's loop, from the last checkpoint on."""
    recipe, training, last = job.recipe, job.recipe.training, job.recipe.run / LAST
    averages = Averages(training.average)
    journal = Journal(recipe, averages, steps, progress, clock)
    demos = DemoTakes(recipe.demos, averages, recipe.run / "demos", steps, _renderer(job), clock)
    checkpoints = Checkpoints(recipe.run, training.checkpoint_every * training.accumulate, clock)
    callbacks = [averages, checkpoints, *([clock] if clock else []), journal, demos]  # the clock before those that ask it
    with _quiet(), _out_of_memory_told():
        trainer = Trainer(
            **_options(recipe, training.devices, training.strategy), max_steps=steps, max_epochs=1, callbacks=callbacks,
            val_check_interval=min(training.validate_every, steps) * training.accumulate, use_distributed_sampler=False,
        )  # fmt: skip
        done = trainer.fit_loop.epoch_loop.batch_progress.current
        numbers = Numbers(steps * training.accumulate, lambda: done.completed, trainer.global_rank, trainer.world_size)
        held_out = _held_out(data, trainer)
        try:
            if not last.exists() and trainer.world_size == 1:  # where it starts from
                _whole(trainer, lambda: trainer.validate(module, held_out, verbose=False))
            _whole(trainer, lambda: trainer.fit(module, loader(data.training, numbers), held_out, ckpt_path=str(last) if last.exists() else None))
            if journal.looked_at != trainer.global_step:
                _whole(trainer, lambda: trainer.validate(module, held_out, verbose=False))
        finally:
            journal.close()
    return trainer


def _whole(trainer: Trainer, run: Callable[[], Any]) -> None:
    """Run a loop of Lightning's, which ends quietly at Ctrl-C."""
    run()
    if trainer.interrupted:
        raise KeyboardInterrupt


def _options(recipe: Recipe, devices: int, strategy: str) -> dict[str, Any]:
    """What every trainer of a run is made with."""
    training = recipe.training
    return {
        "accelerator": training.device, "devices": devices, "strategy": strategy, "precision": PRECISIONS[training.precision],
        "accumulate_grad_batches": training.accumulate, "gradient_clip_val": training.clip_norm, "num_sanity_val_steps": 0,
        "inference_mode": False, "logger": False,
        "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False, "default_root_dir": recipe.run,
    }  # fmt: skip


def _held_out(data: Data, trainer: Trainer) -> DataLoader:
    """Held-out batches, shared between the processes; every process has the same number, so that none waits for ever."""
    total = max(len(data.validation) // trainer.world_size, 1)
    return loader(data.validation, Numbers(total, rank=trainer.global_rank % len(data.validation), processes=trainer.world_size))


def _renderer(job: Job) -> Callable[[str, Demos], Clip]:
    """Makes a demo with the model as it is at that moment."""
    from generation import Generator

    def render(prompt: str, demos: Demos) -> Clip:
        device = str(next(job.backend.model.model.parameters()).device)
        generator = Generator(job.backend, job.embedder, device)
        query = job.embedder.query(text=prompt)
        hearing = nullcontext() if job.adapter is None else job.adapter.hearing([query], [None])
        with hearing:
            return generator.generate(GenerateRequest(query, min(demos.seconds, generator.max_seconds), 1, demos.seed))[0].clip

    return render


@contextmanager
def _out_of_memory_told() -> Iterator[None]:
    """Memory that runs out becomes a TrainingError that says what needs less."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        less = "a smaller batch with more accumulate, checkpointing: true, a shorter window_s, precision: bfloat16, or kind: lora"
        raise TrainingError(f"memory ran out; under training set {less}, then start the same command again") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Lightning's banners and its advice for other kinds of loops."""
    log = logging.getLogger("pytorch_lightning")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(pytorch_lightning|lightning_fabric|torch|stable_audio_tools)\.")
            yield
    finally:
        log.setLevel(level)
