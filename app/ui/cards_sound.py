"""Hits and takes as HTML: a column of cards each, all with the same things that can be done with a sound."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path

from app.services.board import Notice
from app.services.history import Entry, KeptMatch, KeptTake
from app.services.sounds import Sounds
from app.ui.cards import SKELETON, empty, play, progress
from app.ui.plots import line_mask

_FIRST_ON_A_PHONE = 5
_NOTHING = "Nothing in the library fits. Widen the filters, or add a folder in the Library tab."
_NOTHING_YET = "The library is still being filled. What fits appears here once it is."
_ASPECTS = {
    "overall": "overall", "sound": "as a sound", "timbre": "timbre", "pitch": "pitch", "loudness": "loudness", "timing": "rhythm", "words": "words",
    "learned": "like a favourite of such a gesture",
}  # fmt: skip
_LEARNED = 0.5  # from where on a card says so
_KEYS = (
    ("Space", "play"), ("↑ ↓", "next sound"), ("← →", "other column"), ("A", "gesture or sound"), ("F", "favourite"), ("E", "export"), ("M", "similar"),
    ("S", "seed"), ("V", "vary"), ("P", "perform"), ("R", "redo a part"), ("Del", "delete a take"),
)  # fmt: skip
_STAR = '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M8 1.6l1.95 4.1 4.45.6-3.25 3.1.8 4.45L8 11.7l-3.95 2.15.8-4.45L1.6 6.3l4.45-.6z"/></svg>'
_BIN = '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 4l8 8M12 4l-8 8"/></svg>'
_EXPORT = '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M8 1.8v8M4.8 6.8L8 10l3.2-3.2M2.5 11v2.7h11V11"/></svg>'


def hits(entry: Entry | None, sounds: Sounds, show_paths: bool, trouble: str | None = None, filling: bool = False) -> str:
    """The column of hits, best first, or what is shown in their place. `filling`: whether sounds are still coming into the library."""
    if trouble:
        return _column("Hits", "", empty(trouble, "trouble"))
    if entry is None:
        return _column("Hits", "", empty("Sounds of your library that fit appear here."))
    title, tools = "Hits", ""
    if entry.alike:
        title, tools = f"Like {entry.alike.name}", '<button class="quiet back" data-act="back" data-on="collapse">← Hits</button>'
    if not entry.hits:
        return _column(title, "0", empty(_NOTHING_YET if filling else _NOTHING), tools, entry, sounds)
    found = [_hit(match, entry, sounds, show_paths) for match in entry.hits]
    more = f'<button class="more" data-more>Show all {len(found)}</button>' if len(found) > _FIRST_ON_A_PHONE else ""
    return _column(title, str(len(found)), "".join(found) + more, tools, entry, sounds)


def searching() -> str:
    """The column of hits before they are there."""
    return _column("Hits", "", SKELETON * 4)


def takes(
    entry: Entry | None, sounds: Sounds, pending: int = 0, notice: Notice | None = None, trouble: str | None = None,
    sketches: Mapping[int, str] | None = None,
) -> str:  # fmt: skip
    """The column of takes. Cards stay in the order of making, so that a take that plays is not disturbed by the next one;
    the style sheet shows them best first. `pending` of them are still to come, of which `sketches` are pictures."""
    order = sorted(range(len(entry.takes)), key=lambda i: -entry.takes[i].score) if entry else []
    made = "".join(_take(take, order.index(i), entry, sounds) for i, take in enumerate(entry.takes)) if entry else ""
    bar = progress(notice) if notice else ""
    if trouble:
        return _column("Takes", "", made + empty(trouble, "trouble"), "", entry, sounds)
    if not made and not pending:
        return _column("Takes", "", empty("New sounds made to your gesture appear here." if entry is None else "No takes of this gesture."))
    return _column("Takes", str(len(order)) if order else "", made + "".join(_waiting((sketches or {}).get(i)) for i in range(pending)), bar, entry, sounds)


def keys() -> str:
    """What the keyboard does in the columns."""
    told = "".join(f"<li><kbd>{key}</kbd>{does}</li>" for key, does in _KEYS)
    return f'<details class="keys"><summary>Keys</summary><ul>{told}</ul></details>'


def take_title(take: KeptTake) -> str:
    """What a take is called on the page."""
    return take.title


def star(name: str, data: str, lit: bool) -> str:
    """The button that makes a sound a favourite."""
    told = f'aria-pressed="{str(lit).lower()}" aria-label="Favourite {escape(name)}" title="Favourite (F)"'
    return f'<button class="tool star" data-act="star" data-on="like" {data} {told}>{_STAR}</button>'


def _hit(match: KeptMatch, entry: Entry, sounds: Sounds, show_paths: bool) -> str:
    path = Path(match.path)
    name = match.name or path.stem
    place = f'<div class="place" title="{escape(str(path))}"><bdi>{escape(str(path))}</bdi></div>' if show_paths else ""
    learned = match.aspects.get("learned", 0.0) > _LEARNED
    facts = [fact for fact in (match.category, f"{match.duration_s:.1f} s", "like your ★" if learned else "") if fact]
    detail = f'<p class="caption">{escape(match.caption)}</p>' if match.caption and match.caption.lower() != name.lower() else ""
    lit = any(one.path == match.path for one in entry.stars)
    return _card(name, sounds.token(path), match.score, _made_of(match), facts, path.name, entry, lit, detail=detail, place=place)


def _waiting(sketch: str | None) -> str:
    """A take that is still to come, as tall as one that is there; `sketch` shows how it comes to be."""
    picture = f'<b class="sketch" style="--sketch:url({sketch})"></b>' if sketch else "<b></b>"
    return f'<article class="card skeleton waiting" aria-hidden="true"><span></span><div><i></i>{picture}<u></u></div></article>'


def _take(take: KeptTake, rank: int, entry: Entry, sounds: Sounds) -> str:
    facts = [f"{take.duration_s:.1f} s"] + ([f"#{take.seed}"] if take.seed is not None else [])
    origin = f'<p class="caption">{escape(_origin(take))}</p>' if take.parent and not take.performed else ""
    words = "-".join("".join(c if c.isalnum() else " " for c in entry.words).split()) or "gesture"
    file = f"{words[:40]}-take-{take.number}.wav"
    token = sounds.token(entry.file(take))
    return _card(take_title(take), token, take.score, "", facts, file, entry, take.favourite, detail=origin, rank=rank, seconds=take.duration_s)


def _origin(take: KeptTake) -> str:
    return f"from {take.parent}" if take.start_s is None else f"of {take.parent}, {take.start_s:.1f} to {take.end_s:.1f} s"


def _card(
    name: str, token: str, score: float, made_of: str, facts: list[str], file: str, entry: Entry, lit: bool,
    detail: str = "", place: str = "", rank: int = 0, seconds: float | None = None,
) -> str:  # fmt: skip
    """One sound. `seconds`: its length where it was made here, and can be deleted and have a part made anew."""
    share, shown, data = min(max(score, 0.0), 1.0), escape(name), f'data-token="{token}" data-name="{escape(name)}"'
    said = "".join(f"<span>{escape(fact)}</span>" for fact in facts)
    icons = (
        f'<button class="tool dots" data-dots aria-label="More for {shown}" title="More"></button>'
        f'{star(name, data, lit)}<button class="tool" data-act="export" {data} aria-label="Export {shown}" title="Export (E)">{_EXPORT}</button>'
    )
    return (
        f'<article class="card sound" style="order:{rank}" tabindex="-1" aria-label="{shown}">{play(name, token)}<div class="about">'
        f'<div class="head"><h3 title="{shown}">{shown}</h3>'
        f'<span class="score" title="likeness {share:.0%}{made_of}" style="--score:{share:.3f}"><b>{share * 100:.0f}</b></span></div>'
        f'<div class="stage" data-seek draggable="true" data-file="{escape(file)}" data-href="sound/{token}?save=1">'
        f"<div class=\"wave\" style=\"--wave:url('wave/{token}')\"></div><i class=\"contour\"></i></div>"
        f'{detail}<div class="foot"><div class="facts">{said}</div>{_actions(data, entry, seconds)}<div class="icons">{icons}</div></div>'
        f"{place}</div></article>"
    )


def _actions(data: str, entry: Entry, seconds: float | None) -> str:
    """What else can be done with a sound: each a button, its data told to the column's event of that name."""
    asked = [
        ("alike", "expand", "Similar", "More like this, from the library (M)"),
        ("seed", "select", "Seed", "Start the next takes from this sound (S)"),
        ("vary", "retry", "Vary", "Takes that start from this sound, now (V)"),
        ("perform", "edit", "Perform", "Shape this sound to the gesture (P)"),
    ]
    buttons = [f'<button class="quiet" data-act="{act}" data-on="{event}" {data} title="{title}">{shown}</button>' for act, event, shown, title in asked]
    if seconds is not None:
        redo = 'aria-label="Redo part" title="Make a part of it anew, the rest stays (R)"'  # marked by assets/js/redo.js, which then tells the column
        remove = 'data-act="delete" data-on="delete" aria-label="Delete" title="Delete this take (Del)"'
        buttons.append(f'<button class="quiet" data-redo data-seconds="{seconds:.3f}" {redo} {data}>Redo</button>')
        buttons.append(f'<button class="quiet bin" {remove} {data}>{_BIN}</button>')
    if entry.has_gesture:
        told = 'aria-label="Compare with the gesture" title="The gesture, then this sound; while one plays, the other (A)"'
        buttons.insert(0, f'<button class="quiet" data-ab {told}>A/B</button>')
    return f'<div class="actions">{"".join(buttons)}</div>'


def _made_of(match: KeptMatch) -> str:
    parts = [f"{shown} {match.aspects[name]:.0%}" for name, shown in _ASPECTS.items() if name in match.aspects]
    return f": {', '.join(parts)}" if parts else ""


def _column(title: str, count: str, body: str, tools: str = "", entry: Entry | None = None, sounds: Sounds | None = None) -> str:
    """A column; where it belongs to a gesture, that one's loudness is a line over every sound, and its sound there to compare with."""
    number, told = f"<small>{count}</small>" if count else "", ""
    if entry is not None and entry.loudness:
        told = f' style="--contour:url(&quot;{line_mask(entry.loudness)}&quot;)"'
    if entry is not None and entry.gesture is not None:
        told += f' data-gesture="sound/{sounds.token(entry.gesture)}"'
        told += f' data-from="{entry.part.start_s:.3f}" data-to="{entry.part.end_s:.3f}"' if entry.part else ""
    heading = f'<h2 title="{escape(title)}"><span>{escape(title)}</span>{number}</h2>'
    return f'<section class="column"{told} data-view="{escape(title)}"><header>{heading}{tools}</header><div class="cards">{body}</div></section>'
