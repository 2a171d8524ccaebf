"""Training CLAP and CLVAP from a recipe: stages with named losses and frozen parts, resumable to the step, on one processor or many.

`python -m clvap train RECIPE`, or `torchrun --nproc-per-node N -m clvap train RECIPE`. A CLAP is a recipe whose losses ask for words alone.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from safetensors.torch import load_file

from clvap.checkpoints import RecipeError
from clvap.data import bank, manifests
from clvap.data.rows import Row
from clvap.model import Clvap
from clvap.progress import Progress, silent
from clvap.recipe import Recipe, Stage
from clvap.text import load_tokenizer, train_tokenizer
from clvap.training import curves, validation
from clvap.training.batches import Data, kinds_of
from clvap.training.estimate import Estimate, estimate
from clvap.training.guard import TrainingError
from clvap.training.log import Log, mirrors, require
from clvap.training.parallel import ALONE, Group, joined, with_group_statistics
from clvap.training.rows import claim_bank, held_out, rows_of
from clvap.training.schedule import passed, spoken
from clvap.training.state import CHECKPOINT, State, best_file, checkpoint, draw_back, fresh, resumed, set_modes, take_weights, weights_of
from clvap.training.step import Trained, train_step

_LOOKS, _LINES = 8, 40
"""At least so many looks and checkpoints, and so many lines in the log, where a stage has a time: a slow machine may not come to the next round number of
steps in it."""


def run(config_path: str | Path, progress: Progress = silent) -> Path:
    """Train a recipe to its end, from where it stands; returns the model's folder.

    Raises RecipeError, AudioError and ModelError for what cannot be trained on, TrainingError where training breaks.
    """
    recipe = Recipe.load(Path(config_path))
    with joined(recipe.device) as group, _alone_in(recipe.run) if group.first else nullcontext():
        check(recipe, group)
        rows = rows_of(recipe)
        if group.first:
            claim_bank(recipe.bank_folder, rows)
            if not recipe.bank:
                make_bank(recipe, rows, progress)
        group.wait()
        return fit(recipe, rows, progress, group)


def estimated(recipe: Recipe) -> Estimate:
    """What the recipe's run will need, without making anything of it. Raises as `run` does."""
    check(recipe, ALONE)
    rows = rows_of(recipe)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = _tokenizer(replace(recipe, run=Path(folder)), rows, ALONE)
        return estimate(recipe, rows, _network(recipe, len(kinds_of(rows))), tokenizer)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold a run's folder; the system lets go of it when the process ends, however it ends. Raises TrainingError where another process holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout as error:
        raise TrainingError(f"{folder} is being trained by another process; wait for it, end it, or give the recipe another run folder") from error


def check(recipe: Recipe, group: Group) -> None:
    """Raises RecipeError for what is not there, and for what this machine, or this number of processes, cannot compute."""
    for logger in recipe.loggers:
        require(logger)
    yamnet = None if bank.complete(recipe.bank_folder, recipe.passes) else recipe.yamnet
    for key, path in (("text", recipe.text), ("start", recipe.start), ("yamnet", yamnet), ("bank", recipe.bank)):
        if path and not path.exists():
            raise RecipeError(f"{key}: {path} is not there; make it first as CONTRIBUTING.md says, or correct the recipe's path")
    if recipe.precision == "float16" and not group.device.startswith("cuda"):
        raise RecipeError(f"precision: float16 needs a GPU and this runs on {group.device}; use bfloat16")
    config = recipe.model
    for stage in recipe.stages:
        if stage.copy_audio_to_voice and config.audio != config.voice:
            raise RecipeError(f"stage {stage.name}: copy_audio_to_voice needs two towers of one config; leave it out")
        if "text/text" in stage.losses and stage.batch_size % (2 * group.size * stage.accumulate):
            raise RecipeError(f"stage {stage.name}: text/text pairs texts, half as many as sounds: make batch_size a multiple of 2 x processes x accumulate")
        if stage.batch_size % (group.size * stage.accumulate):
            raise RecipeError(f"stage {stage.name}: batch_size {stage.batch_size} is no multiple of {group.size} processes x accumulate {stage.accumulate}")


def make_bank(recipe: Recipe, rows: list[Row], progress: Progress, workers: int | None = None) -> None:
    """The spectrograms of a recipe, those that are not there yet, in as many processes as there are processors unless `workers` says how many."""
    config = recipe.model
    bank.build(
        rows, recipe.bank_folder, recipe.passes, config.front_end(config.audio), recipe.yamnet, recipe.seed, progress, workers or os.cpu_count() or 1,
        of_voice=config.front_end(config.voice), imitations=recipe.imitations if recipe.hears_voices else 0,
    )  # fmt: skip


