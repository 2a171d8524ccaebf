"""Earlier gestures with what was found and made for them, one folder each in the workspace.

    <id>/gesture.wav            the trimmed recording, absent when only words were given
    <id>/recording.wav          the recording as it was made, where there was more of its room to hear
    <id>/meta.json              words, time, which part of the recording was used, hits, takes, favourites
    <id>/found.json, alike.json all that was found for the gesture, and for the sound that "more like this" was asked of
    <id>/asked-MODEL.npy        what was asked as the search model hears it, see `app.services.lessons`
    <id>/takes/*.wav            the takes
    .trash/                     what was deleted, for a day

Every file appears whole or not at all: written beside its place, then renamed. A folder that cannot be read is skipped.
"""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from app.services.entries import (
    ALIKE,
    FOUND,
    GESTURE,
    RECORDING,
    Candidates,
    Entry,
    KeptAlike,
    KeptMatch,
    KeptPart,
    KeptTake,
    read_candidates,
    read_entry,
    write_candidates,
    write_entry,
)
from app.services.errors import RequestError
from app.services.history_lines import Lines
from app.services.trash import Trash
from clvap.audio import Clip, write

__all__ = ["Candidates", "Entry", "History", "KeptAlike", "KeptMatch", "KeptPart", "KeptTake"]
SHOWN = 20
"""How many hits a page shows; the others wait for another weighing."""


