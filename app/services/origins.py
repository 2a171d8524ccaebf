"""What is known of a sound that somebody wants to have: a take or a gesture of theirs, a sound of the library, a file of their own machine."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.services.access import Action, allowed
from app.services.errors import RequestError
from app.services.history import Entry, History, KeptTake
from app.services.models import Models
from app.settings import Settings
from clvap.data import ucs
from generation.export import licences, names
from generation.export.metadata import About

_FORGOTTEN = "This sound is not there any more; take it out of the export."
_TELLS_NOTHING = {"the", "and", "with", "for", "from", "into"}


@dataclass(frozen=True)
class Origin:
    """A sound and what is known of it.

    name: the proposed file name, without suffix
    about: what its file will say, but for what its name says
    """

    path: Path
    name: str
    about: About


class Origins:
    """Looks sounds up on behalf of their owner; sounds of others do not exist for them."""

    def __init__(self, settings: Settings, models: Models, history: History) -> None:
        self._settings, self._models, self._history = settings, models, history
        self._kept = settings.workspace / "history"

    def of(self, owner: str, paths: Sequence[Path], creator: str) -> list[Origin]:
        """What is known of each file. RequestError for one that is none of theirs; creator: the CreatorID of proposed names."""
        paths = [Path(os.path.abspath(path)) for path in paths]
        known = {Path(match.path): match for match in self._of_library(owner, [path for path in paths if not path.is_relative_to(self._kept)])}
        return [self._of_history(owner, path, creator) if path.is_relative_to(self._kept) else self._of_file(path, known.get(path), creator) for path in paths]

    def _of_history(self, owner: str, path: Path, creator: str) -> Origin:
        entry = self._history.find(owner, path.relative_to(self._kept).parts[0]) if path != self._kept else None
        if entry is None:
            raise RequestError(_FORGOTTEN)
        take = entry.take_at(path)
        if take is not None:
            return self._of_take(entry, take, path, creator)
        if path != entry.gesture:
            raise RequestError(_FORGOTTEN)
        name = names.proposed(f"{entry.words} gesture", "VOXMisc", creator=creator)
        return Origin(path, name, About(description=f"vocal gesture: {entry.words}".rstrip(": "), made_s=entry.time_s))

    def _of_take(self, entry: Entry, take: KeptTake, path: Path, creator: str) -> Origin:
        nearest = entry.matches[0] if entry.matches else None
        sample = entry.root(take).parent  # a sound of the library, though takes may lie between
        parent = next((match for match in (*entry.hits, *entry.matches, *entry.stars) if sample in (match.name, Path(match.path).stem)), None)
        said = entry.words or (parent.caption if parent else "") or sample or (nearest.caption if nearest else "")
        hint = "" if entry.words else (parent or nearest).category if parent or nearest else ""
        source = "".join(letter for letter in (take.model or "").upper() if letter.isalnum()) or names.NO_SOURCE
        name = names.proposed(said, hint, take.number, creator, source)
        to = "a voice" if entry.has_gesture else "words"
        made = f"{take.parent}, performed to {to}" if take.performed else f"{said or 'a vocal gesture'}, made to {to}"
        span = "" if take.start_s is None else f", {take.start_s:.2f} to {take.end_s:.2f} s made anew"
        rights = [f"{take.model}: {licence}" for licence in (licences.of_model(take.model),) if licence] if take.model else []
        if parent is not None and (licence := licences.of_sound(Path(parent.path))):
            rights.append(f"{sample}: {licence}")
        origin = f"{take.parent}{span}{f', from {sample}' if sample != take.parent else ''}" if take.parent else ""
        about = About(made, _keywords(said, hint), entry.words, take.seed, take.model or "", "; ".join(rights), origin, entry.time_s)
        return Origin(path, name, about)

    def _of_library(self, owner: str, paths: list[Path]) -> list:
        """Rows of the library, or, while it is still opened, of the owner's own finds."""
        if not paths:
            return []
        if self._models.library.ready:
            return list(self._models.library().described(paths))
        wanted = {str(path) for path in paths}
        return [match for entry in self._history.list(owner) for match in (*entry.hits, *entry.matches, *entry.stars) if match.path in wanted]

    def _of_file(self, path: Path, match, creator: str) -> Origin:
        if match is None and Action.NAME_PATHS not in allowed(self._settings):
            raise RequestError(_FORGOTTEN)
        if not path.is_file():
            raise RequestError(f"{path.name}: the file is gone; index its folder again, or take it out of the export")
        said, category = (match.caption or match.name, match.category or "") if match else (path.stem, "")
        name = names.safe(path.stem) if ucs.parse(path.stem) else names.proposed(said, category, creator=creator)
        about = About(said, _keywords(said, category), licence=licences.of_sound(path), parent=path.name, made_s=path.stat().st_mtime)
        return Origin(path, name, about)


def _keywords(text: str, category: str) -> tuple[str, ...]:
    """The words of a caption that a search would be made for."""
    words = [word for word in re.findall(r"[^\W_]{3,}", f"{text} {category}".lower()) if word not in _TELLS_NOTHING]
    return tuple(dict.fromkeys(words))[:24]
