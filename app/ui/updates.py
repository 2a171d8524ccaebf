"""What a handler answers: new values for some of its outputs, by component."""

from __future__ import annotations

import gradio as gr

from app.services.errors import explain
from app.ui import cards

Updates = dict[gr.components.Component, object]
PRIVATE = {"api_visibility": "private", "show_progress": "hidden"}
"""Options of a handler that is the page's own and shows its progress itself."""


def refusal(error: Exception) -> str:
    """What the message line says of an error, which also appears for a moment over the page."""
    text = explain(error)
    gr.Warning(text, title="Not yet")
    return cards.message(text)
