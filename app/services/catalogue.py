"""The sounds of the library: searched by words, by likeness and by filters, picked out one by one, described anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.services.access import Action, require
from app.services.errors import RequestError
from app.services.models import Models
from app.settings import Settings

if TYPE_CHECKING:
    from clvap.library import Match

MOST_LISTED, MOST_LETTERS = 600, 500


@dataclass(frozen=True)
class Wanted:
    """What to list of the library.

    words: what to look for, all sounds when empty
    category: of this one alone, None for any
    shortest_s, longest_s: bounds of the length, None for none
    like: a sound of the library whose likes are wanted; then `words` do not count
    k: at most so many
    """

    words: str = ""
    category: str | None = None
    shortest_s: float | None = None
    longest_s: float | None = None
    like: Path | None = None
    k: int = 60


@dataclass(frozen=True)
class Listed:
    """Sounds of the library, best first where something was looked for.

    total: how many there are to be listed; None where all are more or less what was looked for
    """

    sounds: tuple[Match, ...]
    total: int | None = None


class Catalogue:
    """Lists and describes what an indexing has put into the library."""

    def __init__(self, settings: Settings, models: Models) -> None:
        self._settings, self._models = settings, models

    def find(self, wanted: Wanted) -> Listed:
        """Sounds that fit words, are like another, or merely fulfil the filters. Raises RequestError for what is too much to ask."""
        from clvap.library import Filters, Weights

        if len(wanted.words) > MOST_LETTERS:
            raise RequestError(f"{len(wanted.words):,} letters to look for: use at most {MOST_LETTERS}.")
        library, k, words = self._models.library(), min(max(wanted.k, 1), MOST_LISTED), wanted.words.strip()
        filters = Filters(wanted.shortest_s, wanted.longest_s, (wanted.category,) if wanted.category else ())
        if wanted.like is not None:
            return Listed(tuple(library.like(wanted.like, k, filters)))
        if words:
            query = self._models.embedder().query(voice=None, text=words)
            return Listed(tuple(library.search(query, k, Weights.of(query), filters)))
        listing = library.browse(filters, k)
        return Listed(tuple(listing.matches), listing.total)

    def chosen(self, paths: list[Path]) -> Listed:
        """The sounds at some paths, in that order, as many as are shown at once."""
        return Listed(tuple(self._models.library().described(paths[:MOST_LISTED])), len(paths))

    def known(self, path: Path) -> Match:
        """What is known of one sound. Raises RequestError where it is not in the library."""
        found = self._models.library().described([path])
        if not found:
            raise RequestError(f"{path.name}: not in the library; index its folder again.")
        return found[0]

    def describe(self, path: Path, caption: str, category: str) -> Match:
        """Write over the caption and the category of a sound. Raises LibraryError where one is empty or the sound is gone."""
        require(self._settings, Action.EDIT_LIBRARY)
        return self._models.library().describe(path, caption, category)
