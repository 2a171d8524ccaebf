"""Who is looking at the page."""

from __future__ import annotations

import re
import secrets

import gradio as gr

from app.services.housekeeping import VISITOR
from app.services.studio import Studio

_PAGE = re.compile(r"[A-Za-z0-9-]{6,64}")


def is_page(name: object) -> bool:
    """Whether gradio, or its client, could have named an open page so."""
    return isinstance(name, str) and _PAGE.fullmatch(name) is not None


def owner(studio: Studio, request: gr.Request | None) -> str:
    """Under which name this visitor's history is kept.

    On one's own machine everything belongs to the one user and survives a restart. On a shared page it belongs to the
    user who logged in, or, without a login, to the open page alone, so that nobody sees another's sounds. A call that
    names no page, or makes up a name that gradio would not, is a visitor of its own each time.
    """
    if studio.settings.exposure == "local":
        return "local"
    if request is not None and request.username:
        return f"user:{request.username}"
    page = request.session_hash if request is not None else None
    return f"{VISITOR}{page if is_page(page) else secrets.token_hex(16)}"
