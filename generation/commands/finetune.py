"""`python -m generation finetune`: a model made one's own with a folder of sounds."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from clvap.console import Spoken


def finetune(parsed: argparse.Namespace) -> str:
    """Run a fine-tuning recipe, resuming where it stopped, or say what it will need."""
    from generation.finetune.recipe import Recipe

    recipe = Recipe.load(parsed.recipe)
    given = {"folder": parsed.folder, "run": parsed.run_folder, "out": parsed.out}
    recipe = replace(recipe, **{name: path for name, path in given.items() if path is not None})

    from generation.finetune import run

    return run.estimated(recipe).table() if parsed.estimate else f"written to {run.finetune(recipe, Spoken())}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--estimate", action="store_true", help="only measure what the run will need: memory and time")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="folder of sounds, instead of the recipe's")
    parser.add_argument("--run", dest="run_folder", type=Path, metavar="DIR", help="folder of checkpoints and log, instead of the recipe's")
    parser.add_argument("--out", type=Path, metavar="PATH", help="what to write, instead of the recipe's")
