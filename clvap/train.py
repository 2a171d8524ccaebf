"""Training CLVAP from a recipe: stages with named losses and frozen parts, resumable to the step.

B batch, L tokens, W width, D dimensions, E teacher dimensions.
"""

from __future__ import annotations

import csv
import math
import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from clvap.data import bank, manifests
from clvap.data.manifests import Row
from clvap.data.yamnet import Yamnet
from clvap.features import LogMel
from clvap.loss import contrastive, soft_targets
from clvap.model import Clvap
from clvap.progress import Progress, silent
from clvap.recipe import Recipe, Stage
from clvap.text import load_tokenizer, tokenize


class Trained(nn.Module):
    """The model and the heads that only training needs."""

    def __init__(self, model: Clvap, kinds: int):
        super().__init__()
        self.model = model
        towers = {"audio": model.audio.width, "voice": model.voice.width}
        self.teacher = nn.ModuleDict({name: nn.Linear(width, Yamnet.DIMENSIONS) for name, width in towers.items()})
        self.kinds = nn.ModuleDict({name: nn.Linear(width, kinds) for name, width in towers.items()})


@dataclass
class State:
    """Everything that a checkpoint holds."""

    net: Trained
    ema: AveragedModel
    optimizer: torch.optim.Optimizer
    stage: int = 0
    step: int = 0


@dataclass(frozen=True)
class Batch:
    """B pairs: log-mel of sounds and imitations, frozen word states, who belongs to whom, the teacher's view of the sounds.

    targets: (B, B), how much an imitation (row) belongs to a sound; words_targets: (B, B), the same of words, which name a whole kind
    audio_kinds, voice_kinds: (B, K), the share of each of K kinds; teacher: (B, E), standardised
    """

    audio: Tensor
    voice: Tensor
    text: Tensor
    text_mask: Tensor
    targets: Tensor
    words_targets: Tensor
    audio_kinds: Tensor
    voice_kinds: Tensor
    teacher: Tensor


def mixed(batch: Batch, features: LogMel, gain_db: Tensor) -> Batch:
    """Each sound with its neighbour in the batch added, `gain_db` (B,) louder, and belonging to both by their amplitudes.

    Mixup for sound: Tokozume et al. 2018, arXiv:1711.10282.
    """
    share = 1 / (1 + 10 ** (gain_db / 20))
    both = lambda x: share[:, None] * x + (1 - share)[:, None] * x.roll(1, dims=0)  # noqa: E731
    return replace(
        batch, audio=features.mixed(batch.audio, batch.audio.roll(1, dims=0), gain_db), targets=both(batch.targets.T).T,
        words_targets=both(batch.words_targets.T).T, audio_kinds=both(batch.audio_kinds), teacher=both(batch.teacher),
    )


def rows_of(recipe: Recipe) -> list[Row]:
    """The training rows of a recipe: permissive effect packs, permissive ESC-50 clips of its folds, effects synthesised here."""
    synthesised = manifests.captioned_folder(recipe.starter) if recipe.starter else []
    return manifests.packs(recipe.packs) + manifests.esc50(recipe.esc50, recipe.folds) + synthesised


