"""The curves of a run: log.csv always, TensorBoard, Weights & Biases or trackio when asked."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from clvap.checkpoints import RecipeError

HEADER = ("stage", "step", "loss", "value")


class Mirror(Protocol):
    """Another place that numbers go to."""

    def write(self, step: int, values: dict[str, float]) -> None:
        """Values by name at a step, counted over all stages."""

    def close(self) -> None:
        """No more will come."""


class Log:
    """log.csv, a line a number (stage, step, loss, value), and its mirrors.

    A resumed run cuts the file where its checkpoint stood, so that no line is twice there and none is missing.
    """

    def __init__(self, path: Path, bytes_kept: int, mirrors: list[Mirror]):
        self.path, self.mirrors = path, mirrors
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and 0 <= bytes_kept < path.stat().st_size:
            os.truncate(path, bytes_kept)
        self._file = open(path, "a", newline="", encoding="utf-8")  # noqa: SIM115
        self._writer = csv.writer(self._file)
        if not path.stat().st_size:
            self._writer.writerow(HEADER)

    def write(self, stage: str, step: int, step_of_all: int, values: dict[str, float]) -> None:
        """Values by name at a step of a stage."""
        self._writer.writerows([stage, step, name, f"{value:.5f}"] for name, value in values.items())
        self._file.flush()
        for mirror in self.mirrors:
            mirror.write(step_of_all, {f"{stage}/{name}": value for name, value in values.items()})

    def kept(self) -> int:
        """Length of log.csv in bytes once all lines are on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self.path.stat().st_size

    def close(self) -> None:
        self._file.close()
        for mirror in self.mirrors:
            mirror.close()


class TensorBoard:
    """Event files in RUN/tensorboard."""

    def __init__(self, name: str, folder: Path, step: int):
        require("tensorboard")
        self._writer = import_module("torch.utils.tensorboard").SummaryWriter(str(folder / "tensorboard"), purge_step=step)

    def write(self, step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class Tracker:
    """Weights & Biases, and trackio, which answers to the same calls."""

    def __init__(self, package: str, name: str, **settings: Any):
        self._package = require(package)
        self._package.init(project="clvap", name=name, resume="allow", **settings)

    def write(self, step: int, values: dict[str, float]) -> None:
        self._package.log(values, step=step)

    def close(self) -> None:
        self._package.finish()


LOGGERS: dict[str, Callable[[str, Path, int], Mirror]] = {
    "tensorboard": TensorBoard,
    "wandb": lambda name, folder, step: Tracker("wandb", name, id=name, dir=str(folder)),
    "trackio": lambda name, folder, step: Tracker("trackio", name),
}
"""Makes a mirror from the run's name, its folder, and the first step it will be given: later ones of an earlier start are dropped where that can be."""


def mirrors(loggers: tuple[str, ...], folder: Path, step: int) -> list[Mirror]:
    """The mirrors that a recipe names. Raises RecipeError as `require` does."""
    return [LOGGERS[logger](folder.name, folder, step) for logger in loggers]


def require(package: str) -> Any:
    """A logger's package. Raises RecipeError where it is not installed."""
    try:
        return import_module(package)
    except ImportError as error:
        raise RecipeError(f"loggers: {package} is not installed; run: pip install {package}, or take it out of the recipe") from error
