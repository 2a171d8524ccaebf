"""Sounds of the library as a list of cards. Every text from outside is escaped here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from app.services.sounds import Sounds
from app.ui.cards import empty, play

if TYPE_CHECKING:
    from clvap.library import Match

_EXPORT = '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M8 1.8v8M4.8 6.8L8 10l3.2-3.2M2.5 11v2.7h11V11"/></svg>'


@dataclass(frozen=True)
class Shown:
    """What the list holds.

    title: why these
    sounds: in their order
    total: how many there are of them, where more than are shown
    chosen: whether they were picked out, so that the map marks them and there is a way back
    tokens: of all that were picked out on the map, shown or not
    """

    title: str = "Sounds"
    sounds: tuple[Match, ...] = ()
    total: int | None = None
    chosen: bool = False
    tokens: tuple[str, ...] = ()


def sound_list(shown: Shown, sounds: Sounds, editable: bool, show_paths: bool) -> str:
    """The list with its heading."""
    count = f"{len(shown.sounds):,}" if shown.total in (None, len(shown.sounds)) else f"{len(shown.sounds):,} of {shown.total:,}"
    tools = ""
    if shown.tokens:
        tokens = escape(json.dumps(shown.tokens))
        tools += f'<button class="quiet" data-act="export-many" data-tokens="{tokens}">Export selection</button>'
    if shown.chosen:
        tools += '<button class="quiet" data-act="all" data-on="clear">Show all</button>'
    body = "".join(_card(match, sounds, editable, show_paths) for match in shown.sounds)
    if not shown.sounds:
        body = empty("No sound fits. Try other words, or widen the filters.")
    if shown.total is not None and len(shown.sounds) < shown.total and not shown.tokens:
        body += '<button class="more-sounds" data-act="more" data-on="expand">Show more</button>'
    marked = " data-marked" if shown.chosen else ""
    heading = f'<h2 title="{escape(shown.title)}"><span>{escape(shown.title)}</span><small>{count}</small></h2>'
    return f'<section class="column"{marked}><header>{heading}<div>{tools}</div></header><div class="cards">{body}</div></section>'


def choices(categories: Sequence[str]) -> str:
    """What a category may be: those of the library and of the Universal Category System, offered while one is typed."""
    from clvap.data import ucs

    known = {name: "" for name in categories} | {one.id: f"{one.category} {one.subcategory}".lower() for one in ucs.table().values()}
    options = "".join(f'<option value="{escape(name)}">{escape(about)}</option>' for name, about in known.items())
    return f'<datalist id="sound-categories">{options}</datalist>'


def _card(match: Match, sounds: Sounds, editable: bool, show_paths: bool) -> str:
    token, name = sounds.token(match.path), escape(match.name)
    data = f'data-token="{token}" data-name="{name}"'
    actions = (
        f'<button class="quiet" data-act="alike" data-on="retry" {data} title="More like this">Similar</button>'
        f'<button class="quiet" data-act="seed" data-on="select" {data} title="Start the next takes from this sound">Seed</button>'
        f'<button class="tool" data-act="export" {data} aria-label="Export {name}" title="Export (E)">{_EXPORT}</button>'
    )
    place = escape(str(match.path)) if show_paths else name
    return (
        f'<article class="card sound" {data} tabindex="-1" aria-label="{name}">{play(match.name, token)}<div class="about">'
        f'<div class="head"><h3 title="{place}">{name}</h3></div>'
        f'<div class="stage" data-seek draggable="true" data-file="{escape(match.path.name)}" data-href="sound/{token}?save=1">'
        f"<div class=\"wave\" style=\"--wave:url('wave/{token}')\"></div></div>"
        f'{_said(match, token, editable)}<div class="foot"><div class="facts">{_category(match, editable)}'
        f"<span>{match.duration_s:.1f} s</span></div>{actions}</div></div></article>"
    )


def _said(match: Match, token: str, editable: bool) -> str:
    caption, category = escape(match.caption), escape(match.category)
    if not editable:
        return f'<p class="caption">{caption}</p>'
    told = f'aria-label="Edit the caption of {escape(match.name)}: {caption}" title="Edit"'
    return f'<button class="caption" data-describe data-token="{token}" data-caption="{caption}" data-category="{category}" {told}>{caption}</button>'


def _category(match: Match, editable: bool) -> str:
    category = escape(match.category) or "no category"
    if not editable:
        return f"<span>{category}</span>"
    return f'<button data-describe="category" aria-label="Edit the category: {category}" title="Edit">{category}</button>'
