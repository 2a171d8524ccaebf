"""Captions and categories that people wrote themselves, kept beside the table: they come before what folders and tables say.

A file of lines, one an edit, the last of a sound counts. A line is added in one piece, so a kill loses none of those before it,
and a sound that was moved is known by its content.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from clvap.library.scan import LibraryError, Sound


@dataclass(frozen=True)
class Edit:
    """What was written over one sound's description.

    path: where the sound lay; content: hash of its bytes
    caption, category: None where that was left as it is
    """

    path: str
    content: str
    caption: str | None = None
    category: str | None = None


class Edits:
    """The edits of a library."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "edits.jsonl"
        self._stamp: tuple[int, int, int] | None = None
        self._by_path: dict[str, Edit] = {}
        self._by_content: dict[str, Edit] = {}

    def add(self, path: str, content: str, caption: str | None, category: str | None) -> None:
        """Note an edit on disk; what an earlier one said of the same sound and this one does not stays. Raises LibraryError where the disk refuses."""
        before = self.of(path, content) or Edit(path, content)
        edit = Edit(path, content, before.caption if caption is None else caption, before.category if category is None else category)
        line = f"\n{json.dumps(asdict(edit), ensure_ascii=False)}\n".encode()  # a line cut short by a kill does not take this one along
        try:
            file = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            try:
                os.write(file, line)
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise LibraryError(f"{self._file}: could not be written ({error.strerror}); free some disk space") from error

    def of(self, path: str, content: str | None = None) -> Edit | None:
        """The edit of a sound, by its path or else by its content; None where nobody edited it."""
        self._read()
        return self._by_path.get(path) or (self._by_content.get(content) if content else None)

    def over(self, sound: Sound, content: str | None = None) -> Sound:
        """A sound as it was found, with what was written over its description."""
        edit = self.of(sound.path, content)
        if edit is None:
            return sound
        caption, category = (said if mine is None else mine for mine, said in ((edit.caption, sound.caption), (edit.category, sound.category)))
        return replace(sound, caption=caption, category=category)

    def all(self) -> list[Edit]:
        """The last edit of each path."""
        self._read()
        return list(self._by_path.values())

    def _read(self) -> None:
        """Read the file where it changed; lines that are none are passed over."""
        try:
            status = self._file.stat()
        except FileNotFoundError:
            return
        stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        if stamp == self._stamp:
            return
        by_path: dict[str, Edit] = {}
        for line in self._file.read_bytes().split(b"\n"):
            try:
                edit = Edit(**json.loads(line))
                by_path[edit.path] = edit
            except (ValueError, TypeError):
                continue
        self._by_path, self._by_content, self._stamp = by_path, {edit.content: edit for edit in by_path.values() if edit.content}, stamp
