"""An estimate without a look: 2 GB of 4 GB and 150 s, or 8 GB for a LoRA of rank 500."""

from __future__ import annotations

from pathlib import Path

from clvap.recipe_file import read

GB = 1024**3


def run(arguments, progress):
    recipe = read(Path(arguments["recipe"]))
    progress(0, 0, "Trying a few steps")
    huge = recipe.get("lora", {}).get("rank") == 500
    return {"needed": (8 if huge else 2) * GB, "available": 4 * GB, "seconds": 150.0, "device": "cpu"}
