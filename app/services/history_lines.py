"""What a list or a search of the history needs to know of an entry: read once, and again when it changed, so that thousands are quickly gone through."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.services.entries import META, read_entry


@dataclass(frozen=True, slots=True)
class Line:
    """An entry in short.

    state: of its file; another one whenever that was written anew
    said: what it is found by, in lower case
    """

    state: tuple[int, int]
    owner: str
    time_s: float
    starred: bool
    said: str

    def holds(self, words: list[str]) -> bool:
        """Whether all of the words, in lower case, occur in it."""
        return all(word in self.said for word in words)


class Lines:
    """The lines of a history's folder, by the ids of the entries."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Line] = {}

    def ids(self) -> list[str]:
        """Of all entries, newest first."""
        if not self._folder.is_dir():
            return []
        names = sorted((place.name for place in self._folder.iterdir() if not place.name.startswith(".")), reverse=True)
        if len(known := self._known) > len(names):  # some were deleted
            self._known = {name: known[name] for name in names if name in known}
        return names

    def of(self, entry_id: str, owner: str | None = None) -> Line | None:
        """The line of an entry; None where it cannot be read or, where an owner is named, is somebody else's."""
        known = self._known.get(entry_id)
        if known is not None and owner not in (None, known.owner):
            return None  # it never changes hands, so nothing needs to be read
        try:
            status = (self._folder / entry_id / META).stat()
        except OSError:
            self._known.pop(entry_id, None)
            return None
        state = (status.st_ino, status.st_mtime_ns)
        if known is None or known.state != state:
            entry = read_entry(self._folder / entry_id)
            if entry is None:
                self._known.pop(entry_id, None)
                return None
            known = self._known[entry_id] = Line(state, entry.owner, entry.time_s, entry.starred, entry.said)
        return known if owner in (None, known.owner) else None
