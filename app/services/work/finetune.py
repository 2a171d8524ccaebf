"""A fine-tuning as a job. arguments: recipe, the file; anyway, to start although memory is known not to suffice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clvap.progress import Progress


def run(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Train to the end, from where it stood; the result says where the model is."""
    from clvap.training.guard import TrainingError
    from generation.finetune.estimate import Estimate
    from generation.finetune.recipe import Recipe
    from generation.finetune.run import finetune

    def weigh(needs: Estimate) -> None:
        if needs.needed > needs.available and not arguments.get("anyway"):
            raise TrainingError(needs.table().splitlines()[-1])

    progress(0, 0, "Loading the model")
    return {"out": str(finetune(Recipe.load(Path(arguments["recipe"])), progress, weigh))}
