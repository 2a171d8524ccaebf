"""What is wanted beside the gesture: words, length, takes, what to start from, and the rest folded away."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from app.services.requests import ImitateRequest
from app.services.studio import Studio
from app.ui import cards
from app.ui.control import MoreControl, number
from app.ui.performing import PerformAmounts
from app.ui.recorder import Recorder
from app.ui.updates import PRIVATE, Updates

_ANY = "Any category"
_AUTO = 0
_LENGTHS = [("Auto", _AUTO), ("1 s", 1), ("2 s", 2), ("4 s", 4), ("6 s", 6)]
_VARIATIONS = [1, 2, 3, 4, 6]


class Form:
    """The fields below the recorder. `components` are inputs of a handler, `asked` makes a request of their values."""

    def __init__(self, studio: Studio, recorder: Recorder) -> None:
        self._studio = studio
        self._seed = gr.State(None)
        self.words = gr.Textbox(label="Words", show_label=False, placeholder="Words, if you have any", max_lines=2, elem_id="words", container=False)
        with gr.Row(elem_id="balance-row"):
            self.balance = gr.Slider(0, 1, 0.5, step=0.05, label="Voice or words", show_label=False, buttons=[], elem_id="balance")
        seconds = gr.Radio(_LENGTHS, value=_AUTO, label="Length", elem_classes="segments", elem_id="length")
        variations = gr.Radio(_VARIATIONS, value=3, label="Takes", elem_classes="segments", elem_id="variations")
        with gr.Column(visible=False, elem_id="seed") as self._seed_box:
            self._seed_name = cards.area()
            strength = gr.Slider(0, 1, 0.5, step=0.05, label="Keep of it", buttons=[])
        self.make = gr.Button("Make it", variant="primary", size="lg", elem_id="make")
        self.cancel = gr.Button("Cancel", variant="secondary", size="lg", elem_id="cancel", visible=False)
        self.message = cards.area(elem_id="message")
        with gr.Accordion("Narrow the hits", open=False, elem_id="narrow", elem_classes="fold"):
            with gr.Row(elem_classes="pair"):
                shortest, longest = (gr.Textbox(label=label, placeholder="any", max_lines=1) for label in ("Shortest, s", "Longest, s"))
            self.category = gr.Dropdown([_ANY], value=_ANY, label="Category")
        self._control, self.amounts = MoreControl(), PerformAmounts()
        self.components = [
            recorder.voice, recorder.part, self.words, self.balance, seconds, variations, shortest, longest, self.category,
            self._seed, strength, *self._control.components,
        ]  # fmt: skip

    def connect(self, *columns: gr.HTML) -> None:
        """A sound of a column may become the one that takes start from, and be let go again."""
        self.seed_from(*columns)
        self._seed_name.click(self._forget_seed, None, self._seeding, queue=False, **PRIVATE)

    def seed_from(self, *areas: gr.HTML) -> None:
        """A sound of these areas may become the one that takes start from."""
        for area in areas:
            area.select(self._choose_seed, None, self._seeding, queue=False, **PRIVATE)

    @property
    def _seeding(self) -> list:
        return [self._seed, self._seed_box, self._seed_name]

    def asked(
        self, whose: str, voice, part, words, balance, seconds, variations, shortest, longest, category, seed, strength, *control
    ) -> ImitateRequest:
        """The request that the values of `components` say. Raises RequestError for what cannot be."""
        token, name = seed or ("", "")
        return ImitateRequest(
            voice=Path(voice) if voice else None,
            part=part,
            words=words or "",
            balance=balance,
            owner=whose,
            variations=int(variations),
            seconds=float(seconds) if seconds else None,
            shortest_s=number("Shortest", shortest, float),
            longest_s=number("Longest", longest, float),
            category=category if category != _ANY else None,
            start_from=self._studio.sounds.path(token),
            start_strength=strength,
            start_name=name,
            **self._control.asked(*control),
        )

    def categories(self, known: tuple[str, ...]) -> dict:
        """An update of the list of categories."""
        return gr.update(choices=[_ANY, *known])

    def _choose_seed(self, event: gr.EventData) -> Updates:
        token, name = event._data.get("token", ""), event._data.get("name", "")
        if self._studio.sounds.path(token) is None:
            return gr.skip()
        return {self._seed: (token, name), self._seed_box: gr.update(visible=True), self._seed_name: cards.seed_bar(name)}

    def _forget_seed(self) -> Updates:
        return {self._seed: None, self._seed_box: gr.update(visible=False), self._seed_name: ""}
