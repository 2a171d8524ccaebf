"""Recipes as the page offers them, and one filled in: a YAML file that extends the recipe, so that the same run can be done from the command line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from app.services.errors import RequestError
from app.services.training.packs import Pack
from clvap.files import whole
from clvap.recipe_file import read

_FOLDER = Path(__file__).resolve().parents[3] / "assets" / "recipes"
_NAMES = {
    "finetune": ("finetune-sfx-mini-lora", "finetune-sfx-mini-full", "finetune-lora", "finetune-adapter", "finetune-full"),
    "train": ("train-folder", "train-folder-whole"),
}
_MOST_STEPS, _MOST_MINUTES, _MOST_RANK = 1_000_000, 10_080, 512
_LOOKS, _DEMOS = 8, 4

Kind = Literal["finetune", "train"]


@dataclass(frozen=True)
class Template:
    """A recipe to choose.

    about: one line, the recipe's own
    method: lora, full or adapter; clvap for training CLVAP
    start: the model it starts from, a name or a folder
    length: how long it trains, in `unit`
    rank, strength: of a LoRA, where it is one; strength is what the low-rank product is multiplied with
    """

    name: str
    kind: Kind
    about: str
    method: Literal["lora", "full", "adapter", "clvap"]
    start: str
    length: float
    unit: Literal["steps", "epochs"]
    rank: int | None = None
    strength: float | None = None

    @property
    def path(self) -> Path:
        return _FOLDER / f"{self.name}.yaml"


@dataclass(frozen=True)
class Wish:
    """What somebody filled in; None leaves it to the recipe.

    pack: key of the folder
    template: name of the recipe
    length: in the recipe's unit
    minutes: how long to train, in place of a length
    demos: prompts heard while it trains
    """

    kind: Kind
    pack: str
    template: str
    start: str | None = None
    length: float | None = None
    rank: int | None = None
    strength: float | None = None
    demos: tuple[str, ...] | None = None
    minutes: float | None = None


def templates(kind: Kind) -> tuple[Template, ...]:
    """The recipes for a folder of sounds, the quickest first."""
    return tuple(_template(kind, name) for name in _NAMES[kind])


def template(kind: Kind, name: str) -> Template:
    """A recipe by name. Raises RequestError where there is none."""
    if name not in _NAMES[kind]:
        raise RequestError("Choose one of the recipes.")
    return _template(kind, name)


def filled(wish: Wish, pack: Pack, run: Path, table: Path | None) -> dict[str, Any]:
    """The keys of a recipe for a wish. Raises RequestError for numbers that cannot be.

    table: of the sounds to train CLVAP on, or of the captions that come before the folder's own in a fine-tuning
    """
    chosen = template(wish.kind, wish.template)
    fill = _finetune if wish.kind == "finetune" else _train
    return {"extends": str(chosen.path), "run": str(run)} | fill(wish, chosen, read(chosen.path), pack, run, table)


def length_of(wish: Wish) -> str:
    """How long a wish trains, in words."""
    if wish.minutes is not None:
        return f"{wish.minutes:g} minute{'s' if wish.minutes != 1 else ''}"
    chosen = template(wish.kind, wish.template)
    return f"{chosen.length if wish.length is None else wish.length:g} {chosen.unit}"


def write(values: dict[str, Any], path: Path) -> Path:
    """Write a recipe, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as partial:
        partial.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=150), encoding="utf-8")
    return path


def _finetune(wish: Wish, chosen: Template, values: dict[str, Any], pack: Pack, run: Path, captions: Path | None) -> dict[str, Any]:
    keys: dict[str, Any] = {
        "start": wish.start or chosen.start,
        "folder": str(pack.folder),
        "out": str(run / ("model" if chosen.method == "full" else f"{chosen.method}.safetensors")),
        **(_timed(wish, chosen) or _counted(wish, chosen, values, len(pack.rows))),
    }
    keys.setdefault("demos", {})["prompts"] = list(pack.examples() if wish.demos is None else wish.demos)
    if chosen.method == "lora":
        rank, strength = _rank(wish.rank or chosen.rank), _strength(chosen.strength if wish.strength is None else wish.strength)
        keys["lora"] = {"rank": rank, "alpha": rank * strength}
    return keys if captions is None else keys | {"captions": str(captions)}


def _timed(wish: Wish, chosen: Template) -> dict[str, Any]:
    """Keys of a fine-tuning of minutes, empty for one of a length. It keeps the recipe's rhythm; the training itself quickens that where it is slow."""
    return {} if wish.minutes is None else {"training": {chosen.unit: None, "minutes": _minutes(wish.minutes)}}


