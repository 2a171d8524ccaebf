"""What a training is at a step, kept on disk so that a kill at any moment costs only the steps since the last checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from clvap.checkpoints import ModelError, RecipeError
from clvap.data.rows import listed
from clvap.encoders.htsat import deepened
from clvap.files import whole
from clvap.model import Clvap
from clvap.recipe import Recipe, Stage

CHECKPOINT = "checkpoint.pt"


@dataclass
class State:
    """Everything that a checkpoint holds.

    smoothed: moving mean of each loss, as logged
    best, best_step, waited: the stage's best validation figure, the step it was found at, and how many looks ago; no step before the first look
    finished: whether the stage has ended, by its steps or early
    log_bytes: length of log.csv at this step, what is behind it is of steps that the checkpoint does not know; negative where no one noted it
    before: steps of the stages before this one
    trained_s: how long this stage was trained, over all starts of the run
    limit_s: how long it is to be trained, None where it has its steps; the recipe's, and in no checkpoint
    """

    net: nn.Module
    ema: AveragedModel
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    stage: int = 0
    step: int = 0
    smoothed: dict[str, float] = field(default_factory=dict)
    best: float = 0.0
    best_step: int = 0
    waited: int = 0
    finished: bool = False
    log_bytes: int = 0
    before: int = 0
    trained_s: float = 0.0
    limit_s: float | None = None

    def done(self, stage: Stage) -> float:
        """How much of the stage is over, 0 to 1.

        By the clock where it has a time, the learning rate included: steps worked out beforehand from the time of a few would end too early or
        too late as soon as the machine has something else to do.
        """
        return self.step / stage.steps if self.limit_s is None else min(self.trained_s / self.limit_s, 1.0)


_PLAIN = ("stage", "step", "smoothed", "best", "best_step", "waited", "finished", "log_bytes", "before", "trained_s")


def fresh(net: nn.Module, recipe: Recipe, stage: int, ema: AveragedModel | None = None) -> State:
    """A state at the start of a stage, with only its trainable parts thawed."""
    asked = recipe.stages[min(stage, len(recipe.stages) - 1)]
    thaw(net, asked)
    ema = ema or AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema))
    thawed = [p for p in net.parameters() if p.requires_grad]
    scaler = torch.amp.GradScaler(thawed[0].device.type, enabled=recipe.precision == "float16")
    return State(net, ema, torch.optim.AdamW(thawed, lr=1e-3, weight_decay=0.05), scaler, stage, limit_s=recipe.seconds(asked))


def thaw(net: nn.Module, stage: Stage) -> None:
    """Let a stage's trainable parts learn and freeze all else. Raises RecipeError for a name that no part has."""
    names = [name.removeprefix("model.") for name, _ in net.named_parameters()]
    parts = {name.removeprefix("model.") for name, _ in net.named_modules()} | set(names)
    for part in (*stage.trainable, *stage.frozen):
        if part not in parts:
            raise RecipeError(f"stage {stage.name}: no part is called {part!r}; choose from {', '.join(sorted({name.split('.')[0] for name in names}))}")
    for name, parameter in zip(names, net.parameters(), strict=True):
        parameter.requires_grad = _within(name, stage.trainable) and not _within(name, stage.frozen)
    if not any(parameter.requires_grad for parameter in net.parameters()):
        raise RecipeError(f"stage {stage.name}: nothing is left to learn; name trainable parts that have weights, and fewer frozen ones")


def set_modes(net: nn.Module) -> None:
    """Training mode for what learns; what is frozen keeps its batch statistics and drops nothing."""
    net.train()
    for part in net.modules():
        parameters = list(part.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            part.eval()


def take_weights(model: Clvap, start: Path, parts: tuple[str, ...]) -> None:
    """Give a model the weights of a model folder, or those of some parts; deeper towers start as if they were not. Raises ModelError naming what does
    not fit."""
    own = model.state_dict()
    given = weights_of(start, own)
    absent = [part for part in parts if not any(_within(key, (part,)) for key in given)]
    taken = {key: value for key, value in given.items() if not parts or _within(key, parts)}
    wrong = [key for key, value in taken.items() if key not in own or own[key].shape != value.shape]
    wrong += absent if parts else [key for key in own if key not in taken]
    if wrong:
        raise ModelError(f"start: {start} does not fit the recipe's model in {listed(wrong)}; give its config as `model`, or name in start_parts what to take")
    model.load_state_dict(own | taken)


def weights_of(start: Path, own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of a model folder by name, as deep as those of a model that starts from it (`own`)."""
    return deepened(Clvap.from_folder(start).state_dict(), own)


def draw_back(model: nn.Module, first: Mapping[str, Tensor], share: float) -> None:
    """Move a model's weights towards `first`, where these are of the same name and shape, by a share of the way: the mean of before and
    after forgets less than what was only trained (WiSE-FT, Wortsman et al. 2022, arXiv:2109.01903)."""
    for name, weight in model.state_dict().items():
        if weight.is_floating_point() and name in first and first[name].shape == weight.shape:
            weight.lerp_(first[name].to(weight), share)


def checkpoint(state: State, folder: Path) -> None:
    """Write everything needed to go on exactly, in one move, so that a kill leaves the last good one."""
    plain = {name: getattr(state, name) for name in _PLAIN}
    parts = {name: getattr(state, name).state_dict() for name in ("net", "ema", "optimizer", "scaler")}
    save(plain | parts, folder / CHECKPOINT)
    for path in folder.glob("best-*.pt"):
        if path != best_file(state, folder):
            path.unlink()


def resumed(state: State, recipe: Recipe, device: str) -> State:
    """The state of the run's checkpoint, or `state` where there is none. Raises ModelError for a checkpoint of another model."""
    path = recipe.run / CHECKPOINT
    if not path.exists():
        return state
    saved = torch.load(path, weights_only=True, map_location=device)
    if saved["stage"] > len(recipe.stages):
        raise ModelError(f"{path} is of a recipe with more stages; delete it to start again, or give the recipe another run folder")
    state = fresh(state.net, recipe, saved["stage"], state.ema)
    try:
        state.net.load_state_dict(saved["net"])
        state.ema.load_state_dict(saved["ema"])
        state.optimizer.load_state_dict(saved["optimizer"])
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"{path} is of another model or other trainable parts; delete it to start again, or give the recipe another run folder") from error
    if saved.get("scaler"):
        state.scaler.load_state_dict(saved["scaler"])
    unnoted = {"log_bytes": -1, "before": sum(stage.steps for stage in recipe.stages[: saved["stage"]])}
    for name, value in (unnoted | {name: saved[name] for name in _PLAIN if name in saved}).items():
        setattr(state, name, value)
    return state


def best_file(state: State, folder: Path) -> Path:
    """Where the averaged weights of the stage's best look lie. Named by step: a checkpoint never meets those of a step it has not reached."""
    return folder / f"best-{state.stage}-{state.best_step}.pt"


def save(values: dict[str, Any], path: Path) -> None:
    """Write a file of tensors and plain values that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as partial:
        torch.save(values, partial)


def _within(name: str, parts: tuple[str, ...]) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in parts)
