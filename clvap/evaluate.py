"""Retrieval on a held-out ESC-50 fold: CLVAP beside random order, MFCC statistics and the loudness envelope.

Q queries, N sounds of the library, both in the same order: query i was made from sound i.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
import yaml

from clvap.audio import AudioError, Clip, gesture, info, read, trim
from clvap.data import manifests
from clvap.data.augment import augmented
from clvap.data.datasets import folder as folder_dataset
from clvap.data.manifests import PERMISSIVE, SHARE_ALIKE, ManifestError, Row, esc50, packs
from clvap.data.vocalize import HELD_OUT, imitate
from clvap.embedder import Embedder
from clvap.library import Library
from clvap.peers import YamnetSearch, envelopes, mfcc_statistics
from clvap.progress import Progress, silent
from clvap.query import Query

T = TypeVar("T")
_SHORTEST_DRAWN_S = 0.2
_SHORTEST_S = 0.4  # what is shorter leaves an imitation nothing to follow
_LONGEST_S = 60.0
FEWEST_SOUNDS, MOST_SOUNDS = 8, 200
FAMILIES: dict[str, Callable[[Clip, np.random.Generator], Clip]] = {
    "augment": lambda clip, rng: augmented(clip, rng, 5.0),
    "vocoder": lambda clip, rng: imitate(clip, rng, "vocoder", loose=0.0),
    "sketch": lambda clip, rng: imitate(clip, rng, "vowel", loose=0.0),
    "loose": lambda clip, rng: imitate(clip, rng, None, loose=1.0),
    "unseen": lambda clip, rng: imitate(clip, rng, HELD_OUT, loose=0.0),
    "unseen loose": lambda clip, rng: imitate(clip, rng, HELD_OUT, loose=1.0),
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


def evaluate(
    embedder: Embedder, rows: list[Row], seed: int, families: list[str], yamnet: Path | None = None, searched: bool = True, progress: Progress = silent
) -> dict[str, dict[str, Scores]]:
    """Scores by query kind and system: the bare vectors, the product's whole search where `searched`, and the peers.

    progress: told of every question; may raise to stop
    """
    clips = [read(row.path) for row in rows]
    asked = _Count(progress, len(rows) * (1 + 3 * len(families)))
    labels, sources = (np.array([getattr(row, key) for row in rows]) for key in ("label", "source"))
    envelope, mfcc, vectors = envelopes(clips), mfcc_statistics(clips), embedder.embed_audio(clips)
    rng = np.random.default_rng(seed)
    words = [str(rng.choice(row.captions)) for row in rows]
    judge = YamnetSearch(yamnet, clips) if yamnet else None
    results: dict[str, dict[str, Scores]] = {}

    def add(kind: str, system: str, similarity: np.ndarray) -> None:
        results.setdefault(kind, {})[system] = score(similarity, labels, sources)

    with TemporaryDirectory() as folder:
        library = indexed(rows, Path(folder), embedder) if searched else None

        def ask(kind: str, voices: list[Clip | None], texts: list[str | None]) -> None:
            queries = [embedder.query(voice, text) for voice, text in asked.over(zip(voices, texts, strict=True), kind)]
            add(kind, "clvap vector", np.stack([query.vector for query in queries]) @ vectors.T)
            if library:
                add(kind, "clvap search", np.stack([_searched(library, query, rows) for query in queries]))

        add("any", "random", rng.random((len(rows), len(rows))))
        if judge:
            add("words", "yamnet", judge.by_words(words))
        ask("words", [None] * len(rows), words)
        for name in families:
            voices = [imitation(clip, name, rng) for clip in asked.over(clips, f"imitations: {name}")]
            add(name, "mfcc", mfcc_statistics(voices) @ mfcc.T)
            add(name, "envelope", envelopes(voices) @ envelope.T)
            if judge:
                add(name, "yamnet", judge.by_voice(voices))
                add(f"{name} + words", "yamnet", judge.by_both(voices, words))
            ask(name, voices, [None] * len(rows))
            ask(f"{name} + words", voices, words)
    return results


class _Count:
    """Counts steps of several loops towards one total."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def over(self, things: Iterable[T], what: str) -> Iterator[T]:
        for thing in things:
            self._progress(self._done, self._total, what)
            yield thing
            self._done += 1


