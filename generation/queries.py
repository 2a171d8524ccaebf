"""Queries to train on, embedded once: for every sound some of words alone, of an imitation alone, and of both.

N sounds, V variants a sound in all passes, L tokens, W width, D dimensions.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from clvap.audio import AudioError, Clip
from clvap.files import whole
from clvap.progress import Progress, silent
from clvap.query import Query

_SHARD = 200
VARIANTS = 5  # words, words, voice and words, voice and words, voice: so many a sound and pass


class Embeds(Protocol):
    """The part of `clvap.Embedder` that training needs."""

    fingerprint: str

    def query(self, voice: Clip | None = None, text: str | None = None, balance: float = 0.5) -> Query: ...


class Waves(Protocol):
    """Sounds by number, mono at 44.1 kHz, such as `generation.sounds.Sounds`."""

    def __len__(self) -> int: ...

    def wave(self, number: int) -> np.ndarray: ...


class Queries:
    """Stored queries: `queries.draw(sound, rng)` is one of a sound's."""

    def __init__(self, folder: Path):
        index = json.loads((folder / "done.json").read_text(encoding="utf-8"))
        self.fingerprint: str = index["fingerprint"]
        shards = [np.load(folder / f"{self.fingerprint}-{number}.npz") for number in range(index["shards"])]
        self._tokens = np.concatenate([shard["tokens"] for shard in shards])
        self._counts = np.concatenate([shard["counts"] for shard in shards])
        self._vectors = np.concatenate([shard["vectors"] for shard in shards])

    @property
    def token_width(self) -> int:
        return self._tokens.shape[-1]

    @property
    def dimension(self) -> int:
        return self._vectors.shape[-1]

    def draw(self, sound: int, rng: np.random.Generator) -> Query:
        variant = int(rng.integers(self._counts.shape[1]))
        count = self._counts[sound, variant]
        return Query(self._vectors[sound, variant].astype(np.float32), self._tokens[sound, variant, :count].astype(np.float32))


def embed(
    embedder: Embeds,
    sounds: Waves,
    phrases: Sequence[Sequence[str]],
    folder: Path,
    length: int,
    passes: int = 1,
    seed: int = 0,
    progress: Progress = silent,
) -> Queries:
    """Embed `passes` times `VARIANTS` queries of every sound; `phrases[i]` are the captions of sound i. Resumes shard by shard."""
    folder.mkdir(parents=True, exist_ok=True)
    shards = -(-len(sounds) // _SHARD)
    for number in range(shards):
        path = folder / f"{embedder.fingerprint}-{number}.npz"
        if not path.exists():
            numbers = range(number * _SHARD, min((number + 1) * _SHARD, len(sounds)))
            rng = np.random.default_rng([seed, number])
            made = [[query for _ in range(passes) for query in _variants(embedder, sounds.wave(i), phrases[i], rng)] for i in numbers]
            _save(path, made, length)
        progress(min((number + 1) * _SHARD, len(sounds)), len(sounds), "embedding queries")
    with whole(folder / "done.json") as partial:
        partial.write_text(json.dumps({"fingerprint": embedder.fingerprint, "shards": shards}), encoding="utf-8")
    return Queries(folder)


def _variants(embedder: Embeds, wave: np.ndarray, phrases: Sequence[str], rng: np.random.Generator) -> list[Query]:
    from clvap.data.vocalize import Imitator

    words = [str(phrases[int(i)]) for i in rng.permutation(len(phrases))]
    said = [words[i % len(words)] for i in range(VARIANTS - 1)]
    text_only = [embedder.query(text=text) for text in said[:2]]
    try:
        imitator = Imitator(Clip(wave[None]))
        voices = [imitator.draw(rng), imitator.draw(rng)]
        both = [embedder.query(voice, text) for voice, text in zip(voices, said[2:], strict=True)]
        return [*text_only, *both, embedder.query(voice=voices[int(rng.integers(2))])]
    except AudioError:  # too short to be imitated
        return [*text_only, *(embedder.query(text=words[int(rng.integers(len(words)))]) for _ in range(VARIANTS - 2))]


def _save(path: Path, made: list[list[Query]], length: int) -> None:
    shape, first = (len(made), len(made[0])), made[0][0]
    tokens = np.zeros((*shape, length, first.tokens.shape[1]), dtype=np.float16)
    vectors = np.zeros((*shape, len(first.vector)), dtype=np.float16)
    counts = np.zeros(shape, dtype=np.int64)
    for row, queries in enumerate(made):
        for variant, query in enumerate(queries):
            count = min(len(query.tokens), length)
            tokens[row, variant, :count] = query.tokens[:count]
            vectors[row, variant] = query.vector
            counts[row, variant] = count
    with whole(path) as partial:
        np.savez(partial, tokens=tokens, vectors=vectors, counts=counts)
