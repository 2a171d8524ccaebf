"""Retrieval on a held-out ESC-50 fold: CLVAP beside random order, MFCC statistics and the loudness envelope.

Q queries, N sounds of the library, Q of them or more: query i was made from sound i.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
import yaml
from scipy.signal import butter, sosfilt

from clvap.audio import AudioError, Clip, gesture, info, read, trim
from clvap.data import manifests
from clvap.data.augment import augmented
from clvap.data.datasets import folder as folder_dataset
from clvap.data.effects import EFFECTS
from clvap.data.manifests import SHARE_ALIKE, ManifestError, Row, esc50, packs, untrained
from clvap.data.vocalize import HELD_OUT, imitate
from clvap.embedder import Embedder
from clvap.ledger import Ledger
from clvap.library import Library
from clvap.peers import YamnetSearch, envelopes, mfcc_statistics
from clvap.progress import Progress, silent
from clvap.query import Query

T = TypeVar("T")
_SHORTEST_DRAWN_S = 0.2
_SHORTEST_S = 0.4  # what is shorter leaves an imitation nothing to follow
_LONGEST_S = 60.0
_ROOM_SNR_DB, _ROOM_COLOUR, _ROOM_S = 15.0, 0.9, 0.5
_TELEPHONE_HZ = (300.0, 3_400.0)
FEWEST_SOUNDS, MOST_SOUNDS = 8, 200
FAMILIES: dict[str, Callable[[Clip, np.random.Generator], Clip]] = {
    "augment": lambda clip, rng: augmented(clip, rng, 5.0),
    "vocoder": lambda clip, rng: imitate(clip, rng, "vocoder", loose=0.0),
    "sketch": lambda clip, rng: imitate(clip, rng, "vowel", loose=0.0),
    "loose": lambda clip, rng: imitate(clip, rng, None, loose=1.0),
    "unseen": lambda clip, rng: imitate(clip, rng, HELD_OUT, loose=0.0),
    "unseen loose": lambda clip, rng: imitate(clip, rng, HELD_OUT, loose=1.0),
    "unseen noisy": lambda clip, rng: in_noisy_room(imitate(clip, rng, HELD_OUT, loose=0.0), rng),
    "unseen telephone": lambda clip, rng: by_telephone(imitate(clip, rng, HELD_OUT, loose=0.0)),
}
"""How a query is made from a sound: each reported apart, since some keep the timing and so say little."""


@dataclass(frozen=True)
class Scores:
    """Means over all queries.

    recall_1, recall_5, mrr: of the very sound the query was made from
    precision_1, map_10: of its class; the average precision of a query is over all ten places, or all of the class where it has fewer, so that
        finding no more than the very sound is not perfect
    precision_1_other: class of the first hit once every take of the source recording is removed
    """

    recall_1: float
    recall_5: float
    mrr: float
    precision_1: float
    map_10: float
    precision_1_other: float


def score(similarity: np.ndarray, labels: np.ndarray, sources: np.ndarray) -> Scores:
    """Scores of a similarity matrix (Q, N); labels and sources of shape (N,)."""
    asked = np.arange(len(similarity))
    order = np.argsort(-similarity, axis=1, kind="stable")
    rank = (order == asked[:, None]).argmax(axis=1)
    same_class = labels[order] == labels[asked, None]
    hits = same_class[:, :10]
    precision = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    average = (precision * hits).sum(axis=1) / np.minimum(same_class.sum(axis=1), hits.shape[1])
    other = sources[order] != sources[asked, None]
    first_other = same_class[asked, other.argmax(axis=1)]
    return Scores(*(float(np.mean(x)) for x in (rank == 0, rank < 5, 1 / (rank + 1), same_class[:, 0], average, first_other)))


def evaluate(
    embedder: Embedder, rows: list[Row], seed: int, families: list[str], yamnet: Path | None = None, searched: bool = True, progress: Progress = silent,
    kept: Path | None = None, among: Sequence[Row] = (),
) -> dict[str, dict[str, Scores]]:  # fmt: skip
    """Scores by query kind and system: the bare vectors, the product's whole search where `searched`, and the peers.

    progress: told of every question; may raise to stop
    kept: folder of the families measured so far, which are not measured again if the model, the sounds and the seed are the same
    among: further sounds of the library, which nothing is asked about
    """
    ledger = Ledger(kept, {"model": embedder.fingerprint, "sounds": digest([*rows, *among]), "seed": seed, "yamnet": str(yamnet), "searched": searched})
    rng = np.random.default_rng(seed)
    words = [str(rng.choice(row.captions)) for row in rows]
    chance = rng.random((len(rows), len(rows) + len(among)))
    with TemporaryDirectory() as folder:
        bench = _Bench(embedder, [*rows, *among], words, yamnet, Path(folder) if searched else None)
        asked = _Count(progress, len(rows) * (1 + 3 * len(families)))
        results = {"any": {"random": asdict(bench.score(chance))}}
        results |= asked.once(ledger, "words", len(rows), lambda: bench.by_words(asked))
        for name in families:

            def measure(name: str = name) -> dict[str, Any]:
                return {"scores": bench.by_voice(name, rng, asked), "rng": rng.bit_generator.state}

            found = asked.once(ledger, name, 3 * len(rows), measure)
            rng.bit_generator.state = found["rng"]  # so that the next family is drawn as if this one had been
            results |= found["scores"]
    return {kind: {system: Scores(**scores) for system, scores in systems.items()} for kind, systems in results.items()}


class _Bench:
    """A library as every system hears it, and the systems' scores of questions about its first sounds."""

    def __init__(self, embedder: Embedder, rows: list[Row], words: list[str], yamnet: Path | None, folder: Path | None) -> None:
        """words: of each sound that is asked about; folder: for the product's library, None to leave it out"""
        self._embedder, self._rows, self._words = embedder, rows, words
        self._clips = [read(row.path) for row in rows]
        self._labels, self._sources = (np.array([getattr(row, key) for row in rows]) for key in ("label", "source"))
        self._envelope, self._mfcc, self._vectors = envelopes(self._clips), mfcc_statistics(self._clips), embedder.embed_audio(self._clips)
        self._judge = YamnetSearch(yamnet, self._clips) if yamnet else None
        self._library = indexed(rows, folder, embedder) if folder else None

    def score(self, similarity: np.ndarray) -> Scores:
        return score(similarity, self._labels, self._sources)

    def by_words(self, asked: _Count) -> dict[str, dict[str, dict[str, float]]]:
        judged = {"yamnet": self._judge.by_words(self._words)} if self._judge else {}
        return {"words": self._told(judged | self._answers("words", [None] * len(self._words), self._words, asked))}

    def by_voice(self, family: str, rng: np.random.Generator, asked: _Count) -> dict[str, dict[str, dict[str, float]]]:
        """Imitations of a family, alone and with the words."""
        voices = [imitation(clip, family, rng) for clip in asked.over(self._clips[: len(self._words)], f"imitations: {family}")]
        alone = {"mfcc": mfcc_statistics(voices) @ self._mfcc.T, "envelope": envelopes(voices) @ self._envelope.T}
        both: dict[str, np.ndarray] = {}
        if self._judge:
            alone["yamnet"], both["yamnet"] = self._judge.by_voice(voices), self._judge.by_both(voices, self._words)
        alone |= self._answers(family, voices, [None] * len(voices), asked)
        both |= self._answers(f"{family} + words", voices, self._words, asked)
        return {family: self._told(alone), f"{family} + words": self._told(both)}

    def _answers(self, kind: str, voices: Sequence[Clip | None], texts: Sequence[str | None], asked: _Count) -> dict[str, np.ndarray]:
        """Similarities (Q, N) by the bare vectors and by the product's search."""
        queries = [self._embedder.query(voice, text) for voice, text in asked.over(zip(voices, texts, strict=True), kind)]
        found = {"clvap vector": np.stack([query.vector for query in queries]) @ self._vectors.T}
        if self._library:
            found["clvap search"] = np.stack([_searched(self._library, query, self._rows) for query in queries])
        return found

    def _told(self, similarities: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
        return {system: asdict(self.score(similarity)) for system, similarity in similarities.items()}


def digest(rows: Sequence[Row]) -> str:
    """Eight hex digits that change with the sounds, their captions and their kinds."""
    told = [[row.path.as_posix(), row.path.stat().st_size, list(row.captions), row.label] for row in rows]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:8]


