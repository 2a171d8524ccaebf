"""The best weights of a training run so far, written as a model, as a job. arguments: kind, finetune or train; recipe, the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clvap.progress import Progress


def run(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Write them; the result says where."""
    progress(0, 0, "Writing the model")
    recipe = Path(arguments["recipe"])
    if arguments["kind"] == "finetune":
        from generation.finetune.job import export
        from generation.finetune.recipe import Recipe

        return {"out": str(export(Recipe.load(recipe)))}
    from clvap.recipe import Recipe as TrainingRecipe
    from clvap.train import export_so_far

    return {"out": str(export_so_far(TrainingRecipe.load(recipe)))}
