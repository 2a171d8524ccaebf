"""Indexing rate against a plain loop, in one run: `python -m benchmarks.indexing DIR [-n 300]`.

The plain loop reads a file, embeds it and appends a row to LanceDB, one at a time. It is run three times: storing only path and
vector; storing the rows that searching needs (curves, lengths, captions), which is what `Library.index` does; and storing path
and vector with the model as it is loaded, without what `Embedder` does to make it quick.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import lancedb
import numpy as np
import torch

from clvap import Embedder, audio
from clvap.library import Library, indexer, rows
from clvap.library.rows import Heard
from clvap.library.scan import Sound, scan


def main() -> None:
    """Print files a second of each way and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("-n", type=int, default=300, help="number of files, drawn at random (300)")
    parser.add_argument("--clvap", default="clvap-mini", help="model name or folder (clvap-mini)")
    parser.add_argument("--untrained", type=Path, metavar="RECIPE", help="untrained weights of a recipe's model instead: as fast, and useless")
    parser.add_argument("--workers", type=int, help="threads of the library (as many as cores)")
    parsed = parser.parse_args()
    embedder = _untrained(parsed.untrained) if parsed.untrained else Embedder.from_pretrained(parsed.clvap)
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        sounds = _sample(parsed.folder, parsed.n, work / "sounds")
        embedder.embed_audio([sounds[0].path])  # the first call of a model is slower
        library = Library.open(work / "library", embedder)
        ways = {
            "library": lambda: library.index(work / "sounds", workers=parsed.workers),
            "plain loop": lambda: plain_loop(sounds, embedder, work / "plain"),
            "plain loop, same rows": lambda: plain_loop_same_rows(sounds, embedder, work / "same"),
            "plain loop, plain model": lambda: plain_loop(sounds, PlainModel(embedder), work / "model"),
        }
        rates = {name: len(sounds) / _seconds(way) for name, way in ways.items()}
        assert library.count() == len(sounds), "the library skipped files: choose a folder of good ones"
        again = _seconds(lambda: library.index(work / "sounds"))
    for name, rate in rates.items():
        print(f"{name:24} {rate:7.1f} files/s   library is {rates['library'] / rate:4.1f} times as fast")
    print(f"{'library, unchanged':24} {len(sounds) / again:7.1f} files/s")


class PlainModel:
    """The model of an embedder, without anything that makes it quicker."""

    def __init__(self, embedder: Embedder):
        self._embedder = embedder

    @torch.inference_mode()
    def embed_audio(self, paths: list[str]) -> np.ndarray:
        """Unit vectors, float32 (N, D)."""
        windows = [self._embedder._windows(audio.read(path, max_duration_s=audio.MAX_GESTURE_S)) for path in paths]
        return np.stack([self._embedder._model.audio_vectors(torch.stack(of_one)).mean(dim=0).numpy() for of_one in windows])


def plain_loop(sounds: list[Sound], embedder: Embedder | PlainModel, folder: Path) -> None:
    """Path and vector of each file, one at a time."""
    database, table = lancedb.connect(folder), None
    for sound in sounds:
        row = [{"path": sound.path, "vector": embedder.embed_audio([sound.path])[0]}]
        if table is None:
            table = database.create_table("sounds", row)
        else:
            table.add(row)


def plain_loop_same_rows(sounds: list[Sound], embedder: Embedder, folder: Path) -> None:
    """The library's rows, one at a time."""
    database, table = lancedb.connect(folder), None
    for sound in sounds:
        loaded = indexer.load(sound)
        vector, info = embedder.embed_audio([loaded.clip])[0], loaded.info
        heard = Heard(vector, loaded.summary, info.duration_s, info.sample_rate_hz, info.channels, loaded.content)
        row = rows.to_arrow(str(folder), [sound], [heard])
        if table is None:
            table = database.create_table("sounds", row)
        else:
            table.add(row)


def _sample(folder: Path, count: int, target: Path) -> list[Sound]:
    """Copies of some files of a folder, so that every way reads the same ones from a warm cache."""
    found = scan(folder).sounds
    if not found:
        sys.exit(f"{folder}: holds no sound files")
    for number, sound in enumerate(random.Random(0).sample(found, min(count, len(found)))):
        target.mkdir(exist_ok=True)
        shutil.copyfile(sound.path, target / f"{number:06} {Path(sound.path).name}")
    return scan(target).sounds


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _untrained(recipe: Path) -> Embedder:
    from clvap.model import Clvap
    from clvap.recipe import Recipe

    return Embedder(Clvap(Recipe.load(recipe).model), tokenizer=None, fingerprint="untrained")


if __name__ == "__main__":
    main()
