"""Earlier gestures as HTML: the strip, its favourites, and the example of a first visit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from html import escape
from pathlib import Path

from app.services.history import Entry
from app.services.sounds import Sounds
from app.ui.cards import play
from app.ui.cards_sound import star, take_title

_BIN = '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 4l8 8M12 4l-8 8"/></svg>'


def history(entries: Sequence[Entry], sounds: Sounds, current: str | None, filtered: bool = False, more: bool = False) -> str:
    """The strip of earlier gestures, newest first. `filtered`: some were left out, so that none may be left; `more`: there are older ones."""
    if not entries:
        return '<p class="nothing" role="status">Nothing here.</p>' if filtered else ""
    return _strip([_earlier(entry, sounds, entry.id == current) for entry in entries], len(entries) if more else 0)


def favourites(entries: Sequence[Entry], sounds: Sounds, more: bool = False) -> str:
    """The strip of sounds with a star, those of the newest gestures first. `more`: there are some of older gestures."""
    starred = []
    for entry in entries:
        about = f" · {entry.words}" if entry.words else ""
        starred += [(entry, take_title(take) + about, entry.file(take)) for take in entry.takes if take.favourite]
        starred += [(entry, match.name or Path(match.path).stem, Path(match.path)) for match in entry.stars]
    if not starred:
        return '<p class="nothing" role="status">No favourites here yet: the star of a hit or a take makes one.</p>'
    return _strip([_favourite(*one, sounds) for one in starred], len(entries) if more else 0)


def _strip(shown: Sequence[str], after: int) -> str:
    """after: how many gestures are shown where there are more, 0 where these are all; assets/js/history.js presses the button once it is near."""
    more = f'<button class="more-earlier" data-act="more" data-on="expand" data-after="{after}">Show more</button>' if after else ""
    return f'<div class="strip">{"".join(shown)}{more}</div>'


def _earlier(entry: Entry, sounds: Sounds, current: bool) -> str:
    part = entry.part
    lit = f";--from:{part.start_s / part.duration_s:.3f};--to:{part.end_s / part.duration_s:.3f}" if part else ""
    picture = (
        f"<div class=\"wave\" style=\"--wave:url('wave/{sounds.token(entry.gesture)}'){lit}\"></div>"
        if entry.gesture
        else '<div class="wave none"></div>'
    )
    words = escape(entry.words) or ("voice" if entry.has_gesture else "")
    count = f"{len(entry.takes)} take{'s' if len(entry.takes) != 1 else ''}"
    used = f" · gesture {part.number}" if part else ""
    star_shown = ' · <span aria-label="has favourites">★</span>' if entry.starred else ""
    return (
        f'<div class="earlier{" current" if current else ""}"><button class="open" data-act="open" data-entry="{entry.id}"'
        f'{" aria-current=true" if current else ""}>{picture}'
        f"<b>{words}{used}</b><small>{_when(entry.time_s)} · {count}{star_shown}</small></button>"
        f'<button class="tool bin" data-act="delete" data-on="delete" data-entry="{entry.id}" '
        f'aria-label="Delete {words or "this gesture"}" title="Delete">{_BIN}</button></div>'
    )


def _favourite(entry: Entry, name: str, path: Path, sounds: Sounds) -> str:
    token = sounds.token(path)
    data = f'data-token="{token}" data-entry="{entry.id}"'
    return (
        f'<article class="card sound favourite" aria-label="{escape(name)}">{play(name, token)}<div class="about">'
        f"<div class=\"wave\" data-seek style=\"--wave:url('wave/{token}')\"></div>"
        f'<div class="head"><button class="open" data-act="open" data-entry="{entry.id}" title="{escape(name)}">{escape(name)}</button>'
        f"{star(name, data, True)}</div></div></article>"
    )


def _when(time_s: float) -> str:
    when = time.localtime(time_s)
    return time.strftime("%H:%M" if time.strftime("%x", when) == time.strftime("%x") else "%d %b %H:%M", when)
