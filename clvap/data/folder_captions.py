"""Captions for sound packs that have none: the folders above a file and its name, cleaned into words.

Pure functions of the path, so a page can show what a folder would be called before anything is read.
"""

from __future__ import annotations

import re
from pathlib import Path

from clvap.data import ucs

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LETTER_THEN_NUMBER = re.compile(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")
_FREESOUND = re.compile(r"\d+__[^_]+(?:[-_][^_]+)*?__(.+)")
_TEMPO = re.compile(r"(?i)(?<![\d.])(\d{2,3})(?:[.,]\d+)?[\s_-]*bpm(?![a-z])|(?<![a-z])bpm[\s_-]*(\d{2,3})(?!\d)")
_KEY = re.compile(r"(?<![A-Za-z0-9#])([A-G](?:#|b|sharp|flat)?)[\s]?(m|min|minor|Min|Minor|maj|major|Maj|Major)(?![A-Za-z0-9])")
_ACCIDENTAL_KEY = re.compile(r"(?<![A-Za-z0-9])([A-G][#b])(?![A-Za-z0-9#])")
_TECHNICAL = re.compile(
    r"(?i)(?<![a-z0-9])(?:\d+(?:[.,]\d+)?[\s_-]?k?hz|(?:44|48|88|96|192)k|(?:8|16|24|32)[\s_-]?bits?|v\d+|take[\s_-]?\d+|\d{4}-\d\d-\d\d|"
    r"[0-9a-f]{8}-[0-9a-f-]{27}|(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{12,})(?![a-z0-9])"
)
_FILLERS = frozenset({
    "wav", "wave", "wavs", "aif", "aiff", "flac", "ogg", "mp3", "audio", "sound", "sounds", "sample", "samples", "sfx", "fx", "file", "files",
    "stereo", "mono", "copy", "final", "edit", "edited", "master", "mastered", "bounce", "bounced", "export", "exports", "rendered",
    "render", "untitled", "recording", "rec", "pack", "library", "lib", "misc", "various",
})  # fmt: skip
_DRUM_MACHINES = frozenset(["606", "707", "808", "909"])
_SHORTENED_MODES = {"m": "m", "min": "m", "minor": "m", "maj": "maj", "major": "maj"}


def caption(path: Path, root: Path) -> str:
    """A caption for the file at `path` from the folders between it and `root` and from its name: never empty.

    `Drums/Loops/BreakBeat_Full_170bpm_03.wav` becomes "drums loops break beat full, 170 BPM"; a name of the Universal
    Category System gives its category, subcategory and description, without creator and source.
    """
    path, root = Path(path), Path(root)
    folders = path.relative_to(root).parts[:-1] if path.is_relative_to(root) else ()
    named = ucs.parse(path.stem)
    parts = [named.category, named.subcategory, named.fx_name] if named else [*folders, _own_part(path.stem)]
    said = _phrase(parts) or _phrase([root.name]) or path.stem
    return ", ".join([said, *_musical_facts([*folders, path.stem])])


def category(path: Path, root: Path) -> str:
    """The CatID of a name of the Universal Category System, else the first folder below `root`, else the root's own name."""
    path, root = Path(path), Path(root)
    named = ucs.parse(path.stem)
    if named:
        return named.cat_id
    parts = path.relative_to(root).parts if path.is_relative_to(root) else ()
    return parts[0] if len(parts) > 1 else root.name


def words(name: str) -> list[str]:
    """A name as lower-case words without numbering, technical marks and fillers; tempo and key are left out too."""
    for pattern in (_TECHNICAL, _TEMPO, _KEY, _ACCIDENTAL_KEY):
        name = pattern.sub(" ", name)
    split = re.split(r"[\W_]+", _CAMEL.sub(" ", name))
    return [word for part in split for word in _words_of(part)]


def _words_of(part: str) -> list[str]:
    if part in _DRUM_MACHINES:
        return [part]
    pieces = _LETTER_THEN_NUMBER.sub(" ", part).lower().split()
    return [piece for piece in pieces if not piece.isdigit() and (len(piece) > 1 or not piece.isascii()) and piece not in _FILLERS]


def _phrase(parts: list[str]) -> str:
    """All words of the parts in order, each once (a file mostly repeats its folder), singular and plural taken as one."""
    kept: dict[str, str] = {}
    for part in parts:
        for word in words(part):
            kept.setdefault(word.rstrip("s") or word, word)
    return " ".join(kept.values())


def _musical_facts(parts: list[str]) -> list[str]:
    """Tempo and key as sample packs write them, such as ["99 BPM", "Gm"]; the last part that names one wins."""
    tempo = key = None
    for part in parts:
        part = part.replace("_", " ")
        for found in _TEMPO.finditer(part):
            tempo = f"{found[1] or found[2]} BPM"
        for found in _KEY.finditer(part):
            key = _note(found[1]) + _SHORTENED_MODES[found[2].lower()]
        for found in _ACCIDENTAL_KEY.finditer(part):
            key = _note(found[1])
    return [fact for fact in (tempo, key) if fact]


def _note(written: str) -> str:
    return written.replace("sharp", "#").replace("flat", "b")


def _own_part(stem: str) -> str:
    """The describing part of a Freesound download `123456__user__name`, else the whole name."""
    found = _FREESOUND.fullmatch(stem)
    return found[1] if found else stem
