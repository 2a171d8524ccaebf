"""Hits, takes, gestures and history as HTML. Every text from outside is escaped here, and only here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from html import escape
from pathlib import Path

import gradio as gr

from app.services.board import Notice
from app.services.gestures import Gesture
from app.services.history import Entry, KeptMatch, KeptTake
from app.services.sounds import Sounds
from app.ui.plots import gesture_picture
from clvap.activity import Event

_ACTIONS_JS = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-act]');
  if (button) trigger('click', {...button.dataset});
});
"""
_FIRST_ON_A_PHONE = 5
_TIMES_SHOWN_UP_TO = 4
_SKELETON = '<article class="card skeleton"><span></span><div><i></i><b></b></div></article>'


def area(value: str = "", **options) -> gr.HTML:
    """A part of the page that holds these cards; a click on a button with `data-act` is its click event, with the button's data."""
    return gr.HTML(value, apply_default_css=False, js_on_load=_ACTIONS_JS, **options)


def hits(entry: Entry | None, sounds: Sounds, show_paths: bool, trouble: str | None = None) -> str:
    """The column of hits, best first."""
    if trouble:
        return _column("Hits", "", _empty(trouble, "trouble"))
    if entry is None:
        return _column("Hits", "", _empty("Sounds of your library that fit appear here."))
    if not entry.matches:
        return _column("Hits", "0", _empty("Nothing in the library fits. Widen the filters, or add a folder in the Library tab."))
    found = [_hit(match, sounds, show_paths) for match in entry.matches]
    more = f'<button class="more" data-more>Show all {len(found)}</button>' if len(found) > _FIRST_ON_A_PHONE else ""
    return _column("Hits", str(len(found)), "".join(found) + more)


def searching() -> str:
    """The column of hits before they are there."""
    return _column("Hits", "", _SKELETON * 4)


def takes(
    entry: Entry | None, sounds: Sounds, pending: int = 0, progress: Notice | None = None, trouble: str | None = None
) -> str:
    """The column of takes. Cards stay in the order of making, so that a take that plays is not disturbed by the next one;
    the style sheet shows them best first. `pending` of them are still to come."""
    order = sorted(range(len(entry.takes)), key=lambda i: -entry.takes[i].score) if entry else []
    cards = "".join(_take(take, i, order.index(i), entry, sounds) for i, take in enumerate(entry.takes)) if entry else ""
    bar = _progress(progress) if progress else ""
    if trouble:
        return _column("Takes", "", cards + _empty(trouble, "trouble"))
    if not cards and not pending:
        text = "New sounds made to your gesture appear here." if entry is None else "No takes were made for this gesture."
        return _column("Takes", "", _empty(text))
    return _column("Takes", str(len(order)) if order else "", cards + _SKELETON * pending, bar)


def gesture(heard: Gesture, token: str) -> str:
    """The recording: its picture, a player, a way to replace it; where it holds several gestures, a choice among them.

    token: that of the recording's prepared file
    """
    recording, event = heard.recording, heard.event
    several = recording.parts if len(recording.parts) > 1 else ()
    marks = "".join(_mark(number, one, heard) for number, one in enumerate(several, 1))
    picture = gesture_picture(recording.clip, recording.contours)
    played = f' data-from="{event.start_s:.3f}" data-to="{event.end_s:.3f}"' if event else ""
    return (
        f'<div class="card gesture{" part" if event else ""}"{played}>'
        f'<div class="stage" data-seek>{picture}{marks}<i class="needle"></i></div>{_parts(heard) if several else ""}'
        f'{_play("the gesture", token)}<button class="quiet" data-act="drop">Record another</button></div>'
    )


def history(entries: Sequence[Entry], sounds: Sounds, current: str | None) -> str:
    """The strip of earlier gestures, newest first."""
    if not entries:
        return ""
    return f'<h2>History</h2><div class="strip">{"".join(_earlier(entry, sounds, entry.id == current) for entry in entries)}</div>'


def status(notices: Sequence[Notice], count: int | None) -> str:
    """The status line: what is being warmed or indexed, or how large the library is."""
    lines = "".join(f'<span class="notice {notice.kind}">{escape(notice.text)}{_bar(notice.fraction)}</span>' for notice in notices)
    if lines:
        return lines
    return f'<span class="notice ready">{count:,} sounds</span>' if count is not None else ""


def message(text: str, kind: str = "trouble") -> str:
    """The line under the button."""
    return f'<p class="message {kind}" role="alert">{escape(text)}</p>' if text else ""


def seed_bar(name: str) -> str:
    """Names the sound that the next takes start from."""
    let_go = '<button data-act="unseed" aria-label="Start from nothing">×</button>'
    return f'<div class="seed-bar"><span>Starts from <b>{escape(name)}</b></span>{let_go}</div>'


