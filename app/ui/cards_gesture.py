"""The recording as HTML: its picture, its player, and the choice among the gestures in it."""

from __future__ import annotations

from app.services.gestures import Gesture
from app.ui.cards import play
from app.ui.plots import gesture_picture
from clvap.activity import Event

_TIMES_SHOWN_UP_TO = 4


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
        f'{play("the gesture", token)}<button class="quiet" data-act="drop">Record another</button></div>'
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
