"""The sounds that are measured: takes of every way of asking, and library hits with and without the gesture performed on them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from clvap import Embedder
from clvap.audio import Clip, read
from clvap.data.rows import Row
from clvap.progress import Progress, silent
from clvap.query import Query
from generation import ranking
from generation.generator import Generator
from generation.measures.questions import Asked
from generation.perform import Amounts, drawn, finished, perform
from generation.plan import following
from generation.request import AS_MADE, MIN_SECONDS, Follow, GenerateRequest, Ground, Pull, Take

_SEARCHED = 20
_SEEDS = 1_000  # from one question to the next


@dataclass(frozen=True)
class Way:
    """A way of asking.

    voice, text: whether the model is given it
    controls: whether it hears the gesture's curves
    takes: sounds a question; None leaves it to the evaluation
    """

    voice: bool = True
    text: bool = True
    controls: bool = True
    takes: int | None = None

    def query(self, embedder: Embedder, asked: Asked) -> Query:
        return embedder.query(asked.voice if self.voice else None, asked.text if self.text else None)


WAYS = {"voice + words": Way(), "voice": Way(text=False), "words": Way(voice=False), "voice + words, controls off": Way(controls=False, takes=1)}


@dataclass(frozen=True)
class Made:
    """Sounds made for one question, best first.

    shown: as the page shows them, their loudness drawn to the gesture's
    raw: as the model made them
    sources: recordings they were made from
    seeds: of the takes
    seconds: of compute, of each
    """

    shown: list[Clip]
    raw: list[Clip]
    sources: frozenset[str]
    seeds: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Hit:
    """The best sound of the library for a question."""

    clip: Clip
    name: str
    source: str


class Studio:
    """A generator and an embedder at work on questions.

    best_of: candidates that each take is the best of; None: as many as the page makes
    """

    def __init__(self, generator: Generator, embedder: Embedder, seed: int, best_of: int | None = None):
        self._generator, self._embedder, self._seed = generator, embedder, seed
        self.best_of = best_of or generator.sampling.best_of

    def takes(self, asked: Asked, number: int, way: Way, count: int, ground: Ground | None = None, progress: Progress = silent) -> Made:
        """Takes for question `number`; the same question and number give the same noise whichever way is asked."""
        query = way.query(self._embedder, asked)
        seconds = min(max(asked.voice.duration_s, MIN_SECONDS), self._generator.max_seconds)
        follow = Follow() if way.controls else Follow(0.0, 0.0, 0.0)
        takes, seed = (way.takes or count) * self.best_of, self._seed + _SEEDS * number
        start = {} if ground is None else {"init": ground.clip, "init_strength": ground.strength}
        request = GenerateRequest(query, seconds, takes, seed, follow=follow, pull=AS_MADE, best_of=1, **start)
        return self._shown(self._generator.generate(request, progress), request)

    def heard(self, clips: Sequence[Clip]) -> np.ndarray:
        """Clips as the embedder hears them, float32 (N, D)."""
        return self._embedder.embed_audio(clips)

    def page(self, asked: Asked, way: Way, first: Made, others: Made) -> Made:
        """What the page shows where its first take is another one: `others` with `first` in place of the one of the first candidates."""
        kept = [place for place, seed in enumerate(others.seeds) if (seed - self._seed) % _SEEDS >= self.best_of]
        shown, raw, seeds, seconds = (
            [*mine, *(theirs[place] for place in kept)]
            for mine, theirs in ((first.shown, others.shown), (first.raw, others.raw), (first.seeds, others.seeds), (first.seconds, others.seconds))
        )
        return self._ranked(Made(shown, raw, first.sources | others.sources, seeds, seconds), way.query(self._embedder, asked))

    def _shown(self, takes: list[Take], request: GenerateRequest) -> Made:
        """What `Generator` would have given at the usual pull: drawn to the gesture, and after that chosen and ranked. A take costs all its candidates."""
        takes = sorted(takes, key=lambda take: take.seed)
        shown = [self._pulled(take.clip, request) for take in takes]
        vectors, kept, seconds = self._embedder.embed_audio(shown), [], []
        for first in range(0, len(takes), self.best_of):
            group = range(first, first + self.best_of)
            merits = [ranking.merit(float(vectors[number] @ request.query.vector), following(shown[number], request)) for number in group]
            kept.append(group[ranking.choose(merits, vectors[group], [vectors[number] for number in kept])])
            seconds.append(sum(takes[number].seconds for number in group))
        best = [takes[number] for number in kept]
        made = Made([shown[number] for number in kept], [take.clip for take in best], frozenset(), [take.seed for take in best], seconds)
        return self._ranked(made, request.query)

    def _ranked(self, made: Made, query: Query) -> Made:
        vectors = self._embedder.embed_audio(made.shown)
        order = ranking.order(vectors @ query.vector, vectors)
        shown, raw, seeds, seconds = ([row[place] for place in order] for row in (made.shown, made.raw, made.seeds, made.seconds))
        return Made(shown, raw, made.sources, seeds, seconds)

    def _pulled(self, clip: Clip, request: GenerateRequest) -> Clip:
        if request.query.contours is None:
            return clip
        usual = replace(request, pull=Pull()).pulled
        return finished(drawn(clip, request.query.contours, usual.loudness, usual.brightness), request.seconds)


def hits(embedder: Embedder, rows: Sequence[Row], questions: Sequence[Asked]) -> list[Hit]:
    """By question of voice and words, the best sound of a library of `rows` that is not of the recording imitated.

    The library's file names say nothing of the classes.
    """
    from clvap.evaluate import indexed
    from clvap.library import Weights

    found = []
    with tempfile.TemporaryDirectory() as folder:
        library = indexed(list(rows), Path(folder), embedder)
        for asked in questions:
            query = Way().query(embedder, asked)
            for match in library.search(query, k=_SEARCHED, weights=Weights.of(query)):
                row = rows[int(Path(match.path).stem)]
                if row.source != asked.source:
                    found.append(Hit(read(row.path), row.path.name, row.source))
                    break
    return found


def unperformed(hit: Hit) -> Made:
    """The hit as it is."""
    return Made([hit.clip], [hit.clip], frozenset({hit.source}))


def performed(hit: Hit, asked: Asked) -> Made:
    """The hit shaped to the gesture, without any network."""
    clip = perform(hit.clip, asked.contours, Amounts())
    return Made([clip], [clip], frozenset({hit.source}))


def grounded(studio: Studio, hit: Hit, asked: Asked, number: int) -> Made:
    """One take that starts from the performed hit."""
    made = studio.takes(asked, number, Way(takes=1), 1, Ground(performed(hit, asked).shown[0], hit.name))
    return replace(made, sources=frozenset({hit.source}))
