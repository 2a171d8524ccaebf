"""Search in two steps: a shortlist by the query's vector and its words, then an order by several kinds of likeness."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from pathlib import Path

import numpy as np

from clvap.contours import Contours
from clvap.library import likeness, words
from clvap.library.lessons import Taught
from clvap.library.rows import Rows
from clvap.library.scan import LibraryError
from clvap.library.store import Store, quoted
from clvap.query import Query

SHORTLIST = 200
_SHORTLIST_BY_WORDS = 100
_SHORTLIST_BY_TIMING = _SHORTLIST_BY_SOUND = _SHORTLIST_BY_LESSON = 50  # enough that what stands out on the shortlist stands out in the library
_OVERALL_OF_BOTH = 0.5  # how much the vector counts where words are in it beside a voice
_OVERALL_OF_WORDS = 0.55  # and where there is no voice whose curves could count
_COSINE_RANGE = (-0.1, 0.6)  # of a query and a sound by clvap-mini: the least and the best likely
_OF_A_SOUND = 0.6  # two sounds are nearer to each other than a voice is to a sound, whose best likely cosine this is
_SAME_SOUND = 0.75  # how far one sound stands out by the audio tower where what was recorded is that sound


@dataclass(frozen=True)
class Weights:
    """How much each aspect counts; only their ratios matter. An aspect that a query or a sound lacks is left out.

    overall: likeness by the CLVAP vector
    sound: likeness by the audio tower alone, where what was recorded is a sound itself and no imitation
    loudness: shape of the loudness over time, and the length
    timing: how it stands out among the others by that shape, moment for moment
    timbre: movement and height of the brightness
    pitch: melody, where both are pitched
    words: share of the query's words that caption, name and category hold; what a file is called is seldom wrong
    learned: likeness to what was taken for such a query before
    """

    overall: float = 0.33
    sound: float = 0.5
    loudness: float = 0.1
    timing: float = 0.5
    timbre: float = 0.05
    pitch: float = 0.1
    words: float = 0.6
    learned: float = 0.3

    def __post_init__(self) -> None:
        values = astuple(self)
        if min(values) < 0 or max(values) == 0:
            raise LibraryError("weights of a search are 0 or more, and at least one is above 0")

    @staticmethod
    def of(query: Query, balance: float = 0.5) -> Weights:
        """The usual weights of a query; `balance` runs from 0 (voice alone) to 1 (words alone) and counts where both are there."""
        usual = Weights()
        if query.contours is None:
            return replace(usual, overall=_OVERALL_OF_WORDS)
        if not query.text:
            return usual
        heard = min(2 * (1 - balance), 1)
        moved = {name: getattr(usual, name) * heard for name in ("sound", "loudness", "timing", "timbre", "pitch")}
        overall = np.interp(balance, (0, 0.5, 1), (usual.overall, _OVERALL_OF_BOTH, _OVERALL_OF_WORDS))
        return replace(usual, overall=float(overall), **moved, words=usual.words * 2 * balance)


@dataclass(frozen=True)
class Filters:
    """What a hit must fulfil.

    min_duration_s, max_duration_s: bounds of the file's length, None for no bound
    categories: one of these, any when empty
    text: every one of these words occurs in caption, name or category
    """

    min_duration_s: float | None = None
    max_duration_s: float | None = None
    categories: tuple[str, ...] = ()
    text: str = ""

    def mask(self, rows: Rows) -> np.ndarray:
        """Which rows fulfil it, bool (N,)."""
        kept = np.ones(len(rows), dtype=bool)
        if self.min_duration_s is not None:
            kept &= rows.duration_s >= self.min_duration_s
        if self.max_duration_s is not None:
            kept &= rows.duration_s <= self.max_duration_s
        if self.categories:
            kept &= np.isin(rows.labels["category"].to_numpy(), list(self.categories))
        for word in self.text.lower().split():
            kept &= np.array([word in said for said in rows.lower_words], dtype=bool)
        return kept

    def sql(self) -> str | None:
        """The same as a condition of LanceDB, None where everything fulfils it."""
        parts = []
        if self.min_duration_s is not None:
            parts.append(f"duration_s >= {float(self.min_duration_s)}")
        if self.max_duration_s is not None:
            parts.append(f"duration_s <= {float(self.max_duration_s)}")
        if self.categories:
            parts.append(f"category IN ({', '.join(map(quoted, self.categories))})")
        parts += [f"strpos(lower(words), {quoted(word)}) > 0" for word in self.text.lower().split()]
        return " AND ".join(parts) or None


@dataclass(frozen=True)
class Aspects:
    """The parts of a score, each 0 to 1; None where the query or the sound has no such aspect."""

    overall: float
    sound: float | None = None
    loudness: float | None = None
    timing: float | None = None
    timbre: float | None = None
    pitch: float | None = None
    words: float | None = None
    learned: float | None = None


@dataclass(frozen=True)
class Match:
    """A sound of the library.

    score: 0 to 1, how well it fits the query; 0 where none was asked
    duration_s, sample_rate_hz, channels: of the whole file
    aspects: what the score is made of
    """

    path: Path
    score: float
    caption: str
    duration_s: float
    category: str
    name: str
    sample_rate_hz: int
    channels: int
    aspects: Aspects | None = None


def query_of_sound(vector: np.ndarray, curves: Contours) -> Query:
    """A query for sounds like one sound, of its unit vector (D,) and its curves. It has no tokens: it is for searching alone."""
    return Query(_OF_A_SOUND * vector, np.zeros((0, len(vector)), np.float32), curves, as_sound=vector)


def search(store: Store, query: Query, k: int, weights: Weights, filters: Filters, taught: Taught | None = None) -> list[Match]:
    """The `k` best sounds of a library for a query and what earlier choices say of it, best first. Raises LibraryError where query and library do not fit."""
    if store.table() is None or k < 1:
        return []
    rows = shortlist(store, query, max(SHORTLIST, k), filters, taught)
    if not len(rows):
        return []
    parts = aspects(query, rows, taught)
    scores = weighted(parts, weights)
    best = np.argsort(-scores, kind="stable")[:k]
    return _matches(rows.take(best), scores[best], {name: part[best] for name, part in parts.items()})


@dataclass(frozen=True)
class Listing:
    """Sounds that fulfil a filter, in the order of their paths where the library fits into memory, and how many there are in all."""

    matches: list[Match]
    total: int


def listing(store: Store, filters: Filters, k: int) -> Listing:
    """The first `k` sounds that fulfil the filters."""
    if store.table() is None:
        return Listing([], 0)
    rows = store.rows()
    if rows is None:
        rows, total = store.listed(filters.sql(), k)
        return Listing(described(rows), total)
    fitting = np.flatnonzero(filters.mask(rows))
    by_path = sorted(fitting, key=rows.labels["path"].to_pylist().__getitem__)[:k]
    return Listing(described(rows.take(np.array(by_path, np.int64))), len(fitting))


def shortlist(store: Store, query: Query, limit: int, filters: Filters, taught: Taught | None = None) -> Rows:
    """Rows near the query's vector, near it as a sound or near what was taken before, that move like its voice (in a library that fits into memory) or
    hold its words, in no order."""
    rows = store.rows()
    where = filters.sql()
    also = [] if query.as_sound is None else [(query.as_sound, _SHORTLIST_BY_SOUND)]
    also += [] if taught is None else [(sound, _SHORTLIST_BY_LESSON) for sound in taught.sounds]
    if rows is None:
        _check_width(query, store.table().schema.field("vector").type.list_size)
        rows = store.nearest(query.vector, limit, where)
        for vector, count in also:
            rows = rows.with_new(store.nearest(vector, count, where))
        near = np.arange(len(rows))
    else:
        _check_width(query, rows.vectors.shape[1] if len(rows) else len(query.vector))
        fitting = np.flatnonzero(filters.mask(rows))
        near = _best(fitting, rows.vectors[fitting] @ query.vector, limit)
        for vector, count in also:
            near = np.union1d(near, _best(fitting, rows.vectors[fitting] @ vector, count))
        if query.contours is not None:
            alike = likeness.timing(likeness.summarise(query.contours), rows.curves[fitting])
            near = np.union1d(near, _best(fitting, alike, _SHORTLIST_BY_TIMING))
    if not query.text or not words.tokens(query.text):
        return rows.take(near)
    return rows.take(near).with_new(Rows.from_arrow(store.mentioning(query.text, _SHORTLIST_BY_WORDS, where)))


def _as_sound(query: Query, vectors: np.ndarray) -> np.ndarray | None:
    """Cosines of a recording and sounds (N, D) by the audio tower, (N,), where one of them stands out as what was recorded; None for an imitation."""
    if query.as_sound is None or not len(vectors):
        return None
    cosines = vectors @ query.as_sound
    return cosines if likeness.standing_out(1 - cosines).max() > _SAME_SOUND else None


def _best(numbers: np.ndarray, scores: np.ndarray, limit: int) -> np.ndarray:
    """The `limit` of the numbers with the highest scores, in no particular order."""
    return numbers[np.argpartition(-scores, limit)[:limit]] if len(numbers) > limit else numbers


def _check_width(query: Query, width: int) -> None:
    if len(query.vector) != width:
        raise LibraryError(
            f"the query has {len(query.vector)} numbers and the library {width}: it was made with another model; index its folders again"
        )


def aspects(query: Query, rows: Rows, taught: Taught | None = None) -> dict[str, np.ndarray]:
    """Likeness of each row by aspect, about 0 to 1, float (N,) each, NaN where a row lacks the aspect."""
    low, high = _COSINE_RANGE
    parts = {"overall": (rows.vectors @ query.vector - low) / (high - low)}  # past 0 and 1 it still orders
    as_sound = _as_sound(query, rows.vectors)
    if as_sound is not None:
        parts["sound"] = as_sound
    if query.contours is not None:
        alike = likeness.compare(likeness.summarise(query.contours), rows.curves, rows.active_s)
        parts |= {name: getattr(alike, name) for name in ("loudness", "timing", "timbre", "pitch")}
    if query.text and words.tokens(query.text):
        parts["words"] = np.array(words.coverage(query.text, rows.lower_words), dtype=np.float32)
    if taught is not None:
        parts["learned"] = taught.likeness(rows.vectors)
    return parts


def weighted(parts: dict[str, np.ndarray], weights: Weights) -> np.ndarray:
    """Weighted mean of the aspects that each row has, (N,)."""
    values = np.stack(list(parts.values()))
    counts = np.array([getattr(weights, name) for name in parts])[:, None] * np.isfinite(values)
    return (np.nan_to_num(values) * counts).sum(axis=0) / np.maximum(counts.sum(axis=0), 1e-9)


def _matches(rows: Rows, scores: np.ndarray, parts: dict[str, np.ndarray]) -> list[Match]:
    matches = described(rows)
    said = [{name: float(np.clip(part[i], 0, 1)) for name, part in parts.items() if np.isfinite(part[i])} for i in range(len(rows))]
    return [replace(match, score=float(np.clip(score, 0, 1)), aspects=Aspects(**part)) for match, score, part in zip(matches, scores, said, strict=True)]


def described(rows: Rows) -> list[Match]:
    """Rows as matches of no query."""
    return [
        Match(Path(said["path"]), 0.0, said["caption"], float(length), said["category"], said["name"], said["sample_rate_hz"], said["channels"])
        for said, length in zip(rows.labels.to_pylist(), rows.duration_s, strict=True)
    ]
