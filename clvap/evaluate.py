"""Retrieval on a held-out ESC-50 fold: CLVAP beside random order, MFCC statistics and the loudness envelope.

Q queries, N sounds of the library, both in the same order: query i was made from sound i.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import yaml
from scipy.fft import dct

from clvap import contours
from clvap.audio import Clip, gesture, read, trim
from clvap.contours import resample_curve
from clvap.data.augment import augmented
from clvap.data.manifests import SHARE_ALIKE, Row, esc50, packs
from clvap.data.vocalize import imitate
from clvap.embedder import Embedder
from clvap.features import LogMel
from clvap.library import Library
from clvap.query import Query

_SHORTEST_S = 0.4  # what is shorter leaves an imitation nothing to follow
FAMILIES: dict[str, Callable[[Clip, np.random.Generator], Clip]] = {
    "augment": lambda clip, rng: augmented(clip, rng, 5.0),
    "vocoder": lambda clip, rng: imitate(clip, rng, "vocoder", loose=0.0),
    "sketch": lambda clip, rng: imitate(clip, rng, "vowel", loose=0.0),
    "loose": lambda clip, rng: imitate(clip, rng, None, loose=1.0),
}
"""How a query is made from a sound: each reported apart, since some keep the timing and so say little."""


@dataclass(frozen=True)
class Scores:
    """Means over all queries.

    recall_1, recall_5, mrr: of the very sound the query was made from
    precision_1, map_10: of its class
    precision_1_other: class of the first hit once every take of the source recording is removed
    """

    recall_1: float
    recall_5: float
    mrr: float
    precision_1: float
    map_10: float
    precision_1_other: float


def score(similarity: np.ndarray, labels: np.ndarray, sources: np.ndarray) -> Scores:
    """Scores of a similarity matrix (Q, N), Q = N; labels and sources of shape (N,)."""
    order = np.argsort(-similarity, axis=1, kind="stable")
    rank = (order == np.arange(len(labels))[:, None]).argmax(axis=1)
    same_class = labels[order] == labels[:, None]
    hits = same_class[:, :10]
    precision = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    average = (precision * hits).sum(axis=1) / np.maximum(hits.sum(axis=1), 1)
    other = sources[order] != sources[:, None]
    first_other = same_class[np.arange(len(labels)), other.argmax(axis=1)]
    return Scores(*(float(np.mean(x)) for x in (rank == 0, rank < 5, 1 / (rank + 1), same_class[:, 0], average, first_other)))


def evaluate(embedder: Embedder, rows: list[Row], seed: int, families: list[str]) -> dict[str, dict[str, Scores]]:
    """Scores by query kind and system: the bare vectors, the product's whole search, and the peers."""
    clips = [read(row.path) for row in rows]
    labels, sources = (np.array([getattr(row, key) for row in rows]) for key in ("label", "source"))
    envelope, mfcc, vectors = envelopes(clips), mfcc_statistics(clips), embedder.embed_audio(clips)
    rng = np.random.default_rng(seed)
    words = [str(rng.choice(row.captions)) for row in rows]
    results: dict[str, dict[str, Scores]] = {}

    def add(kind: str, system: str, similarity: np.ndarray) -> None:
        results.setdefault(kind, {})[system] = score(similarity, labels, sources)

    with TemporaryDirectory() as folder:
        library = _library(rows, Path(folder), embedder)

        def ask(kind: str, voices: list[Clip | None], texts: list[str | None]) -> None:
            queries = [embedder.query(voice, text) for voice, text in zip(voices, texts, strict=True)]
            add(kind, "clvap vector", np.stack([query.vector for query in queries]) @ vectors.T)
            add(kind, "clvap search", np.stack([_searched(library, query, rows) for query in queries]))

        add("any", "random", rng.random((len(rows), len(rows))))
        ask("words", [None] * len(rows), words)
        for name in families:
            make = FAMILIES[name]
            voices = [gesture(make(clip, rng)) for clip in clips]
            add(name, "mfcc", mfcc_statistics(voices) @ mfcc.T)
            add(name, "envelope", envelopes(voices) @ envelope.T)
            ask(name, voices, [None] * len(rows))
            ask(f"{name} + words", voices, words)
    return results


