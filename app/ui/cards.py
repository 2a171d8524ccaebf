"""What all parts of the page are made of as HTML: areas, columns, messages, progress. Every text from outside is escaped where it becomes HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import gradio as gr

from app.services.board import Notice

_ACTIONS_JS = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-act]');
  if (button) trigger(button.dataset.on || 'click', {...button.dataset});
});
"""
SKELETON = '<article class="card skeleton" aria-hidden="true"><span></span><div><i></i><b></b></div></article>'


def area(value: str = "", **options) -> gr.HTML:
    """A part of the page that holds these cards. Pressing a button with `data-act` is its click event, or the one that
    `data-on` names, with the button's data."""
    return gr.HTML(value, apply_default_css=False, js_on_load=_ACTIONS_JS, **options)


def status(notices: Sequence[Notice], count: int | None) -> str:
    """The status line: what is being warmed or indexed, or how large the library is."""
    lines = "".join(f'<span class="notice {notice.kind}">{escape(notice.text)}{bar(notice.fraction)}</span>' for notice in notices)
    if lines:
        return lines
    return f'<span class="notice ready">{count:,} sounds</span>' if count is not None else ""


def message(text: str, kind: str = "trouble") -> str:
    """The line under the button."""
    role = "alert" if kind == "trouble" else "status"
    return f'<p class="message {kind}" role="{role}">{escape(text)}</p>' if text else ""


def seed_bar(name: str) -> str:
    """Names the sound that the next takes start from."""
    let_go = '<button data-act="unseed" aria-label="Start from nothing">×</button>'
    return f'<div class="seed-bar"><span>Starts from <b>{escape(name)}</b></span>{let_go}</div>'


def undo(what: str, key: str) -> str:
    """Says what was deleted and offers it back; the page's script takes it away after some seconds."""
    back = f'<button data-act="undo" data-on="undo" data-key="{escape(key)}">Undo</button>'
    return f'<div class="undo" role="status"><span>Deleted {escape(what)}.</span>{back}</div>'


def play(name: str, token: str) -> str:
    """A button that plays a sound, and its player."""
    return (
        f'<button class="play" data-play aria-label="Play {escape(name)}"></button>'
        f'<audio preload="none" src="sound/{token}"></audio>'
    )


def empty(text: str, kind: str = "") -> str:
    """What a column says where it has nothing to show."""
    return f'<p class="empty {kind}">{escape(text)}</p>'


def progress(notice: Notice) -> str:
    """How far some work is, read out to those who cannot see it."""
    return f'<div class="progress" role="status"><span>{escape(notice.text)}</span>{bar(notice.fraction)}</div>'


def bar(fraction: float | None) -> str:
    return f'<i class="bar" style="--done:{fraction:.3f}"></i>' if fraction is not None else ""
