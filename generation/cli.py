"""The generator without the page: `python -m generation`. One result on standard output, everything else on standard error."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from clvap.console import Parser, Spoken, answer
from clvap.workspace import default_workspace


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code: 0 when it worked, 2 for bad input, 130 when stopped from the keyboard."""
    parsed = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO if parsed.run in (train, export, evaluate) else logging.WARNING, stream=sys.stderr, format="%(message)s")
    return answer("generation", lambda: parsed.run(parsed), _expected)


def generate(parsed: argparse.Namespace) -> str:
    """Make takes and write them as WAV files."""
    from clvap import audio
    from generation.request import MIN_SECONDS, RequestError

    text = (parsed.text or "").strip() or None
    if parsed.voice is None and text is None:
        raise RequestError("nothing to make; give --voice FILE, --text WORDS, or both")
    voice = None if parsed.voice is None else audio.read_gesture(parsed.voice)

    from clvap import Embedder
    from generation import GenerateRequest, Generator

    embedder = Embedder.from_pretrained(parsed.clvap, parsed.device)
    generator = Generator.from_pretrained(parsed.generator, parsed.device, embedder)
    seconds = parsed.seconds
    if seconds is None:
        seconds = 3.0 if voice is None else min(max(voice.duration_s, MIN_SECONDS), generator.max_seconds)
    start_from = None if parsed.start_from is None else audio.read(parsed.start_from, generator.max_seconds)
    request = GenerateRequest(
        embedder.query(voice, text, parsed.balance), seconds, parsed.variations, parsed.seed, start_from, parsed.strength, parsed.steps, parsed.guidance
    )
    folder = parsed.out or parsed.workspace / "takes"
    paths: dict[int, Path] = {}

    def keep(take) -> None:
        paths[take.seed] = audio.write(folder / f"take-{take.seed}.wav", take.clip)

    takes = generator.generate(request, Spoken(), keep)
    if parsed.json:
        rows = [{"path": str(paths[t.seed]), "score": round(t.score, 4), "seed": t.seed, "seconds": round(t.seconds, 3)} for t in takes]
        return json.dumps({"takes": rows})
    return "\n".join(f"{take.score:6.3f}  {paths[take.seed]}" for take in takes)


def models(parsed: argparse.Namespace) -> str:
    """What can be asked for by name."""
    from clvap.checkpoints import shipped
    from generation.checkpoints import CARDS

    here = set(shipped())
    if parsed.json:
        rows = [{"name": c.name, "about": c.about, "licence": c.licence, "page": c.page, "ships": c.name in here} for c in CARDS]
        return json.dumps({"models": rows})
    return "\n".join(f"{c.name:24} {'ships' if c.name in here else 'to download':12} {c.about} ({c.licence}; {c.page})" for c in CARDS)


def train(parsed: argparse.Namespace) -> str:
    """Run a training recipe, resuming where it stopped."""
    from generation.recipes import run

    return f"written to {run(parsed.recipe)}"


def export(parsed: argparse.Namespace) -> str:
    """Write the newest checkpoint of a recipe as a model folder."""
    from generation.recipes import write_model

    return f"written to {write_model(parsed.recipe)}"


def evaluate(parsed: argparse.Namespace) -> str:
    """Measure a generator; a table on standard error, JSON on standard output."""
    from generation.evaluate import Evaluation, run

    result = run(Evaluation(parsed.data, parsed.generator, parsed.clvap, parsed.gestures, parsed.seed, parsed.sheet))
    if parsed.out is not None:
        parsed.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return json.dumps(result)


def _expected() -> tuple[type[Exception], ...]:
    """Errors whose message is for the user."""
    from clvap.audio import AudioError
    from clvap.checkpoints import ModelError
    from generation.request import RequestError

    return AudioError, ModelError, RequestError, FileNotFoundError


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is outside 0 to 1")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m generation", description="New sounds from a voice, words, or both.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    make = commands.add_parser("generate", help="make takes")
    make.set_defaults(run=generate)
    make.add_argument("--voice", type=Path, metavar="FILE", help="recorded imitation")
    make.add_argument("--text", metavar="WORDS")
    make.add_argument("--balance", type=_share, default=0.5, metavar="0..1", help="0 is voice only, 1 is words only (default 0.5)")
    make.add_argument("--seconds", type=float, help="length of a take (default: that of the voice, 3 without)")
    make.add_argument("--variations", type=int, default=4)
    make.add_argument("--seed", type=int, help="the same seed gives the same takes")
    make.add_argument("--start-from", type=Path, metavar="FILE", help="a sound to start from")
    make.add_argument("--strength", type=_share, default=0.5, help="how much of it stays, 0 to 1 (default 0.5)")
    make.add_argument("--steps", type=int)
    make.add_argument("--guidance", type=float)
    make.add_argument("--out", type=Path, metavar="DIR", help="where the takes go (default: takes in the workspace)")
    make.add_argument("--workspace", type=Path, default=default_workspace(), metavar="DIR")
    make.add_argument("--json", action="store_true", help="one JSON object on standard output")
    listed = commands.add_parser("models", help="what can be asked for by name")
    listed.set_defaults(run=models)
    listed.add_argument("--json", action="store_true")
    for name, action, about in (("train", train, "run a training recipe"), ("export", export, "write the newest checkpoint of a recipe as a model")):
        command = commands.add_parser(name, help=about)
        command.set_defaults(run=action)
        command.add_argument("recipe", type=Path)
    judged = commands.add_parser("evaluate", help="measure a generator on gestures and words it was not trained on")
    judged.set_defaults(run=evaluate)
    judged.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with esc50 and yamnet")
    judged.add_argument("--gestures", type=int, default=2, help="gestures a class (default 2)")
    judged.add_argument("--seed", type=int, default=0)
    judged.add_argument("--out", type=Path, metavar="FILE", help="also write the JSON here")
    judged.add_argument("--sheet", type=Path, metavar="FILE", help="also draw spectrograms of real, rebuilt and made sound (PNG)")
    for command in (make, judged):
        command.add_argument("--generator", default="sfx-mini", metavar="NAME_OR_PATH")
        command.add_argument("--clvap", default="clvap-mini", metavar="NAME_OR_PATH")
        command.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    return parser
