"""/history and what can be done with what is in it. Visitors find only what is theirs."""

from __future__ import annotations

import gradio as gr

from app.services.errors import RequestError
from app.services.hits import Emphasis
from app.services.studio import Studio
from app.ui.api.endpoints import Endpoints
from app.ui.visitor import owner


class KeepingApi(Endpoints):
    """`entry` is the id of an entry, `sound` names a sound, both as other endpoints told them."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        for method in (self.history, self.entry, self.favourite, self.delete, self.undelete, self.rerank, self.more_like_this):
            self._offer(method)

    def history(self, request: gr.Request, words: str = "", favourites: bool = False, limit: int = 24, before: str = "") -> list[dict]:
        """Earlier gestures, newest first, with all of the words in them: [{"entry", "words", "time", "matches", "takes", "starred"}].

        At most `limit`, up to 100, of those older than the entry `before`; the last one's id asks for the next ones.
        """
        entries = self._studio.history.list(owner(self._studio, request), max(1, min(limit, 100)), words, favourites, before)
        return [self._line(entry) for entry in entries]

    def entry(self, request: gr.Request, entry: str) -> dict:
        """One of them with its sounds: {"entry", "words", "time", "matches": [...], "takes": [...], "starred"}."""
        found = self._studio.history.find(owner(self._studio, request), entry)
        if found is None:
            raise RequestError("This entry is not there any more.")
        return self._answer(found)

    def favourite(self, request: gr.Request, entry: str, sound: str) -> dict:
        """Give a hit or a take of an entry a star, or take it away. A starred hit and its like are found sooner for the next gesture like the entry's."""
        return self._line(self._studio.history.star(owner(self._studio, request), entry, self._sound(sound)))

    def delete(self, request: gr.Request, entry: str, sound: str = "") -> dict:
        """Delete an entry, or one take of it: {"key"}, with which /undelete brings it back within a day."""
        return {"key": self._studio.history.delete(owner(self._studio, request), entry, self._sound(sound) if sound else None)}

    def undelete(self, request: gr.Request, key: str) -> dict:
        """Bring back what was deleted."""
        return self._line(self._studio.history.restore(owner(self._studio, request), key))

    def rerank(
        self, request: gr.Request, entry: str, overall: float = 0.5, timbre: float = 0.5, pitch: float = 0.5, loudness: float = 0.5, timing: float = 0.5
    ) -> dict:
        """The hits of an entry in another order, at once: how much each aspect counts, 0 not at all, 0.5 as usual, 1 most."""
        return self._answer(self._studio.hits.rerank(owner(self._studio, request), entry, Emphasis(overall, timbre, pitch, loudness, timing)))

    def more_like_this(self, request: gr.Request, entry: str, sound: str) -> dict:
        """Sounds of the library that are like one sound, in place of the entry's hits."""
        path = self._sound(sound)
        return self._answer(self._studio.hits.alike(owner(self._studio, request), entry, path, path.stem))
