"""Looking for sounds by words, likeness or on the map; their list; captions and categories written over in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import gradio as gr

from app.services.access import Action, allowed
from app.services.catalogue import MOST_LISTED, Listed, Wanted
from app.services.errors import RequestError
from app.services.studio import Studio
from app.ui import cards
from app.ui.library.sound_list import Shown, choices, sound_list
from app.ui.updates import PRIVATE, Updates, refusal

_ANY = "Any category"
_ANY_LENGTH = "Any length"
_LENGTHS = {_ANY_LENGTH: (None, None), "Under 1 s": (None, 1.0), "1 to 3 s": (1.0, 3.0), "3 to 10 s": (3.0, 10.0), "Over 10 s": (10.0, None)}
_GONE = "This sound is not there any more; reload the page."
_STEP = 60


class Browsing:
    """A form, a list of sounds, and what is done with them. `category` and `choices` change with the library."""

    def __init__(self, studio: Studio, editable: bool) -> None:
        self._studio, self._editable = studio, editable
        self._show_paths = Action.SEE_PATHS in allowed(studio.settings)
        self._shown = gr.State(None)
        with gr.Column(elem_id="library-side", min_width=0):
            self._words = gr.Textbox(
                label="Search the library", show_label=False, placeholder="Search your sounds", max_lines=1, elem_id="library-words", container=False
            )
            with gr.Row(elem_classes="pair", elem_id="library-filters"):
                self.category = gr.Dropdown([_ANY], value=_ANY, label="Category", show_label=False, container=False, min_width=0)
                self._length = gr.Dropdown(list(_LENGTHS), value=_ANY_LENGTH, label="Length", show_label=False, container=False, min_width=0)
            self._message = cards.area(elem_id="library-message")
            self._list = cards.area(elem_id="library-list")
        self.choices = cards.area(elem_id="library-choices")
        self.form, self.shown = [self._words, self.category, self._length], self._shown
        self.outputs = [self._list, self._shown, self._message]
        latest = {"trigger_mode": "always_last", **PRIVATE}
        asked = [self._words.change, self._words.submit, self.category.input, self._length.input]  # pasted words are no input to gradio
        gr.on(asked, self._find, self.form, self.outputs, **latest)
        self._list.clear(self._find, self.form, self.outputs, **PRIVATE)
        self._list.expand(self._more, [self._shown, *self.form], self.outputs, **PRIVATE)
        self._list.retry(self._alike, None, self.outputs, **PRIVATE)
        self._list.edit(self._describe, self._shown, self.outputs, **PRIVATE)

    def connect_map(self, area: gr.HTML, heard: gr.HTML) -> None:
        """Sounds chosen on the map are listed, and those like the one that was heard there."""
        area.select(self._choose, None, self.outputs, **PRIVATE)
        heard.retry(self._alike, None, self.outputs, **PRIVATE)

    @property
    def listing(self) -> gr.HTML:
        """The area of the list, whose buttons say `export` and `export-many`."""
        return self._list

    def categories(self, known: tuple[str, ...]) -> list:
        """Updates of `category` and `choices`."""
        return [gr.update(choices=[_ANY, *known]), choices(known) if self._editable else ""]

    def at_opening(self, words: str, category: str, length: str) -> Updates:
        """The list when the tab is opened."""
        return self._find(words, category, length)

    def renewed(self, shown: Shown | None, *form) -> Updates:
        """The list of a library that changed; one that was picked out stays."""
        return gr.skip() if shown is not None and shown.chosen else self._find(*form)

    def _find(self, words: str, category: str, length: str, k: int = _STEP) -> Updates:
        wanted = Wanted(words or "", category if category != _ANY else None, *_LENGTHS[length], k=k)
        searched = bool(wanted.words.strip())

        def shown(found: Listed) -> Shown:
            return Shown(f"“{wanted.words.strip()}”" if searched else wanted.category or "Sounds", found.sounds, found.total, searched)

        return self._listed(lambda: self._studio.catalogue.find(wanted), shown)

    def _more(self, shown: Shown | None, *form) -> Updates:
        return self._find(*form, k=min(len(shown.sounds) + _STEP if shown else _STEP, MOST_LISTED))

    def _alike(self, event: gr.EventData) -> Updates:
        """More like one sound of the list."""
        name = str(event._data.get("name", ""))
        return self._listed(lambda: self._studio.catalogue.find(Wanted(like=self._path(event))), lambda found: Shown(f"Like {name}", found.sounds, None, True))

    def _choose(self, event: gr.EventData) -> Updates:
        """The sounds inside a line drawn on the map."""

        def found() -> Listed:
            tokens = json.loads(event._data.get("tokens", "[]"))
            paths = [path for token in tokens if (path := self._studio.sounds.path(str(token))) is not None]
            return self._studio.catalogue.chosen(paths)

        def shown(listed: Listed) -> Shown:
            return Shown("Selection", listed.sounds, listed.total, True, tuple(json.loads(event._data["tokens"])))

        return self._listed(found, shown)

    def _describe(self, event: gr.EventData, shown: Shown | None) -> Updates:
        """A caption and a category written over in place."""
        try:
            said = self._studio.catalogue.describe(self._path(event), str(event._data.get("caption", "")), str(event._data.get("category", "")))
        except Exception as error:
            return {self._message: refusal(error)}
        sounds = tuple(replace(said, score=one.score) if one.path == said.path else one for one in shown.sounds) if shown else (said,)
        return self._updates(replace(shown or Shown(), sounds=sounds))

    def _listed(self, find: Callable[[], Listed], shown: Callable[[Listed], Shown]) -> Updates:
        try:
            return self._updates(shown(find()))
        except Exception as error:
            return {self._message: refusal(error)}

    def _updates(self, shown: Shown) -> Updates:
        listing = sound_list(shown, self._studio.sounds, self._editable, self._show_paths)
        return {self._list: listing, self._shown: shown, self._message: ""}

    def _path(self, event: gr.EventData) -> Path:
        path = self._studio.sounds.path(str(event._data.get("token", "")))
        if path is None:
            raise RequestError(_GONE)
        return path