class Data:
    """Draws batches; the batch of a step depends on the seed, the stage and the step alone."""

    def __init__(self, rows: list[Row], recipe: Recipe, model: Clvap):
        self.folder, self.seed, self.features = recipe.run / "bank", recipe.seed, recipe.model.features
        self.captions = [row.captions for row in rows]
        kinds = kinds_of(rows)
        self.labels = np.array([kinds.index(row.label) for row in rows])
        self.weights = _weights(rows, self.labels, recipe.shares)
        self.passes = bank.available(self.folder)
        teacher = self.passes[0].teacher.astype(np.float32)
        self.teacher_mean, self.teacher_std = teacher.mean(axis=0), teacher.std(axis=0) + 1e-3
        self.phrases = sorted({caption for captions in self.captions for caption in captions})
        self.index = {phrase: i for i, phrase in enumerate(self.phrases)}
        ids, self.text_mask = tokenize(load_tokenizer(recipe.text), self.phrases)
        with torch.inference_mode():
            self.text = torch.cat([model.text(ids[i : i + 256], self.text_mask[i : i + 256]) for i in range(0, len(ids), 256)]).clone()

    def batch(self, stage: int, step: int, size: int, mix: float = 0.0) -> Batch:
        rng = np.random.default_rng([self.seed, stage, step])
        if step % 50 == 0:
            self.passes = bank.available(self.folder)
        chosen = rng.choice(len(self.labels), size, replace=False, p=self.weights)
        of_audio, of_voice = rng.integers(len(self.passes), size=(2, size))
        which = rng.integers(bank.IMITATIONS, size=size)
        audio = np.stack([self.passes[p].audio[i] for p, i in zip(of_audio, chosen, strict=True)])
        voice = np.stack([self.passes[p].voice[i, v] for p, i, v in zip(of_voice, chosen, which, strict=True)])
        teacher = np.stack([self.passes[p].teacher[i] for p, i in zip(of_audio, chosen, strict=True)]).astype(np.float32)
        words = [self.index[self.captions[i][rng.integers(len(self.captions[i]))]] for i in chosen]
        mask = self.text_mask[words]
        longest = int(mask.sum(dim=1).max())
        labels = torch.from_numpy(self.labels[chosen])
        matched, named = (soft_targets(labels, share) for share in (0.6, 0.0))
        kinds = functional.one_hot(labels, int(self.labels.max()) + 1).float()
        batch = Batch(
            _masked(torch.from_numpy(audio).float(), rng), _masked(torch.from_numpy(voice).float(), rng), self.text[words][:, :longest], mask[:, :longest],
            matched, named, kinds, kinds, torch.from_numpy((teacher - self.teacher_mean) / self.teacher_std),
        )
        return mixed(batch, self.features, torch.from_numpy(rng.uniform(-12, 12, size)).float()) if rng.random() < mix else batch


def kinds_of(rows: list[Row]) -> list[str]:
    """The K different labels of the rows."""
    return sorted({row.label for row in rows})


def _weights(rows: list[Row], labels: np.ndarray, shares: dict[str, float]) -> np.ndarray:
    """Chance of each row (R,): each collection its share, and within it rarer kinds more than their number."""
    weights = 1 / np.sqrt(np.bincount(labels)[labels])
    collections = np.array([row.label.split("/")[0] for row in rows])
    for name in set(collections):
        weights[collections == name] *= shares.get(name, 1.0) / weights[collections == name].sum()
    return weights / weights.sum()


def losses(net: Trained, batch: Batch, stage: Stage) -> dict[str, Tensor]:
    """The stage's named losses, unweighted."""
    model, wanted = net.model, stage.losses
    sound = model.audio(batch.audio)
    audio = functional.normalize(model.audio_projection(sound.mean(dim=1)), dim=-1)
    voice = model.voice(batch.voice) if any("voice" in name or "query" in name for name in wanted) else None
    queries = {
        "query/audio": lambda: model.fuse(batch.text, batch.text_mask, voice),
        "voice/audio": lambda: model.fuse(None, None, voice),
        "text/audio": lambda: model.fuse(batch.text, batch.text_mask, None),
    }
    found = {}
    for name in queries.keys() & wanted.keys():
        targets = batch.words_targets if name == "text/audio" else batch.targets
        found[name] = contrastive(model.query_vectors(queries[name]()), audio, model.log_temperature, targets)
    for tower, states, kinds in (("audio", sound, batch.audio_kinds), ("voice", voice, batch.voice_kinds)):
        if f"teacher/{tower}" in wanted:
            found[f"teacher/{tower}"] = 1 - functional.cosine_similarity(net.teacher[tower](states.mean(dim=1)), batch.teacher).mean()
        if f"kind/{tower}" in wanted:
            found[f"kind/{tower}"] = functional.cross_entropy(net.kinds[tower](states.mean(dim=1)), kinds)
    return found


