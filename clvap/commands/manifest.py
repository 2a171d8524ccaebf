"""`python -m clvap manifest`: a published collection or a folder of sounds as a manifest."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from clvap.data.datasets import READERS
from clvap.data.licences import SELECTIONS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=sorted(READERS), metavar="KIND", help=f"what the folder holds: {', '.join(READERS)}")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where it was unpacked")
    parser.add_argument("out", type=Path, metavar="OUT", help="the manifest to write, .csv or .jsonl")
    parser.add_argument("--licences", choices=SELECTIONS, default="all", help="rows to keep (%(default)s)")
    parser.add_argument("--folds", metavar="1,2,3", help="folds of esc50 to keep (all)")
    parser.add_argument("--parts", metavar="A,B", help="parts of clotho, or lists of audioset such as balanced_train, to keep (all)")
    parser.add_argument("--licence", metavar="NAME", help="licence of a folder of sounds, such as CC-BY-4.0")


def manifest(parsed: argparse.Namespace) -> str:
    """Write the manifest of a collection of sounds."""
    from clvap.data import datasets, licences, manifests

    options: dict[str, object] = {}
    if parsed.folds:
        options["folds"] = _folds(parsed.folds)
    if parsed.parts:
        options["lists" if parsed.kind == "audioset" else "parts"] = [part.strip() for part in parsed.parts.split(",")]
    if parsed.licence:
        options["licence"] = parsed.licence
    rows = licences.selected(datasets.read(parsed.kind, parsed.folder, **options), parsed.licences)
    path = manifests.write(rows, parsed.out)
    imitated = sum(row.imitation is not None for row in rows)
    if parsed.json:
        return json.dumps({"rows": len(rows), "imitations": imitated, "kinds": len({row.label for row in rows}), "manifest": str(path)})
    return f"{len(rows)} rows, {imitated} with an imitation, {len({row.label for row in rows})} kinds: {path}"


def _folds(text: str) -> tuple[int, ...]:
    from clvap.data.rows import ManifestError

    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise ManifestError(f"--folds {text}: write whole numbers such as 1,2,3") from error
