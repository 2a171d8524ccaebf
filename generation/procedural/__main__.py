"""`python -m generation.procedural DIR [--seed N]`: render the starter library and say how long it took."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from generation.procedural.catalog import catalog
from generation.procedural.render import render_starter_library


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m generation.procedural", description="Render the starter library of sound effects.")
    parser.add_argument("folder", type=Path, help="where the WAV files and captions.csv go")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other sounds under the same names (default 0)")
    arguments = parser.parse_args()
    started, started_cpu = time.perf_counter(), time.process_time()
    render_starter_library(arguments.folder, seed=arguments.seed)
    elapsed_s, worked_s = time.perf_counter() - started, time.process_time() - started_cpu
    kinds = len({effect.kind.name for effect in catalog()})
    print(f"{len(catalog())} effects of {kinds} kinds in {arguments.folder}: {elapsed_s:.1f} s ({worked_s:.1f} s of processor time)")


if __name__ == "__main__":
    main()
