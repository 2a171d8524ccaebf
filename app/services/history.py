"""Earlier gestures with what was found and made for them, one folder each in the workspace.

    <id>/gesture.wav   the trimmed recording, absent when only words were given
    <id>/meta.json     words, time, which part of the recording was used, matches, takes
    <id>/takes/*.wav   the takes

Every file appears whole or not at all: written beside its place, then renamed. A folder that cannot be read is skipped.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from clvap.audio import Clip, write

_log = logging.getLogger(__name__)
_META = "meta.json"
_GESTURE = "gesture.wav"


@dataclass(frozen=True)
class KeptMatch:
    """A hit as it was when it was found; see `clvap.library.Match`."""

    path: str
    name: str
    caption: str
    category: str
    score: float
    duration_s: float


@dataclass(frozen=True)
class KeptTake:
    """A take on disk.

    file: its place, relative to the entry's folder
    score: likeness to the gesture, a cosine
    seed: makes it again; None for what no model made
    seconds: of compute it took
    duration_s: its length
    parent: name of the sound it was made from, None for one made from nothing
    performed: it is its parent shaped to the gesture, not a new sound
    """

    file: str
    score: float
    seed: int | None
    seconds: float
    duration_s: float
    parent: str | None = None
    performed: bool = False


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
    """

    id: str
    folder: Path
    time_s: float
    owner: str
    words: str
    balance: float
    has_gesture: bool
    matches: tuple[KeptMatch, ...] = field(default=())
    takes: tuple[KeptTake, ...] = field(default=())
    part: KeptPart | None = None

    @property
    def gesture(self) -> Path | None:
        return self.folder / _GESTURE if self.has_gesture else None


class History:
    """Entries on disk. What is added to an entry is added to what is there then: takes are made and performed at the same time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def begin(self, owner: str, words: str, balance: float, gesture: Clip | None, part: KeptPart | None = None) -> Entry:
        """A new entry for a recording, of which only `part` is used where one is named; raises AudioError where the disk refuses."""
        now = time.time()
        name = time.strftime("%Y%m%d-%H%M%S", time.localtime(now)) + f"-{int(now * 1000) % 1000:03d}-{secrets.token_hex(3)}"
        entry = Entry(name, self._folder / name, now, owner, words, balance, gesture is not None, part=part)
        staging = self._folder / f".{name}"
        (staging / "takes").mkdir(parents=True)
        if gesture is not None:
            write(staging / _GESTURE, gesture)
        _write_meta(staging, entry)
        staging.replace(entry.folder)
        return entry

    def keep_matches(self, entry: Entry, matches: tuple[KeptMatch, ...]) -> Entry:
        """The entry with its hits."""
        with self._lock:
            return self._rewritten(replace(_read(entry.folder) or entry, matches=matches))

    def keep_take(self, entry: Entry, clip: Clip, score: float, seed: int | None, seconds: float, parent: str | None = None, performed: bool = False) -> Entry:
        """The entry with one more take, see `KeptTake`; raises AudioError where the disk refuses."""
        partial = write(entry.folder / "takes" / f".{secrets.token_hex(4)}.wav", clip)
        with self._lock:
            entry = _read(entry.folder) or entry
            file = f"takes/{len(entry.takes) + 1:02d}-{'performed' if performed else seed}.wav"
            partial.replace(entry.folder / file)
            take = KeptTake(file, score, seed, seconds, clip.duration_s, parent, performed)
            return self._rewritten(replace(entry, takes=(*entry.takes, take)))

    def list(self, owner: str, limit: int = 24) -> list[Entry]:
        """An owner's entries, newest first."""
        entries: list[Entry] = []
        folders = sorted((f for f in self._folder.glob("[!.]*") if f.is_dir()), key=lambda f: f.name, reverse=True)
        for folder in folders:
            entry = _read(folder)
            if entry is not None and entry.owner == owner:
                entries.append(entry)
            if len(entries) == limit:
                break
        return entries

    def find(self, owner: str, entry_id: str) -> Entry | None:
        """An owner's entry by its id; None where there is none (an id is one folder name, never a path)."""
        if not entry_id or Path(entry_id).name != entry_id or entry_id.startswith("."):
            return None
        entry = _read(self._folder / entry_id)
        return entry if entry is not None and entry.owner == owner else None

    @staticmethod
    def _rewritten(entry: Entry) -> Entry:
        _write_meta(entry.folder, entry)
        return entry


def _write_meta(folder: Path, entry: Entry) -> None:
    meta = {key: value for key, value in asdict(entry).items() if key not in ("id", "folder")}
    partial = folder / f".{_META}"
    with open(partial, "w", encoding="utf-8") as file:
        json.dump(meta, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / _META)


def _read(folder: Path) -> Entry | None:
    try:
        meta = json.loads((folder / _META).read_text(encoding="utf-8"))
        matches = tuple(KeptMatch(**match) for match in meta["matches"])
        takes = tuple(KeptTake(**take) for take in meta["takes"])
        part = KeptPart(**meta["part"]) if meta.get("part") else None
        entry = Entry(id=folder.name, folder=folder, **meta | {"matches": matches, "takes": takes, "part": part})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _log.warning("history: %s is skipped (%s)", folder.name, error)
        return None
    files = [folder / take.file for take in takes] + ([entry.gesture] if entry.gesture else [])
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        _log.warning("history: %s is skipped (missing %s)", folder.name, ", ".join(missing))
        return None
    return entry
