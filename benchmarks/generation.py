"""Figures of a generator: `python -m benchmarks.generation [--generator NAME] [--gestures N] [--classes esc10|all] [--quick] [--out FILE]`.

The same as `python -m generation evaluate`, which lists its options with --help.
"""

from __future__ import annotations

import sys

from generation.cli import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