def _counted(wish: Wish, chosen: Template, values: dict[str, Any], files: int) -> dict[str, Any]:
    """Keys of a fine-tuning of so many steps or epochs, in a rhythm that shows something of a short one too."""
    training, length = values["training"], _length(wish, chosen)
    a_step = training["batch"] * training.get("accumulate", 1)
    steps = length if chosen.unit == "steps" else max(round(length * files / a_step), 1)
    rhythm = {
        "validate_every": _at_most(training.get("validate_every", 200), steps, _LOOKS),
        "checkpoint_every": _at_most(training.get("checkpoint_every", 100), steps, _LOOKS),
        "log_every": _at_most(training.get("log_every", 10), steps, 5 * _LOOKS),
        "warmup": _at_most(training.get("warmup", 100), steps, 10),
    }
    return {"training": {chosen.unit: length, **rhythm}, "demos": {"every": _at_most(values["demos"].get("every", 500), steps, _DEMOS)}}


def _train(wish: Wish, chosen: Template, values: dict[str, Any], pack: Pack, run: Path, sounds: Path | None) -> dict[str, Any]:
    from clvap.checkpoints import resolve

    share, stages = values["validation"]["share"], values["stages"]
    batch = min(stages[0]["batch_size"], int(len(pack.rows) * (1 - share) * 0.8) // 2 * 2)
    if batch < 4:
        raise RequestError(f"{pack.name} has {len(pack.rows)} sounds; training CLVAP needs at least 8 to tell apart")
    keys = {
        "name": run.name,
        "out": str(run / "model"),
        "start": str(resolve(wish.start or Path(chosen.start).name).absolute()),
        "manifests": [{"path": str(sounds), "name": "folder"}],
        "stages": [{**stage, "batch_size": batch} for stage in stages],
    }
    if wish.minutes is not None:
        return keys | {"minutes": _minutes(wish.minutes)}
    steps, before = _length(wish, chosen), sum(stage["steps"] for stage in stages)
    shares = [max(round(steps * stage["steps"] / before), 1) for stage in stages]
    return keys | {
        "stages": [{**stage, "steps": part} for stage, part in zip(keys["stages"], shares, strict=True)],
        "validation": {"every": _at_most(values["validation"]["every"], min(shares), _LOOKS)},
        "checkpoint_every": _at_most(values["checkpoint_every"], min(shares), _LOOKS),
        "log_every": _at_most(values.get("log_every", 10), min(shares), 5 * _LOOKS),
    }


def _template(kind: Kind, name: str) -> Template:
    path = _FOLDER / f"{name}.yaml"
    values = read(path)
    about = path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ").partition(": python -m")[0].rstrip(".")
    if kind == "train":
        return Template(name, kind, about, "clvap", Path(values["start"]).name, sum(stage["steps"] for stage in values["stages"]), "steps")
    training, lora = values["training"], values.get("lora")
    unit = "epochs" if "epochs" in training else "steps"
    rank, strength = (lora["rank"], lora["alpha"] / lora["rank"]) if values["kind"] == "lora" else (None, None)
    return Template(name, kind, about, values["kind"], values["start"], training[unit], unit, rank, strength)


def _length(wish: Wish, chosen: Template) -> int | float:
    length = chosen.length if wish.length is None else wish.length
    if not math.isfinite(length) or not 0 < length <= _MOST_STEPS:
        raise RequestError(f"{chosen.unit.capitalize()}: give a number from 1 to {_MOST_STEPS:,}")
    return max(int(length), 1) if chosen.unit == "steps" else float(length)


def _minutes(minutes: float) -> float:
    if not 0 < minutes <= _MOST_MINUTES:
        raise RequestError(f"Minutes: give a number over 0, up to {_MOST_MINUTES:,}, which is a week")
    return float(minutes)


def _rank(rank: float) -> int:
    if not 1 <= rank <= _MOST_RANK:
        raise RequestError(f"Rank: give a number from 1 to {_MOST_RANK}")
    return int(rank)


def _strength(strength: float) -> float:
    if not 0 < strength <= 16:
        raise RequestError("Strength: give a number over 0, up to 16; 1 is usual")
    return float(strength)


def _at_most(usual: int, steps: float, parts: int) -> int:
    """The recipe's own rhythm, or a quicker one where a short run would see too little of it."""
    return max(min(usual, int(steps) // parts), 1)