def fit(recipe: Recipe, rows: list[Row], progress: Progress = silent, group: Group = ALONE) -> Path:
    """The stages of a recipe on the passes that are there; writes a checkpoint now and then and the model at the end."""
    kept_back = held_out(rows, recipe.validation, recipe.seed)
    tokenizer = _tokenizer(recipe, rows, group)
    net = with_group_statistics(_network(recipe, len(kinds_of(rows))), group).to(group.device)
    state = resumed(fresh(net, recipe, 0), recipe, group.device)
    data = Data(rows, recipe, tokenizer, kept_back, group.device)
    log = Log(recipe.run / "log.csv", state.log_bytes, mirrors(recipe.loggers, recipe.run, state.before + state.step + 1)) if group.first else None
    try:
        while state.stage < len(recipe.stages):
            _run_stage(state, recipe, data, progress, group, log)
            _end_stage(state, recipe, progress, group)
            before = state.before + state.step
            state = fresh(net, recipe, state.stage + 1, state.ema)
            state.before = before
    except TrainingError as error:
        kept = recipe.run / CHECKPOINT
        raise TrainingError(f"{error} ({f'{kept} is untouched' if kept.exists() else 'no checkpoint was written yet'})") from error
    finally:
        if log:
            log.close()
    if group.first:
        export(state.ema.module.model, recipe, tokenizer)
        manifests.write_credits(rows, recipe.out / "credits.csv")
    group.wait()
    return recipe.out


def export(model: Clvap, recipe: Recipe, tokenizer: Path) -> None:
    """Write the averaged weights, with the share of the first ones that the recipe keeps, and the tokenizer as a model folder."""
    model.cpu()
    if recipe.keeps:
        draw_back(model, weights_of(recipe.start, model.state_dict()), recipe.keeps)
    model.save(recipe.out)
    load_tokenizer(tokenizer).save_pretrained(str(recipe.out))
    for name in ("vocab.json", "merges.txt"):
        if (tokenizer / name).exists():
            (recipe.out / name).write_bytes((tokenizer / name).read_bytes())


def export_so_far(recipe: Recipe) -> Path:
    """Write the averaged weights of the last checkpoint, or of the stage's best look where there was one, as a model folder, also while the run goes on.

    Raises TrainingError where nothing was kept yet.
    """
    path = recipe.run / CHECKPOINT
    if not path.exists():
        raise TrainingError(f"{path}: nothing kept yet; let the run reach its first checkpoint")
    rows = rows_of(recipe)
    state = resumed(fresh(_network(recipe, len(kinds_of(rows))), recipe, 0), recipe, "cpu")
    best = best_file(state, recipe.run)
    if recipe.validation and recipe.validation.keep_best and best.exists():
        state.ema.load_state_dict(torch.load(best, weights_only=True, map_location="cpu")["ema"])
    export(state.ema.module.model, recipe, recipe.text or recipe.start or recipe.run / "tokenizer")
    manifests.write_credits(rows, recipe.out / "credits.csv")
    return recipe.out


def _tokenizer(recipe: Recipe, rows: list[Row], group: Group) -> Path:
    """The folder of the recipe's tokenizer; one of the captions' own is made where neither `text` nor `start` brings one."""
    if recipe.text or recipe.start:
        return recipe.text or recipe.start
    folder = recipe.run / "tokenizer"
    if group.first and not folder.exists():
        partial = recipe.run / "tokenizer.partial"
        train_tokenizer(sorted({caption for row in rows for caption in row.captions}), partial, recipe.model.text["vocab_size"])
        partial.rename(folder)
    group.wait()
    return folder


def _network(recipe: Recipe, kinds: int) -> Trained:
    """The model as the recipe starts it, with its training heads. Step 1 of the report: weights where they exist, new parts from scratch."""
    torch.manual_seed(recipe.seed)
    model = Clvap(recipe.model)
    if recipe.text and (weights := recipe.text / "text.safetensors").exists():
        model.text.load_state_dict(load_file(weights))
    if recipe.start:
        take_weights(model, recipe.start, recipe.start_parts)
    model = model.to(memory_format=torch.channels_last)  # what the processor's convolutions like best
    return Trained(model, kinds, clean=any("clean/voice" in stage.losses for stage in recipe.stages))


