"""`python -m generation generate`: takes from a voice, words, or both."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from clvap.console import Spoken
from clvap.workspace import default_workspace

if TYPE_CHECKING:
    from clvap import Embedder
    from clvap.audio import Clip
    from generation.request import Ground, Take

_WITHOUT_VOICE_S = 3.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--voice", type=Path, metavar="FILE", help="recorded imitation")
    parser.add_argument("--gesture", type=int, metavar="N", help="use the Nth gesture of the recording alone, as `python -m clvap gestures` lists them")
    parser.add_argument("--text", metavar="WORDS")
    parser.add_argument("--negative", metavar="WORDS", help="what to stay away from")
    parser.add_argument("--balance", type=share, default=0.5, metavar="0..1", help="0 is voice only, 1 is words only (default 0.5)")
    parser.add_argument("--follow", type=amounts, default={}, metavar="NAME=0..1,...", help="how far loudness, brightness and pitch of the voice count (1)")
    parser.add_argument("--seconds", type=float, help="length of a take (default: that of the voice, 3 without)")
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="where in the sound a take begins, for models that know (0)")
    parser.add_argument("--variations", type=int, default=4)
    parser.add_argument("--best-of", type=int, metavar="N", help="make N for each take and keep the best (default: the model's own, 1 with --seed)")
    parser.add_argument("--seed", type=int, help="the same seed gives the same takes")
    parser.add_argument("--start-from", type=Path, metavar="FILE", help="a sound to start from")
    parser.add_argument("--strength", type=share, default=0.5, metavar="0..1", help="how much of it stays (default 0.5)")
    parser.add_argument("--inpaint", type=span, metavar="FROM:TO", help="make only this span, in seconds, of the sound of --start-from anew")
    parser.add_argument("--ground", type=file_and_number, metavar="FILE[:0..1]", help="a sound under the first take, performed to the voice, and its strength")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--guidance", type=float)
    parser.add_argument("--sampler", help="one the model has; a wrong one lists them")
    parser.add_argument("--adapter", type=Path, metavar="FILE", help="CLVAP adapter for a published model (default: adapter.safetensors in its folder)")
    parser.add_argument("--adapter-strength", type=share, default=1.0, metavar="0..1", help="(default 1)")
    parser.add_argument("--lora", type=file_and_number, action="append", default=[], metavar="FILE[:STRENGTH]", help="may be given several times")
    parser.add_argument("--text-encoder", type=Path, metavar="DIR", help="T5 for a published model (default: beside it, or from the hub)")
    parser.add_argument("--compile", action="store_true", help="on a CUDA card; helps where many takes of one length are made")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the takes go (default: takes in the workspace)")
    parser.add_argument("--workspace", type=Path, default=default_workspace(), metavar="DIR")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")


def generate(parsed: argparse.Namespace) -> str:
    """Make takes and write them as WAV files."""
    from clvap import audio
    from generation.request import MIN_SECONDS, Follow, Inpaint, RequestError

    text = (parsed.text or "").strip() or None
    if parsed.voice is None and (text is None or parsed.gesture is not None):
        raise RequestError("nothing to make; give --voice FILE, --text WORDS, or both" if text is None else "--gesture needs a recording; give --voice FILE")
    if parsed.inpaint is not None and parsed.start_from is None:
        raise RequestError("--inpaint needs the sound it is a span of; give --start-from FILE")
    voice = None if parsed.voice is None else audio.read_gesture(parsed.voice)
    if parsed.start_from is not None:
        audio.info(parsed.start_from)  # a sound that cannot be read is told before the models are loaded

    from clvap import Embedder
    from generation import GenerateRequest, Generator
    from generation.extras import Extras

    embedder = Embedder.from_pretrained(parsed.clvap, parsed.device)
    loras = {path: 1.0 if strength is None else strength for path, strength in parsed.lora}
    generator = Generator.from_pretrained(parsed.generator, parsed.device, embedder, Extras(parsed.adapter, loras, parsed.text_encoder, parsed.compile))
    start_from = None if parsed.start_from is None else audio.read(parsed.start_from, generator.max_seconds)
    inpaint = None if parsed.inpaint is None else Inpaint(start_from, *parsed.inpaint)
    if parsed.gesture is not None:
        voice = _one_gesture(parsed.voice, embedder, parsed.gesture)
    seconds = parsed.seconds
    if seconds is None:
        length_s = _WITHOUT_VOICE_S if voice is None else voice.duration_s
        seconds = min(max(length_s if inpaint is None else start_from.duration_s, MIN_SECONDS), generator.max_seconds)
    query = embedder.query(voice, text, parsed.balance)
    request = GenerateRequest(
        query,
        seconds,
        parsed.variations,
        parsed.seed,
        start_from if inpaint is None else None,
        parsed.strength,
        parsed.steps,
        parsed.guidance,
        sampler=parsed.sampler,
        negative=parsed.negative,
        follow=Follow(**parsed.follow),
        seconds_start=parsed.start,
        inpaint=inpaint,
        ground=None if parsed.ground is None else _ground(parsed.ground, query.contours),
        best_of=parsed.best_of,
        adapter_strength=parsed.adapter_strength,
    )
    folder = parsed.out or parsed.workspace / "takes"
    paths: dict[int, Path] = {}

    def keep(take: Take) -> None:
        paths[take.seed] = audio.write(folder / f"take-{take.seed}.wav", take.clip)

    takes = generator.generate(request, Spoken(), keep)
    if parsed.json:
        return json.dumps({"takes": [_row(take, paths[take.seed]) for take in takes]})
    return "\n".join(f"{take.score:6.3f}  {paths[take.seed]}{f'  from {take.parent}' if take.parent else ''}" for take in takes)


def _row(take: Take, path: Path) -> dict[str, object]:
    return {"path": str(path), "score": round(take.score, 4), "seed": take.seed, "seconds": round(take.seconds, 3), "parent": take.parent}


def _ground(given: tuple[Path, float | None], gesture) -> Ground:
    """The file as a ground, performed to the gesture where there is one."""
    from clvap import audio
    from generation.perform import perform
    from generation.request import GROUND_STRENGTH, Ground

    path, strength = given
    clip = audio.read(path)
    return Ground(clip if gesture is None else perform(clip, gesture), path.name, GROUND_STRENGTH if strength is None else strength)


def _one_gesture(recording: Path, embedder: Embedder, number: int) -> Clip:
    from clvap import activity, audio

    one = activity.pick(embedder.gestures(recording), number, recording.name)
    return audio.gesture(audio.read(recording).cut(one.start_s, one.end_s), recording.name)


def share(text: str) -> float:
    """A number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is outside 0 to 1")
    return value


def amounts(text: str) -> dict[str, float]:
    """`loudness=0.5,pitch=0` as numbers by name."""
    from dataclasses import fields

    from generation.request import Follow

    names = [one.name for one in fields(Follow)]
    given = dict(part.partition("=")[::2] for part in text.split(","))
    if not given.keys() <= set(names) or not all(given.values()):
        raise argparse.ArgumentTypeError(f"{text}: write NAME=AMOUNT with names of {', '.join(names)}")
    return {name: share(amount) for name, amount in given.items()}


def span(text: str) -> tuple[float, float]:
    """`0.4:1.2` as two times in seconds."""
    start, _, end = text.partition(":")
    try:
        return float(start), float(end)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text}: write a span as FROM:TO in seconds, such as 0.4:1.2") from error


def file_and_number(text: str) -> tuple[Path, float | None]:
    """`FILE` or `FILE:0.7`; a colon inside a file's name is left alone."""
    name, _, number = text.rpartition(":")
    try:
        return (Path(name), float(number)) if name else (Path(text), None)
    except ValueError:
        return Path(text), None
