"""The export tray: sounds collected from the columns and the map, their names, one row of format, one button, one link."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

import gradio as gr

from app.services.access import Action, allowed
from app.services.errors import RequestError
from app.services.export import Exported, ExportRequest, Item
from app.services.studio import Studio
from app.ui import cards
from app.ui.updates import PRIVATE, Updates, refusal
from app.ui.visitor import owner
from generation.export.formats import DEPTHS, RATES_HZ, ExportSettings

_LEVELS = [
    ("Peak −1 dBTP", "peak:-1"), ("Peak −3 dBTP", "peak:-3"), ("−16 LUFS", "loudness:-16"), ("−23 LUFS", "loudness:-23"), ("As it is", "none:0"),
]  # fmt: skip
_LOOPS = [("Off", "none"), ("Mark points", "points"), ("Make seamless", "crossfade")]
_SHOWN_DEPTHS = {"16": "16-bit", "24": "24-bit", "float": "Float"}
_TYPES = {".wav": "audio/wav", ".flac": "audio/flac", ".ogg": "audio/ogg", ".zip": "application/zip"}
_IN_TURN = {"trigger_mode": "multiple", "concurrency_limit": 1, "concurrency_id": "tray", **PRIVATE}
"""Quick presses are all heard, each on what the one before it left."""
_LIST_JS = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-act]');
  if (button) trigger('click', {...button.dataset});
});
element.addEventListener('change', (event) => {
  const field = event.target.closest('input[data-token]');
  if (field) trigger('edit', {token: field.dataset.token, name: field.value});
});
"""
_NAMES_JS = """
(_, ...rest) => [
  JSON.stringify(Object.fromEntries([...document.querySelectorAll('.export-tray input[data-token]')].map((field) => [field.dataset.token, field.value]))),
  ...rest,
]
"""


@dataclass(frozen=True)
class Entry:
    """A sound in the tray. label: what its card calls it; edited: whether its name is the user's own."""

    token: str
    label: str
    name: str
    edited: bool = False


Tray = tuple[Entry, ...]


