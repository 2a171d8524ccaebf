"""More to train CLVAP on: captions, variants and imitations of the folder's sounds, closed by default."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import gradio as gr

from app.services.errors import explain
from app.services.jobs import Job
from app.services.training.language_model import HUGGING_FACE_KEY, KEY, Cost, LanguageModel
from app.services.training.more import MoreData
from app.ui import cards

_WHAT = {"caption": "new captions", "augment": "variants and imitations"}
_AT_ONCE = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
_BY = [("Synonyms", "synonyms"), ("Language model", "model")]
_HINT = f"The key: environment variable {KEY}, or {HUGGING_FACE_KEY} for Hugging Face."
Updates = dict[gr.blocks.Block, object]


class MoreFields:
    """The fields, two buttons, what a language model will take, and how far each is."""

    def __init__(self, more: MoreData, by_model: bool) -> None:
        """by_model: whether a language model may be named"""
        self._more = more
        with gr.Accordion("More data", open=False, elem_classes="fold", elem_id="more-data"):
            self._by = gr.Radio(_BY, value="synonyms", label="Captions by", visible=by_model, elem_classes="segments", elem_id="more-by")
            with gr.Column(visible=False, elem_id="more-model") as self._asked:
                self._address = gr.Textbox(lambda: more.preferences().address, label="Address", max_lines=1, info=_HINT, elem_id="more-address")
                self._model = gr.Textbox(lambda: more.preferences().model, label="Model", max_lines=1, elem_id="more-model-name")
                self._price = gr.Textbox(
                    lambda: more.preferences().price, label="Price of a million tokens, in / out", placeholder="where you know it", max_lines=1,
                    elem_id="more-price",
                )
            with gr.Row(elem_classes="more-row"):
                self._captions = gr.Number(3, label="Captions a sound", precision=0, minimum=1, elem_id="more-captions")
                self._write = gr.Button("Write", scale=0, min_width=84)
            self._cost = cards.area(elem_id="more-cost")
            with gr.Row(elem_classes="more-row"):
                self._variants = gr.Number(2, label="Variants", precision=0, minimum=0, elem_id="more-variants")
                self._imitations = gr.Number(0, label="Imitations", precision=0, minimum=0, elem_id="more-imitations")
                self._render = gr.Button("Render", scale=0, min_width=84)
            self.state = cards.area(elem_id="more-state")

    def connect(self, pack: gr.State, message: gr.HTML, then: Callable[[gr.events.Dependency], object]) -> None:
        """pack: the folder chosen; message: where trouble is told; then: shows how far the jobs are, after an event"""
        self._message = message
        told, model = [message, self._cost], [self._address, self._model, self._price]
        self._by.input(lambda by: {self._asked: gr.update(visible=by == "model"), self._cost: ""}, self._by, [self._asked, self._cost], **_AT_ONCE)
        gr.on([field.input for field in (*model, self._captions)] + [pack.change], lambda: "", None, self._cost, **_AT_ONCE)
        for trigger, handler, fields in (
            (self._write.click, self._write_or_ask, [self._by, self._captions, *model]),
            (self._cost.click, self._begin, [self._captions, *model]),
            (self._render.click, self._make, [self._variants, self._imitations]),
            (self.state.click, self._act, []),
        ):  # fmt: skip
            then(trigger(handler, [pack, *fields], told, **_AT_ONCE))

    def _write_or_ask(self, pack: str | None, by: str, count: float | None, *model: str | None) -> Updates:
        """By synonyms at once; of a language model first what it will take."""
        if by == "model":
            return self._answered(lambda: _cost(self._more.cost(pack, count, LanguageModel.typed(*model))))
        return self._answered(lambda: self._more.captions(pack, count) and "")

    def _begin(self, pack: str | None, count: float | None, *model: str | None) -> Updates:
        return self._answered(lambda: self._more.captions(pack, count, LanguageModel.typed(*model)) and "")

    def _make(self, pack: str | None, variants: float | None, imitations: float | None) -> Updates:
        return self._answered(lambda: self._more.sounds(pack, variants, imitations) and "")

    def _act(self, event: gr.EventData, pack: str | None) -> Updates:
        """Stop or go on."""
        call = self._more.stop if event._data.get("act") == "stop" else self._more.resume
        return self._answered(lambda: call(pack, event._data.get("what", "")) and "")

    def _answered(self, call: Callable[[], str]) -> Updates:
        """What a call has to show, or why it did not do."""
        try:
            return {self._cost: call(), self._message: ""}
        except Exception as error:
            text = explain(error)
            gr.Warning(text, title="Not done")
            return {self._message: cards.message(text)}


def state(jobs: Sequence[Job]) -> str:
    """What is being made, what is there already, what went wrong."""
    return "".join(map(_line, jobs))


def _line(job: Job) -> str:
    what, button = escape(_WHAT[job.kind]), f'data-what="{job.kind}"'
    if job.running:
        stop = f'<button class="quiet" data-act="stop" {button} aria-label="Stop {what}">Stop</button>'
        return f'<div class="progress" role="status"><span>{what.capitalize()}</span>{cards.bar(job.fraction or 0.0)}{stop}</div>'
    if job.status == "done":
        plain = job.result.get("plain", 0) if "address" in job.arguments else 0
        by_synonyms = f", {plain:,} of them by synonyms" if plain else ""
        return f'<p class="hint">{job.result.get("made", 0):,} {what}{by_synonyms}: trained on from the next start.</p>'
    go_on = f'<button class="quiet" data-act="resume" {button} aria-label="Go on with {what}">Go on</button>'
    if job.status == "failed":
        return cards.message(job.message) + go_on
    at = f" at {job.fraction:.0%}" if job.fraction else ""
    return f'<div class="progress"><span>{what.capitalize()}: {"stopped" if job.status == "cancelled" else "interrupted"}{at}</span>{go_on}</div>'


def _cost(cost: Cost) -> str:
    """What a language model will take and who hears the captions, with the button that asks it."""
    asked, host = cost.estimate, escape(cost.model.host)
    kept = f", {asked.kept:,} more are answered already" if asked.kept else ""
    price = "" if asked.price is None else f", about {asked.price:,.2f} to pay"
    length = f"{asked.seconds / 60:.0f} min" if asked.seconds >= 90 else f"{asked.seconds:.0f} s"
    tokens = f"about {_thousands(asked.tokens_in)} tokens in, {_thousands(asked.tokens_out)} out"
    told = f"<b>{asked.requests:,}</b> requests to {host}{kept}; {tokens}, {length}{price}."
    key = "" if cost.keyed else " <span>No key is sent.</span>"
    ask = f'<button class="quiet" data-act="ask">Ask {escape(cost.model.model.rpartition("/")[2])}</button>'
    return f'<div class="needs" role="status"><span>{told}{key}</span>{ask}</div>'


def _thousands(number: int) -> str:
    return f"{number / 1_000_000:.1f} million" if number >= 1_000_000 else f"{round(number, -3):,}" if number >= 10_000 else f"{number:,}"
