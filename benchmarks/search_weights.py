"""Chooses how much each aspect of a search counts: `python -m benchmarks.search_weights assets/recipes/evaluate-clvap-untrained.yaml`.

Draws many weights at random and prints the best by what a search is for: the very sound where the imitation keeps the timing,
the right kind of sound always. Run it on sounds that are neither trained on nor reported on.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import yaml

from clvap import Embedder
from clvap.audio import read
from clvap.evaluate import imitation, indexed, rows_of, score
from clvap.library import Weights
from clvap.library.search import aspects, weighted

_TIMING_TRUE = ("augment", "vocoder", "sketch")


def main() -> None:
    """Print the figures of the usual weights, of the vector alone, and of the best drawn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("-n", type=int, default=300, help="weights to try (300)")
    parser.add_argument("--sounds", type=int, default=300, help="how many of the recipe's sounds (300)")
    parser.add_argument("--families", nargs="*", default=["augment", "vocoder", "sketch", "loose"])
    parser.add_argument("--clvap", help="another model than the recipe's")
    parsed = parser.parse_args()
    config = yaml.safe_load(parsed.recipe.read_text())
    asked = _asked(config, parsed.clvap or config["model"], parsed.families, parsed.sounds)
    for words in (False, True):
        rng = np.random.default_rng(config["seed"])
        usual = asked["usual"][words]
        tried = [usual, *(_drawn(rng) for _ in range(parsed.n))]
        found = sorted(((_figures(asked, weights, words), weights) for weights in tried), key=lambda pair: -_aim(pair[0]))
        print("voice and words" if words else "voice alone")
        shown = [(_figures(asked, weights, words), weights) for weights in (usual, Weights(1, 0, 0, 0, 0, 0, 0))]
        for figures, weights in [*shown, *found[:12]]:
            chosen = " ".join(f"{name} {value:.2f}" for name, value in asdict(weights).items() if name != "words")
            print(f"  {_aim(figures):.3f}  {chosen}  " + "  ".join(f"{family} {one:.3f}/{kind:.3f}" for family, (one, kind) in figures.items()))


def _asked(config: dict, model: str, families: list[str], sounds: int) -> dict:
    """By family and presence of words: the aspects of every query against every sound; with the labels and sources."""
    embedder, rng = Embedder.from_pretrained(model), np.random.default_rng(config["seed"])
    rows = rows_of(config)
    rows = [rows[i] for i in rng.permutation(len(rows))[:sounds]]
    clips = [read(row.path) for row in rows]
    words = [str(rng.choice(row.captions)) for row in rows]
    with TemporaryDirectory() as folder:
        stored = indexed(rows, Path(folder), embedder)._store.rows()
    stored = stored.take(np.argsort([int(Path(path).stem) for path in stored.labels["path"].to_pylist()]))
    parts, usual = {}, {}
    for family in families:
        voices = [imitation(clip, family, rng) for clip in clips]
        for said in (False, True):
            queries = [embedder.query(voice, text if said else None) for voice, text in zip(voices, words, strict=True)]
            usual[said] = Weights.of(queries[0])
            parts[family, said] = [aspects(replace(query, text=None), stored) for query in queries]
    labels, sources = (np.array([getattr(row, key) for row in rows]) for key in ("label", "source"))
    return {"parts": parts, "usual": usual, "labels": labels, "sources": sources, "families": families}


def _drawn(rng: np.random.Generator) -> Weights:
    return Weights(*rng.dirichlet([3, 3, 0.7, 2.5, 0.4, 0.4]), 0.0)


def _figures(asked: dict, weights: Weights, words: bool) -> dict[str, tuple[float, float]]:
    """By family: R@1 of the very sound, P@1 of the kind without it."""
    figures = {}
    for family in asked["families"]:
        scores = score(np.stack([weighted(parts, weights) for parts in asked["parts"][family, words]]), asked["labels"], asked["sources"])
        figures[family] = scores.recall_1, scores.precision_1_other
    return figures


def _aim(figures: dict[str, tuple[float, float]]) -> float:
    """Kinds count twice: most imitations are loose."""
    exact = [one for family, (one, _) in figures.items() if family in _TIMING_TRUE]
    return float((np.mean(exact) + 2 * np.mean([kind for _, kind in figures.values()])) / 3)


if __name__ == "__main__":
    main()
