"""The one screen: make the sound on the left, hear it found and made on the right, earlier gestures below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import gradio as gr

from app.services.access import Action, allowed
from app.services.board import Notice
from app.services.errors import explain
from app.services.generate import Ended, Job, Seen, Waiting, Working
from app.services.history import Entry
from app.services.requests import ImitateRequest, Span
from app.services.studio import Begun, Event, Found, Studio, TakeKept, Trouble
from app.ui import cards
from app.ui.columns import Columns
from app.ui.control import number
from app.ui.example import GESTURE, WORDS, Example
from app.ui.exporting import ExportTray
from app.ui.form import Form
from app.ui.history import HistoryStrip
from app.ui.microphone import LocalMicrophone
from app.ui.plots import sketch_mask
from app.ui.recorder import Recorder
from app.ui.updates import PRIVATE, Updates, refusal
from app.ui.visitor import owner

_REFUSED_AT_ONCE = 8  # beyond those in line: so that they are told, and do not wait unseen
_FILLING = "<i></i>"  # nothing to see: that it comes and goes is an event
_VARIED_AT = 0.5  # how strongly a variation leaves its sound alone


class ImitateScreen:
    """Components of the screen and what happens when they are used."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._job = gr.State(None)
        with gr.Row(elem_id="imitate", equal_height=False):
            with gr.Column(elem_id="panel", min_width=300):
                self._recorder = Recorder(studio)
                self._microphone = LocalMicrophone(studio) if Action.LOCAL_MICROPHONE in allowed(studio.settings) else None
                self._form = Form(studio, self._recorder)
            with gr.Column(elem_id="sounds", min_width=0):
                self._example = Example(studio)
                self._columns = Columns(studio)
                self._tray = ExportTray(studio)
        self._strip = HistoryStrip(studio)
        self._filling = cards.area(elem_id="filling")
        self._connect()

    def seed_from(self, area: gr.HTML) -> None:
        """Sounds of another part of the page may become the one that takes start from."""
        self._form.seed_from(area)

    def _connect(self) -> None:
        form, columns, strip, message = self._form, self._columns, self._strip, self._form.message
        self._recorder.connect(message)
        if self._microphone:
            self._microphone.connect(self._recorder.hear, [*self._recorder.outputs, message], message)
        form.connect(columns.hits, columns.takes)
        columns.connect(self._recorder, form.amounts, strip, message)
        strip.connect(columns.entry)
        self._tray.connect(columns.hits, columns.takes)
        results = [*columns.outputs, *strip.outputs, self._example.area, message, form.make, form.cancel, self._job]
        once = {"trigger_mode": "once", "concurrency_limit": self._studio.limits.in_line + _REFUSED_AT_ONCE, **PRIVATE}
        presses = [gr.on([form.make.click, form.words.submit], self._press, form.components, results, **once)]
        for column in (columns.hits, columns.takes):
            presses.append(column.retry(self._vary, [columns.entry, *form.components], results, **once))
        presses.append(columns.takes.apply(self._redo, [columns.entry, *form.components], results, **once))
        filled = [*self._recorder.outputs, form.words, form.balance, message]
        presses.append(self._example.area.click(self._fill_in, None, filled, **PRIVATE).then(self._press, form.components, results, **once))
        for press in presses:  # meanwhile somebody may have narrowed the strip, which stays so
            strip.follow(press, columns.entry)
        self._filling.change(self._find_late, [columns.entry, *form.components], columns.hits, trigger_mode="multiple", **PRIVATE)
        form.cancel.click(self._stop, self._job, form.cancel, queue=False, **PRIVATE)
        opened = [*filled, *columns.outputs, *strip.outputs]
        strip.area.click(self._reopen, strip.filters, opened, **PRIVATE)
        changed, each = [*columns.outputs, *strip.outputs, message], {"trigger_mode": "multiple", **PRIVATE}
        strip.area.like(self._unstar, [columns.entry, *strip.filters], changed, **each)
        strip.area.delete(self._delete, [columns.entry, *strip.filters], changed, **each)
        strip.undo.undo(self._undo, columns.entry, changed, **each)

    @property
    def category(self) -> gr.Dropdown:
        """The list of categories, refreshed when the library changes."""
        return self._form.category

    @property
    def filling(self) -> gr.HTML:
        """A mark while the library is being filled: once it goes, what was asked meanwhile is found."""
        return self._filling

    @property
    def at_load(self) -> list[gr.components.Component]:
        """What `earlier` fills."""
        return [*self._strip.outputs, self._example.area]

    def earlier(self, request: gr.Request) -> Updates:
        """The visitor's earlier gestures; for one without any, the example."""
        strip = self._strip.show(owner(self._studio, request), None)
        return strip | {self._example.area: "" if strip[self._strip.area] else self._example.html()}

    def categories(self, known: tuple[str, ...]) -> dict:
        """An update of the list of categories."""
        return self._form.categories(known)

    def mark_filling(self, now: bool, before: str) -> str | dict:
        """An update of `filling`, where that has changed."""
        mark = _FILLING if now else ""
        return mark if mark != before else gr.skip()

    def _press(self, request: gr.Request, *values) -> Iterator[Updates]:
        """One press: the hits, then the takes one by one. What an earlier press found stays until there is something new."""
        yield from self._run(lambda: self._form.asked(owner(self._studio, request), *values))

    def _find_late(self, request: gr.Request, shown: str | None, *values) -> str | dict:
        """What was asked for while the library was being filled, found once it is."""
        entry = self._studio.history.find(owner(self._studio, request), shown or "")
        if entry is None or entry.hits or self._studio.library.filling:
            return gr.skip()
        try:
            return self._columns.hits_of(self._studio.find_again(entry.id, self._form.asked(entry.owner, *values)))
        except Exception as error:
            return self._columns.hits_of(entry, explain(error))

    def _vary(self, event: gr.EventData, request: gr.Request, entry: str | None, *values) -> Iterator[Updates]:
        """Takes that start from one sound, added to those that are shown."""
        yield from self._run(lambda: replace(self._from(event, request, entry, values), start_strength=_VARIED_AT))

    def _redo(self, event: gr.EventData, request: gr.Request, entry: str | None, *values) -> Iterator[Updates]:
        """Takes that keep one take but for a part, added to those that are shown."""

        def asked() -> ImitateRequest:
            start_s, end_s = (number(name, event._data.get(key, ""), float) for name, key in (("The beginning", "from"), ("The end", "to")))
            return replace(self._from(event, request, entry, values), span=Span(start_s or 0.0, end_s or 0.0))

        yield from self._run(asked)

    def _from(self, event: gr.EventData, request: gr.Request, entry: str | None, values: Sequence) -> ImitateRequest:
        """What the form asks for, of the sound whose button was pressed, with the takes among those of the entry."""
        start = {"start_from": self._studio.sounds.path(event._data.get("token", "")), "start_name": event._data.get("name", "")}
        return replace(self._form.asked(owner(self._studio, request), *values), hits=0, seed=None, entry=entry, **start)

    def _run(self, ask) -> Iterator[Updates]:
        """Serve one request, which `ask` makes; any trouble ends in the message line."""
        form = self._form
        try:
            asked = ask()
        except Exception as error:
            yield {form.message: refusal(error)}
            return
        idle = {form.make: gr.update(visible=True), form.cancel: gr.update(visible=False), self._job: None}
        waiting = "" if self._studio.ready else cards.message("The search model is still loading; this starts once it is there.", "note")
        stoppable = gr.update(value="Cancel", interactive=True, visible=True)
        yield {form.make: gr.update(visible=False), form.cancel: stoppable, self._job: asked.job, form.message: waiting}
        try:
            view = _View(asked)
            for event in self._studio.imitate(asked):
                view.follow(event)
                if not isinstance(event, Seen):  # how far it is follows at once, and tells both
                    yield self._updates(event, view)
        except Exception as error:
            yield {form.message: refusal(error)}
        yield idle

    def _updates(self, event: Event, view: _View) -> Updates:
        columns, message, updates = self._columns, self._form.message, {}
        if isinstance(event, Begun):
            updates |= {message: "", self._example.area: ""} | view.opening(columns) | self._strip.show(view.entry.owner, view.entry.id)
        if isinstance(event, Found) or (isinstance(event, Trouble) and event.half == "hits"):
            updates[columns.hits] = columns.hits_of(view.entry, view.hits_trouble)
        if not isinstance(event, Found):
            entry = self._studio.history.find(view.entry.owner, view.entry.id) or view.entry  # a take may have lost or got something meanwhile
            updates[columns.takes] = columns.takes_of(entry, view.pending, view.progress, view.takes_trouble, view.sketches)
        if isinstance(event, Ended) and event.cancelled:
            updates[message] = cards.message("Stopped. What was made is kept.", "note")
        return updates

    @staticmethod
    def _stop(job: Job | None) -> dict:
        if job is not None:
            job.cancel()
        return gr.update(value="Stopping…", interactive=False)

    def _fill_in(self) -> Updates:
        """The example, as if it had been recorded and typed; its press follows."""
        return self._recorder.hear(str(GESTURE)) | {self._form.words: WORDS, self._form.balance: 0.5}

    def _reopen(self, event: gr.EventData, request: gr.Request, *filters) -> Updates:
        """An earlier gesture, as it was left."""
        whose = owner(self._studio, request)
        entry = self._studio.history.find(whose, event._data.get("entry", ""))
        if entry is None:
            return {self._form.message: cards.message("This entry is not there any more.")}
        updates = self._recorder.drop() | {self._form.words: entry.words, self._form.balance: entry.balance, self._form.message: ""}
        updates |= self._columns.show(entry) | self._strip.show(whose, entry.id, *filters)
        return updates | (self._recorder.hear(str(entry.recording), entry.part.number if entry.part else None) if entry.recording else {})

    def _unstar(self, request: gr.Request, event: gr.EventData, shown: str | None, *filters) -> Updates:
        """A favourite of the strip is one no more."""
        whose = owner(self._studio, request)
        sound = self._studio.sounds.path(event._data.get("token", ""))
        try:
            entry = self._studio.history.star(whose, event._data.get("entry", ""), sound)
        except Exception as error:
            return {self._form.message: refusal(error)}
        updates = self._strip.show(whose, shown, *filters)
        if entry.id == shown:
            updates |= {self._columns.hits: self._columns.hits_of(entry), self._columns.takes: self._columns.takes_of(entry)}
        return updates

    def _delete(self, request: gr.Request, event: gr.EventData, shown: str | None, *filters) -> Updates:
        """An earlier gesture goes with all its takes, and can be had back for a while."""
        whose, gone = owner(self._studio, request), event._data.get("entry", "")
        try:
            key = self._studio.history.delete(whose, gone)
        except Exception as error:
            return {self._form.message: refusal(error)}
        updates = self._columns.show(None) if gone == shown else {}
        return updates | self._strip.show(whose, shown, *filters) | self._strip.offer_back("a gesture and its takes", key)

    def _undo(self, request: gr.Request, event: gr.EventData, shown: str | None) -> Updates:
        """What was deleted last is back; it is shown where nothing else is."""
        whose = owner(self._studio, request)
        try:
            entry = self._studio.history.restore(whose, event._data.get("key", ""))
        except Exception as error:
            return {self._form.message: refusal(error), self._strip.undo: ""}
        updates = self._columns.show(entry) if shown in (None, entry.id) else {}
        return updates | self._strip.show(whose, entry.id if updates else shown) | {self._strip.undo: ""}


