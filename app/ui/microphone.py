"""This computer's own microphone beside the browser's: for a browser that has none, or a page seen from another screen of the same desk."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import gradio as gr

from app.services.microphone import Recorded
from app.services.studio import Studio
from app.ui import cards
from app.ui.updates import PRIVATE, Updates, refusal

_LOWEST_DB = -60.0


class LocalMicrophone:
    """A fold with the inputs, a button and a level; `connect` says what becomes of a recording. Only on the user's own machine."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._path = gr.State(None)
        with gr.Accordion("This computer’s input", open=False, elem_id="local-microphone", elem_classes="fold") as fold:
            self._trouble = cards.area(elem_classes="local-note")
            with gr.Row(visible=False, elem_classes="local-input") as self._controls:
                self._device = gr.Dropdown([], label="Input", show_label=False, container=False, filterable=False, min_width=0)
                self._record = gr.Button("Record", scale=0, min_width=92, size="sm")
                self._stop = gr.Button("Stop", scale=0, min_width=92, size="sm", variant="stop", visible=False)
            self._level = cards.area(elem_classes="local-meter")
        at_once = {"queue": False, **PRIVATE}
        fold.expand(self._look, None, [self._trouble, self._controls, self._device], **at_once)
        self._stop.click(lambda: studio.microphones.stop(), None, None, **at_once)

    def connect(self, hear: Callable[[str | None], Updates], outputs: list[gr.components.Component], message: gr.HTML) -> None:
        """A finished recording goes to `hear`, which answers for `outputs`; trouble is told in `message`."""
        self._message = message
        shown = [self._record, self._stop, self._level, self._path, message]
        recorded = self._record.click(self._listen, self._device, shown, trigger_mode="once", **PRIVATE)
        recorded.then(lambda path: hear(path) if path else {}, self._path, outputs, **PRIVATE)

    def _look(self) -> Updates:
        inputs = self._studio.microphones.inputs()
        choices = [(one.name, one.number) for one in inputs.devices]
        usual = next((one.number for one in inputs.devices if one.default), choices[0][1] if choices else None)
        return {
            self._trouble: cards.message(inputs.trouble[:1].upper() + inputs.trouble[1:], "note"),
            self._controls: gr.update(visible=bool(choices)),
            self._device: gr.update(choices=choices, value=usual),
        }

    def _listen(self, device: int | None) -> Iterator[Updates]:
        """The level while it records; the file once it stops."""
        listening = {self._record: gr.update(visible=False), self._stop: gr.update(visible=True), self._path: None, self._message: ""}
        yield listening
        path = None
        try:
            for event in self._studio.microphones.record(device):
                if isinstance(event, Recorded):
                    path = str(event.path)
                else:
                    yield listening | {self._level: _meter(event.seconds, event.peak_db)}  # all of it: a page that is behind shows the last answer alone
        except Exception as error:
            yield {self._message: refusal(error)}
        yield {self._record: gr.update(visible=True), self._stop: gr.update(visible=False), self._level: "", self._path: path}


def _meter(seconds: float, peak_db: float) -> str:
    share = min(max(1 - peak_db / _LOWEST_DB, 0.0), 1.0)
    return (
        f'<div class="local-level" role="meter" aria-label="Level" aria-valuemin="{_LOWEST_DB:.0f}" aria-valuemax="0" aria-valuenow="{peak_db:.0f}">'
        f'<i style="--level:{share:.3f}"></i><span>{seconds:.1f} s</span></div>'
    )
