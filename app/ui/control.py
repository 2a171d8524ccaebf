"""More control over the takes: everything optional, closed by default."""

from __future__ import annotations

import gradio as gr

from app.services.errors import RequestError
from app.ui import cards
from generation.request import Follow

_CURVES = ("loudness", "brightness", "pitch")
_AUTO = 0
_BEST_OF = [("Auto", _AUTO), 1, 2, 4]


class MoreControl:
    """The fields. `components` are inputs of a handler, `asked` reads their values."""

    def __init__(self) -> None:
        usual = Follow()
        with gr.Accordion("More control", open=False, elem_id="control", elem_classes="fold"):
            avoid = gr.Textbox(label="Avoid", placeholder="Words to stay away from", max_lines=1, elem_id="avoid")
            cards.area('<p class="hint">How far takes follow the gesture in</p>')
            with gr.Row(elem_classes="sliders"):
                follow = [gr.Slider(0, 1, getattr(usual, name), step=0.05, label=name.capitalize(), buttons=[]) for name in _CURVES]
            grounded = gr.Checkbox(True, label="One take from the best hit", elem_id="grounded")
            best_of = gr.Radio(_BEST_OF, value=_AUTO, label="Best of", elem_classes="segments", elem_id="best-of")
            with gr.Row(elem_classes="pair"):
                guidance, steps, seed = (gr.Textbox(label=label, placeholder="auto", max_lines=1) for label in ("Guidance", "Steps", "Seed"))
        self.components = [avoid, *follow, grounded, best_of, guidance, steps, seed]

    @staticmethod
    def asked(avoid, loudness, brightness, pitch, grounded, best_of, guidance, steps, seed) -> dict[str, object]:
        """Arguments of an `ImitateRequest`; empty fields are left to the model. Raises RequestError for what is no number."""
        return {
            "avoid": avoid or "",
            "follow": Follow(loudness, brightness, pitch),
            "grounded": grounded,
            "best_of": int(best_of) or None,
            "guidance": number("Guidance", guidance, float),
            "steps": number("Steps", steps, int),
            "seed": number("Seed", seed, int),
        }


def number(name: str, text: str | None, kind: type[int] | type[float]) -> int | float | None:
    """What a text field says; None where it is empty. Text, because an empty number field of gradio turns into 0. Raises RequestError."""
    if not (text or "").strip():
        return None
    try:
        return kind(text)
    except ValueError as error:
        raise RequestError(f"{name} {text.strip()!r}: give a {'whole ' if kind is int else ''}number, or leave it empty.") from error