def _run_stage(state: State, recipe: Recipe, data: Data, progress: Progress, group: Group, log: Log | None) -> None:
    stage = recipe.stages[state.stage]
    if state.step == 0 and stage.copy_audio_to_voice:
        for net in (state.net, state.ema.module):
            net.model.voice.load_state_dict(net.model.audio.state_dict())
            for heads in (net.teacher, net.kinds):
                heads["voice"].load_state_dict(heads["audio"].state_dict())
    if state.step == 0 and "clean/voice" in stage.losses:
        for net in (state.net, state.ema.module):
            net.clean.load_state_dict(net.model.voice.state_dict())
    set_modes(state.net)
    data.begin(recipe, stage, state.net.model.text)
    started, trained_s, summary = time.perf_counter(), state.trained_s, ""
    while (done := state.done(stage)) < 1 and not state.finished:
        batch = data.batch(state.stage, state.step, stage).part(group.share(stage.batch_size))
        seed = recipe.seed + 1_000_003 * state.stage + state.step + (group.rank << 40)  # dropout, too, depends on the step alone
        found = train_step(state, batch, stage, group, recipe.precision, recipe.clip_norm, seed)
        state.step += 1
        state.trained_s = trained_s + time.perf_counter() - started
        if state.limit_s is not None:
            state.trained_s = group.told(state.trained_s)  # all end at the same step
        due = _Due(state, stage, done)
        state.smoothed = {name: 0.95 * state.smoothed.get(name, value) + 0.05 * value for name, value in found.items()}
        shown = dict(state.smoothed) if due(recipe.log_every, _LINES) else {}
        if recipe.validation and validation.retrieves(stage) and (due(recipe.validation.every, _LOOKS) or state.done(stage) >= 1):
            shown |= _look(state, recipe, stage, data, group)
        state.finished |= state.done(stage) >= 1
        if shown and log:
            log.write(stage.name, state.step, state.before + state.step, shown)
            summary = _summary(state, recipe)
        _tell(state, recipe, f"{stage.name}: {summary}" if summary else stage.name, progress)
        if log and (due(recipe.checkpoint_every, _LOOKS) or state.finished):
            state.log_bytes = log.kept()
            checkpoint(state, recipe.run)


@dataclass(frozen=True)
class _Due:
    """What a step that began at a share `before` of its stage is followed by."""

    state: State
    stage: Stage
    before: float

    def __call__(self, every: int, parts: int) -> bool:
        """Whether something is due that happens every so many steps, and as often as `parts` where the stage has a time."""
        timed = self.state.limit_s is not None and passed(self.before, self.state.done(self.stage), parts)
        return timed or self.state.step % every == 0


def _summary(state: State, recipe: Recipe) -> str:
    """The losses and the best look in a line; the log has the rest."""
    best = [f"best {recipe.validation.metric} {state.best:.3f}"] if recipe.validation and state.best_step else []
    return ", ".join([*(f"{name} {value:.3f}" for name, value in state.smoothed.items()), *best])


def _tell(state: State, recipe: Recipe, text: str, progress: Progress) -> None:
    """Say how far a training is, in steps or in seconds of its time."""
    before, whole = recipe.stages[: state.stage], recipe.stages
    if state.limit_s is None:
        progress(sum(one.steps for one in before) + state.step, sum(one.steps for one in whole), f"{text}, {state.trained_s:.0f} s")
        return
    trained_s = sum(map(recipe.seconds, before)) + min(state.trained_s, state.limit_s)
    progress(int(trained_s), max(int(60 * recipe.minutes), 1), f"{text}, {spoken(trained_s, 60 * recipe.minutes)}")


def _look(state: State, recipe: Recipe, stage: Stage, data: Data, group: Group) -> dict[str, float]:
    """The validation figures, and what follows from them, the same in every process."""
    figures = validation.look(state, data, stage, recipe.validation, recipe.run, group.device) if group.first else {}
    figures, state.best, state.best_step, state.waited, state.finished = group.told((figures, state.best, state.best_step, state.waited, state.finished))
    return figures


def _end_stage(state: State, recipe: Recipe, progress: Progress, group: Group) -> None:
    """The next stage goes on from the averaged weights, of the best look where there was one: what it freezes is what ships."""
    best = best_file(state, recipe.run)
    group.wait()
    if recipe.validation and recipe.validation.keep_best and state.best_step:
        state.ema.load_state_dict(torch.load(best, weights_only=True, map_location=group.device)["ema"])
    state.net.load_state_dict(state.ema.module.state_dict())
    if group.first:
        try:
            curves.draw(recipe.run / "log.csv", recipe.run / "curves.png")
        except ImportError:
            progress(1, 1, "no curves.png: pip install matplotlib")
