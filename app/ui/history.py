"""The strip of earlier gestures: searched by words, narrowed to favourites, longer as one goes on, and what was deleted offered back."""

from __future__ import annotations

import gradio as gr
from gradio.events import Dependency

from app.services.studio import Studio
from app.ui import cards, cards_history
from app.ui.updates import PRIVATE, Updates
from app.ui.visitor import owner

_FIRST, _STEP = 24, 96
"""How many gestures are shown, and how many more each time; the page asks for them when the last one comes into view."""

_IN_TURN = {"concurrency_id": "strip", "concurrency_limit": 1, **PRIVATE}  # the last asked is the last told


class HistoryStrip:
    """Components: `area` with the cards, `undo`; `filters` are inputs of `show`, `narrowed` what they change, `outputs` all that changes."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        with gr.Column(elem_id="past"):
            with gr.Row(elem_id="past-head", visible=False) as self._head:
                cards.area("<h2>History</h2>")
                search = gr.Textbox(label="Search the history", show_label=False, placeholder="Search", max_lines=1, container=False, elem_id="past-search")
                starred = gr.Checkbox(False, label="Favourites", container=False, elem_id="past-starred")
            self.area = cards.area(elem_id="history")
        self.undo = cards.area(elem_id="undo")
        self._fields, self._many = [search, starred], gr.State(_FIRST)
        self.filters = [*self._fields, self._many]
        self.narrowed = [self._head, self.area]
        self.outputs = [*self.narrowed, self.undo, *self.filters]

    def connect(self, entry: gr.State) -> None:
        """`entry`: id of the one that is shown."""
        longer = [*self.narrowed, self._many]
        for changed in (field.change for field in self._fields):  # not `input`: the first after the field was cleared from here is lost
            changed(self._anew, [entry, *self._fields], longer, trigger_mode="always_last", **_IN_TURN)
        self.area.expand(self._more, [entry, *self.filters], longer, trigger_mode="once", **_IN_TURN)

    def follow(self, press: Dependency, entry: gr.State) -> None:
        """Once a press is served, the strip is as its filters want it by then."""
        press.then(self.narrow, [entry, *self.filters], self.narrowed, **_IN_TURN)

    def html(self, whose: str, current: str | None, words: str = "", starred: bool = False, many: int = _FIRST) -> str:
        """The strip of so many of those earlier gestures, or of the favourites in them."""
        entries = self._studio.history.list(whose, many + 1, words, starred)
        shown, more = entries[:many], len(entries) > many
        if starred:
            return cards_history.favourites(shown, self._studio.sounds, more)
        return cards_history.history(shown, self._studio.sounds, current, bool(words.strip()), more)

    def show(self, whose: str, current: str | None, *filters) -> Updates:
        """The strip; without filters it begins anew, its fields cleared."""
        shown = self.html(whose, current, *filters)
        strip = {self._head: gr.update(visible=bool(shown)), self.area: shown}
        return strip if filters else strip | dict(zip(self.filters, ("", False, _FIRST), strict=True))

    def offer_back(self, what: str, key: str) -> Updates:
        """Says what was deleted; `key` is what `History.restore` takes."""
        return {self.undo: cards.undo(what, key)}

    def narrow(self, request: gr.Request, current: str | None, *filters) -> Updates:
        """The strip as its filters want it now."""
        return self.show(owner(self._studio, request), current, *filters)

    def _anew(self, request: gr.Request, current: str | None, *fields) -> Updates:
        """Other filters: the strip from its beginning."""
        return self.narrow(request, current, *fields, _FIRST) | {self._many: _FIRST}

    def _more(self, request: gr.Request, current: str | None, words: str, starred: bool, many: int) -> Updates:
        return self.narrow(request, current, words, starred, many + _STEP) | {self._many: many + _STEP}