class ExportTray:
    """Hidden until a sound is put into it. `connect` it to every area whose cards have `data-act="export"` or `"export-many"`."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._at_home = Action.NAME_PATHS in allowed(studio.settings)
        self._tray: gr.State = gr.State(())
        with gr.Column(visible=False, elem_classes="export-tray") as self._box:
            self._list = gr.HTML(apply_default_css=False, js_on_load=_LIST_JS)
            with gr.Row(elem_classes="export-format"):
                self._format = _choice("Format", [(name.upper(), name) for name in DEPTHS], "wav")
                self._rate = _choice("Rate", [(f"{rate / 1_000:g} kHz", rate) for rate in RATES_HZ], 48_000)
                self._depth = _choice("Depth", _depths("wav"), "24")
                self._level = _choice("Level", _LEVELS, "peak:-1")
                self._run = gr.Button("Export", variant="primary", scale=0, min_width=120, elem_classes="export-run")
            with gr.Accordion("Fades, loop, names", open=False, elem_classes="fold"), gr.Row(elem_classes="export-more"):
                self._fade_in = gr.Number(0, label="Fade in, ms", minimum=0)
                self._fade_out = gr.Number(0, label="Fade out, ms", minimum=0)
                self._loop = _choice("Loop", _LOOPS, "none")
                read = studio.exports.preferences
                self._creator = gr.Textbox(lambda: read().creator, label="Creator in names", max_lines=1, visible=self._at_home)
                self._folder = gr.Textbox(
                    lambda: read().folder, label="Also write to folder", placeholder="/home/me/session", max_lines=1, visible=self._at_home
                )
            self._answer = cards.area(elem_classes="export-answer")
        self._wire()

    def connect(self, *areas: gr.HTML) -> None:
        """The export buttons of these areas fill the tray; a second press takes a sound out again."""
        for area in areas:
            area.click(self._collect, self._tray, [self._tray, self._box, self._list, self._answer], **_IN_TURN)

    def _wire(self) -> None:
        names = gr.Textbox("{}", visible=False)  # told by the page in the moment of pressing
        shown = [self._tray, self._box, self._list, self._answer]
        at_once = {"queue": False, **PRIVATE}
        self._list.click(self._take_out, self._tray, shown, **_IN_TURN)
        self._list.edit(self._rename, self._tray, self._tray, **_IN_TURN)
        self._format.input(lambda kind: gr.update(choices=_depths(kind), value=_usual(kind), visible=bool(DEPTHS[kind])), self._format, self._depth, **at_once)
        for field in (self._creator, self._folder):
            field.blur(self._prefer, [self._tray, self._creator, self._folder], shown, **at_once)
            field.submit(self._prefer, [self._tray, self._creator, self._folder], shown, **at_once)
        asked = [names, self._tray, self._format, self._rate, self._depth, self._level, self._fade_in, self._fade_out, self._loop]
        self._run.click(self._export, asked, [self._answer, self._run], js=_NAMES_JS, trigger_mode="once", concurrency_limit=4, **PRIVATE)

    def _collect(self, request: gr.Request, event: gr.EventData, tray: Tray) -> Updates:
        """A sound goes into the tray, or out of it; several only go in."""
        act, token = event._data.get("act"), event._data.get("token", "")
        if act == "export" and any(entry.token == token for entry in tray):
            return self._show(tuple(entry for entry in tray if entry.token != token))
        if act not in ("export", "export-many"):
            return gr.skip()
        known = {entry.token for entry in tray}
        try:
            many = act == "export-many"
            wanted = {str(one): "" for one in json.loads(event._data.get("tokens", "[]"))} if many else {token: event._data.get("name", "")}
            new = {token: label for token, label in wanted.items() if token not in known}
            return self._show((*tray, *self._named(request, new, tray)))
        except Exception as error:
            return {self._box: gr.update(visible=True), self._answer: refusal(error)}

    def _named(self, request: gr.Request, labels: dict[str, str], beside: Tray) -> Tray:
        """Entries for sounds by token, with names proposed for them that are none of the other entries'."""
        paths = {token: self._studio.sounds.path(token) for token in labels}
        if None in paths.values():
            raise RequestError("This sound is not served any more; reload the page.")
        taken = [entry.name for entry in beside]
        proposals = self._studio.exports.proposed(owner(self._studio, request), list(paths.values()), taken) if paths else ()
        return tuple(Entry(token, labels[token] or path.stem, one.name) for (token, path), one in zip(paths.items(), proposals, strict=True))

    def _take_out(self, event: gr.EventData, tray: Tray) -> Updates:
        if event._data.get("act") == "clear":
            return self._show(())
        return self._show(tuple(entry for entry in tray if entry.token != event._data.get("token")))

    @staticmethod
    def _rename(event: gr.EventData, tray: Tray) -> Tray:
        token, name = event._data.get("token"), str(event._data.get("name", ""))
        return tuple(replace(entry, name=name, edited=True) if entry.token == token else entry for entry in tray)

    def _prefer(self, request: gr.Request, tray: Tray, creator: str, folder: str) -> Updates:
        """Creator and folder are remembered; names that are not the user's own follow the creator."""
        try:
            self._studio.exports.prefer(creator, folder)
            own = tuple(entry for entry in tray if entry.edited)
            proposed = {entry.token: entry for entry in self._named(request, {entry.token: entry.label for entry in tray if not entry.edited}, own)}
        except Exception as error:
            return {self._answer: refusal(error)}
        return self._show(tuple(proposed.get(entry.token, entry) for entry in tray))

    def _show(self, tray: Tray) -> Updates:
        return {self._tray: tray, self._box: gr.update(visible=bool(tray)), self._list: _listed(tray), self._answer: ""}

    def _export(self, request: gr.Request, names: str, tray: Tray, kind, rate, depth, level, fade_in, fade_out, loop) -> Iterator[Updates]:
        """Every sound under the name that its field shows; the link at the end."""
        yield {self._run: gr.update(interactive=False)}
        try:
            now, (normalise, _, target) = json.loads(names), level.partition(":")
            settings = ExportSettings(
                kind, int(rate), depth if DEPTHS[kind] else None, normalise, float(target) if normalise != "none" else None,
                fade_in or 0.0, fade_out or 0.0, loop,
            )  # fmt: skip
            items = tuple(Item(self._studio.sounds.path(entry.token) or Path("gone"), now.get(entry.token, entry.name)) for entry in tray)
            for step in self._studio.exports.steps(ExportRequest(owner(self._studio, request), items, settings)):
                yield {self._answer: self._made(step) if isinstance(step, Exported) else _working(step.done, step.total)}
        except Exception as error:
            yield {self._answer: refusal(error)}
        yield {self._run: gr.update(interactive=True)}

    def _made(self, made: Exported) -> str:
        """The link, where else the files are, and what is missing."""
        name = escape(made.path.name)
        link = (
            f'<a class="export-link" href="export/{self._studio.sounds.token(made.path)}" download="{name}" data-file="{name}" '
            f'data-type="{_TYPES[made.path.suffix]}" title="Click to download, or drag it into your session">{name}</a>'
        )
        size = f"<small>{made.size_bytes / 2**20:.1f} MB</small>"
        also = f"<small>Also in {escape(str(made.folder))}</small>" if made.folder else ""
        missing = "".join(cards.message(sentence) for sentence in made.left_out[:5])
        return f'<div class="export-made" role="status">{link}{size}{also}</div>{missing}'


def _listed(tray: Tray) -> str:
    """The sounds of the tray, each with its name to edit."""
    rows = "".join(
        f'<li><input data-token="{entry.token}" value="{escape(entry.name)}" aria-label="File name of {escape(entry.label)}" '
        f'title="{escape(entry.label)}" maxlength="120" spellcheck="false" autocomplete="off">'
        f'<button data-act="remove" data-token="{entry.token}" aria-label="Leave out {escape(entry.label)}">×</button></li>'
        for entry in tray
    )
    tools = '<button class="quiet export-open" data-unfold>Names and format</button><button class="quiet" data-act="clear">Clear</button>'
    return f'<header><h2>Export<small>{len(tray)}</small></h2><span>{tools}</span></header><ul class="export-names">{rows}</ul>'


def _working(done: int, total: int) -> str:
    return f'<div class="progress" role="status"><span>{done} of {total}</span>{cards.bar(done / total)}</div>' if total > 1 else ""


def _choice(label: str, choices: list[tuple[str, object]], value: object) -> gr.Dropdown:
    return gr.Dropdown(choices, value=value, label=label, filterable=False, min_width=0)


def _depths(kind: str) -> list[tuple[str, str]]:
    return [(_SHOWN_DEPTHS[depth], depth) for depth in DEPTHS[kind]]


def _usual(kind: str) -> str | None:
    return "24" if DEPTHS[kind] else None
