"""Which training a recipe asks for."""

from __future__ import annotations

from pathlib import Path

from clvap.recipe_file import read
from generation.finetune.recipe import KINDS, Recipe
from generation.request import RequestError


def run(path: Path) -> Path:
    """Train by a recipe; returns what was written. Raises RequestError for a kind that is not trained from nothing."""
    recipe = read(path)
    if recipe.get("kind") == "autoencoder":
        from generation.train_autoencoder import train
    elif recipe.get("kind") == "diffusion":
        from generation.train_diffusion import train
    elif recipe.get("kind") in KINDS:
        raise RequestError(f"{path}: kind {recipe['kind']} starts from a model; run: python -m generation finetune {path}")
    else:
        raise RequestError(f"{path}: kind {recipe.get('kind')!r} cannot be trained; use autoencoder or diffusion, or a fine-tuning recipe with finetune")
    return train(recipe)


def write_model(path: Path) -> Path:
    """Write what a recipe makes from its newest checkpoint, or its best one where it validates. Raises RequestError for a kind that has no export."""
    recipe = read(path)
    if recipe.get("kind") in KINDS:
        from generation.finetune import job

        return job.export(Recipe.load(path))
    if recipe.get("kind") != "diffusion":
        raise RequestError(f"{path}: only a recipe of kind diffusion, lora, full or adapter can be exported")
    from generation.train_diffusion import export

    return export(recipe)