class _Count:
    """Counts steps of several loops towards one total."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def over(self, things: Iterable[T], what: str) -> Iterator[T]:
        for thing in things:
            self._progress(self._done, self._total, what)
            yield thing
            self._done += 1

    def once(self, ledger: Ledger, name: str, steps: int, measure: Callable[[], Any]) -> Any:
        """An entry of a ledger, whose steps count where it was there already too."""
        self._done += steps * (name in ledger)
        return ledger.once(name, measure)


def in_noisy_room(voice: Clip, rng: np.random.Generator) -> Clip:
    """A recording that began half a second before the voice and ended as much after it, with low noise 15 dB under the voice."""
    around = round(_ROOM_S * voice.sample_rate_hz)
    return EFFECTS["noise"](Clip(np.pad(voice.samples, ((0, 0), (around, around))), voice.sample_rate_hz), rng, snr_db=_ROOM_SNR_DB, colour=_ROOM_COLOUR)


def by_telephone(voice: Clip) -> Clip:
    """A recording with nothing below 300 and above 3 400 Hz, the band of ITU-T G.712."""
    band = butter(4, _TELEPHONE_HZ, "bandpass", output="sos", fs=voice.sample_rate_hz)
    return Clip(sosfilt(band, voice.samples).astype(np.float32), voice.sample_rate_hz)


def imitation(clip: Clip, family: str, rng: np.random.Generator) -> Clip:
    """A query of a family from a clip. Raises AudioError as `usable` does."""
    return usable(lambda: FAMILIES[family](clip, rng))


def usable(draw: Callable[[], Clip]) -> Clip:
    """An imitation as a recording is prepared; drawn again while what was drawn is too short or silent. Raises AudioError where that does not end."""
    for _ in range(20):
        with suppress(AudioError):
            drawn = gesture(draw())
            if drawn.duration_s >= _SHORTEST_DRAWN_S:
                return drawn
    raise AudioError("no usable imitation in 20 draws; leave the sound out")


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
        return untrained(Path(config["esc50"]), tuple(config["untrained"]))
    return esc50(Path(config["esc50"]), (config["fold"],), phrases="evaluate", licences=None)


def others_of(config: dict, rows: Sequence[Row]) -> list[Row]:
    """The other sounds of the ESC-50 folds among which a recipe hides its own: a library is seldom small."""
    if "among" not in config:
        return []
    asked = {row.path for row in rows}
    return [row for row in esc50(Path(config["esc50"]), tuple(config["among"]), licences=None) if row.path not in asked]


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
    """The order of the product's search as a row of a similarity matrix, (N,): 1 for the best, 1/2 for the next."""
    similarity = np.zeros(len(rows))
    for place, match in enumerate(library.search(query, k=len(rows)), start=1):
        similarity[int(Path(match.path).stem)] = 1 / place
    return similarity


