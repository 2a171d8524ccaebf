"""What the library has for a gesture: found, found anew for a sound of it, and weighed another way without a new search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.services.errors import RequestError
from app.services.history import Candidates, Entry, History, KeptMatch
from app.services.lessons import Lessons
from app.services.limits import Turnstile
from app.services.models import Models
from app.services.requests import ImitateRequest
from clvap.audio import MAX_GESTURE_S, SAMPLE_RATE_HZ, Clip, read

if TYPE_CHECKING:
    from clvap import Query
    from clvap.library import Filters, Lesson, Weights

CANDIDATES = 100
"""How many hits are kept for another weighing, at least."""
_STEEPNESS = 2.6  # at its end an aspect counts six times as much as usual, at its start not at all


@dataclass(frozen=True)
class Emphasis:
    """How much each aspect of likeness counts, from 0 (not at all) over 0.5 (as usual) to 1; see `clvap.library.Weights`."""

    overall: float = 0.5
    timbre: float = 0.5
    pitch: float = 0.5
    loudness: float = 0.5
    timing: float = 0.5

    def __post_init__(self) -> None:
        for aspect in fields(self):
            value = getattr(self, aspect.name)
            if not 0 <= value <= 1:
                raise RequestError(f"{value:g} for {aspect.name}: use a number from 0 to 1.")

    def weights(self, usual: dict[str, float]) -> Weights:
        """The usual weights of a search, changed by this; raises LibraryError where nothing counts any more."""
        from clvap.library import Weights

        counts = {name: (2 * value) ** _STEEPNESS for name, value in asdict(self).items()}
        counts["sound"] = counts["overall"]
        return Weights(**{name: usual[name] * counts.get(name, 1) for name in usual})


class Hits:
    """Searches of the library, kept in the history."""

    def __init__(self, models: Models, history: History, turnstile: Turnstile, lessons: Lessons) -> None:
        self._models, self._history, self._turnstile, self._lessons = models, history, turnstile, lessons

    def find(self, entry: Entry, query: Query, request: ImitateRequest) -> Entry:
        """The entry with its hits; its owner's favourites of such gestures count. Raises LibraryError where library and query do not fit."""
        from clvap.library import Weights

        lessons = self._lessons.of(entry.owner)
        found = self._search(query, Weights.of(query, request.balance), max(request.hits, CANDIDATES), _filters(request), lessons)
        self._lessons.keep(entry, query)
        return self._history.keep_matches(entry, found, request.hits)

    def alike(self, owner: str, entry_id: str, sound: Path, name: str) -> Entry:
        """The entry with sounds like one sound in place of its hits. Raises RequestError, or AudioError for a file that cannot be read."""
        from clvap.contours import extract
        from clvap.library import Weights
        from clvap.library.search import query_of_sound

        with self._turnstile.passing(owner):
            clip = read(sound, MAX_GESTURE_S)
            embedder = self._models.embedder()
            curves = extract(Clip(clip.mono()[None], clip.sample_rate_hz).at_rate(SAMPLE_RATE_HZ))
            query = query_of_sound(embedder.embed_audio([clip])[0], curves)
            found = self._search(query, Weights.of(query), CANDIDATES + 1, None)
        others = tuple(match for match in found.matches if match.path != str(sound))
        return self._history.keep_alike(owner, entry_id, name, replace(found, matches=others))

    def back(self, owner: str, entry_id: str) -> Entry:
        """The entry with its own hits again."""
        return self._history.drop_alike(owner, entry_id)

    def rerank(self, owner: str, entry_id: str, emphasis: Emphasis) -> Entry:
        """The entry with what it shows in another order, by what was measured when it was found. Needs no model."""
        kept = None if emphasis == Emphasis() else asdict(emphasis)
        return self._history.reorder(owner, entry_id, kept, lambda found: _ranked(found, emphasis))

    def _search(self, query: Query, weights: Weights, k: int, filters: Filters | None, lessons: Sequence[Lesson] = ()) -> Candidates:
        found = self._models.library().search(query, k=k, weights=weights, filters=filters, lessons=lessons)
        return Candidates(asdict(weights), tuple(_kept(match) for match in found))


def _kept(match) -> KeptMatch:
    aspects = {} if match.aspects is None else {name: round(float(value), 4) for name, value in asdict(match.aspects).items() if value is not None}
    return KeptMatch(str(match.path), match.name, match.caption, match.category or "", float(match.score), float(match.duration_s), aspects)


def _ranked(found: Candidates, emphasis: Emphasis) -> tuple[KeptMatch, ...]:
    """Candidates with their scores under other weights, best first."""
    names = sorted({name for match in found.matches for name in match.aspects})
    if emphasis == Emphasis() or not names:
        return found.matches
    from clvap.library.search import weighted

    parts = {name: np.array([match.aspects.get(name, np.nan) for match in found.matches]) for name in names}
    scores = weighted(parts, emphasis.weights(found.weights))
    return tuple(replace(found.matches[i], score=float(scores[i])) for i in np.argsort(-scores, kind="stable"))


def _filters(request: ImitateRequest) -> Filters | None:
    if request.shortest_s is None and request.longest_s is None and request.category is None:
        return None
    from clvap.library import Filters

    categories = (request.category,) if request.category is not None else ()
    return Filters(min_duration_s=request.shortest_s, max_duration_s=request.longest_s, categories=categories)
