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

_FIRST_ON_A_PHONE = 12
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
    body = "".join(_card(_Told.of(match, sounds, show_paths), editable) for match in shown.sounds)
    if len(shown.sounds) > _FIRST_ON_A_PHONE:
        body += '<button class="more" data-all-sounds>Show more</button>'
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


def card_template() -> str:
    """A card with names in braces for what the map knows of a sound, filled in there: what a click finds looks and does as in the list."""
    return f"<template>{_card(_Told('{token}', '{name}', '{caption}', '{category}', '{length}', '{file}', '{name}'), False)}</template>"


@dataclass(frozen=True)
class _Told:
    """What a card says. length: in seconds; file: its name when it is dragged out of the page; place: shown for the name when one points at it."""

    token: str
    name: str
    caption: str
    category: str
    length: str
    file: str
    place: str

    @staticmethod
    def of(match: Match, sounds: Sounds, show_paths: bool) -> _Told:
        said = (match.name, match.caption, match.category, f"{match.duration_s:.1f}", match.path.name, str(match.path) if show_paths else match.name)
        return _Told(sounds.token(match.path), *said)


def _card(told: _Told, editable: bool) -> str:
    token, name = told.token, escape(told.name)
    data = f'data-token="{token}" data-name="{name}"'
    actions = (
        f'<button class="quiet" data-act="alike" data-on="retry" {data} title="More like this">Similar</button>'
        f'<button class="quiet" data-act="seed" data-on="select" {data} title="Start the next takes from this sound">Seed</button>'
        f'<button class="tool" data-act="export" {data} aria-label="Export {name}" title="Export (E)">{_EXPORT}</button>'
    )
    return (
        f'<article class="card sound" {data} tabindex="-1" aria-label="{name}">{play(told.name, token)}<div class="about">'
        f'<div class="head"><h3 title="{escape(told.place)}">{name}</h3></div>'
        f'<div class="stage" data-seek draggable="true" data-file="{escape(told.file)}" data-href="sound/{token}?save=1">'
        f"<div class=\"wave\" style=\"--wave:url('wave/{token}')\"></div></div>"
        f'{_said(told, editable)}<div class="foot"><div class="facts">{_category(told, editable)}'
        f"<span>{told.length} s</span></div>{actions}</div></div></article>"
    )


def _said(told: _Told, editable: bool) -> str:
    caption, category = escape(told.caption), escape(told.category)
    if not editable:
        return f'<p class="caption">{caption}</p>'
    about = f'aria-label="Edit the caption of {escape(told.name)}: {caption}" title="Edit"'
    return f'<button class="caption" data-describe data-token="{told.token}" data-caption="{caption}" data-category="{category}" {about}>{caption}</button>'


def _category(told: _Told, editable: bool) -> str:
    category = escape(told.category) or "no category"
    if not editable:
        return f"<span>{category}</span>"
    return f'<button data-describe="category" aria-label="Edit the category: {category}" title="Edit">{category}</button>'