class _View:
    """What the two columns show while a request is served."""

    def __init__(self, request: ImitateRequest) -> None:
        self._request = request
        self.entry: Entry | None = None
        self.progress: Notice | None = None
        self.hits_trouble: str | None = None
        self.takes_trouble: str | None = None
        self._done = 0
        self._seen: dict[int, str] = {}
        self._ended = False

    @property
    def pending(self) -> int:
        """Takes still to come."""
        return 0 if self._ended or self.takes_trouble else max(self._request.variations - self._done, 0)

    @property
    def sketches(self) -> dict[int, str]:
        """Pictures of the takes still to come, by their place among these."""
        return {take - self._done: sketch for take, sketch in self._seen.items()}

    def opening(self, columns: Columns) -> Updates:
        """The columns at the beginning: as they are where takes join them."""
        if self.entry.id == self._request.entry:
            return {}
        return columns.searching(self.entry) if self._request.hits else columns.show(self.entry)

    def follow(self, event: Event) -> None:
        self._done += isinstance(event, TakeKept)
        if isinstance(event, (Begun, Found, TakeKept)):
            self.entry = event.entry
        elif isinstance(event, Working):
            self.progress = Notice(event.what or "Making", event.fraction)
        elif isinstance(event, Seen):
            self._seen[event.preview.take] = sketch_mask(event.preview.levels)
        elif isinstance(event, Waiting):
            self.progress = Notice(f"Waiting for {event.ahead} before you")
        elif isinstance(event, Trouble) and event.half == "hits":
            self.hits_trouble = event.message
        elif isinstance(event, Trouble):
            self.takes_trouble = event.message
        elif isinstance(event, Ended):
            self._ended, self.progress = True, None
