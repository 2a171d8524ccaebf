"""Who is looking at the page."""

from __future__ import annotations

import gradio as gr

from app.services.studio import Studio


def owner(studio: Studio, request: gr.Request) -> str:
    """Under which name this visitor's history is kept.

    On one's own machine everything belongs to the one user and survives a restart. On a shared page it belongs to the
    user who logged in, or, without a login, to the open page alone, so that nobody sees another's sounds.
    """
    if studio.settings.exposure == "local":
        return "local"
    return f"user:{request.username}" if request.username else f"page:{request.session_hash}"
