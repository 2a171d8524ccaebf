"""How long the map of a library takes: `python -m benchmarks.map ../shared/data/sfx [-n 3700]` (indexes first, which takes longer).

Drawn from nothing, and again after a tenth of the sounds changed; then what the page's tick costs when nothing did.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from clvap import Embedder
from clvap.library import Library
from clvap.library.projection import project


def main() -> None:
    """Print seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", metavar="DIR", help="sounds; without it, vectors drawn at random in 40 clouds")
    parser.add_argument("-n", type=int, default=3_700, help="number of random vectors (3700)")
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        vectors = _clouds(parsed.n)
        if parsed.folder is not None:
            library = Library.open(Path(temporary) / "library", Embedder.from_pretrained("clvap-mini"))
            print(f"{'indexing':24} {_seconds(lambda: library.index(parsed.folder)):8.1f} s for {library.count():,} sounds")
            print(f"{'map':24} {_seconds(library.draw_map):8.1f} s")
            library.map_outdated()
            print(f"{'a look at the same one':24} {1_000 * _seconds(library.map_outdated):8.1f} ms")
            print(f"{'its points':24} {1_000 * _seconds(library.map_points):8.1f} ms")
            return
        places: list[np.ndarray] = []
        print(f"{'from nothing':24} {_seconds(lambda: places.append(project(vectors))):8.1f} s for {len(vectors):,} sounds")
        changed = np.arange(len(vectors)) % 10 == 0
        before = np.where(changed[:, None], np.nan, places[0])
        print(f"{'a tenth is new':24} {_seconds(lambda: project(vectors, before)):8.1f} s")


def _clouds(count: int, width: int = 256) -> np.ndarray:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(40, width))[random.integers(40, size=count)] + 0.7 * random.normal(size=(count, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
