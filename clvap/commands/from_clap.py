"""`python -m clvap from-clap`: a full-size model folder to train from, out of a CLAP checkpoint."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def from_clap(parsed: argparse.Namespace) -> str:
    """Make a full-size model folder from a CLAP checkpoint, to train from or, with late fusion, to use as it is."""
    from clvap import clap

    model = clap.write_folder(parsed.source, parsed.out, parsed.fusion)
    fresh = clap.fresh(model)
    if parsed.json:
        return json.dumps({"model": str(parsed.out), "fresh": list(fresh)}, ensure_ascii=False)
    to_teach = f"fresh, for training to teach: {', '.join(fresh)}" if fresh else "nothing in it needs training"
    return f"{parsed.out}: both audio towers, the text tower and the audio projection from {parsed.source}; {to_teach}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("source", metavar="NAME_OR_PATH", help="a CLAP of transformers: an id on the hub such as laion/clap-htsat-unfused, or a folder")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of the model to write")
    parser.add_argument("--fusion", default="cross_attention", choices=("early", "late", "cross_attention"), help="how words and voice meet (%(default)s)")
