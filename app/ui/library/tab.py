"""The tab as a whole: what is being indexed, the list beside the map, the folders. What changes by itself comes with the page's tick."""

from __future__ import annotations

from itertools import zip_longest

import gradio as gr

from app.services.access import Action, allowed
from app.services.library import LibraryState
from app.services.studio import Studio
from app.ui import cards
from app.ui.exporting import ExportTray
from app.ui.library.browsing import Browsing
from app.ui.library.folders import Folders
from app.ui.library.map_view import map_view
from app.ui.library.sound_list import Shown
from app.ui.updates import PRIVATE


class LibraryTab:
    """`tick` is to be called with `inputs` now and then, and answers for `outputs`."""

    def __init__(self, studio: Studio, tab: gr.Tab) -> None:
        """tab: the one it is built in; the map is drawn once somebody has opened it."""
        self._studio = studio
        self._opened, self._told = gr.State(False), gr.State(())
        editable = Action.EDIT_LIBRARY in allowed(studio.settings)
        self._folders = Folders(studio) if editable else None
        with gr.Row(elem_id="library-main", equal_height=False):
            self._browsing = Browsing(studio, editable)
            with gr.Column(elem_id="library-map-side", min_width=0):
                self._map = cards.area(elem_id="library-map")
                self._heard = cards.area('<div class="map-heard"></div>', elem_id="library-heard")
                ExportTray(studio).connect(self._browsing.listing, self._heard)
        self._browsing.connect_map(self._map, self._heard)
        if self._folders is not None:
            self._folders.build_list()
        tab.select(lambda: True, None, self._opened, queue=False, **PRIVATE)
        tab.select(self._browsing.at_opening, self._browsing.form, self._browsing.outputs, **PRIVATE)
        self.inputs = [self._told, self._opened, self._browsing.shown, *self._browsing.form]
        self.outputs = [self._told, self._map, self._browsing.category, self._browsing.choices, *self._browsing.outputs]
        self.outputs += self._folders.outputs if self._folders else []

    @property
    def sounds(self) -> tuple[gr.HTML, ...]:
        """The areas with cards; `select` is their event of a sound that takes are to start from."""
        return self._browsing.listing, self._heard

    def tick(self, state: LibraryState, told: tuple, opened: bool, listed: Shown | None, *form) -> list:
        """Only what changed is sent, so that an idle page stays still."""
        drawn = map_view(self._studio.map.look(), self._studio.sounds) if opened else ""
        settled = None if state.job is not None and state.job.running else state.count
        folders = self._folders.shown(state) if self._folders else ()
        shown = (drawn, state.categories, settled, *folders)
        changed = [new != old for new, old in zip_longest(shown, told)]
        updates = [shown if any(changed) else gr.skip(), drawn if changed[0] else gr.skip()]
        updates += self._browsing.categories(state.categories) if changed[1] else [gr.skip(), gr.skip()]
        renewed = self._browsing.renewed(listed, *form) if opened and changed[2] and settled is not None else {}
        updates += [renewed.get(part, gr.skip()) for part in self._browsing.outputs]
        return updates + [part if new else gr.skip() for part, new in zip(folders, changed[3:], strict=True)]
