"""`python -m clvap COMMAND`: the library and the model without the page. One result on standard output, everything else on standard error."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from clvap.console import Parser, Spoken, answer
from clvap.workspace import default_workspace, library_folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code: 0 when it worked, 2 for bad input, 130 when stopped from the keyboard."""
    parsed = _parser().parse_args(arguments)
    return answer("clvap", lambda: parsed.run(parsed), _expected_errors, quiet=parsed.run in (index, search))


def index(parsed: argparse.Namespace) -> str:
    """Bring the library up to date with a folder."""
    from clvap.library import Library

    library = Library.open(library_folder(parsed.workspace), _embedder(parsed))
    report = library.index(parsed.folder, Spoken())
    if parsed.json:
        skipped = [{"path": one.path, "reason": one.reason} for one in report.skipped]
        return _json(indexed=report.indexed, unchanged=report.unchanged, skipped=skipped, seconds=round(report.seconds, 3))
    lines = [f"{one.path}: {one.reason}" for one in report.skipped]
    summary = f"{report.indexed} indexed, {report.unchanged} unchanged, {len(report.skipped)} skipped, {report.removed} removed"
    return "\n".join([*lines, f"{summary} in {report.seconds:.1f} s; the library holds {library.count()} sounds"])


def search(parsed: argparse.Namespace) -> str:
    """Find sounds of the library by a voice, by words, or by both."""
    from clvap import audio
    from clvap.library import Library, LibraryError, Weights

    if parsed.voice is None and not (parsed.text or "").strip():
        raise LibraryError("nothing to search for; give --voice FILE, --text WORDS, or both")
    if parsed.voice is not None:
        audio.read_gesture(parsed.voice)  # a recording that cannot be used is told before the model is loaded
    if not Library.open(library_folder(parsed.workspace)).count():
        raise LibraryError(f"the library in {parsed.workspace} is empty; fill it with: python -m clvap index DIR --workspace {parsed.workspace}")
    library = Library.open(library_folder(parsed.workspace), _embedder(parsed))
    query = library.embedder.query(voice=parsed.voice, text=parsed.text, balance=parsed.balance)
    matches = library.search(query, parsed.k, Weights.of(query, parsed.balance))
    if parsed.json:
        return _json(
            matches=[
                {"path": str(one.path), "score": round(one.score, 4), "caption": one.caption, "duration_s": round(one.duration_s, 3)}
                for one in matches
            ]
        )
    return "\n".join(f"{one.score:.3f}  {one.duration_s:7.2f} s  {one.path}  ({one.caption})" for one in matches)


def models(parsed: argparse.Namespace) -> str:
    """Name the models that came with the project."""
    from clvap import checkpoints

    names = checkpoints.shipped()
    return _json(models=names) if parsed.json else "\n".join(names)


def distill_text(parsed: argparse.Namespace) -> None:
    """Distil a text tower by a recipe."""
    from clvap import distill_text as distillation

    distillation.run(distillation.TextDistillation.load(parsed.config))


def train(parsed: argparse.Namespace) -> None:
    """Train a model by a recipe."""
    import clvap.train

    clvap.train.run(parsed.config, Spoken())


def evaluate(parsed: argparse.Namespace) -> str | None:
    """Measure a model by a recipe."""
    import clvap.evaluate

    return clvap.evaluate.run(parsed.config, json_output=parsed.json)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m clvap", description="Find sounds of your own library by imitating them and by words.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(run, *, workspace: bool = False, as_json: bool = True) -> argparse.ArgumentParser:
        added = commands.add_parser(run.__name__.replace("_", "-"), help=run.__doc__, description=run.__doc__)
        added.set_defaults(run=run)
        if workspace:
            added.add_argument("--workspace", type=Path, default=default_workspace(), metavar="DIR", help="where the library lies (%(default)s)")
            added.add_argument("--clvap", metavar="NAME_OR_PATH", help="the model; by default the library's own, or clvap-mini")
            added.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
        if as_json:
            added.add_argument("--json", action="store_true", help="print one JSON object")
        return added

    command(index, workspace=True).add_argument("folder", type=Path, metavar="DIR", help="a folder of sound files")
    searching = command(search, workspace=True)
    searching.add_argument("--voice", type=Path, metavar="FILE", help="a recording of the imitation")
    searching.add_argument("--text", metavar="WORDS", help="what the sound is")
    searching.add_argument("--balance", type=_share, default=0.5, metavar="0..1", help="0 listens to the voice only, 1 to the words only (0.5)")
    searching.add_argument("-k", type=_count, default=20, metavar="N", help="number of sounds (20)")
    for trained in (distill_text, train):
        command(trained, as_json=False).add_argument("config", type=_file, metavar="CONFIG", help="a recipe, such as those in assets/recipes")
    command(evaluate).add_argument("config", type=_file, metavar="CONFIG", help="a recipe, such as those in assets/recipes")
    command(models)
    return parser


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 to 1")
    return value


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return int(text)


def _file(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{text}: no such file")
    return path


def _embedder(parsed: argparse.Namespace):
    """The model asked for; None for the library's own."""
    if parsed.clvap is None and parsed.device == "auto":
        return None
    from clvap import Embedder

    return Embedder.from_pretrained(parsed.clvap or "clvap-mini", parsed.device)


def _expected_errors() -> tuple[type[ValueError], ...]:
    from clvap.audio import AudioError
    from clvap.checkpoints import ModelError, RecipeError
    from clvap.library import LibraryError

    return AudioError, ModelError, LibraryError, RecipeError


def _json(**said: object) -> str:
    return json.dumps(said, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
