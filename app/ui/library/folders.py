"""Folders of the library: added, indexed again, removed; how far an indexing is; what was left out and why. For one's own machine alone."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from html import escape

import gradio as gr

from app.services.board import Notice
from app.services.jobs import Job
from app.services.library import LibraryState
from app.services.studio import Studio
from app.ui import cards
from app.ui.updates import PRIVATE, refusal

_MOST_NAMED = 20
_STOPPED = {"cancelled": "was stopped", "failed": "did not work", "interrupted": "was interrupted"}


class Folders:
    """The progress above everything else, the list of folders below it."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._listed: tuple | None = None
        self._job = cards.area(elem_id="library-job")

    def build_list(self) -> None:
        """The part below."""
        studio, at_once = self._studio, {"queue": False, **PRIVATE}
        cards.area("<h2>Folders</h2>", elem_id="library-folders-title")
        with gr.Row(elem_classes="add-folder"):
            self._folder = gr.Textbox(label="Folder", show_label=False, placeholder="/home/me/sounds", container=False, scale=4, elem_id="folder")
            self._add = gr.Button("Add folder", variant="primary", scale=0, min_width=140, elem_id="index")
        self._message = cards.area(elem_id="folders-message")
        self._list, self._left_out = cards.area(elem_id="library-folders"), cards.area(elem_id="library-left-out")
        self.outputs = [self._job, self._list, self._left_out]
        changed = [self._message, *self.outputs]
        gr.on([self._add.click, self._folder.submit], lambda folder: self._do(lambda: studio.library.start_indexing(folder)), self._folder, changed, **at_once)
        self._job.stop(lambda: self._do(studio.library.cancel), None, changed, **at_once)
        self._job.retry(lambda: self._do(studio.library.resume), None, changed, **at_once)
        self._job.clear(lambda: self._do(studio.library.dismiss), None, changed, **at_once)
        self._list.retry(self._again, None, changed, **at_once)
        self._list.delete(self._remove, None, changed, **PRIVATE)

    def shown(self, state: LibraryState) -> tuple[str, ...]:
        """Values of `outputs`. What was left out may be long, and is made into HTML when it changed alone."""
        if self._listed is None or self._listed[0] is not state.folders:
            self._listed = (state.folders, left_out(state, self._studio.sounds.token(state.left_out) if state.left_out else ""))
        return progress(state), folder_list(state), self._listed[1]

    def _again(self, event: gr.EventData) -> list:
        return self._do(lambda: self._studio.library.start_indexing(str(event._data.get("folder", ""))))

    def _remove(self, event: gr.EventData) -> list:
        return self._do(lambda: self._studio.library.remove(str(event._data.get("folder", ""))))

    def _do(self, work: Callable[[], LibraryState]) -> list:
        try:
            return ["", *self.shown(work())]
        except Exception as error:
            return [refusal(error), *self.shown(self._studio.library.state())]


def progress(state: LibraryState) -> str:
    """What is being indexed and how far it is, or how the last one ended."""
    job = state.job
    if job is None:
        return cards.message(state.trouble) if state.trouble else ""
    if job.running:
        text = f"{job.title}: {job.text}" if job.text else job.title
        stop = '<button class="quiet" data-act="stop" data-on="stop">Stop</button>'
        return f'<div class="indexing">{cards.progress(Notice(text, job.fraction))}{stop}</div>'
    dismiss = '<button class="quiet" data-act="dismiss" data-on="clear" aria-label="Dismiss">×</button>'
    if job.status == "done":
        return f'<div class="indexing"><p>{escape(_outcome(job))}</p>{dismiss}</div>'
    resume = '<button class="quiet strong" data-act="resume" data-on="retry">Go on</button>'
    kind = "trouble" if job.status == "failed" else "note"
    said = f"{job.title} {_STOPPED[job.status]}. {job.message or 'What was indexed is kept.'}"
    return f'<div class="indexing">{cards.message(said, kind)}{resume}{dismiss}</div>'


def folder_list(state: LibraryState) -> str:
    """The folders."""
    if state.count is None:
        return '<p class="hint">Opening the library</p>'
    busy = state.job is not None and state.job.running
    rows = "".join(_folder(folder, busy) for folder in state.folders)
    return f'<ul class="folders">{rows}</ul>' if rows else '<p class="hint">None yet. Your sounds stay where they are.</p>'


def _folder(folder, busy: bool) -> str:
    path = escape(str(folder.path))
    when = f"indexed {time.strftime('%d %b %Y, %H:%M', time.localtime(folder.indexed_s))}" if folder.indexed_s else "not indexed to its end"
    left_out = f", {len(folder.skipped):,} left out" if folder.skipped else ""
    data, off = f'data-folder="{path}"', " disabled" if busy else ""
    return (
        f'<li><div><code title="{path}"><bdi>{path}</bdi></code><small>{folder.count:,} sounds{left_out} · {when}</small></div>'
        f'<button class="quiet" data-act="again" data-on="retry" {data}{off} aria-label="Index {path} again">Re-index</button>'
        f'<details class="confirm"><summary class="quiet" aria-label="Remove {path}">Remove</summary>'
        f'<div role="group"><span>The files stay on disk.</span>'
        f'<button class="quiet strong" data-act="remove" data-on="delete" {data}{off}>Take it out of the library</button></div></details></li>'
    )


def left_out(state: LibraryState, token: str) -> str:
    """Files that are not in the library, by reason: numbers in a reason do not make it another. token: of the whole list as a table"""
    skipped = [one for folder in state.folders for one in folder.skipped]
    if not skipped:
        return ""
    by_reason: dict[str, list] = {}
    for one in skipped:
        by_reason.setdefault(re.sub(r"\d[\d.,]*", "#", one.reason), []).append(one)
    rows = ""
    for files in sorted(by_reason.values(), key=len, reverse=True):
        named = "".join(f"<li><code>{escape(str(one.path))}</code></li>" for one in files[:_MOST_NAMED])
        rest = f"<li>and {len(files) - _MOST_NAMED:,} more</li>" if len(files) > _MOST_NAMED else ""
        rows += f"<tr><td>{len(files):,}</td><td><details><summary>{escape(files[0].reason)}</summary><ul>{named}{rest}</ul></details></td></tr>"
    save = f'<a class="quiet" href="export/{token}" download="left-out.csv">Download the list</a>' if token else ""
    return (
        f'<details class="left-out"><summary><h3>Left out <small>{len(skipped):,}</small></h3></summary>'
        f'{save}<table><thead><tr><th scope="col">Files</th><th scope="col">Why</th></tr></thead><tbody>{rows}</tbody></table></details>'
    )


def _outcome(job: Job) -> str:
    """What a finished indexing did."""
    result = job.result
    parts = [f"{result.get('indexed', 0):,} new", f"{result.get('unchanged', 0):,} unchanged"]
    if result.get("removed"):
        parts.append(f"{result['removed']:,} gone")
    if result.get("skipped"):
        parts.append(f"{len(result['skipped']):,} left out")
    seconds = result.get("seconds", 0.0)
    rate = f", {result['indexed'] / seconds:.0f} files/s" if seconds > 1 and result.get("indexed") else ""
    return f"{job.title} is done: {', '.join(parts)}, in {seconds:.0f} s{rate}."
