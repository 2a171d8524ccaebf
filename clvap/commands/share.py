"""`python -m clvap card` and `push`: the card of a model folder, and the folder on the hub."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def add_card_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="MODEL_FOLDER")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="what python -m clvap evaluate RECIPE --json printed")
    parser.add_argument("--recipe", type=Path, action="append", default=[], metavar="FILE", help="a recipe it was trained by; several in their order")
    parser.add_argument("--licence", metavar="NAME", help="of the weights, as the hub writes it; by default from credits.csv, other where that says nothing")
    parser.add_argument("--name", metavar="NAME", help="of the model (the folder's)")
    parser.add_argument("--overwrite", action="store_true", help="also a card that was written by hand")


def add_push_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="MODEL_FOLDER")
    parser.add_argument("repo_id", metavar="REPO_ID", help="OWNER/NAME on the hub")
    parser.add_argument("--private", action="store_true", help="for yourself and your organisation alone")


def card(parsed: argparse.Namespace) -> str:
    """Write the card of a model: what it is, its data and licences, its figures."""
    from clvap import card as cards

    facts = cards.gather(parsed.folder, parsed.figures, parsed.recipe, parsed.licence, parsed.name)
    path = str(cards.write(parsed.folder, facts, parsed.overwrite))
    return json.dumps({"card": path}) if parsed.json else path


def push(parsed: argparse.Namespace) -> str:
    """Publish a model folder on the hub; the token comes from HF_TOKEN or `hf auth login`."""
    from clvap import hub

    address = hub.push(parsed.folder, parsed.repo_id, parsed.private)
    return json.dumps({"url": address}) if parsed.json else address
