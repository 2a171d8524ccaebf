"""What was deleted, kept for a while so that it can be had back."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import asdict, replace
from pathlib import Path

from app.services.entries import Entry, KeptTake, read_entry
from app.services.errors import RequestError
from app.services.files import write_json

KEPT_S = 86_400
_TAKE = "take.json"


class Trash:
    """Deleted folders as they were, such as those of entries, and deleted takes in a folder each: `<id>/...` and `<id>.<take>/take.json, <take>.wav`."""

    def __init__(self, folder: Path) -> None:
        """folder: on the disk of what is put into it, which is moved and never copied"""
        self._folder = folder

    def put(self, folder: Path) -> str:
        """Take a folder in; its name is its key."""
        self._folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder.replace(self._folder / folder.name))
        return folder.name

    def put_back(self, key: str, folder: Path) -> Path:
        """A folder in its place again. RequestError where it is not here any more, or its place is taken."""
        place = self._place(key)
        if folder.exists():
            raise RequestError(f"{key}: there is another one of this name now.")
        return place.replace(folder)

    def holds(self, key: str) -> bool:
        """Whether a folder of that name is here."""
        return (self._folder / key).exists()

    def put_entry(self, entry: Entry) -> str:
        """Take an entry's folder in; its key."""
        return self.put(entry.folder)

    def put_take(self, entry: Entry, take: KeptTake) -> str:
        """Take in the file of a take that its entry no longer names; its key."""
        place = self._folder / f"{entry.id}.{Path(take.file).stem}"
        place.mkdir(parents=True, exist_ok=True)
        write_json(place / _TAKE, {"owner": entry.owner, "entry": entry.id, "take": asdict(take)})
        entry.file(take).replace(place / Path(take.file).name)
        return place.name

    def entry(self, owner: str, key: str) -> Entry | None:
        """An owner's deleted entry, None where the key is that of a take. RequestError where there is neither."""
        place = self._place(key)
        if (place / _TAKE).exists():
            return None
        entry = read_entry(place)
        if entry is None or entry.owner != owner:
            raise _gone()
        return entry

    def take(self, owner: str, key: str) -> tuple[str, KeptTake]:
        """The id of the entry that an owner's deleted take belongs to, and the take."""
        kept = json.loads((self._place(key) / _TAKE).read_text(encoding="utf-8"))
        if kept["owner"] != owner:
            raise _gone()
        return kept["entry"], KeptTake(**kept["take"])

    @staticmethod
    def back(entry: Entry, folder: Path) -> Entry:
        """The entry, in the history's folder again."""
        return replace(entry, folder=entry.folder.replace(folder / entry.id))

    def take_back(self, key: str, entry: Entry, take: KeptTake) -> None:
        """The take's file, in its entry's folder again."""
        place = self._place(key)
        (place / Path(take.file).name).replace(entry.file(take))
        shutil.rmtree(place)

    def empty(self, older_than_s: float = KEPT_S) -> None:
        """Delete for good what has been here for long."""
        if not self._folder.is_dir():
            return
        for place in self._folder.iterdir():
            if time.time() - place.stat().st_mtime > older_than_s:
                shutil.rmtree(place, ignore_errors=True)

    def _place(self, key: str) -> Path:
        """A key is one folder name, never a path."""
        if not key or Path(key).name != key or key.startswith(".") or not (self._folder / key).is_dir():
            raise _gone()
        return self._folder / key


def _gone() -> RequestError:
    return RequestError("This was deleted too long ago.")
