"""/library, /library_search, /library_map, /library_sound for everybody; /index, /library_remove, /describe for one's own machine."""

from __future__ import annotations

from app.services.access import Action, allowed
from app.services.catalogue import Wanted
from app.services.studio import Studio
from app.ui.api.endpoints import Endpoints


class LibraryApi(Endpoints):
    """The library without a gesture. `sound` names a sound, as other endpoints told it."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        for method in (self.library, self.library_search, self.library_map, self.library_sound):
            self._offer(method)
        for method in (self.index, self.library_remove, self.describe):
            self._offer(method, Action.EDIT_LIBRARY)

    def library(self) -> dict:
        """What is in it: {"count", "categories", "folders"}; folders for those who may see paths."""
        state = self._studio.library.state()
        seen = state.folders if Action.SEE_PATHS in allowed(self._studio.settings) else ()
        return {"count": state.count, "categories": list(state.categories), "folders": [str(folder.path) for folder in seen]}

    def library_search(
        self, words: str = "", category: str = "", shortest: float | None = None, longest: float | None = None, like: str = "", k: int = 20
    ) -> dict:
        """Sounds that fit words, that are like another, or all that fulfil the filters: {"matches": [...], "total"}."""
        most = min(max(k, 1), self._studio.limits.hits)
        found = self._studio.catalogue.find(Wanted(words, category or None, shortest, longest, self._sound(like) if like else None, most))
        return {"matches": self._matches(found.sounds), "total": found.total}

    def library_map(self) -> list[dict]:
        """Its map, where sounds that sound alike lie near each other: [{"sound", "x", "y", "name", "category", "duration_s"}], x and y from 0 to 1.

        Empty where none is drawn yet; asking lets it be drawn.
        """
        told = []
        for point in self._studio.map.points():
            known = {name: getattr(point, name) for name in ("x", "y", "name", "category", "duration_s")}
            told.append({"sound": self._studio.sounds.token(point.path)} | known)
        return told

    def library_sound(self, sound: str) -> dict:
        """What is known of one sound of it: {"sound", "name", "caption", "category", "duration_s", "sample_rate_hz", "channels"}."""
        match = self._studio.catalogue.known(self._sound(sound))
        known = {name: getattr(match, name) for name in ("name", "caption", "category", "duration_s", "sample_rate_hz", "channels")}
        where = {"source": str(match.path)} if Action.SEE_PATHS in allowed(self._studio.settings) else {}
        return {"sound": sound} | known | where

    def index(self, folder: str) -> dict:
        """Index a folder of this machine and wait: {"indexed", "unchanged", "skipped": [{"file", "reason"}], "seconds"}."""
        report = self._studio.library.index(folder)
        skipped = [{"file": str(skipped.path), "reason": skipped.reason} for skipped in report.skipped]
        return {"indexed": report.indexed, "unchanged": report.unchanged, "skipped": skipped, "seconds": report.seconds}

    def library_remove(self, folder: str) -> dict:
        """Take an indexed folder out of the library; its files stay."""
        self._studio.library.remove(folder)
        return self.library()

    def describe(self, sound: str, caption: str, category: str) -> dict:
        """Write over the caption and the category of a sound."""
        return self._matches([self._studio.catalogue.describe(self._sound(sound), caption, category)])[0]
