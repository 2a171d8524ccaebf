"""The web addresses beside gradio's own: the sound behind a token, and its waveform.

Library files lie outside gradio's reach on purpose; opening `allowed_paths` to whole disks would serve everything in
them. These two routes serve only files that got a token (see `app.services.sounds`), and convert what browsers cannot play.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from app.services.errors import explain
from app.services.sounds import Sounds, outline
from app.ui.plots import wave_mask
from clvap.audio import AudioError

_CACHED = {"Cache-Control": "private, max-age=3600"}


def routes(sounds: Sounds) -> list[Route]:
    """`/sound/TOKEN` plays (`?save=1` downloads under the file's own name), `/wave/TOKEN` is an SVG of its waveform, `/export/TOKEN` the file as it is."""

    def sound(request: Request) -> Response:
        path = sounds.path(request.path_params["token"])
        if path is None:
            return PlainTextResponse("This sound is not served any more; reload the page.", 404)
        try:
            playable = sounds.playable(path)
        except AudioError as error:
            return PlainTextResponse(explain(error), 410)
        if not playable.is_file():
            return PlainTextResponse(f"{path.name}: the file is gone; index its folder again.", 410)
        name = path.with_suffix(playable.suffix).name
        return FileResponse(playable, filename=name, content_disposition_type="attachment" if "save" in request.query_params else "inline")

    def wave(request: Request) -> Response:
        path = sounds.path(request.path_params["token"])
        try:
            return Response(wave_mask(outline(path)) if path else "", 200 if path else 404, _CACHED, "image/svg+xml")
        except AudioError as error:
            return PlainTextResponse(explain(error), 410)

    def export(request: Request) -> Response:
        path = sounds.path(request.path_params["token"])
        if path is None or not path.is_file():
            return PlainTextResponse("This file is not kept any more; export it again.", 410)
        return FileResponse(path, filename=path.name)

    return [Route("/sound/{token}", sound), Route("/wave/{token}", wave), Route("/export/{token}", export)]
