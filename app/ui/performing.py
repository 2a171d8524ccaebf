"""How far a performed sound is drawn to the gesture: four sliders, closed by default."""

from __future__ import annotations

import gradio as gr

from generation.perform.amounts import Amounts


class PerformAmounts:
    """The sliders. `components` are inputs of a handler, `asked` reads their values."""

    def __init__(self) -> None:
        usual = Amounts()
        with gr.Accordion("Perform", open=False, elem_id="performing", elem_classes="fold"), gr.Row(elem_classes="sliders"):
            self.components = [
                gr.Slider(0, 1, getattr(usual, name.lower()), step=0.05, label=name, buttons=[]) for name in ("Timing", "Loudness", "Brightness", "Pitch")
            ]

    @staticmethod
    def asked(timing: float, loudness: float, brightness: float, pitch: float) -> Amounts:
        """What the sliders say; raises RequestError for what they cannot."""
        return Amounts(timing, loudness, brightness, pitch)
