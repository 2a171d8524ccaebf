"""/export: sounds as files for a session."""

from __future__ import annotations

from typing import Literal

import gradio as gr

from app.services.errors import RequestError
from app.services.export import ExportRequest, Item
from app.services.studio import Studio
from app.ui.api.endpoints import Endpoints
from app.ui.visitor import owner
from generation.export.formats import ExportSettings


class ExportingApi(Endpoints):
    """`sounds` are named as other endpoints told them."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._offer(self.export)

    def export(
        self, request: gr.Request, sounds: list[str], names: list[str] | None = None, format: Literal["wav", "flac", "ogg"] = "wav", rate_hz: int = 48_000,
        depth: Literal["16", "24", "float"] | None = None, normalise: Literal["none", "peak", "loudness"] = "peak", target: float | None = None,
        fade_in_ms: float = 0.0, fade_out_ms: float = 0.0, loop: Literal["none", "points", "crossfade"] = "none",
    ) -> dict:  # fmt: skip
        """One sound as a file, several as a zip with a table: {"path", "count", "left_out"}. Without `names` the UCS names proposed for them."""
        if names and len(names) != len(sounds):
            raise RequestError(f"{len(sounds)} sounds and {len(names)} names: give each sound its name, or none.")
        items = [Item(self._sound(sound), name) for sound, name in zip(sounds, names or [None] * len(sounds), strict=True)]
        settings = ExportSettings(format, rate_hz, depth, normalise, target, fade_in_ms, fade_out_ms, loop)
        made = self._studio.exports.export(ExportRequest(owner(self._studio, request), tuple(items), settings))
        return {"path": self._download(made.path), "count": made.count, "left_out": list(made.left_out)}
