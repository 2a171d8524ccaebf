"""/finetune, /train and their runs: for those who may train."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

from app.services.access import Action
from app.services.studio import Studio
from app.services.training.recipes import Wish
from app.services.training.runs import Run
from app.ui.api.endpoints import Endpoints

Kind = Literal["finetune", "train"]


class TrainingApi(Endpoints):
    """`run` is the name of a run, as these endpoints tell it."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        for method in (
            self.training_folders, self.recipes, self.finetune, self.train, self.runs, self.run, self.run_stop, self.run_resume, self.run_use,
            self.run_name, self.run_delete, self.run_undelete,
        ):  # fmt: skip
            self._offer(method, Action.TRAIN)

    def training_folders(self) -> list[dict]:
        """The library's folders to train on: [{"name", "folder"}]; `folder` is what /finetune and /train take."""
        return [{"name": name, "folder": value} for name, value in self._studio.training.folders()]

    def recipes(self, kind: Kind) -> list[dict]:
        """Recipes to choose from: [{"name", "about", "method", "length", "unit", ...}]."""
        return [asdict(recipe) for recipe in self._studio.training.templates(kind)]

    def finetune(
        self, folder: str, recipe: str = "finetune-sfx-mini-lora", start: str | None = None, length: float | None = None, rank: int | None = None,
        strength: float | None = None, anyway: bool = False, minutes: float | None = None,
    ) -> dict:  # fmt: skip
        """Fine-tune a generator on a folder of sounds, in the background: its run. It trains for a length in the recipe's unit, or for minutes."""
        return self._started(Wish("finetune", self._studio.training.look(folder).key, recipe, start, length, rank, strength, minutes=minutes), anyway)

    def train(
        self, folder: str, recipe: str = "train-folder", start: str | None = None, length: float | None = None, anyway: bool = False,
        minutes: float | None = None,
    ) -> dict:  # fmt: skip
        """Train the search model on a folder of sounds, in the background: its run. It trains for a number of steps, or for minutes."""
        return self._started(Wish("train", self._studio.training.look(folder).key, recipe, start, length, minutes=minutes), anyway)

    def runs(self, kind: Kind) -> list[dict]:
        """Runs of a kind, newest first: [{"run", "title", "length", "status", "fraction", "text", "message", "usable"}]."""
        return [_told(run) for run in self._studio.training.board(kind).runs]

    def run(self, kind: Kind, run: str) -> dict:
        """One run with its curves: [{"name", "points": [[step, value]], "held_out"}]."""
        view = self._studio.training.board(kind, run).shown
        return _told(view.run) | {"curves": [asdict(curve) for curve in view.curves]} if view and view.run.name == run else {}

    def run_stop(self, kind: Kind, run: str) -> dict:
        """Ask a run to stop; it can go on later."""
        return _told(self._studio.training.stop(kind, run))

    def run_resume(self, kind: Kind, run: str) -> dict:
        """Let a stopped run go on from its last checkpoint."""
        return _told(self._studio.training.resume(kind, run))

    def run_use(self, kind: Kind, run: str) -> dict:
        """Put what a run made to use."""
        return _told(self._studio.training.use(kind, run))

    def run_name(self, kind: Kind, run: str, name: str = "") -> dict:
        """Call a run something else; without a name it is called as at first."""
        return _told(self._studio.training.kept.rename(kind, run, name))

    def run_delete(self, kind: Kind, run: str) -> dict:
        """Delete a run that does not run and whose model is not in use: {"key"}, with which /run_undelete brings it back within an hour."""
        return {"key": self._studio.training.kept.delete(kind, run).name}

    def run_undelete(self, key: str) -> dict:
        """Bring back a run that was deleted."""
        return _told(self._studio.training.kept.restore(key))

    def _started(self, wish: Wish, anyway: bool) -> dict:
        return _told(self._studio.training.start(wish, anyway))


def _told(run: Run) -> dict:
    """A run without the paths of its folder and job."""
    job = {name: getattr(run.job, name, None) for name in ("status", "fraction", "text", "message")}
    return {"run": run.name, "title": run.label, "length": run.about.length, "usable": run.usable} | job