def train_step(state: State, batch: Batch, stage: Stage, precision: str = "float32") -> dict[str, float]:
    """One update; returns the losses. Raises FloatingPointError for a loss that is not a number."""
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        found = losses(state.net, batch, stage)
    total = sum(stage.losses[name] * value for name, value in found.items())
    if not torch.isfinite(total):
        raise FloatingPointError(f"stage {stage.name}, step {state.step}: loss is {total.item()}; lower the learning rate and resume")
    state.optimizer.zero_grad()
    total.backward()
    nn.utils.clip_grad_norm_([p for p in state.net.parameters() if p.requires_grad], 1.0)
    for group in state.optimizer.param_groups:
        group["lr"] = stage.learning_rate * _schedule(state.step / stage.steps)
    state.optimizer.step()
    state.ema.update_parameters(state.net)
    return {name: value.item() for name, value in found.items()}


def run(config_path: str | Path, progress: Progress = silent) -> Path:
    """Train a recipe to its end, from where it stands; returns the model's folder."""
    recipe = Recipe.load(Path(config_path))
    rows = rows_of(recipe)
    bank.build(rows, recipe.run / "bank", recipe.passes, recipe.model.features, recipe.yamnet, recipe.seed, progress, os.cpu_count() or 1)
    return fit(recipe, rows, progress)


def fit(recipe: Recipe, rows: list[Row], progress: Progress = silent) -> Path:
    """The stages of a recipe on the passes that are there; writes a checkpoint now and then and the model at the end."""
    torch.manual_seed(recipe.seed)
    model = Clvap(recipe.model)
    if recipe.start:
        model.load_state_dict(Clvap.from_folder(recipe.start).state_dict())
    else:
        model.text.load_state_dict(load_file(recipe.text / "text.safetensors"))
    model = model.to(memory_format=torch.channels_last)  # what the processor's convolutions like best
    state = _resumed(_fresh(Trained(model, len(kinds_of(rows))), recipe, 0), recipe)
    data = Data(rows, recipe, model)
    while state.stage < len(recipe.stages):
        _run_stage(state, recipe, data, progress)
        state.net.load_state_dict(state.ema.module.state_dict())  # what a later stage freezes is what ships
        state = _fresh(state.net, recipe, state.stage + 1, state.ema)
    export(state.ema.module.model, recipe)
    manifests.write_credits(rows, recipe.out / "credits.csv")
    return recipe.out


def export(model: Clvap, recipe: Recipe) -> None:
    """Write the averaged weights and the tokenizer as a model folder."""
    model.save(recipe.out)
    load_tokenizer(recipe.text).save_pretrained(str(recipe.out))
    for name in ("vocab.json", "merges.txt"):
        (recipe.out / name).write_bytes((recipe.text / name).read_bytes())


def _run_stage(state: State, recipe: Recipe, data: Data, progress: Progress) -> None:
    stage = recipe.stages[state.stage]
    if state.step == 0 and stage.copy_audio_to_voice:
        for net in (state.net, state.ema.module):
            net.model.voice.load_state_dict(net.model.audio.state_dict())
            for heads in (net.teacher, net.kinds):
                heads["voice"].load_state_dict(heads["audio"].state_dict())
    state.net.train()
    for part in state.net.modules():
        if not any(p.requires_grad for p in part.parameters()):
            part.eval()  # what is frozen keeps its batch statistics and drops nothing
    started, total = time.time(), {}
    while state.step < stage.steps:
        torch.manual_seed(recipe.seed + 1_000_003 * state.stage + state.step)  # dropout, too, depends on the step alone
        found = train_step(state, data.batch(state.stage, state.step, stage.batch_size, stage.mix), stage, recipe.precision)
        state.step += 1
        total = {name: 0.95 * total.get(name, value) + 0.05 * value for name, value in found.items()}
        if state.step % recipe.log_every == 0:
            _log(recipe.run / "log.csv", stage.name, state.step, total)
            summary = ", ".join(f"{name} {value:.3f}" for name, value in total.items())
            progress(state.step, stage.steps, f"{stage.name}: {summary}, {(time.time() - started):.0f} s")
        if state.step % recipe.checkpoint_every == 0 or state.step == stage.steps:
            _checkpoint(state, recipe)


