"""The one screen: make the sound on the left, hear it found and made on the right, earlier gestures below."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gradio as gr

from app.services.board import Notice
from app.services.errors import explain
from app.services.generate import Ended, Job, Waiting, Working
from app.services.history import Entry
from app.services.requests import ImitateRequest, PerformRequest
from app.services.studio import Begun, Event, Found, Studio, TakeKept, Trouble
from app.ui import cards
from app.ui.control import MoreControl
from app.ui.performing import PerformAmounts
from app.ui.visitor import owner

_ANY = "Any category"
_AUTO = 0
_LENGTHS = [("Auto", _AUTO), ("1 s", 1), ("2 s", 2), ("4 s", 4), ("6 s", 6)]
_VARIATIONS = [1, 2, 3, 4, 6]
Updates = dict[gr.components.Component, object]


class ImitateScreen:
    """Components of the screen and what happens when they are used."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._show_paths = studio.settings.exposure == "local"
        self._voice, self._part, self._seed, self._entry, self._job = (gr.State(None) for _ in range(5))
        with gr.Row(elem_id="imitate", equal_height=False):
            with gr.Column(elem_id="panel", min_width=300):
                self._build_panel()
            with gr.Row(elem_id="results", equal_height=False):
                self._hits = cards.area(cards.hits(None, studio.sounds, False), elem_id="hits")
                self._takes = cards.area(cards.takes(None, studio.sounds), elem_id="takes")
        self._history = cards.area(elem_id="history")
        self._connect()

    def _build_panel(self) -> None:
        self._audio = gr.Audio(
            sources=["microphone", "upload"], type="filepath", show_label=False, editable=False, buttons=[], elem_id="recorder",
            waveform_options=gr.WaveformOptions(show_recording_waveform=True),
        )  # fmt: skip
        cards.area('<p id="microphone-trouble" class="message trouble" role="alert" hidden></p>')
        self._gesture = cards.area(elem_id="gesture")
        self._words = gr.Textbox(show_label=False, placeholder="Words, if you have any", max_lines=2, elem_id="words", container=False)
        with gr.Row(elem_id="balance-row"):
            self._balance = gr.Slider(0, 1, 0.5, step=0.05, label="Voice or words", show_label=False, buttons=[], elem_id="balance")
        self._seconds = gr.Radio(_LENGTHS, value=_AUTO, label="Length", elem_classes="segments", elem_id="length")
        self._variations = gr.Radio(_VARIATIONS, value=3, label="Takes", elem_classes="segments", elem_id="variations")
        with gr.Column(visible=False, elem_id="seed") as self._seed_box:
            self._seed_name = cards.area()
            self._strength = gr.Slider(0, 1, 0.5, step=0.05, label="Keep of it", buttons=[])
        self._make = gr.Button("Make it", variant="primary", size="lg", elem_id="make")
        self._cancel = gr.Button("Cancel", variant="secondary", size="lg", elem_id="cancel", visible=False)
        self._message = cards.area(elem_id="message")
        with gr.Accordion("Narrow the hits", open=False, elem_id="narrow", elem_classes="fold"):
            with gr.Row(elem_classes="pair"):
                self._shortest = gr.Number(None, label="Shortest, s", minimum=0)
                self._longest = gr.Number(None, label="Longest, s", minimum=0)
            self._category = gr.Dropdown([_ANY], value=_ANY, label="Category")
        self._control, self._amounts = MoreControl(), PerformAmounts()

    def _connect(self) -> None:
        private = {"api_visibility": "private", "show_progress": "hidden"}
        cleared = [self._audio, self._gesture, self._voice, self._part]
        shown = [*cleared, self._message]
        # the way to an upload clears the recorder first: the file must not be passed over while that is answered
        self._audio.input(self._hear, self._audio, shown, trigger_mode="always_last", **private)
        self._gesture.click(self._choose_part, self._voice, shown, trigger_mode="multiple", concurrency_limit=1, **private)
        form = [
            self._voice, self._part, self._words, self._balance, self._seconds, self._variations, self._shortest, self._longest,
            self._category, self._seed, self._strength, *self._control.components,
        ]  # fmt: skip
        results = [self._hits, self._takes, self._history, self._message, self._make, self._cancel, self._entry, self._job]
        gr.on(
            [self._make.click, self._words.submit], self._press, form, results, concurrency_limit=8, trigger_mode="once", **private
        )
        self._cancel.click(self._stop, self._job, self._cancel, queue=False, **private)
        seeding = [self._seed, self._seed_box, self._seed_name]
        performing = [self._voice, self._part, self._entry, *self._amounts.components]
        performed = [self._takes, self._history, self._message, self._entry]
        for column in (self._hits, self._takes):
            column.click(self._choose_seed, None, seeding, queue=False, **private)
            column.click(self._perform, performing, performed, trigger_mode="multiple", concurrency_limit=2, **private)
        self._seed_name.click(self._forget_seed, None, seeding, queue=False, **private)
        opened = [*cleared, self._words, self._balance, self._hits, self._takes, self._history, self._message, self._entry]
        self._history.click(self._reopen, None, opened, **private)

    @property
    def category(self) -> gr.Dropdown:
        """The list of categories, refreshed when the library changes."""
        return self._category

    @property
    def history(self) -> gr.HTML:
        """The strip of earlier gestures, filled when the page loads."""
        return self._history

    def earlier(self, request: gr.Request) -> str:
        """The visitor's earlier gestures as HTML."""
        return cards.history(self._studio.history.list(owner(self._studio, request)), self._studio.sounds, None)

    def categories(self, known: tuple[str, ...]) -> dict:
        """An update of the list of categories."""
        return gr.update(choices=[_ANY, *known])

    def _hear(self, path: str | None, part: int | None = None) -> Updates:
        if path is None:
            return {self._gesture: "", self._voice: None, self._part: None}
        try:
            known = len(self._studio.gestures.read(path).parts)
            shown = self._show(path, part if part and part <= known else None)
        except Exception as error:
            return {self._audio: gr.update(value=None), self._message: self._refuse(error)}
        return shown | {self._audio: gr.update(visible=False), self._voice: path, self._message: ""}

    def _show(self, path: str, part: int | None = None) -> Updates:
        """The recording's picture with one of its gestures chosen, or, without `part`, all of it."""
        heard = self._studio.gestures.choose(path, part)
        return {self._gesture: cards.gesture(heard, self._studio.sounds.token(heard.recording.prepared)), self._part: part}

    def _choose_part(self, voice: str | None, event: gr.EventData) -> Updates:
        """Another gesture of the recording, or another recording."""
        if event._data.get("act") != "part" or voice is None:
            return self._drop()
        try:
            return self._show(voice, int(event._data["part"]) or None)
        except Exception as error:
            return {self._message: self._refuse(error)}

    def _drop(self) -> Updates:
        return {self._audio: gr.update(value=None, visible=True), self._gesture: "", self._voice: None, self._part: None}

    def _press(
        self, request: gr.Request, voice, part, words, balance, seconds, variations, shortest, longest, category, seed, strength, *control
    ) -> Iterator[Updates]:
        """One press: the hits, then the takes one by one. What an earlier press found stays until there is something new."""
        try:
            controlled = self._control.asked(*control)
        except Exception as error:
            yield {self._message: self._refuse(error)}
            return
        asked = ImitateRequest(
            voice=Path(voice) if voice else None,
            part=part,
            words=words or "",
            balance=balance,
            owner=owner(self._studio, request),
            variations=int(variations),
            seconds=float(seconds) if seconds else None,
            shortest_s=shortest or None,
            longest_s=longest or None,
            category=category if category != _ANY else None,
            start_from=self._studio.sounds.path(seed) if seed else None,
            start_strength=strength,
            **controlled,
        )
        idle = {self._make: gr.update(visible=True), self._cancel: gr.update(visible=False), self._job: None}
        waiting = "" if self._studio.ready else cards.message("The search model is still loading; this starts once it is there.", "note")
        stoppable = gr.update(value="Cancel", interactive=True, visible=True)
        yield {self._make: gr.update(visible=False), self._cancel: stoppable, self._job: asked.job, self._message: waiting}
        try:
            view = _View(asked.variations)
            for event in self._studio.imitate(asked):
                view.follow(event)
                yield self._updates(event, view)
        except Exception as error:
            yield {self._message: self._refuse(error)}
        yield idle

    def _updates(self, event: Event, view: _View) -> Updates:
        sounds = self._studio.sounds
        updates: Updates = {}
        if isinstance(event, Begun):
            updates |= {self._hits: cards.searching(), self._entry: event.entry.id, self._message: ""}
        if isinstance(event, Found) or (isinstance(event, Trouble) and event.half == "hits"):
            updates[self._hits] = cards.hits(view.entry, sounds, self._show_paths, view.hits_trouble)
        if isinstance(event, (Begun, TakeKept, Ended)):
            updates[self._history] = cards.history(self._studio.history.list(view.entry.owner), sounds, view.entry.id)
        if not isinstance(event, Found):
            updates[self._takes] = cards.takes(view.entry, sounds, view.pending, view.progress, view.takes_trouble)
        if isinstance(event, Ended) and event.cancelled:
            updates[self._message] = cards.message("Stopped. What was made is kept.", "note")
        return updates

    @staticmethod
    def _stop(job: Job | None) -> dict:
        if job is not None:
            job.cancel()
        return gr.update(value="Stopping…", interactive=False)

    def _choose_seed(self, event: gr.EventData) -> Updates:
        token, name = event._data.get("token", ""), event._data.get("name", "")
        if event._data.get("act") != "seed" or self._studio.sounds.path(token) is None:
            return {}
        return {self._seed: token, self._seed_box: gr.update(visible=True), self._seed_name: cards.seed_bar(name)}

    def _forget_seed(self) -> Updates:
        return {self._seed: None, self._seed_box: gr.update(visible=False), self._seed_name: ""}

    def _perform(self, event: gr.EventData, request: gr.Request, voice, part, entry, *amounts) -> Iterator[Updates]:
        """A hit or a take shaped to the gesture, as one more take of what is shown."""
        sound, name = self._studio.sounds.path(event._data.get("token", "")), event._data.get("name", "")
        if event._data.get("act") != "perform" or sound is None:
            return
        yield {self._message: cards.message(f"Performing {name}…", "note")}
        whose, sounds = owner(self._studio, request), self._studio.sounds
        try:
            asked = PerformRequest(sound, name, Path(voice) if voice else None, part, self._amounts.asked(*amounts), whose, entry)
            kept = self._studio.perform(asked)
        except Exception as error:
            yield {self._message: self._refuse(error)}
            return
        strip = cards.history(self._studio.history.list(whose), sounds, kept.id)
        yield {self._takes: cards.takes(kept, sounds), self._history: strip, self._message: "", self._entry: kept.id}

    def _reopen(self, event: gr.EventData, request: gr.Request) -> Updates:
        whose = owner(self._studio, request)
        entry = self._studio.history.find(whose, event._data.get("entry", ""))
        if entry is None:
            return {self._message: cards.message("This entry is not there any more.")}
        sounds = self._studio.sounds
        updates = self._drop() | {
            self._words: entry.words,
            self._balance: entry.balance,
            self._hits: cards.hits(entry, sounds, self._show_paths),
            self._takes: cards.takes(entry, sounds),
            self._history: cards.history(self._studio.history.list(whose), sounds, entry.id),
            self._message: "",
            self._entry: entry.id,
        }
        return updates | (self._hear(str(entry.gesture), entry.part.number if entry.part else None) if entry.gesture else {})

    @staticmethod
    def _refuse(error: Exception) -> str:
        text = explain(error)
        gr.Warning(text, title="Not yet")
        return cards.message(text)


class _View:
    """What the two columns show while a press is served."""

    def __init__(self, variations: int) -> None:
        self._variations = variations
        self.entry: Entry | None = None
        self.progress: Notice | None = None
        self.hits_trouble: str | None = None
        self.takes_trouble: str | None = None
        self._ended = False

    @property
    def pending(self) -> int:
        """Takes still to come."""
        done = sum(not take.performed for take in self.entry.takes) if self.entry else 0
        return 0 if self._ended or self.takes_trouble else max(self._variations - done, 0)

    def follow(self, event: Event) -> None:
        if isinstance(event, (Begun, Found, TakeKept)):
            self.entry = event.entry
        elif isinstance(event, Working):
            self.progress = Notice(event.what or "Making", event.fraction)
        elif isinstance(event, Waiting):
            self.progress = Notice(f"Waiting for {event.ahead} before you")
        elif isinstance(event, Trouble) and event.half == "hits":
            self.hits_trouble = event.message
        elif isinstance(event, Trouble):
            self.takes_trouble = event.message
        elif isinstance(event, Ended):
            self._ended, self.progress = True, None
