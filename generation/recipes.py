"""Which training a recipe asks for."""

from __future__ import annotations

from pathlib import Path

from generation.request import RequestError
from generation.train import read_recipe


def run(path: Path) -> Path:
    """Train by a recipe; returns what was written. Raises RequestError for a kind that does not exist."""
    recipe = read_recipe(path)
    if recipe.get("kind") == "autoencoder":
        from generation.train_autoencoder import train
    elif recipe.get("kind") == "diffusion":
        from generation.train_diffusion import train
    else:
        raise RequestError(f"{path}: kind {recipe.get('kind')!r} cannot be trained; use autoencoder or diffusion")
    return train(recipe)


def write_model(path: Path) -> Path:
    """Write the newest checkpoint of a diffusion recipe as a model folder."""
    recipe = read_recipe(path)
    if recipe.get("kind") != "diffusion":
        raise RequestError(f"{path}: only a recipe of kind diffusion becomes a model folder")
    from generation.train_diffusion import export

    return export(recipe)
