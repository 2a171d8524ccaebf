"""The strip of earlier gestures: searched by words, narrowed to favourites, and what was deleted offered back."""

from __future__ import annotations

import gradio as gr

from app.services.studio import Studio
from app.ui import cards, cards_history
from app.ui.updates import PRIVATE, Updates
from app.ui.visitor import owner


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
        self.filters = [search, starred]
        self.narrowed = [self._head, self.area]
        self.outputs = [*self.narrowed, self.undo, *self.filters]

    def connect(self, entry: gr.State) -> None:
        """`entry`: id of the one that is shown."""
        for changed in (field.change for field in self.filters):  # not `input`: the first after the field was cleared from here is lost
            changed(self.narrow, [entry, *self.filters], self.narrowed, trigger_mode="always_last", **PRIVATE)

    def html(self, whose: str, current: str | None, words: str = "", starred: bool = False) -> str:
        """The strip of those earlier gestures, or of the favourites in them."""
        entries = self._studio.history.list(whose, words=words, starred=starred)
        if starred:
            return cards_history.favourites(entries, self._studio.sounds)
        return cards_history.history(entries, self._studio.sounds, current, filtered=bool(words.strip()))

    def show(self, whose: str, current: str | None, *filters) -> Updates:
        """The strip; without filters the fields are cleared as well."""
        shown = self.html(whose, current, *filters)
        strip = {self._head: gr.update(visible=bool(shown)), self.area: shown}
        return strip if filters else strip | {self.filters[0]: "", self.filters[1]: False}

    def offer_back(self, what: str, key: str) -> Updates:
        """Says what was deleted; `key` is what `History.restore` takes."""
        return {self.undo: cards.undo(what, key)}

    def narrow(self, request: gr.Request, current: str | None, *filters) -> Updates:
        """The strip as its filters want it now."""
        return self.show(owner(self._studio, request), current, *filters)
