"""File names `CatID_FXName_CreatorID_SourceID`, proposed from what is known of a sound, and safe on every file system."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from clvap.data import ucs

LONGEST = 120  # of a name without its suffix: short enough for archives within folders on Windows
_LONGEST_BYTES = 200
_LONGEST_FX = 48
DEFAULT_CREATOR, NO_SOURCE = "CLVAP", "NONE"
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]+')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$|clock\$)(\..*)?")
_ARTICLES = {"a", "an", "the"}


@dataclass(frozen=True)
class UcsFields:
    """The parts of a name; empty strings where a name does not follow the system.

    category, subcategory: the official names that belong to the CatID
    """

    cat_id: str = ""
    category: str = ""
    subcategory: str = ""
    fx_name: str = ""
    creator_id: str = ""
    source_id: str = ""


def proposed(text: str, category: str = "", number: int | None = None, creator: str = DEFAULT_CREATOR, source: str = NO_SOURCE) -> str:
    """A name for a sound of which a caption or a few words are known; `number` tells takes of one gesture apart."""
    fx_name = _fx_name(text) or "Untitled"
    numbered = fx_name if number is None else f"{fx_name} {number:02d}"
    return safe("_".join((ucs.propose(text, category).id, numbered, _field(creator) or DEFAULT_CREATOR, _field(source) or NO_SOURCE)))


def fields(stem: str) -> UcsFields:
    """The parts of a name as it stands, which may have been edited."""
    parts = stem.split("_")
    known = ucs.table().get(parts[0].partition("-")[0])
    parsed = ucs.parse(stem)
    if known is None and parsed is None:
        return UcsFields(fx_name=stem)
    category = known.category if known else parsed.category.upper()
    subcategory = known.subcategory if known else parsed.subcategory.upper()
    rest = [*parts[1:], "", "", ""]
    return UcsFields(known.id if known else parsed.cat_id, category, subcategory, *rest[:3])


def safe(name: str) -> str:
    """The name without what some file system, archive or shell would trip over: never empty, never a path, at most 120 letters."""
    text = unicodedata.normalize("NFC", name)
    text = "".join(" " if character.isspace() else character for character in text if character.isspace() or unicodedata.category(character)[0] != "C")
    text = " ".join(_FORBIDDEN.sub(" ", text).split()).strip(". ").lstrip("-=+@~$. ")[:LONGEST]
    while len(text.encode()) > _LONGEST_BYTES:
        text = text[:-1]
    text = text.rstrip(". ")
    return f"_{text}" if _RESERVED.fullmatch(text) else text or "Untitled"


def unique(names: Sequence[str]) -> list[str]:
    """The names, repeated ones with _2, _3 after them; upper and lower case count as one, as on Windows and macOS."""
    taken: set[str] = set()
    told = []
    for name in names:
        candidate, number = name, 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{name}_{number}"
        taken.add(candidate.casefold())
        told.append(candidate)
    return told


def _fx_name(text: str) -> str:
    """A caption as a title: words capitalised, without articles and punctuation, cut between words."""
    words = [word for word in re.split(r"[\W_]+", unicodedata.normalize("NFC", text)) if word]
    title = ""
    for word in words:
        longer = f"{title} {word[0].upper()}{word[1:]}".strip()
        if word.lower() in _ARTICLES or len(longer) > _LONGEST_FX:
            if len(longer) > _LONGEST_FX:
                break
            continue
        title = longer
    return title or (f"{words[0][0].upper()}{words[0][1:]}"[:_LONGEST_FX] if words else "")


def _field(text: str) -> str:
    """One part of a name: underscores would end it."""
    return "".join(re.split(r"[\W_]+", text))[:24]
