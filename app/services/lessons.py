"""What the favourites of the history teach a search: a hit with a star was taken for its gesture, and fits the next one like it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from app.services.history import Entry, History
from app.services.models import Models
from clvap.audio import AudioError
from clvap.files import whole

if TYPE_CHECKING:
    from clvap import Query
    from clvap.library import Lesson

_log = logging.getLogger(__name__)
_GESTURES = 100


class Lessons:
    """The favourites among each owner's hits. What an entry asked is kept beside it as asked-MODEL.npy, and worked out anew for another model."""

    def __init__(self, models: Models, history: History, asked: Callable[[Entry], Query]) -> None:
        """asked: an entry's query, by the model in use"""
        self._models, self._history, self._asked = models, history, asked

    def of(self, owner: str) -> list[Lesson]:
        """What an owner's newest starred gestures teach."""
        return [lesson for entry in self._history.list(owner, _GESTURES, starred=True) if entry.stars for lesson in self._of(entry)]

    def keep(self, entry: Entry, query: Query) -> None:
        """Note what an entry asked, in case that a hit of it gets a star."""
        with whole(entry.folder / self._file) as partial, open(partial, "wb") as file:
            np.save(file, query.vector)

    def _of(self, entry: Entry) -> Iterator[Lesson]:
        from clvap.library import Lesson

        try:
            asked = self._vector(entry)
        except (OSError, ValueError, AudioError) as error:
            _log.warning("history: %s teaches nothing (%s)", entry.id, error)
            return
        yield from (Lesson(asked, star.path) for star in entry.stars)

    def _vector(self, entry: Entry) -> np.ndarray:
        kept = entry.folder / self._file
        if not kept.is_file():
            self.keep(entry, self._asked(entry))
        return np.load(kept, allow_pickle=False)

    @property
    def _file(self) -> str:
        return f"asked-{self._models.embedder().fingerprint}.npy"
