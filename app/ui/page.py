"""The page: a header with the status, the tabs, the named endpoints; and how it is put on the web."""

from __future__ import annotations

import os
import socket

import gradio as gr
import httpx
from starlette.middleware import Middleware

from app.services.access import Action, allowed
from app.services.studio import Studio
from app.settings import SettingsError
from app.ui import cards, theme
from app.ui.api import Api
from app.ui.evaluating import EvaluateTab
from app.ui.guard import Guard
from app.ui.imitate import ImitateScreen
from app.ui.library import LibraryTab
from app.ui.models import ModelsTab
from app.ui.routes import routes
from app.ui.training import TrainingTab

TITLE = "CLVAP Studio"
_TICK_S = 1.0
_UPLOADS_KEPT_S = (3_600, 86_400)  # every hour, delete what visitors uploaded a day ago
_SESSIONS_KEPT = 1_000
_THREADS = 64  # a press holds one while it waits in line; the rest must be answered all the same


class StartError(RuntimeError):
    """The page did not come up, though nothing is wrong with the options; the message says what to do."""


def build(studio: Studio) -> gr.Blocks:
    """The page of a studio."""
    local = studio.settings.exposure == "local"
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=_UPLOADS_KEPT_S) as page:
        api = Api(studio)  # first, because of two handlers of one name the later is given another
        with gr.Row(elem_id="top"):
            cards.area("<h1>CLVAP <span>Studio</span></h1>")
            status = cards.area(elem_id="status")
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Imitate", id="imitate"):
                screen = ImitateScreen(studio)
            with gr.Tab("Library", id="library") as library_tab:
                library = LibraryTab(studio, library_tab)
            if Action.TRAIN in allowed(studio.settings):
                with gr.Tab("Fine-tune Stable Audio", id="finetune") as finetune:
                    TrainingTab(studio, finetune, "finetune")
                with gr.Tab("Train CLVAP", id="train") as train:
                    TrainingTab(studio, train, "train")
            if local:
                with gr.Tab("Evaluate", id="evaluate") as evaluate:
                    EvaluateTab(studio, evaluate)
                with gr.Tab("Models", id="models") as models:
                    ModelsTab(studio, models)
        known = gr.State(())

        def refresh(shown: str, categories: tuple[str, ...], filling: str, *told) -> tuple:
            """Only what changed is sent, so that an idle page stays still."""
            state = studio.library.state()
            line = cards.status(studio.board.notices(), state.count)
            return (
                line if line != shown else gr.skip(),
                state.categories,
                screen.categories(state.categories) if state.categories != categories else gr.skip(),
                screen.mark_filling(state.filling, filling),
                *library.tick(state, *told),
            )

        quiet = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
        refreshed = [status, known, screen.category, screen.filling, *library.outputs]
        gr.Timer(_TICK_S).tick(refresh, [status, known, screen.filling, *library.inputs], refreshed, **quiet)
        for area in library.sounds:
            screen.seed_from(area)
            area.select(lambda: gr.Tabs(selected="imitate"), None, tabs, **quiet)
        page.load(screen.earlier, None, screen.at_load, **quiet)
    for handler in page.fns.values():
        if handler.api_name not in api.names:
            handler.api_visibility = "private"
    page.queue(max_size=studio.limits.queue, default_concurrency_limit=4, api_open=False)  # no way around the queue
    return page


def launch(studio: Studio) -> gr.Blocks:
    """Put the page on the web and return at once. Raises SettingsError where the port is taken, StartError where the page does not come up."""
    settings = studio.settings
    free = all(_is_free(host, settings.port) for host in {settings.host, "127.0.0.1"})  # gradio wants both
    _past_the_proxy(settings.host)
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ["GRADIO_TEMP_DIR"] = str(studio.uploads)  # gradio serves all of this folder; that in /tmp belongs to every gradio on the machine
    page = build(studio)
    guard = Middleware(Guard, settings=settings, limits=studio.limits, uploads=studio.uploads, share_url=lambda: page.share_url)
    try:
        page.launch(
            server_name=settings.host,
            server_port=settings.port,
            share=settings.share,
            auth=settings.auth,
            prevent_thread_lock=True,
            ssr_mode=False,
            run_history=False,
            footer_links=[],
            max_file_size=studio.limits.upload_bytes,
            max_threads=_THREADS,
            state_session_capacity=_SESSIONS_KEPT,
            app_kwargs={"routes": routes(studio.sounds), "middleware": [guard]},
            mcp_server=settings.mcp,
            theme=theme.theme(),
            css_paths=theme.STYLE_SHEETS,
            head=theme.head(),
            _frontend=False,  # else a start ends where the page, which answers by now, takes longer than 3 s to do so
        )
    except (OSError, httpx.HTTPError) as error:
        if not free:
            raise SettingsError(f"--port {settings.port}: cannot answer there on {settings.host}; choose another port or host") from error
        raise StartError(f"The page did not come up on {settings.host}:{settings.port}; this machine may be too busy: start the studio again.") from error
    return page


def _is_free(host: str, port: int) -> bool:
    """Whether somebody may answer there."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError:
        return False
    return True


def _past_the_proxy(host: str) -> None:
    """gradio's start asks its own server over HTTP; a proxy that this machine uses cannot know it."""
    for name in ("no_proxy", "NO_PROXY"):
        known = [one for one in os.environ.get(name, "").split(",") if one]
        os.environ[name] = ",".join(dict.fromkeys([*known, "localhost", "127.0.0.1", host]))
