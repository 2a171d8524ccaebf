"""Measure a search model or a generator on one's own sounds, see the figures, set two beside each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import gradio as gr

from app.services.errors import explain
from app.services.evaluating import Candidate, Evaluation
from app.services.jobs import Job
from app.services.studio import Studio
from app.ui import cards
from app.ui.evaluating import making, searching
from app.ui.evaluating.sheet import drawn

_TICK_S = 1.0
_NOTHING = ""
_ALONE = ("Nothing", _NOTHING)
_SHEETS = {"search": searching, "generator": making}
_DOES = {"search": "finds", "generator": "makes"}


class EvaluateTab:
    """A form, the evaluations at work, the figures of those that are done."""

    def __init__(self, studio: Studio, tab: gr.Tab) -> None:
        self._evaluating = studio.evaluating
        with gr.Row(elem_id="evaluate-form"):
            self._model = gr.Dropdown([], label="Model", elem_id="evaluate-model")
            label = "Sounds: a folder of the library, or type a folder or a table"
            self._source = gr.Dropdown([], label=label, allow_custom_value=True, elem_id="evaluate-source")
            self._thorough = gr.Checkbox(False, label="Thorough: surer, many times as long")
            begin = gr.Button("Evaluate", variant="primary", scale=0, min_width=130, elem_id="evaluate")
        self._message = cards.area(elem_id="evaluate-message")
        self._jobs = cards.area(elem_id="evaluate-job")
        with gr.Row(elem_id="evaluations"):
            self._one = gr.Dropdown([], label="Figures of", elem_id="evaluation")
            self._other = gr.Dropdown([_ALONE], value=_NOTHING, label="Beside", elem_id="other-evaluation")
        self._figures = cards.area(elem_id="figures")
        self._timer, self._seen = gr.Timer(_TICK_S, active=False), gr.State("")
        self._connect(tab, begin)

    def _connect(self, tab: gr.Tab, begin: gr.Button) -> None:
        quiet = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
        working = [self._jobs, self._timer]
        results = [self._one, self._other, self._figures, self._seen]
        tab.select(self._open, [self._one, self._other], [self._model, self._source, *working, *results], **quiet)
        begin.click(self._begin, [self._model, self._source, self._thorough], [self._message, *working], **quiet)
        self._jobs.click(self._act, None, [self._message, *working], **quiet)
        self._timer.tick(self._follow, [self._jobs, self._seen, self._one, self._other], [*working, *results], **quiet)
        gr.on([self._one.input, self._other.input], self._show, [self._one, self._other], self._figures, **quiet)
        self._figures.click(self._delete, [self._one, self._other], results, **quiet)

    def _open(self, one: str | None, other: str | None) -> tuple:
        models, folders = self._evaluating.models(), self._evaluating.folders()
        return (
            gr.update(choices=[(_named(model), model.location) for model in models], value=models[0].location if models else None),
            gr.update(choices=list(folders), value=folders[0] if folders else None),
            *self._working(), *self._results(one, other),
        )  # fmt: skip

    def _begin(self, model: str | None, source: str | None, thorough: bool) -> tuple:
        return self._answered(lambda: self._evaluating.start(model or "", source or "", bool(thorough)))

    def _act(self, event: gr.EventData) -> tuple:
        told = event._data
        acts = {"cancel": self._evaluating.cancel, "resume": self._evaluating.resume, "discard": self._evaluating.discard}
        return self._answered(lambda: acts[told.get("act")](told.get("job") or ""))

    def _answered(self, call: Callable[[], object]) -> tuple:
        try:
            call()
        except Exception as error:
            text = explain(error)
            gr.Warning(text, title="Not evaluated")
            return cards.message(text), *self._working()
        return "", *self._working()

    def _working(self) -> tuple:
        state = self._evaluating.state()
        return working(state.jobs), gr.Timer(active=state.running)

    def _follow(self, before: str, seen: str, one: str | None, other: str | None) -> tuple:
        """The jobs where they moved; figures once there are new ones."""
        state = self._evaluating.state()
        now, newest = working(state.jobs), state.done[0].id if state.done else ""
        results = self._results(None, one or other) if newest != seen else (gr.skip(),) * 4
        return now if now != before else gr.skip(), gr.Timer(active=state.running), *results

    def _show(self, one: str | None, other: str | None) -> str:
        state = self._evaluating.state()
        return figures(state.find(one), state.find(other))

    def _delete(self, event: gr.EventData, one: str | None, other: str | None) -> tuple:
        if event._data.get("act") != "forget" or not one:
            return (gr.skip(),) * 4
        self._evaluating.delete(one)
        return self._results(None, other)

    def _results(self, one: str | None, other: str | None) -> tuple:
        """Choices and figures; the newest where none is chosen, the one beside it only where it can be compared."""
        state = self._evaluating.state()
        shown = state.find(one) or next(iter(state.done), None)
        beside = state.find(other)
        if shown is None or beside is None or beside.id == shown.id or not shown.comparable(beside):
            beside = None
        choices = [(evaluation.title, evaluation.id) for evaluation in state.done]
        return (
            gr.update(choices=choices, value=shown.id if shown else None),
            gr.update(choices=[_ALONE, *choices], value=beside.id if beside else _NOTHING),
            figures(shown, beside),
            state.done[0].id if state.done else "",
        )


def working(jobs: Sequence[Job]) -> str:
    """The evaluation at work, and those that stopped, each with what can be done."""
    return "".join(map(_line, jobs))


def _line(job: Job) -> str:
    title, key = escape(job.title), escape(job.id)
    if job.running:
        stop = f'<button class="quiet" data-act="cancel" data-job="{key}">Stop</button>'
        return f'<p class="progress" role="status"><span>{title}: {escape(job.text)}</span>{cards.bar(job.fraction)}{stop}</p>'
    buttons = "".join(
        f'<button class="quiet" data-act="{act}" data-job="{key}" aria-label="{name}: {title}">{name}</button>'
        for act, name in (("resume", "Go on"), ("discard", "Discard"))
    )
    if job.status == "failed":
        return f'<p class="message trouble" role="alert">{escape(job.message)} {buttons}</p>'
    done = f" at {job.fraction:.0%}" if job.fraction else ""
    return f'<p class="hint">{title}: {"stopped" if job.status == "cancelled" else "interrupted"}{done}. {buttons}</p>'


def figures(one: Evaluation | None, other: Evaluation | None = None) -> str:
    """Picture and table of one evaluation, or of two beside each other."""
    if one is None:
        return '<p class="empty">How often a search model finds the right kind of sound among yours, and how near a generator comes to them, appears here.</p>'
    sheet = _SHEETS[one.subject]
    if other is not None and other.id != one.id and one.comparable(other):
        return drawn(sheet.both(one, other, _names(one, other)))
    alone = drawn(sheet.alone(one), '<button class="quiet" data-act="forget">Delete these figures</button>')
    if other is None or other.id == one.id:
        return alone
    return f'{alone}<p class="hint">{escape(other.title)} was asked other questions, so it is not set beside this.</p>'


def _names(one: Evaluation, other: Evaluation) -> tuple[str, str]:
    names = (f"{one.model} ({one.fingerprint[:6]})", f"{other.model} ({other.fingerprint[:6]})")
    return names if names[0] != names[1] else (one.title, other.title)


def _named(model: Candidate) -> str:
    """In the list of models, with what it does."""
    return f"{model.name} · {_DOES[model.subject]}"