class History:
    """Entries on disk. What is added to an entry is added to what is there then: takes are made and performed at the same time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._lines = Lines(folder)
        self.trash = Trash(folder / ".trash")

    def begin(
        self, owner: str, words: str, balance: float, gesture: Clip | None, part: KeptPart | None = None, loudness: Sequence[float] = (),
        whole: Clip | None = None,
    ) -> Entry:  # fmt: skip
        """A new entry for a recording, of which only `part` is used where one is named; raises AudioError where the disk refuses.

        gesture: trimmed; whole: as it was made, where there is more to hear in it
        """
        now = time.time()
        name = time.strftime("%Y%m%d-%H%M%S", time.localtime(now)) + f"-{int(now * 1000) % 1000:03d}-{secrets.token_hex(3)}"
        entry = Entry(name, self._folder / name, now, owner, words, balance, gesture is not None, part=part, loudness=tuple(loudness))
        staging = self._folder / f".{name}"
        (staging / "takes").mkdir(parents=True)
        for file, clip in ((GESTURE, gesture), (RECORDING, whole)):
            if clip is not None:
                write(staging / file, clip)
        write_entry(staging, entry)
        staging.replace(entry.folder)
        return entry

    def keep_matches(self, entry: Entry, found: Candidates, shown: int = SHOWN) -> Entry:
        """The entry with its hits."""
        with self._lock:
            write_candidates(entry.folder / FOUND, found)
            return self._rewritten(replace(read_entry(entry.folder) or entry, matches=found.matches[:shown], emphasis=None))

    def keep_alike(self, owner: str, entry_id: str, name: str, found: Candidates) -> Entry:
        """The entry with sounds like the one of that name in place of its hits; RequestError where there is no such entry."""

        def change(entry: Entry) -> Entry:
            write_candidates(entry.folder / ALIKE, found)
            return replace(entry, alike=KeptAlike(name, found.matches[:SHOWN]), emphasis=None)

        return self._change(owner, entry_id, change)

    def drop_alike(self, owner: str, entry_id: str) -> Entry:
        """The entry with its own hits again, in their usual order."""

        def change(entry: Entry) -> Entry:
            found = read_candidates(entry.folder / FOUND)
            matches = found.matches[: len(entry.matches)] if found else entry.matches
            return replace(entry, alike=None, matches=matches, emphasis=None)

        return self._change(owner, entry_id, change)

    def reorder(self, owner: str, entry_id: str, emphasis: dict[str, float] | None, order: Callable[[Candidates], tuple[KeptMatch, ...]]) -> Entry:
        """The entry with what it shows in another order, kept; RequestError where its candidates were not kept."""

        def change(entry: Entry) -> Entry:
            found = read_candidates(entry.folder / (ALIKE if entry.alike else FOUND))
            if found is None:
                raise RequestError("This was kept before hits could be weighed anew: press Make it again.")
            matches = order(found)[: len(entry.hits)]
            shown = {"alike": replace(entry.alike, matches=matches)} if entry.alike else {"matches": matches}
            return replace(entry, emphasis=emphasis, **shown)

        return self._change(owner, entry_id, change)

    def keep_take(
        self,
        entry: Entry,
        clip: Clip,
        score: float,
        seed: int | None,
        seconds: float,
        parent: str | None = None,
        performed: bool = False,
        model: str | None = None,
        span: tuple[float, float] | None = None,
    ) -> Entry:
        """The entry with one more take, see `KeptTake`; raises AudioError where the disk refuses."""
        partial = write(entry.folder / "takes" / f".{secrets.token_hex(4)}.wav", clip)
        with self._lock:
            entry = read_entry(entry.folder) or entry
            made = max(entry.made, len(entry.takes)) + 1
            file = f"takes/{made:02d}-{'performed' if performed else seed}.wav"
            partial.replace(entry.folder / file)
            take = KeptTake(file, score, seed, seconds, clip.duration_s, parent, performed, model, False, *(span or ()))
            return self._rewritten(replace(entry, takes=(*entry.takes, take), made=made))

    def star(self, owner: str, entry_id: str, sound: Path) -> Entry:
        """The entry with a hit or a take made a favourite, or no favourite any more. RequestError where it has no such sound."""

        def change(entry: Entry) -> Entry:
            if take := entry.take_at(sound):
                return replace(entry, takes=tuple(replace(one, favourite=not one.favourite) if one is take else one for one in entry.takes))
            left = tuple(star for star in entry.stars if star.path != str(sound))
            if len(left) < len(entry.stars):
                return replace(entry, stars=left)
            match = next((match for match in (*entry.hits, *entry.matches) if match.path == str(sound)), None)
            if match is None:
                raise RequestError("This sound is not there any more.")
            return replace(entry, stars=(*entry.stars, match))

        return self._change(owner, entry_id, change)

    def delete(self, owner: str, entry_id: str, sound: Path | None = None) -> str:
        """Put an entry, or one take of it, into the trash; the key that `restore` takes. RequestError where it is not there."""
        with self._lock:
            entry = self._wanted(owner, entry_id)
            if sound is None:
                return self.trash.put_entry(entry)
            take = entry.take_at(sound)
            if take is None:
                raise RequestError("This take is not there any more.")
            self._rewritten(replace(entry, takes=tuple(one for one in entry.takes if one is not take), made=max(entry.made, take.number)))
            return self.trash.put_take(entry, take)

    def restore(self, owner: str, key: str) -> Entry:
        """The entry with what was deleted back in its place; RequestError where that is not in this owner's trash any more."""
        with self._lock:
            if (entry := self.trash.entry(owner, key)) is not None:
                return self.trash.back(entry, self._folder)
            entry_id, take = self.trash.take(owner, key)
            entry = self._wanted(owner, entry_id)
            self.trash.take_back(key, entry, take)
            return self._rewritten(replace(entry, takes=tuple(sorted((*entry.takes, take), key=lambda one: one.number))))

    def list(self, owner: str, limit: int = 24, words: str = "", starred: bool = False, before: str = "") -> list[Entry]:
        """An owner's entries, newest first: those that hold all of the words and, if asked, a favourite; `before`: older ones than that id alone."""
        wanted, entries = words.lower().split(), []
        for name in self._lines.ids():
            if len(entries) == limit:
                break
            if before and name >= before:
                continue
            line = self._lines.of(name, owner)
            if line is None or (starred and not line.starred) or not line.holds(wanted):
                continue
            if (entry := read_entry(self._folder / name)) is not None:
                entries.append(entry)
        return entries

    def clear(self, owners: str, before_s: float) -> None:
        """Delete for good what owners whose names begin with `owners` did before a time, seconds since 1970."""
        for name in self._lines.ids():
            line = self._lines.of(name)
            if line is not None and line.owner.startswith(owners) and line.time_s < before_s:
                shutil.rmtree(self._folder / name, ignore_errors=True)

    def find(self, owner: str, entry_id: str) -> Entry | None:
        """An owner's entry by its id; None where there is none (an id is one folder name, never a path)."""
        if not entry_id or Path(entry_id).name != entry_id or entry_id.startswith("."):
            return None
        if not (self._folder / entry_id).is_dir():
            return None
        entry = read_entry(self._folder / entry_id)
        return entry if entry is not None and entry.owner == owner else None

    def _wanted(self, owner: str, entry_id: str) -> Entry:
        entry = self.find(owner, entry_id)
        if entry is None:
            raise RequestError("This entry is not there any more.")
        return entry

    def _change(self, owner: str, entry_id: str, change: Callable[[Entry], Entry]) -> Entry:
        with self._lock:
            return self._rewritten(change(self._wanted(owner, entry_id)))

    @staticmethod
    def _rewritten(entry: Entry) -> Entry:
        write_entry(entry.folder, entry)
        return entry
