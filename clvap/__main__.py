"""`python -m clvap COMMAND`: the library and the model without the page. One result on standard output, everything else on standard error."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from clvap.commands.augment import add_arguments as add_augment_arguments
from clvap.commands.augment import augment
from clvap.commands.caption import add_arguments as add_caption_arguments
from clvap.commands.caption import caption
from clvap.commands.from_clap import add_arguments as add_from_clap_arguments
from clvap.commands.from_clap import from_clap
from clvap.commands.live import add_arguments as add_live_arguments
from clvap.commands.live import live
from clvap.commands.manifest import add_arguments as add_manifest_arguments
from clvap.commands.manifest import manifest
from clvap.commands.record import add_arguments as add_record_arguments
from clvap.commands.record import record
from clvap.commands.share import add_card_arguments, add_push_arguments, card, push
from clvap.console import Parser, Spoken, answer
from clvap.workspace import default_workspace, library_folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code: 0 when it worked, 2 for bad input, 130 when stopped from the keyboard."""
    parsed = _parser().parse_args(arguments)
    return answer("clvap", lambda: parsed.run(parsed), _expected_errors, quiet=parsed.run in (index, search, gestures, manifest, augment, live))


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
    if parsed.gesture is not None and parsed.voice is None:
        raise LibraryError("--gesture chooses one of a recording's gestures; give the recording with --voice FILE")
    if parsed.voice is not None:
        audio.read_gesture(parsed.voice)  # a recording that cannot be used is told before the model is loaded
    if not Library.open(library_folder(parsed.workspace)).count():
        raise LibraryError(f"the library in {parsed.workspace} is empty; fill it with: python -m clvap index DIR --workspace {parsed.workspace}")
    library = Library.open(library_folder(parsed.workspace), _embedder(parsed))
    voice = parsed.voice if parsed.gesture is None else _cut(parsed.voice, library.embedder, parsed.gesture)
    query = library.embedder.query(voice=voice, text=parsed.text, balance=parsed.balance)
    matches = library.search(query, parsed.k, Weights.of(query, parsed.balance))
    if parsed.json:
        return _json(
            matches=[
                {"path": str(one.path), "score": round(one.score, 4), "caption": one.caption, "duration_s": round(one.duration_s, 3)}
                for one in matches
            ]
        )
    return "\n".join(f"{one.score:.3f}  {one.duration_s:7.2f} s  {one.path}  ({one.caption})" for one in matches)


def gestures(parsed: argparse.Namespace) -> str:
    """List the gestures of a recording, with their times."""
    from clvap import audio

    audio.read_gesture(parsed.file)  # a recording that cannot be used is told before the model is loaded
    from clvap import Embedder

    found = Embedder.from_pretrained(parsed.clvap, parsed.device).gestures(parsed.file)
    if parsed.json:
        return _json(
            gestures=[
                {"number": number, "start_s": round(one.start_s, 3), "end_s": round(one.end_s, 3), "strength": round(one.strength, 3), "label": one.label}
                for number, one in enumerate(found, 1)
            ]
        )
    lines = (f"{number}  {one.start_s:6.2f} to {one.end_s:6.2f} s  {one.label or ''}".rstrip() for number, one in enumerate(found, 1))
    return "\n".join(lines) or "no gesture stands out; the recording is used as a whole"


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

    return clvap.evaluate.run(parsed.config, json_output=parsed.json, model=parsed.model)


def compare(parsed: argparse.Namespace) -> str:
    """Train and measure several recipes and set them side by side."""
    import clvap.compare

    return str(clvap.compare.run(parsed.config, Spoken()))


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
    searching.add_argument("--gesture", type=_count, metavar="N", help="use the Nth gesture of the recording alone, as `gestures` lists them")
    searching.add_argument("--text", metavar="WORDS", help="what the sound is")
    searching.add_argument("--balance", type=_share, default=0.5, metavar="0..1", help="0 listens to the voice only, 1 to the words only (0.5)")
    searching.add_argument("-k", type=_count, default=20, metavar="N", help="number of sounds (20)")
    listing = command(gestures)
    listing.add_argument("file", type=_file, metavar="FILE", help="a recording")
    listing.add_argument("--clvap", default="clvap-mini", metavar="NAME_OR_PATH", help="the model that listens (%(default)s)")
    listing.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    for trained in (distill_text, train, compare):
        command(trained, as_json=False).add_argument("config", type=_file, metavar="CONFIG", help="a recipe, such as those in assets/recipes")
    evaluating = command(evaluate)
    evaluating.add_argument("config", type=_file, metavar="CONFIG", help="a recipe, such as those in assets/recipes")
    evaluating.add_argument("--model", metavar="NAME_OR_PATH", help="another model than the recipe's")
    add_manifest_arguments(command(manifest))
    add_augment_arguments(command(augment))
    add_live_arguments(command(live))
    add_record_arguments(command(record))
    add_caption_arguments(command(caption))
    add_from_clap_arguments(command(from_clap))
    add_card_arguments(command(card))
    add_push_arguments(command(push))
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


def _cut(recording: Path, embedder, number: int):
    """One gesture of a recording, as sound."""
    from clvap import activity, audio

    one = activity.pick(embedder.gestures(recording), number, recording.name)
    return audio.read(recording).cut(one.start_s, one.end_s)


def _embedder(parsed: argparse.Namespace):
    """The model asked for; None for the library's own."""
    if parsed.clvap is None and parsed.device == "auto":
        return None
    from clvap import Embedder

    return Embedder.from_pretrained(parsed.clvap or "clvap-mini", parsed.device)


def _expected_errors() -> tuple[type[ValueError], ...]:
    from clvap.audio import AudioError
    from clvap.captions import CaptionError
    from clvap.checkpoints import ModelError, RecipeError
    from clvap.data.effects import AugmentError
    from clvap.data.manifests import ManifestError
    from clvap.library import LibraryError
    from clvap.microphone import MicrophoneError
    from clvap.training.guard import TrainingError

    return AudioError, AugmentError, CaptionError, ManifestError, ModelError, LibraryError, MicrophoneError, RecipeError, TrainingError


def _json(**said: object) -> str:
    return json.dumps(said, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