def _fresh(net: Trained, recipe: Recipe, stage: int, ema: AveragedModel | None = None) -> State:
    """A state at the start of a stage, with only its trainable parts thawed."""
    names = recipe.stages[min(stage, len(recipe.stages) - 1)].trainable
    for name, parameter in net.named_parameters():
        parameter.requires_grad = any(name.removeprefix("model.").startswith(f"{prefix}.") or name.removeprefix("model.") == prefix for prefix in names)
    ema = ema or AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema))
    thawed = [p for p in net.parameters() if p.requires_grad]
    return State(net, ema, torch.optim.AdamW(thawed, lr=1e-3, weight_decay=0.05), stage, 0)


def _checkpoint(state: State, recipe: Recipe) -> None:
    recipe.run.mkdir(parents=True, exist_ok=True)
    partial = recipe.run / "checkpoint.partial"
    saved = {"net": state.net.state_dict(), "ema": state.ema.state_dict(), "optimizer": state.optimizer.state_dict()}
    torch.save({**saved, "stage": state.stage, "step": state.step}, partial)
    partial.replace(recipe.run / "checkpoint.pt")


def _resumed(state: State, recipe: Recipe) -> State:
    """The state of the run's checkpoint, or `state` where there is none."""
    path = recipe.run / "checkpoint.pt"
    if not path.exists():
        return state
    saved = torch.load(path, weights_only=True)
    state = _fresh(state.net, recipe, saved["stage"], state.ema)
    state.net.load_state_dict(saved["net"])
    state.ema.load_state_dict(saved["ema"])
    state.optimizer.load_state_dict(saved["optimizer"])
    state.step = saved["step"]
    return state


def _schedule(done: float, warm_up: float = 0.05) -> float:
    """Linear warm-up, cosine to a twentieth."""
    return done / warm_up + 0.01 if done < warm_up else 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up)))


def _masked(log_mel: Tensor, rng: np.random.Generator) -> Tensor:
    """(B, F, M) heard again: another level, other tone controls (Nam et al. 2021, arXiv:2110.03282), a little later, parts missing (SpecAugment,
    Park et al. 2019, arXiv:1904.08779)."""
    bands = np.arange(log_mel.shape[2])
    for spectrum in log_mel:
        knots = np.linspace(0, log_mel.shape[2] - 1, int(rng.integers(3, 6)))
        heard = spectrum > -1.0
        spectrum += torch.from_numpy(np.interp(bands, knots, rng.uniform(-0.15, 0.15, len(knots)))).float() * heard
        spectrum.copy_(spectrum.roll(int(rng.integers(0, 32)), dims=0))
        for axis, widest in ((0, 40), (1, 10)):
            width = int(rng.integers(0, widest))
            start = int(rng.integers(0, spectrum.shape[axis] - width))
            spectrum.narrow(axis, start, width).fill_(-1.0)
    return log_mel.clamp_(min=-1.0)


def _log(path: Path, stage: str, step: int, values: dict[str, float]) -> None:
    new = not path.exists()
    with open(path, "a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(["stage", "step", "loss", "value"])
        writer.writerows([stage, step, name, f"{value:.5f}"] for name, value in values.items())


def print_progress(done: int, total: int, what: str = "") -> None:
    """Progress to standard error, a line each."""
    print(f"{done}/{total} {what}", file=sys.stderr, flush=True)