def _hit(match: KeptMatch, sounds: Sounds, show_paths: bool) -> str:
    token, path = sounds.token(Path(match.path)), Path(match.path)
    name = match.name or path.stem
    place = f'<div class="place" title="{escape(str(path))}"><bdi>{escape(str(path))}</bdi></div>' if show_paths else ""
    facts = "".join(f"<span>{escape(fact)}</span>" for fact in (match.category, f"{match.duration_s:.1f} s") if fact)
    detail = f'<p class="caption">{escape(match.caption)}</p>' if match.caption and match.caption.lower() != name.lower() else ""
    return _card(name, token, match.score, f'{detail}<div class="foot">{facts}{_actions(token, name)}</div>{place}')


def _take(take: KeptTake, index: int, rank: int, entry: Entry, sounds: Sounds) -> str:
    token, name = sounds.token(entry.folder / take.file), f"performed: {take.parent}" if take.performed else f"Take {index + 1}"
    save = f'<a class="quiet" href="sound/{token}?save=1" download data-file="{escape(_take_name(entry, index))}">Download</a>'
    seed = f'<span title="random seed">#{take.seed}</span>' if take.seed is not None else ""
    facts = f"{seed}<span>{take.duration_s:.1f} s</span>"
    origin = f'<p class="caption">from {escape(take.parent)}</p>' if take.parent and not take.performed else ""
    return _card(name, token, take.score, f'{origin}<div class="foot">{facts}{save}{_actions(token, name)}</div>', rank)


def _take_name(entry: Entry, index: int) -> str:
    words = "-".join("".join(c if c.isalnum() else " " for c in entry.words).split()) or "gesture"
    return f"{words[:40]}-take-{index + 1}.wav"


def _card(name: str, token: str, score: float, rest: str, rank: int = 0) -> str:
    share = min(max(score, 0.0), 1.0)
    return (
        f'<article class="card sound" style="order:{rank}">{_play(name, token)}<div class="about">'
        f'<div class="head"><h3 title="{escape(name)}">{escape(name)}</h3>'
        f'<span class="score" title="likeness {share:.0%}" style="--score:{share:.3f}"><b>{share * 100:.0f}</b></span></div>'
        f"<div class=\"wave\" data-seek style=\"--wave:url('wave/{token}')\"></div>{rest}</div></article>"
    )


def _play(name: str, token: str) -> str:
    return (
        f'<button class="play" data-play aria-label="Play {escape(name)}"></button>'
        f'<audio preload="none" src="sound/{token}"></audio>'
    )


def _actions(token: str, name: str) -> str:
    """What can be done with a sound: each a button, its data told to the area's click."""
    data = f'data-token="{token}" data-name="{escape(name)}"'
    return (
        f'<button class="quiet" data-act="perform" {data} title="Shape this sound to the gesture">Perform</button>'
        f'<button class="quiet" data-act="seed" {data} title="Start the next takes from this sound">Seed</button>'
    )


def _earlier(entry: Entry, sounds: Sounds, current: bool) -> str:
    when = time.localtime(entry.time_s)
    shown = time.strftime("%H:%M" if time.strftime("%x", when) == time.strftime("%x") else "%d %b %H:%M", when)
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
    return (
        f'<button class="earlier{" current" if current else ""}" data-act="open" data-entry="{entry.id}">{picture}'
        f"<b>{words}{used}</b><small>{shown} · {count}</small></button>"
    )


def _mark(number: int, event: Event, heard: Gesture) -> str:
    """One gesture's place in the picture of the recording."""
    length_s = heard.recording.clip.duration_s
    place = f"left:{event.start_s / length_s:.2%};width:{(event.end_s - event.start_s) / length_s:.2%}"
    return f'<i class="mark{" chosen" if number == heard.part else ""}" style="{place}"><b>{number}</b></i>'


def _parts(heard: Gesture) -> str:
    """The choice among a recording's gestures."""
    chips = [_chip(0, "All", "The whole recording", heard.part is None)]
    for number, event in enumerate(heard.recording.parts, 1):
        times = f"{event.start_s:.1f}–{event.end_s:.1f}"
        shown = f"{number} <small>{times}</small>" if len(heard.recording.parts) <= _TIMES_SHOWN_UP_TO else str(number)
        chips.append(_chip(number, shown, f"Gesture {number}, {times} s", heard.part == number))
    return f'<div class="parts" role="group" aria-label="Which gesture to use">{"".join(chips)}</div>'


def _chip(part: int, shown: str, name: str, chosen: bool) -> str:
    told = f'aria-pressed="{str(chosen).lower()}" aria-label="{name}" title="{name}"'
    return f'<button class="chip" {told} data-act="part" data-part="{part}">{shown}</button>'


def _column(title: str, count: str, body: str, bar: str = "") -> str:
    number = f"<small>{count}</small>" if count else ""
    return f'<section class="column"><header><h2>{title}{number}</h2>{bar}</header><div class="cards">{body}</div></section>'


def _empty(text: str, kind: str = "") -> str:
    return f'<p class="empty {kind}">{escape(text)}</p>'


def _progress(notice: Notice) -> str:
    return f'<div class="progress"><span>{escape(notice.text)}</span>{_bar(notice.fraction)}</div>'


def _bar(fraction: float | None) -> str:
    return f'<i class="bar" style="--done:{fraction:.3f}"></i>' if fraction is not None else ""