def imitation(clip: Clip, family: str, rng: np.random.Generator) -> Clip:
    """A query of a family from a clip, as a recording is prepared; drawn again while what was drawn is too short or silent."""
    for _ in range(20):
        with suppress(AudioError):
            drawn = gesture(FAMILIES[family](clip, rng))
            if drawn.duration_s >= _SHORTEST_DRAWN_S:
                return drawn
    raise AudioError(f"no usable imitation of the family {family} in 20 draws; leave the sound out")


def rows_of(config: dict) -> list[Row]:
    """What a recipe names: an ESC-50 fold, asked for in words kept back from training; sounds whose licence keeps them out of training; a folder; a manifest.

    Raises ManifestError for a folder or a manifest with too few sounds to tell anything.
    """
    if "folder" in config or "manifest" in config:
        rows = _of_folder(Path(config["folder"])) if "folder" in config else manifests.read(config["manifest"])
        return _some(rows, config.get("most", MOST_SOUNDS), config["seed"])
    if "packs" in config:
        return [row for row in packs(Path(config["packs"]), SHARE_ALIKE) if trim(read(row.path)).duration_s >= _SHORTEST_S]
    if "untrained" in config:
        return [row for row in esc50(Path(config["esc50"]), tuple(config["untrained"]), phrases="train", licences=None) if row.licence not in PERMISSIVE]
    return esc50(Path(config["esc50"]), (config["fold"],), phrases="evaluate", licences=None)


def _of_folder(folder: Path) -> list[Row]:
    """The sounds of a folder with its own captions; of one kind are those of one category."""
    root = folder.expanduser().resolve()
    rows = []
    for row in folder_dataset.read(root):
        category = row.label.removeprefix(f"{root.name}/").removesuffix(f"/{row.captions[0]}")
        rows.append(replace(row, label=category))
    return rows


def _some(rows: list[Row], most: int, seed: int) -> list[Row]:
    """At most so many of the rows that can be imitated, drawn at random, in their order."""
    kept: list[int] = []
    for number in np.random.default_rng(seed).permutation(len(rows)):
        if len(kept) == most:
            break
        with suppress(AudioError):
            if info(rows[number].path).duration_s <= _LONGEST_S and trim(read(rows[number].path)).duration_s >= _SHORTEST_S:
                kept.append(int(number))
    if len(kept) < FEWEST_SOUNDS:
        raise ManifestError(
            f"{len(kept)} of {len(rows)} sounds last from {_SHORTEST_S} s to {_LONGEST_S:g} s and can be read; an evaluation needs {FEWEST_SOUNDS} or more"
        )
    return [rows[number] for number in sorted(kept)]


def indexed(rows: list[Row], folder: Path, embedder: Embedder) -> Library:
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


def run(config_path: str | Path, json_output: bool = False, model: str | None = None) -> None:
    """Evaluate as a YAML file says and print a table or JSON; `model` instead of the file's.

    Its keys: model, seed, families, yamnet; and esc50 with fold or untrained, packs, folder, or manifest; the last two with `most`.
    """
    config = yaml.safe_load(Path(config_path).read_text())
    rows = rows_of(config)
    yamnet = Path(config["yamnet"]) if "yamnet" in config else None
    results = evaluate(Embedder.from_pretrained(model or config["model"]), rows, config["seed"], config.get("families", list(FAMILIES)), yamnet)
    if json_output:
        print(json.dumps({kind: {system: asdict(scores) for system, scores in systems.items()} for kind, systems in results.items()}, indent=1))
        return
    print(f"{model or config['model']} on {len(rows)} sounds, {len({row.label for row in rows})} kinds, seed {config['seed']}", file=sys.stderr)
    print(f"{'query':18} {'system':18} {'R@1':>6} {'R@5':>6} {'MRR':>6} {'P@1':>6} {'mAP@10':>6} {'P@1 other':>9}")
    for kind, systems in results.items():
        for system, s in systems.items():
            print(f"{kind:18} {system:18} {s.recall_1:6.3f} {s.recall_5:6.3f} {s.mrr:6.3f} {s.precision_1:6.3f} {s.map_10:6.3f} {s.precision_1_other:9.3f}")
