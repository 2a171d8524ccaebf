"""How the hits are weighed: a slider for each aspect of likeness, closed by default; at the middle each counts as usual."""

from __future__ import annotations

import gradio as gr

from app.services.history import Entry
from app.services.hits import Emphasis

_SHOWN = {"overall": "Overall", "timbre": "Timbre", "pitch": "Pitch", "loudness": "Loudness shape", "timing": "Rhythm"}
_USUAL = 0.5


class AspectWeights:
    """The sliders, inputs of a handler; `emphasis` reads their values."""

    def __init__(self) -> None:
        with gr.Accordion("What counts", open=False, elem_id="weights", elem_classes="fold"):
            with gr.Row(elem_classes="sliders"):
                self.sliders = [gr.Slider(0, 1, _USUAL, step=0.05, label=shown, buttons=[]) for shown in _SHOWN.values()]
            self.usual = gr.Button("As usual", size="sm", elem_classes="quiet")

    @staticmethod
    def emphasis(*values: float) -> Emphasis:
        """What the sliders say; raises RequestError for what they cannot."""
        return Emphasis(**dict(zip(_SHOWN, values, strict=True)))

    def set(self, entry: Entry | None) -> dict[gr.Slider, float]:
        """The sliders as an entry was weighed last."""
        kept = (entry.emphasis if entry else None) or {}
        return {slider: kept.get(name, _USUAL) for slider, name in zip(self.sliders, _SHOWN, strict=True)}
