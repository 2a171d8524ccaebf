"""What a training run will need, as a job. arguments: kind, finetune or train; recipe, the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clvap.progress import Progress


def run(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Measure a few steps; the result has bytes needed and available, seconds in all, and the device."""
    progress(0, 0, "Trying a few steps")
    recipe = Path(arguments["recipe"])
    return _finetune(recipe) if arguments["kind"] == "finetune" else _train(recipe, progress)


def _finetune(recipe: Path) -> dict[str, Any]:
    from generation.finetune.recipe import Recipe
    from generation.finetune.run import estimated

    needs = estimated(Recipe.load(recipe))
    return {"needed": needs.needed, "available": needs.available, "seconds": needs.step_s * needs.steps, "device": needs.device}


def _train(path: Path, progress: Progress) -> dict[str, Any]:
    from app.services.work.train import listen
    from clvap.recipe import Recipe
    from clvap.train import estimated

    recipe = Recipe.load(path)
    listen(recipe, progress)
    progress(0, 0, "Trying a few steps")
    needs = estimated(recipe)
    return {"needed": needs.needed, "available": needs.available, "seconds": needs.bank_s + needs.training_s, "device": needs.device}
