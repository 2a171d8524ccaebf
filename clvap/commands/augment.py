"""`python -m clvap augment`: variants and imitations of every sound of a manifest or a folder."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from clvap.console import Spoken


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="SOURCE", help="a manifest (CSV or JSON Lines) or a folder of sounds")
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder to make; a run that was stopped goes on there")
    parser.add_argument("--per-sound", type=_number, default=1, metavar="N", help="variants of each sound (%(default)s)")
    parser.add_argument("--imitations", type=_number, default=0, metavar="N", help="imitations of each sound (%(default)s)")
    parser.add_argument("--effects", metavar="A,B,C", help="effects that variants draw from (all); `none` leaves --plugin alone")
    parser.add_argument("--plugin", metavar="PATH", help="a VST3 (on a Mac also AU) effect that every variant goes through; PATH#NAME for one of several")
    parser.add_argument("--plugin-range", action="append", default=[], metavar="NAME=LOW..HIGH", help="where a parameter of it is drawn from (all of all)")
    parser.add_argument("--max-seconds", type=float, default=30.0, metavar="S", help="how much of a longer sound is used (%(default)g)")
    parser.add_argument("--format", choices=("flac", "wav"), default="flac", help="of the files (%(default)s)")
    parser.add_argument("--seed", type=_number, default=0, metavar="N")
    parser.add_argument("--workers", type=_number, default=os.cpu_count() or 1, metavar="N", help="processes (%(default)s); the result is the same")


def augment(parsed: argparse.Namespace) -> str:
    """Make variants and imitations of sounds, with a manifest of them."""
    from clvap.data import augment_batch
    from clvap.data.effects import EFFECTS

    rows, root = _source(parsed.source, parsed.out)
    names = tuple(EFFECTS) if parsed.effects is None else () if parsed.effects == "none" else tuple(part.strip() for part in parsed.effects.split(","))
    settings = augment_batch.Settings(
        effects=names,
        plugin=parsed.plugin,
        plugin_ranges=tuple(a_range(text) for text in parsed.plugin_range),
        max_seconds=parsed.max_seconds,
        seed=parsed.seed,
        format=parsed.format,
    )
    report = augment_batch.run(rows, root, parsed.out, settings, parsed.per_sound, parsed.imitations, parsed.workers, Spoken())
    if parsed.json:
        skipped = [vars(one) for one in report.skipped]
        said = {"made": report.made, "kept": report.kept, "skipped": skipped, "manifest": str(report.manifest), "seconds": round(report.seconds, 3)}
        return json.dumps(said, ensure_ascii=False)
    for one in report.skipped:
        print(f"{one.path}: {one.reason}", file=sys.stderr)
    return f"{report.made} made, {report.kept} kept, {len(report.skipped)} sounds skipped in {report.seconds:.1f} s; {report.manifest}"


def _source(source: Path, out: Path):
    """The rows, and the folder their paths are told apart by."""
    from clvap.data import datasets, manifests
    from clvap.data.rows import ManifestError

    source = source.expanduser()
    if not source.is_dir():
        return manifests.read(source, check_audio=False), source.parent
    if out.expanduser().resolve().is_relative_to(source.resolve()):
        raise ManifestError(f"{out} lies inside {source}, and would be taken for its sounds; choose a folder beside it")
    return datasets.read("folder", source), source.resolve()


def a_range(text: str) -> tuple[str, float, float]:
    """A parameter and where it is drawn from, as written on the command line. Raises AugmentError for something else."""
    from clvap.data.effects import AugmentError

    name, _, ends = text.partition("=")
    try:
        low, high = (float(end) for end in ends.split(".."))
    except ValueError as error:
        raise AugmentError(f"{text}: write a range as NAME=LOW..HIGH, such as mix=0.2..0.9") from error
    return name.strip(), low, high


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is not a whole number")
    return int(text)