def run(config_path: str | Path, json_output: bool = False, model: str | None = None) -> None:
    """Evaluate as a YAML file says and print a table or JSON; `model` instead of the file's.

    Its keys: model, seed, families, yamnet; and esc50 with fold or untrained, and with among; packs; folder, or manifest, with most.
    """
    config = yaml.safe_load(Path(config_path).read_text())
    rows = rows_of(config)
    yamnet = Path(config["yamnet"]) if "yamnet" in config else None
    embedder, families, among = Embedder.from_pretrained(model or config["model"]), config.get("families", list(FAMILIES)), others_of(config, rows)
    results = evaluate(embedder, rows, config["seed"], families, yamnet, among=among)
    if json_output:
        print(json.dumps({kind: {system: asdict(scores) for system, scores in systems.items()} for kind, systems in results.items()}, indent=1))
        return
    within = f" among {len(rows) + len(among)}" if among else ""
    print(f"{model or config['model']} on {len(rows)} sounds{within}, {len({row.label for row in rows})} kinds, seed {config['seed']}", file=sys.stderr)
    print(f"{'query':18} {'system':18} {'R@1':>6} {'R@5':>6} {'MRR':>6} {'P@1':>6} {'mAP@10':>6} {'P@1 other':>9}")
    for kind, systems in results.items():
        for system, s in systems.items():
            print(f"{kind:18} {system:18} {s.recall_1:6.3f} {s.recall_5:6.3f} {s.mrr:6.3f} {s.precision_1:6.3f} {s.map_10:6.3f} {s.precision_1_other:9.3f}")
