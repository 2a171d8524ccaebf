"""`python -m generation evaluate`: the figures of a generator, on ESC-50 or on a folder of one's own."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from clvap.console import Spoken


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--folder", type=Path, metavar="DIR", help="sounds of your own, a folder or a table, instead of ESC-50; no YAMNet is needed")
    parser.add_argument("--lora", type=Path, action="append", default=[], metavar="FILE", help="a LoRA for the generator; with --folder")
    parser.add_argument("--adapter", type=Path, metavar="FILE", help="a CLVAP adapter for the generator; with --folder")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with esc50 and yamnet")
    parser.add_argument("--gestures", type=int, default=3, help="gestures of each ESC-10 class; other classes are asked once (default 3)")
    parser.add_argument("--classes", choices=("esc10", "all"), default="all", help="the ten of ESC-10, or these and all fifty (default all)")
    parser.add_argument("--best-of", type=int, metavar="N", help="candidates each take is the best of (default: as on the page); without --folder")
    parser.add_argument("--untrained", action="store_true", help="ask of clips that their licence keeps out of training, to choose settings by; not fold 4")
    parser.add_argument("--quick", action="store_true", help="few sounds: a minute or two, wide errors")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kept", type=Path, metavar="DIR", help="with --folder, keep here what was measured so far, and go on from it")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the JSON here")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="also draw spectrograms of real, rebuilt and made sound (PNG); without --folder")


def evaluate(parsed: argparse.Namespace) -> str:
    """Measure a generator; a table on standard error, JSON on standard output."""
    from generation.measures.table import folder_table, table

    result = _on_folder(parsed) if parsed.folder else _on_esc50(parsed)
    print((folder_table if parsed.folder else table)(result), file=sys.stderr)
    if parsed.out is not None:
        parsed.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return json.dumps(result)


def _on_folder(parsed: argparse.Namespace) -> dict[str, Any]:
    from generation.measures.folder import FolderEvaluation, run

    asked = FolderEvaluation(parsed.folder, parsed.generator, parsed.clvap, parsed.adapter, tuple(parsed.lora), parsed.device, seed=parsed.seed)
    return run(asked.quick() if parsed.quick else asked, Spoken(), parsed.kept)


def _on_esc50(parsed: argparse.Namespace) -> dict[str, Any]:
    from generation.evaluate import Evaluation, run

    of = {"seed": parsed.seed, "sheet": parsed.sheet, "best_of": parsed.best_of, "untrained": parsed.untrained}
    asked = Evaluation(parsed.data, parsed.generator, parsed.clvap, parsed.gestures, parsed.classes, **of)
    return run(asked.quick() if parsed.quick else asked, Spoken())
