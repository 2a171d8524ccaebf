"""The gesture: recorded or uploaded, shown, and one of several in a recording chosen."""

from __future__ import annotations

import gradio as gr

from app.services.studio import Studio
from app.ui import cards
from app.ui.cards_gesture import gesture
from app.ui.updates import PRIVATE, Updates, refusal


class Recorder:
    """Components: `voice` and `part` hold the recording's file and which gesture of it is meant; `outputs` are all that changes here."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self.voice, self.part = gr.State(None), gr.State(None)
        self.audio = gr.Audio(
            sources=["microphone", "upload"], type="filepath", show_label=False, editable=False, buttons=[], elem_id="recorder",
            waveform_options=gr.WaveformOptions(show_recording_waveform=True),
        )  # fmt: skip
        cards.area('<p id="microphone-trouble" class="message trouble" role="alert" hidden></p>')
        self.gesture = cards.area(elem_id="gesture")
        self.outputs = [self.audio, self.gesture, self.voice, self.part]

    def connect(self, message: gr.HTML) -> None:
        """`message`: where trouble is told."""
        self._message = message
        shown = [*self.outputs, message]
        # the way to an upload clears the recorder first: the file must not be passed over while that is answered
        self.audio.input(self.hear, self.audio, shown, trigger_mode="always_last", **PRIVATE)
        self.gesture.click(self._choose_part, self.voice, shown, trigger_mode="multiple", concurrency_limit=1, **PRIVATE)

    def hear(self, path: str | None, part: int | None = None) -> Updates:
        """A recording's file becomes the gesture; None lets go of the one there is."""
        if path is None:
            return {self.gesture: "", self.voice: None, self.part: None}
        try:
            known = len(self._studio.gestures.read(path).parts)
            shown = self._show(path, part if part and part <= known else None)
        except Exception as error:
            return {self.audio: gr.update(value=None), self._message: refusal(error)}
        return shown | {self.audio: gr.update(visible=False), self.voice: path, self._message: ""}

    def drop(self) -> Updates:
        """No gesture, and the recorder again."""
        return {self.audio: gr.update(value=None, visible=True), self.gesture: "", self.voice: None, self.part: None}

    def _show(self, path: str, part: int | None = None) -> Updates:
        """The recording's picture with one of its gestures chosen, or, without `part`, all of it."""
        heard = self._studio.gestures.choose(path, part)
        return {self.gesture: gesture(heard, self._studio.sounds.token(heard.recording.prepared)), self.part: part}

    def _choose_part(self, voice: str | None, event: gr.EventData) -> Updates:
        """Another gesture of the recording, or another recording."""
        if event._data.get("act") != "part" or voice is None:
            return self.drop()
        try:
            return self._show(voice, int(event._data["part"]) or None)
        except Exception as error:
            return {self._message: refusal(error)}
