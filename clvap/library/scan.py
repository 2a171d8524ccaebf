"""What lies in a folder of sounds: the files, and a caption and a category for each, without reading any sound.

Captions come from a table `captions.csv` (columns path, caption, category; paths relative to the table) anywhere in the
tree, else from a text file `NAME.txt` beside `NAME.wav`, else from the folders and the file's name.
"""

from __future__ import annotations

import csv
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clvap.audio import EXTENSIONS
from clvap.data import folder_captions

SIDECAR = "captions.csv"
_LONGEST_CAPTION = 500


class LibraryError(ValueError):
    """A library or a folder that cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Sound:
    """A sound file found in a folder, not read yet.

    path: absolute path
    size: bytes; modified_ns: time of the last change in nanoseconds
    """

    path: str
    caption: str
    category: str
    size: int
    modified_ns: int

    @property
    def name(self) -> str:
        return Path(self.path).stem


@dataclass(frozen=True)
class Skipped:
    """A file that is not in the library, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Scan:
    """All sounds of a folder, sorted by path, and what in it could not be used."""

    sounds: list[Sound]
    skipped: list[Skipped]


@dataclass(frozen=True)
class _Described:
    caption: str
    category: str


def existing_folder(folder: str | Path) -> Path:
    """The absolute path of a folder, links followed. Raises LibraryError where it is missing or is no folder."""
    path = Path(folder).expanduser().resolve()
    if not path.is_dir():
        raise LibraryError(f"{path}: {'not a folder' if path.exists() else 'no such folder'}; name a folder that holds sound files")
    return path


def scan(root: Path, captions: Path | None = None) -> Scan:
    """Find the sound files under a folder. Hidden files and folders are left out, links are followed once.

    captions: a further table, kept elsewhere, whose captions and categories come before all others; its paths are relative to `root`
    Raises LibraryError where the folder is missing or is no folder.
    """
    root = existing_folder(root)
    skipped: list[Skipped] = []
    described: dict[str, _Described] = {}
    found: list[str] = []
    for folder, names in _walk(root, skipped):
        texts = {name.lower(): name for name in names if name.lower().endswith(".txt")}
        for name in names:
            if name.lower() == SIDECAR:
                described.update(_read_table(Path(folder, name), skipped))
        for name in names:
            stem, suffix = os.path.splitext(name)
            if suffix.lower() not in EXTENSIONS:
                continue
            path = os.path.join(folder, name)
            found.append(path)
            if path not in described and f"{stem.lower()}.txt" in texts:
                described[path] = _Described(_read_text(Path(folder, texts[f"{stem.lower()}.txt"])), "")
    if captions is not None and captions.exists():
        for path, said in _read_table(captions, skipped, root).items():
            own = described.get(path, _Described("", ""))
            described[path] = _Described(said.caption or own.caption, said.category or own.category)
    sounds = [sound for path in sorted(found) if (sound := _sound(path, root, described.get(path), skipped))]
    return Scan(sounds, skipped)


def _walk(root: Path, skipped: list[Skipped]) -> Iterator[tuple[str, list[str]]]:
    """Folders under `root`, parents first, with their visible files; a folder reached twice through links comes once."""
    visited: set[tuple[int, int]] = set()

    def refused(error: OSError) -> None:
        skipped.append(Skipped(str(error.filename), f"folder could not be opened ({error.strerror}); check its permissions"))

    for folder, folders, names in os.walk(root, followlinks=True, onerror=refused):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in visited:
            folders.clear()
            continue
        visited.add((status.st_dev, status.st_ino))
        folders[:] = sorted((name for name in folders if not name.startswith(".")), key=lambda name: os.path.islink(os.path.join(folder, name)))
        yield folder, sorted(name for name in names if not name.startswith("."))


def _sound(path: str, root: Path, described: _Described | None, skipped: list[Skipped]) -> Sound | None:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        skipped.append(Skipped(path.encode("utf-8", "replace").decode(), "the file's name is not valid UTF-8; rename the file"))
        return None
    try:
        status = os.stat(path)
    except OSError as error:
        skipped.append(Skipped(path, f"could not be opened ({error.strerror}); check the link or the permissions"))
        return None
    if not stat.S_ISREG(status.st_mode):
        skipped.append(Skipped(path, "not a regular file; remove it or give the folder another name"))
        return None
    caption = (described and described.caption) or folder_captions.caption(Path(path), root)
    category = (described and described.category) or folder_captions.category(Path(path), root)
    return Sound(path, caption, category, status.st_size, status.st_mtime_ns)


def _read_table(path: Path, skipped: list[Skipped], root: Path | None = None) -> dict[str, _Described]:
    """Captions by absolute path, those of the table relative to `root` (by default its own folder); a table that cannot be understood is listed,
    and its folder goes by names."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            reader = csv.DictReader(file)
            if "path" not in (reader.fieldnames or []):
                skipped.append(Skipped(str(path), "has no column 'path'; its first line should read path,caption,category"))
                return {}
            return {
                os.path.normpath((root or path.parent) / row["path"].replace("\\", "/")): _Described(tidy(row.get("caption")), tidy(row.get("category")))
                for row in reader
                if row["path"]
            }
    except (OSError, csv.Error) as error:
        skipped.append(Skipped(str(path), f"the table could not be read ({error}); save it as comma-separated UTF-8 text"))
        return {}


def _read_text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return tidy(file.read(4 * _LONGEST_CAPTION))
    except OSError:
        return ""


def tidy(text: str | None) -> str:
    """One line of printable text of a bounded length."""
    printable = "".join(character if character.isprintable() else " " for character in text or "")
    return " ".join(printable.split())[:_LONGEST_CAPTION]
