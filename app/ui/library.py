"""The library tab: add a folder, watch it being indexed, see what was skipped and why. Only on the user's own machine."""

from __future__ import annotations

from html import escape

import gradio as gr

from app.services.errors import explain
from app.services.library import LibraryState
from app.services.studio import Studio
from app.ui import cards

_MOST_SHOWN = 200
_STOP = '<button class="quiet" data-act="stop">Stop</button>'
_INTRODUCTION = "<h2>Add a folder</h2><p>Its sounds stay where they are. Adding it again reads only what changed.</p>"


class LibraryTab:
    """A folder to type, a button, a state that refreshes itself."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        cards.area(_INTRODUCTION)
        with gr.Row(elem_classes="add-folder"):
            self._folder = gr.Textbox(show_label=False, placeholder="/home/me/sounds", container=False, scale=4, elem_id="folder")
            self._add = gr.Button("Index it", variant="primary", scale=0, min_width=120, elem_id="index")
        self._message = cards.area()
        self.summary = cards.area(elem_id="library-summary")
        private = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
        gr.on([self._add.click, self._folder.submit], self._index, self._folder, [self._message, self.summary], **private)
        self.summary.click(lambda: summary(studio.library.cancel()), None, self.summary, **private)

    def _index(self, folder: str) -> tuple[str, str]:
        try:
            return "", summary(self._studio.library.start_indexing(folder))
        except Exception as error:
            text = explain(error)
            gr.Warning(text, title="Not indexed")
            return cards.message(text), summary(self._studio.library.state())


def summary(state: LibraryState) -> str:
    """The state of the library as HTML."""
    if state.count is None:
        return '<p class="count">Opening the library</p>'
    parts = [f'<p class="count"><b>{state.count:,}</b> sounds, {len(state.categories):,} categories</p>']
    if state.indexing:
        parts.append(f"<p>Indexing <code>{escape(state.indexing)}</code> {_STOP}</p>")
    if state.trouble:
        parts.append(cards.message(state.trouble))
    if state.report is not None and not state.indexing:
        report = state.report
        counts = f"{report.indexed:,} indexed, {report.unchanged:,} unchanged, {len(report.skipped):,} skipped"
        parts.append(f"<p>Last time: {counts}, in {report.seconds:.0f} s</p>")
    if state.folders:
        parts.append("<h3>Folders</h3><ul>" + "".join(f"<li><code>{escape(str(folder))}</code></li>" for folder in state.folders) + "</ul>")
    if state.skipped:
        rows = "".join(
            f"<tr><td>{escape(str(one.path))}</td><td>{escape(one.reason)}</td></tr>" for one in state.skipped[:_MOST_SHOWN]
        )
        parts.append(f"<h3>Skipped</h3><table><thead><tr><th>File</th><th>Why</th></tr></thead><tbody>{rows}</tbody></table>")
    return "".join(parts)
