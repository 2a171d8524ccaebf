"""/library, /library_search for everybody; /index, /library_remove, /describe for one's own machine."""

from __future__ import annotations

from app.services.access import Action, allowed
from app.services.library import Wanted
from app.services.studio import Studio
from app.ui.api.endpoints import Endpoints


class LibraryApi(Endpoints):
    """The library without a gesture. `sound` names a sound, as other endpoints told it."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._offer(self.library)
        self._offer(self.library_search)
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
        found = self._studio.library.find(Wanted(words, category or None, shortest, longest, self._sound(like) if like else None, most))
        return {"matches": self._matches(found.sounds), "total": found.total}

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
        return self._matches([self._studio.library.describe(self._sound(sound), caption, category)])[0]
