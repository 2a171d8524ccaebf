"""The models tab: what there is, what is in use, and what can be done with each. Only on the user's own machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import gradio as gr

from app.services.errors import explain
from app.services.installed import Kind, Model
from app.services.jobs import Job
from app.services.shelf import STRONGEST, ShelfState, Shown
from app.services.studio import Studio
from app.ui import cards
from clvap.hub_files import gigabytes

_TICK_S = 1.0
_SECTIONS: tuple[tuple[str, str, tuple[Kind, ...]], ...] = (
    ("Generators", "make the takes", ("generator",)),
    ("LoRAs and adapters", "go with the generator in use", ("lora", "adapter")),
    ("Search models", "hear gestures, words and the library", ("clvap",)),
)
_ORIGINS = {"shipped": "ships with the studio", "published": "downloaded", "own": "in the workspace", "linked": "added by you", "run": "trained here"}
_NO_TOKEN = "No token for gated models: put one with <code>hf auth login</code>, or start with HF_TOKEN"


class ModelsTab:
    """A list that follows downloads, and a line to add a folder."""

    def __init__(self, studio: Studio, tab: gr.Tab) -> None:
        self._studio, self._shelf = studio, studio.models_shelf
        self._message = cards.area(elem_id="models-message")
        self._listing = cards.area(elem_id="models")
        with gr.Row(elem_classes="add-folder"):
            label = "Add a model: its folder or a LoRA's file, which stays where it is"
            self._place = gr.Textbox(label=label, placeholder="/home/me/models/mine", max_lines=1, scale=4, elem_id="model-folder")
            add = gr.Button("Add", variant="secondary", scale=0, min_width=120, elem_id="add-model")
        self._timer = gr.Timer(_TICK_S, active=False)
        quiet = {"show_progress": "hidden", "api_visibility": "private"}
        shown = [self._message, self._listing, self._timer]
        tab.select(self._look, self._listing, shown[1:], queue=False, **quiet)
        self._timer.tick(self._look, self._listing, shown[1:], queue=False, **quiet)
        self._listing.click(self._act, None, shown, trigger_mode="multiple", concurrency_limit=2, **quiet)
        gr.on([add.click, self._place.submit], self._add, self._place, [*shown, self._place], **quiet)

    def _look(self, before: str) -> tuple:
        """The list where it changed, and whether to look again."""
        state = self._shelf.state()
        now = listing(state)
        return now if now != before else gr.skip(), gr.Timer(active=state.downloading)

    def _act(self, event: gr.EventData) -> Iterator[tuple]:
        """A button of a card: one call of the shelf, with a word before where it may take long."""
        told: dict[str, Any] = event._data
        act, kind, location, name = (str(told.get(key, "")) for key in ("act", "kind", "location", "name"))
        calls: dict[str, Callable[[], object]] = {
            "use": lambda: self._shelf.use(kind, location),
            "strength": lambda: self._shelf.use(kind, location, float(told.get("strength", 1))),
            "release": lambda: self._shelf.use(kind, location, 0.0),
            "download": lambda: self._shelf.download(location),
            "cancel": lambda: self._shelf.cancel(location),
            "resume": lambda: self._shelf.resume(location),
            "delete": lambda: self._shelf.delete(kind, location),
            "reindex": self._studio.library.index_again,
        }
        if act not in calls:
            return
        if act == "use":
            yield cards.message(f"Loading {name}…", "note"), gr.skip(), gr.skip()
        said, now, timer = self._answered(calls[act])
        yield said, gr.skip() if act == "strength" and not said else now, timer  # a slider in the hand stays under it

    def _add(self, place: str) -> tuple:
        answer = self._answered(lambda: self._shelf.add(place or ""))
        return *answer, gr.skip() if answer[0] else ""

    def _answered(self, call: Callable[[], object]) -> tuple:
        try:
            call()
            said = ""
        except Exception as error:
            text = explain(error)
            gr.Warning(text, title="Not done")
            said = cards.message(text)
        state = self._shelf.state()
        return said, listing(state), gr.Timer(active=state.downloading)


def listing(state: ShelfState) -> str:
    """The shelf as HTML."""
    parts = [f'<p class="advice">{escape(one)}</p>' for one in state.advice]
    if state.library_outdated:
        again = '<button class="do" data-act="reindex">Index it again</button>'
        parts.append(f'<p class="advice">The library was made with another search model and cannot be searched with this one. {again}</p>')
    for title, about, kinds in _SECTIONS:
        of_kind = [shown for shown in state.models if shown.model.kind in kinds]
        if of_kind:
            shelf = "".join(_card(shown, state.token) for shown in of_kind)
            parts.append(f'<section class="shelf"><h2>{title} <small>{about}</small></h2><div class="models">{shelf}</div></section>')
    token = "a token for gated models is there" if state.token else _NO_TOKEN
    return "".join(parts) + f'<p class="hint token">{token}</p>'


def _card(shown: Shown, token: bool) -> str:
    model = shown.model
    state = '<span class="tag">In use</span>' if shown.in_use else ""
    about = f"<p>{escape(model.about)}</p>" if model.about else ""
    parts = [about, f'<ul class="facts">{_facts(model)}</ul>', _gate(model, token), _slider(shown), _progress(shown.job)]
    return (
        f'<article class="model{" used" if shown.in_use else ""}{"" if model.here else " absent"}" aria-label="{escape(model.name)}">'
        f'<header><h3 title="{escape(model.location)}">{escape(model.name)}</h3>{state}</header>{"".join(parts)}{_buttons(shown)}</article>'
    )


def _facts(model: Model) -> str:
    size = gigabytes(model.size_bytes) if model.here else f"about {gigabytes(model.size_bytes)} to download"
    memory = f"{model.memory_gb:g} GB memory" if model.memory_gb else ""
    base = f"for {model.base}" if model.base else ""
    facts = (model.licence, size if model.size_bytes else "", memory, base, _ORIGINS[model.origin] if model.here else "")
    return "".join(f"<li>{escape(fact)}</li>" for fact in facts if fact)


def _gate(model: Model, token: bool) -> str:
    if not model.gated or model.here:
        return ""
    page = f'<a href="{escape(model.page)}" target="_blank" rel="noopener noreferrer">{escape(model.page.removeprefix("https://"))}</a>'
    log_in = "" if token else ", and put a token on this computer (see below)"
    return f'<p class="gate">Gated: accept its terms at {page}{log_in}.</p>'


def _slider(shown: Shown) -> str:
    """How far a LoRA or an adapter counts; the script of this tab presses the unseen button once the slider is let go."""
    model = shown.model
    if shown.strength is None:
        return ""
    return (
        f'<label class="strength">Strength <input type="range" min="0.05" max="{STRONGEST[model.kind]:g}" step="0.05" value="{shown.strength:g}" '
        f'data-slider aria-label="Strength of {escape(model.name)}"><output>{shown.strength:g}</output>'
        f'<button hidden {_data("strength", model)}></button></label>'
    )


def _progress(job: Job | None) -> str:
    if job is None:
        return ""
    if job.running:
        bar = f'<i class="bar" style="--done:{job.fraction:.3f}"></i>' if job.fraction is not None else ""
        return f'<p class="progress" role="status"><span>{escape(job.text)}</span>{bar}</p>'
    if job.status == "failed":
        return f'<p class="message trouble">{escape(job.message)}</p>'
    done = f" at {job.fraction:.0%}" if job.fraction else ""
    return f'<p class="hint">{"Stopped" if job.status == "cancelled" else "Interrupted"}{done}; what came is kept.</p>'


def _buttons(shown: Shown) -> str:
    buttons = _what_can_be_done(shown)
    return f'<div class="acts">{buttons}</div>' if buttons else ""


def _what_can_be_done(shown: Shown) -> str:
    model, job = shown.model, shown.job
    tuned = model.kind in STRONGEST
    if not model.here and model.origin != "published":
        return ""
    if not model.here:
        if job is not None and job.running:
            return _button("Cancel", "cancel", model, "quiet")
        return _button("Go on", "resume", model) if job is not None else _button("Download", "download", model)
    if shown.in_use:
        return _button("Let go", "release", model, "quiet") if tuned else ""
    use = _button("Use", "use", model)
    if model.origin == "shipped":
        return use
    if model.origin == "linked":
        return use + _button("Take off the list", "delete", model, "quiet")
    sure = f"<span>{gigabytes(model.size_bytes)} leave this disk for good.</span>{_button('Delete', 'delete', model, 'quiet bad')}"
    return f'{use}<details class="sure"><summary class="quiet" aria-label="Delete {escape(model.name)}…">Delete…</summary>{sure}</details>'


def _button(title: str, act: str, model: Model, kind: str = "do") -> str:
    return f'<button class="{kind}" {_data(act, model)} aria-label="{title} {escape(model.name)}">{title}</button>'


def _data(act: str, model: Model) -> str:
    return f'data-act="{act}" data-kind="{model.kind}" data-location="{escape(model.location)}" data-name="{escape(model.name)}"'
