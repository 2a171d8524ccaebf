"""The two columns of one entry, hits and takes, and what is done with the sounds in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import gradio as gr

from app.services.board import Notice
from app.services.history import Entry
from app.services.requests import PerformRequest
from app.services.studio import Studio
from app.ui import cards, cards_sound
from app.ui.history import HistoryStrip
from app.ui.performing import PerformAmounts
from app.ui.recorder import Recorder
from app.ui.updates import PRIVATE, Updates, refusal
from app.ui.visitor import owner
from app.ui.weights import AspectWeights


class Columns:
    """Components: `hits` and `takes`, and `entry`, the id of the entry they show. `outputs` are all that changes with it."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._show_paths = studio.settings.exposure == "local"
        self.entry = gr.State(None)
        with gr.Row(elem_id="results", equal_height=False):
            with gr.Column(elem_id="hits-side", min_width=0):
                self.hits = cards.area(cards_sound.hits(None, studio.sounds, False), elem_id="hits")
                self._weights = AspectWeights()
            self.takes = cards.area(cards_sound.takes(None, studio.sounds), elem_id="takes")
        cards.area(cards_sound.keys(), elem_id="keys")
        self.outputs = [self.hits, self.takes, self.entry, *self._weights.sliders]

    def connect(self, recorder: Recorder, amounts: PerformAmounts, strip: HistoryStrip, message: gr.HTML) -> None:
        """`strip`: shows what changed; `message`: where trouble is told."""
        self._strip, self._amounts, self._message = strip, amounts, message
        at_once = {"queue": False, "trigger_mode": "multiple", **PRIVATE}
        changed = [self.hits, self.takes, message, *strip.outputs]
        for column in (self.hits, self.takes):
            column.like(self._star, [self.entry, *strip.filters], changed, **at_once)
            column.expand(self._alike, self.entry, [*self.outputs, message], trigger_mode="multiple", concurrency_limit=2, **PRIVATE)
            performing = [recorder.voice, recorder.part, self.entry, *amounts.components]
            performed = [self.takes, self.entry, message, *strip.outputs]
            column.edit(self._perform, performing, performed, trigger_mode="multiple", concurrency_limit=2, **PRIVATE)
        self.hits.collapse(self._back, self.entry, [*self.outputs, message], **at_once)
        self.takes.delete(self._delete, [self.entry, *strip.filters], changed, **at_once)
        weighing = [self.entry, *self._weights.sliders]
        moved = [event for slider in self._weights.sliders for event in (slider.input, slider.release)]
        in_turn = {"concurrency_id": "weighing", "concurrency_limit": 1, **PRIVATE}  # leaving a field for the button is two events
        gr.on(moved, self._rerank, weighing, [self.hits, message], trigger_mode="always_last", **in_turn)
        self._weights.usual.click(self._as_usual, self.entry, [*self.outputs, message], trigger_mode="multiple", **in_turn)

    def show(self, entry: Entry | None) -> Updates:
        """Both columns of an entry; None empties them."""
        shown = {self.hits: self.hits_of(entry), self.takes: self.takes_of(entry), self.entry: entry.id if entry else None}
        return shown | self._weights.set(entry)

    def searching(self, entry: Entry) -> Updates:
        """The hits' column before they are there."""
        return {self.hits: cards_sound.searching(), self.entry: entry.id} | self._weights.set(None)

    def hits_of(self, entry: Entry | None, trouble: str | None = None) -> str:
        filling = entry is not None and not entry.hits and self._studio.library.filling
        return cards_sound.hits(entry, self._studio.sounds, self._show_paths, trouble, filling)

    def takes_of(
        self, entry: Entry | None, pending: int = 0, notice: Notice | None = None, trouble: str | None = None, sketches: Mapping[int, str] | None = None
    ) -> str:
        return cards_sound.takes(entry, self._studio.sounds, pending, notice, trouble, sketches)

    def _star(self, request: gr.Request, event: gr.EventData, shown: str | None, *filters) -> Updates:
        """A sound of the columns becomes a favourite, or is one no more."""
        whose = owner(self._studio, request)
        try:
            entry = self._studio.history.star(whose, shown or "", self._sound(event))
        except Exception as error:
            return {self._message: refusal(error)}
        return {self.hits: self.hits_of(entry), self.takes: self.takes_of(entry)} | self._strip.show(whose, entry.id, *filters)

    def _alike(self, request: gr.Request, event: gr.EventData, shown: str | None) -> Iterator[Updates]:
        """More like one sound, in place of the hits."""
        name = event._data.get("name", "")
        yield {self.hits: cards_sound.searching(), self._message: ""}
        whose = owner(self._studio, request)
        try:
            entry = self._studio.hits.alike(whose, shown or "", self._sound(event), name)
        except Exception as error:
            yield {self.hits: self.hits_of(self._studio.history.find(whose, shown or "")), self._message: refusal(error)}
            return
        yield self.show(entry)

    def _back(self, request: gr.Request, shown: str | None) -> Updates:
        return self._shown(lambda: self._studio.hits.back(owner(self._studio, request), shown or ""))

    def _as_usual(self, request: gr.Request, shown: str | None) -> Updates:
        return self._shown(lambda: self._studio.hits.rerank(owner(self._studio, request), shown or "", AspectWeights.emphasis(*[0.5] * 5)))

    def _rerank(self, request: gr.Request, shown: str | None, *values) -> Updates:
        if shown is None:
            return gr.skip()
        try:
            entry = self._studio.hits.rerank(owner(self._studio, request), shown, AspectWeights.emphasis(*values))
        except Exception as error:
            return {self._message: refusal(error)}
        return {self.hits: self.hits_of(entry), self._message: ""}

    def _shown(self, change) -> Updates:
        try:
            return self.show(change()) | {self._message: ""}
        except Exception as error:
            return {self._message: refusal(error)}

    def _delete(self, request: gr.Request, event: gr.EventData, shown: str | None, *filters) -> Updates:
        """A take goes, and can be had back for a while."""
        whose, name = owner(self._studio, request), event._data.get("name", "")
        try:
            key = self._studio.history.delete(whose, shown or "", self._sound(event))
        except Exception as error:
            return {self._message: refusal(error)}
        entry = self._studio.history.find(whose, shown or "")
        return {self.takes: self.takes_of(entry)} | self._strip.show(whose, shown, *filters) | self._strip.offer_back(name, key)

    def _perform(self, event: gr.EventData, request: gr.Request, voice, part, entry, *amounts) -> Iterator[Updates]:
        """A hit or a take shaped to the gesture, as one more take of what is shown."""
        name = event._data.get("name", "")
        yield {self._message: cards.message(f"Performing {name}…", "note")}
        whose = owner(self._studio, request)
        try:
            asked = PerformRequest(self._sound(event), name, Path(voice) if voice else None, part, self._amounts.asked(*amounts), whose, entry)
            kept = self._studio.perform(asked)
        except Exception as error:
            yield {self._message: refusal(error)}
            return
        yield {self.takes: self.takes_of(kept), self._message: "", self.entry: kept.id} | self._strip.show(whose, kept.id)

    def _sound(self, event: gr.EventData) -> Path:
        """The file of the sound whose button was pressed; one that no token was given for is no sound of anybody's."""
        return self._studio.sounds.path(event._data.get("token", "")) or Path("gone")