def _rows(config: dict) -> list[Row]:
    """An ESC-50 fold with captions kept back from training, or the share-alike effects, which no shipped model trains on."""
    if "packs" in config:
        return [row for row in packs(Path(config["packs"]), SHARE_ALIKE) if trim(read(row.path)).duration_s >= _SHORTEST_S]
    return esc50(Path(config["esc50"]), (config["fold"],), phrases="evaluate", licences=None)


def _library(rows: list[Row], folder: Path, embedder: Embedder) -> Library:
    """The product's library over copies of the rows' files, whose names say nothing of their class."""
    for i, row in enumerate(rows):
        copy = folder / "sounds" / f"{i}{row.path.suffix}"
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(row.path, copy)
    library = Library.open(folder / "library", embedder)
    report = library.index(folder / "sounds")
    if report.skipped:
        raise ValueError(f"{len(report.skipped)} sounds could not be indexed, first {report.skipped[0]}")
    return library


def _searched(library: Library, query: Query, rows: list[Row]) -> np.ndarray:
    """Scores of the product's search as a row of a similarity matrix, (N,)."""
    similarity = np.full(len(rows), -1.0)
    for match in library.search(query, k=len(rows)):
        similarity[int(Path(match.path).stem)] = match.score
    return similarity


def mfcc_statistics(clips: list[Clip]) -> np.ndarray:
    """Mean and deviation of 20 MFCCs and their deltas, standardised over the set, unit norm: (N, 80)."""
    features = LogMel()
    vectors = []
    for clip in clips:
        mel = features(clip).numpy()
        coefficients = dct(mel[: max(int(clip.duration_s * features.sample_rate_hz / features.hop), 2)], axis=1, norm="ortho")[:, :20]
        deltas = np.diff(coefficients, axis=0)
        vectors.append(np.concatenate([coefficients.mean(0), coefficients.std(0), deltas.mean(0), deltas.std(0)]))
    table = np.stack(vectors)
    table = (table - table.mean(axis=0)) / (table.std(axis=0) + 1e-6)
    return table / np.linalg.norm(table, axis=1, keepdims=True)


def envelopes(clips: list[Clip]) -> np.ndarray:
    """Loudness curves of the trimmed clips stretched to 128 points, centred, unit norm: (N, 128)."""
    loudness = [contours.extract(trim(clip)).loudness_db for clip in clips]
    table = np.stack([resample_curve(np.maximum(curve, curve.max() - 50), 128) for curve in loudness])
    table = table - table.mean(axis=1, keepdims=True)
    return table / (np.linalg.norm(table, axis=1, keepdims=True) + 1e-6)


def run(config_path: str | Path, json_output: bool = False) -> None:
    """Evaluate as a YAML file says (model, seed, families; esc50 and fold, or packs) and print a table or JSON."""
    config = yaml.safe_load(Path(config_path).read_text())
    rows = _rows(config)
    results = evaluate(Embedder.from_pretrained(config["model"]), rows, config["seed"], config.get("families", list(FAMILIES)))
    if json_output:
        print(json.dumps({kind: {system: asdict(scores) for system, scores in systems.items()} for kind, systems in results.items()}, indent=1))
        return
    print(f"{config['model']} on {len(rows)} sounds, {len({row.label for row in rows})} kinds, seed {config['seed']}", file=sys.stderr)
    print(f"{'query':18} {'system':18} {'R@1':>6} {'R@5':>6} {'MRR':>6} {'P@1':>6} {'mAP@10':>6} {'P@1 other':>9}")
    for kind, systems in results.items():
        for system, s in systems.items():
            print(f"{kind:18} {system:18} {s.recall_1:6.3f} {s.recall_5:6.3f} {s.mrr:6.3f} {s.precision_1:6.3f} {s.map_10:6.3f} {s.precision_1_other:9.3f}")
