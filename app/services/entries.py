"""What the history keeps of one press of the button, and its files on disk."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path

from app.services.files import write_json

_log = logging.getLogger(__name__)
META, GESTURE, RECORDING, FOUND, ALIKE = "meta.json", "gesture.wav", "recording.wav", "found.json", "alike.json"


@dataclass(frozen=True)
class KeptMatch:
    """A hit as it was when it was found; see `clvap.library.Match`. aspects: what its score is made of, by name, 0 to 1."""

    path: str
    name: str
    caption: str
    category: str
    score: float
    duration_s: float
    aspects: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Candidates:
    """All that a search found, more than is shown, so that another weighing needs no new search.

    weights: how much each aspect counted, by name
    """

    weights: dict[str, float]
    matches: tuple[KeptMatch, ...]


@dataclass(frozen=True)
class KeptAlike:
    """Sounds like one sound, shown instead of the hits until they are let go."""

    name: str
    matches: tuple[KeptMatch, ...]


@dataclass(frozen=True)
class KeptTake:
    """A take on disk.

    file: its place, relative to the entry's folder
    score: likeness to the gesture, a cosine
    seed: makes it again; None for what no model made
    seconds: of compute it took
    duration_s: its length
    parent: name of the sound it was made from, None for one made from nothing
    start_s, end_s: the span of its parent that was made anew, the rest being the parent's; None where it is new from end to end
    performed: it is its parent shaped to the gesture, not a new sound
    model: name of the generator that made it, None where none did or it is not known
    favourite: it has a star
    """

    file: str
    score: float
    seed: int | None
    seconds: float
    duration_s: float
    parent: str | None = None
    performed: bool = False
    model: str | None = None
    favourite: bool = False
    start_s: float | None = None
    end_s: float | None = None

    @property
    def title(self) -> str:
        """What it is called."""
        return f"performed: {self.parent}" if self.performed else f"Take {self.number}"

    @property
    def number(self) -> int:
        """Counted from 1 in the order of making; never given twice within an entry."""
        return int(Path(self.file).stem.partition("-")[0])


@dataclass(frozen=True)
class KeptPart:
    """Which gesture of a recording was used.

    number: counted from 1
    start_s, end_s: its place in the kept recording
    duration_s: the length of that recording
    """

    number: int
    start_s: float
    end_s: float
    duration_s: float


@dataclass(frozen=True)
class Entry:
    """One press of the button.

    time_s: when, seconds since 1970
    owner: whose it is; others never see it
    part: the gesture used, None for the whole recording
    made: how many takes it ever had, deleted ones included
    loudness: of the gesture over its time, 0 to 1; empty without one
    stars: hits that are favourites, wherever they were found
    alike: what is shown in place of the hits, None for the hits
    emphasis: how the hits were weighed last, by aspect, 0 to 1; None for the usual way
    """

    id: str
    folder: Path
    time_s: float
    owner: str
    words: str
    balance: float
    has_gesture: bool
    matches: tuple[KeptMatch, ...] = ()
    takes: tuple[KeptTake, ...] = ()
    part: KeptPart | None = None
    made: int = 0
    loudness: tuple[float, ...] = ()
    stars: tuple[KeptMatch, ...] = ()
    alike: KeptAlike | None = None
    emphasis: dict[str, float] | None = None

    @property
    def gesture(self) -> Path | None:
        return self.folder / GESTURE if self.has_gesture else None

    @property
    def recording(self) -> Path | None:
        """What to hear the gesture from again."""
        whole = self.folder / RECORDING
        return whole if whole.is_file() else self.gesture

    @property
    def hits(self) -> tuple[KeptMatch, ...]:
        """What the column of hits shows."""
        return self.alike.matches if self.alike else self.matches

    @property
    def starred(self) -> bool:
        """Whether anything in it is a favourite."""
        return bool(self.stars) or any(take.favourite for take in self.takes)

    def file(self, take: KeptTake) -> Path:
        return self.folder / take.file

    def take_at(self, path: Path) -> KeptTake | None:
        """The take in a file, None where it is none of this entry's."""
        return next((take for take in self.takes if self.file(take) == path), None)

    def root(self, take: KeptTake) -> KeptTake:
        """The take that a take was made from, or one that that one was made from; the take itself where it was made from none of the entry's."""
        older = [one for one in self.takes if one.number < take.number and one.title == take.parent]
        return self.root(older[-1]) if older else take

    @property
    def said(self) -> str:
        """What it is found by, in lower case: what was typed, what was starred, what takes were made from."""
        return " ".join([self.words, *(f"{star.name} {star.caption}" for star in self.stars), *(take.parent or "" for take in self.takes)]).lower()


def write_entry(folder: Path, entry: Entry) -> None:
    """Keep an entry in a folder."""
    write_json(folder / META, {key: value for key, value in asdict(entry).items() if key not in ("id", "folder")})


def read_entry(folder: Path) -> Entry | None:
    """The entry in a folder, None where it cannot be read or a file of it is missing."""
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        takes = tuple(KeptTake(**take) for take in meta["takes"])
        alike = meta.get("alike")
        parts = {
            "matches": _matches(meta["matches"]),
            "takes": takes,
            "part": KeptPart(**meta["part"]) if meta.get("part") else None,
            "loudness": tuple(meta.get("loudness", ())),
            "stars": _matches(meta.get("stars", ())),
            "alike": KeptAlike(alike["name"], _matches(alike["matches"])) if alike else None,
        }
        entry = Entry(id=folder.name, folder=folder, **meta | parts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _log.warning("history: %s is skipped (%s)", folder.name, error)
        return None
    files = [entry.file(take) for take in takes] + ([entry.gesture] if entry.gesture else [])
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        _log.warning("history: %s is skipped (missing %s)", folder.name, ", ".join(missing))
        return None
    return entry


def write_candidates(file: Path, candidates: Candidates) -> None:
    """Keep what a search found."""
    write_json(file, asdict(candidates))


def read_candidates(file: Path) -> Candidates | None:
    """What a search found; None where that was not kept."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return Candidates(kept["weights"], _matches(kept["matches"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _matches(kept: list[dict]) -> tuple[KeptMatch, ...]:
    return tuple(KeptMatch(**match) for match in kept)
