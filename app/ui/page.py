"""The page: a header with the status, the tabs, the named endpoints; and how it is put on the web."""

from __future__ import annotations

import os

import gradio as gr

from app.services.studio import Studio
from app.settings import SettingsError
from app.ui import cards, library, theme
from app.ui.api import Api
from app.ui.imitate import ImitateScreen
from app.ui.library import LibraryTab
from app.ui.routes import routes

TITLE = "CLVAP Studio"
_TICK_S = 1.0
_UPLOADS_KEPT_S = (3_600, 86_400)  # every hour, delete what visitors uploaded a day ago
_MAX_UPLOAD_FROM_OUTSIDE = "25mb"


def build(studio: Studio) -> gr.Blocks:
    """The page of a studio."""
    local = studio.settings.exposure == "local"
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=_UPLOADS_KEPT_S) as page:
        with gr.Row(elem_id="top"):
            cards.area("<h1>CLVAP <span>Studio</span></h1>")
            status = cards.area(elem_id="status")
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Imitate", id="imitate"):
                screen = ImitateScreen(studio)
            tab = None
            if local:
                with gr.Tab("Library", id="library"):
                    tab = LibraryTab(studio)
        Api(studio)
        summary = tab.summary if tab else cards.area(visible=False)
        known = gr.State(())

        def refresh(shown: str, listed: str, categories: tuple[str, ...]) -> tuple:
            """Only what changed is sent, so that an idle page stays still."""
            state = studio.library.state()
            line, listing = cards.status(studio.board.notices(), state.count), library.summary(state)
            return (
                line if line != shown else gr.skip(),
                listing if listing != listed else gr.skip(),
                screen.categories(state.categories) if state.categories != categories else gr.skip(),
                state.categories,
            )

        quiet = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
        refreshed = [status, summary, screen.category, known]
        gr.Timer(_TICK_S).tick(refresh, [status, summary, known], refreshed, **quiet)
        page.load(screen.earlier, None, screen.history, **quiet)
    page.queue(max_size=64, default_concurrency_limit=4)
    return page


def launch(studio: Studio) -> gr.Blocks:
    """Put the page on the web and return at once. Raises SettingsError where the port is taken."""
    settings = studio.settings
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    page = build(studio)
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
            max_file_size=None if settings.exposure == "local" else _MAX_UPLOAD_FROM_OUTSIDE,
            app_kwargs={"routes": routes(studio.sounds)},
            theme=theme.theme(),
            css_paths=theme.STYLE_SHEETS,
            head=theme.head(),
        )
    except OSError as error:
        raise SettingsError(f"--port {settings.port}: cannot answer there on {settings.host}; choose another port or host") from error
    return page
