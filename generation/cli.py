"""The generator without the page: `python -m generation`. One result on standard output, everything else on standard error."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from clvap.console import Parser, answer
from generation.commands.evaluate import add_arguments as add_evaluate_arguments
from generation.commands.evaluate import evaluate
from generation.commands.finetune import add_arguments as add_finetune_arguments
from generation.commands.finetune import finetune
from generation.commands.generate import add_arguments as add_generate_arguments
from generation.commands.generate import generate
from generation.commands.perform import add_arguments as add_perform_arguments
from generation.commands.perform import perform


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code: 0 when it worked, 2 for bad input, 130 when stopped from the keyboard."""
    parsed = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO if parsed.run in (train, finetune, export, evaluate) else logging.WARNING, stream=sys.stderr, format="%(message)s")
    return answer("generation", lambda: parsed.run(parsed), _expected)


def models(parsed: argparse.Namespace) -> str:
    """What can be asked for by name."""
    from clvap.checkpoints import shipped
    from generation.checkpoints import CARDS

    here = set(shipped())
    if parsed.json:
        return json.dumps({"models": [asdict(one) | {"ships": one.name in here} for one in CARDS]})
    lines = []
    for one in CARDS:
        where = "ships" if one.name in here else "accept its licence, then download" if one.gated else "to download"
        lines.append(f"{one.name:24} {where:34} {one.about}; {one.memory_gb:g} GB of memory ({one.licence}; {one.page})")
    return "\n".join(lines)


def train(parsed: argparse.Namespace) -> str:
    """Run a training recipe, resuming where it stopped."""
    from generation.recipes import run

    return f"written to {run(parsed.recipe)}"


def export(parsed: argparse.Namespace) -> str:
    """Write the newest checkpoint of a recipe as a model folder."""
    from generation.recipes import write_model

    return f"written to {write_model(parsed.recipe)}"


def _expected() -> tuple[type[Exception], ...]:
    """Errors whose message is for the user."""
    from clvap.audio import AudioError
    from clvap.checkpoints import ModelError, RecipeError
    from clvap.data.rows import ManifestError
    from clvap.training.guard import TrainingError
    from generation.request import RequestError

    return AudioError, ManifestError, ModelError, RecipeError, RequestError, TrainingError, FileNotFoundError


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m generation", description="New sounds from a voice, words, or both.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    make = commands.add_parser("generate", help="make takes")
    make.set_defaults(run=generate)
    add_generate_arguments(make)
    shaped = commands.add_parser("perform", help="shape a sound to a recorded gesture, without a model")
    shaped.set_defaults(run=perform)
    add_perform_arguments(shaped)
    listed = commands.add_parser("models", help="what can be asked for by name")
    listed.set_defaults(run=models)
    listed.add_argument("--json", action="store_true")
    for name, action, about in (("train", train, "run a training recipe"), ("export", export, "write the newest checkpoint of a recipe as a model")):
        command = commands.add_parser(name, help=about)
        command.set_defaults(run=action)
        command.add_argument("recipe", type=Path)
    tuned = commands.add_parser("finetune", help="fine-tune a model on a folder of sounds")
    tuned.set_defaults(run=finetune)
    add_finetune_arguments(tuned)
    judged = commands.add_parser("evaluate", help="measure a generator on gestures and words it was not trained on")
    judged.set_defaults(run=evaluate)
    add_evaluate_arguments(judged)
    for command in (make, judged):
        command.add_argument("--generator", default="sfx-mini", metavar="NAME_OR_PATH")
        command.add_argument("--clvap", default="clvap-mini", metavar="NAME_OR_PATH")
        command.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    return parser
