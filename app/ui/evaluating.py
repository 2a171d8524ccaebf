"""The evaluate tab: measure a search model on one's own sounds, see the figures, set two beside each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

import gradio as gr

from app.services.errors import explain
from app.services.evaluating import Evaluation
from app.services.jobs import Job
from app.services.studio import Studio
from app.ui import cards

_TICK_S = 1.0
_NOTHING = ""
_ALONE = ("Nothing", _NOTHING)
_SYSTEMS = {"clvap search": "search, as in the studio", "clvap vector": "the model alone", "envelope": "loudness curve", "mfcc": "MFCC", "yamnet": "YAMNet"}
_PRODUCT, _CHANCE = "clvap search", ("any", "random")
_MEASURES = {
    "precision_1": ("P@1", "the first hit is of the kind asked for"),
    "precision_1_other": ("P@1 other", "the same, without other takes of the very sound"),
    "recall_1": ("R@1", "the first hit is the very sound"),
    "recall_5": ("R@5", "the very sound is among the first five"),
    "mrr": ("MRR", "one over the place of the very sound"),
    "map_10": ("mAP@10", "of the kind asked for, over the first ten"),
}
_LEAST_CHANGE = 0.0005
_FAMILIES = {
    "augment": "the sound, altered", "vocoder": "vocoded", "sketch": "sketched", "loose": "imitated loosely",
    "unseen": "imitated another way", "unseen loose": "another way, loosely",
}  # fmt: skip
"""What is asked with, in words; see `clvap.evaluate.FAMILIES`."""


class EvaluateTab:
    """A form, the evaluation at work, the figures of those that are done."""

    def __init__(self, studio: Studio, tab: gr.Tab) -> None:
        self._evaluating = studio.evaluating
        with gr.Row(elem_id="evaluate-form"):
            self._model = gr.Dropdown([], label="Search model", elem_id="evaluate-model")
            label = "Sounds: a folder of the library, or type a folder or a table"
            self._source = gr.Dropdown([], label=label, allow_custom_value=True, elem_id="evaluate-source")
            self._thorough = gr.Checkbox(False, label="Every way of imitating, more sounds")
            begin = gr.Button("Evaluate", variant="primary", scale=0, min_width=130, elem_id="evaluate")
        self._message = cards.area(elem_id="evaluate-message")
        self._job = cards.area(elem_id="evaluate-job")
        with gr.Row(elem_id="evaluations"):
            self._one = gr.Dropdown([], label="Figures of", elem_id="evaluation")
            self._other = gr.Dropdown([_ALONE], value=_NOTHING, label="Beside", elem_id="other-evaluation")
        self._figures = cards.area(elem_id="figures")
        self._timer, self._seen = gr.Timer(_TICK_S, active=False), gr.State("")
        self._connect(tab, begin)

    def _connect(self, tab: gr.Tab, begin: gr.Button) -> None:
        quiet = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
        working = [self._message, self._job, self._timer]
        results = [self._one, self._other, self._figures, self._seen]
        tab.select(self._open, [self._one, self._other], [self._model, self._source, *working[1:], *results], **quiet)
        begin.click(self._begin, [self._model, self._source, self._thorough], working, **quiet)
        self._job.click(self._act, None, working, **quiet)
        self._timer.tick(self._follow, [self._job, self._seen, self._one, self._other], [*working[1:], *results], **quiet)
        gr.on([self._one.input, self._other.input], self._show, [self._one, self._other], self._figures, **quiet)
        self._figures.click(self._delete, [self._one, self._other], results, **quiet)

    def _open(self, one: str | None, other: str | None) -> tuple:
        models, folders, job = self._evaluating.models(), self._evaluating.folders(), self._evaluating.job()
        return (
            gr.update(choices=list(models), value=models[0][1] if models else None),
            gr.update(choices=list(folders), value=folders[0] if folders else None),
            working(job), gr.Timer(active=job is not None and job.running), *self._results(one, other),
        )  # fmt: skip

    def _begin(self, model: str | None, source: str | None, thorough: bool) -> tuple:
        return self._answered(lambda: self._evaluating.start(model or "", source or "", bool(thorough)))

    def _act(self, event: gr.EventData) -> tuple:
        act = event._data.get("act")
        return self._answered(self._evaluating.resume if act == "resume" else self._evaluating.cancel)

    def _answered(self, call: Callable[[], Job]) -> tuple:
        try:
            job = call()
        except Exception as error:
            text = explain(error)
            gr.Warning(text, title="Not evaluated")
            return cards.message(text), gr.skip(), gr.skip()
        return "", working(job), gr.Timer(active=job.running)

    def _follow(self, before: str, seen: str, one: str | None, other: str | None) -> tuple:
        """The job where it moved; its figures once they are there."""
        job = self._evaluating.job()
        now, timer = working(job), gr.Timer(active=job is not None and job.running)
        fresh = job is not None and job.status == "done" and job.id != seen
        results = (*self._results(None, one or other)[:3], job.id) if fresh else (gr.skip(),) * 4
        return now if now != before else gr.skip(), timer, *results

    def _show(self, one: str | None, other: str | None) -> str:
        return figures(self._evaluating.find(one), self._evaluating.find(other))

    def _delete(self, event: gr.EventData, one: str | None, other: str | None) -> tuple:
        if event._data.get("act") != "forget" or not one:
            return (gr.skip(),) * 4
        self._evaluating.delete(one)
        return self._results(None, other)

    def _results(self, one: str | None, other: str | None) -> tuple:
        """Choices and figures; the newest where none is chosen, the one beside it only where it can be compared."""
        done = {evaluation.id: evaluation for evaluation in self._evaluating.list()}
        shown = done.get(one or "") or next(iter(done.values()), None)
        beside = done.get(other or "")
        if shown is None or beside is None or beside.id == shown.id or not shown.comparable(beside):
            beside = None
        choices = [(evaluation.title, evaluation.id) for evaluation in done.values()]
        job = self._evaluating.job()
        return (
            gr.update(choices=choices, value=shown.id if shown else None),
            gr.update(choices=[_ALONE, *choices], value=beside.id if beside else _NOTHING),
            figures(shown, beside),
            job.id if job is not None and job.status == "done" else "",
        )


def working(job: Job | None) -> str:
    """The evaluation at work, or why it stopped."""
    if job is None or job.status == "done":
        return ""
    title = escape(job.title)
    if job.running:
        bar = f'<i class="bar" style="--done:{job.fraction:.3f}"></i>' if job.fraction is not None else ""
        return f'<p class="progress" role="status"><span>{title}: {escape(job.text)}</span>{bar}<button class="quiet" data-act="cancel">Stop</button></p>'
    again = '<button class="quiet" data-act="resume">Begin again</button>'
    if job.status == "failed":
        return f'<p class="message trouble" role="alert">{escape(job.message)} {again}</p>'
    return f'<p class="hint">{title}: {"stopped" if job.status == "cancelled" else "interrupted"}. {again}</p>'


def figures(one: Evaluation | None, other: Evaluation | None = None) -> str:
    """Picture and table of one evaluation, or of two beside each other."""
    if one is None:
        return '<p class="empty">How often a search model finds the right kind of sound among yours, asked in words and by imitations, appears here.</p>'
    if other is None or other.id == one.id:
        return _alone(one)
    if not one.comparable(other):
        return f'{_alone(one)}<p class="hint">{escape(other.title)} was asked other questions, so it is not set beside this.</p>'
    return _both(one, other)


def _alone(one: Evaluation) -> str:
    systems = [system for system in _SYSTEMS if any(system in by_system for by_system in one.scores.values())]
    picture = _picture({_SYSTEMS[system]: _by_question(one, system) for system in systems}, _chance(one))
    rows = [
        (kind, _SYSTEMS[system], *(f"{scores[measure]:.3f}" for measure in _MEASURES))
        for kind, by_system in one.scores.items() for system, scores in by_system.items() if system in _SYSTEMS
    ]  # fmt: skip
    forget = '<button class="quiet" data-act="forget">Delete these figures</button>'
    return f'<div class="measured">{_said(one)}{picture}{_table(("System", *_heads()), rows)}{forget}</div>'


def _both(one: Evaluation, other: Evaluation) -> str:
    names = [f"{one.model} ({one.fingerprint[:6]})", f"{other.model} ({other.fingerprint[:6]})"]
    if names[0] == names[1]:
        names = [one.title, other.title]
    mine, theirs = _by_question(one, _PRODUCT), _by_question(other, _PRODUCT)
    picture = _picture({names[0]: mine, names[1]: theirs}, _chance(one))
    rows = []
    for kind in mine:
        for measure, (short, _) in _MEASURES.items():
            now, before = one.scores[kind][_PRODUCT][measure], other.scores[kind][_PRODUCT][measure]
            rows.append((kind, short, f"{now:.3f}", f"{before:.3f}", _change(now - before)))
    table = _table(("Measure", *(escape(name) for name in names), "Change"), rows)
    return f'<div class="measured">{_said(one)}{picture}{table}</div>'


def _said(one: Evaluation) -> str:
    about = f"{one.sounds} sounds of {one.kinds} kinds, in {one.seconds:.0f} s. Bars: how often the first hit is of the kind asked for; the line is chance."
    return f"<p>{escape(one.source)}: {about}</p>"


def _picture(series: Mapping[str, Mapping[str, float]], chance: float) -> str:
    """Bars by kind of question, one colour a series."""
    key = "".join(f'<span class="tone-{tone}">{escape(name)}</span>' for tone, name in enumerate(series)) if len(series) > 1 else ""
    kinds: Sequence[str] = list(dict.fromkeys(kind for values in series.values() for kind in values))
    groups = []
    for kind in kinds:
        bars = "".join(
            f'<div class="measure tone-{tone}" title="{escape(name)}">'
            f'<i style="--share:{values[kind]:.4f};--chance:{chance:.4f}"></i><b>{values[kind]:.0%}</b></div>'
            for tone, (name, values) in enumerate(series.items()) if kind in values
        )  # fmt: skip
        spoken = ", ".join(f"{name} {values[kind]:.0%}" for name, values in series.items() if kind in values)
        asked = escape(_asked(kind))
        groups.append(f'<div role="img" aria-label="{asked}: {escape(spoken)}"><h4>{asked}</h4>{bars}</div>')
    return f'<div class="key">{key}</div><div class="questions">{"".join(groups)}</div>'


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells are HTML of this module, or escaped here where they are names."""
    head = "".join(f"<th>{one}</th>" for one in ("Asked by", *heads))
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in (escape(_asked(row[0])), *row[1:])) + "</tr>" for row in rows)
    return f'<details class="figures"><summary>All figures</summary><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></details>'


def _asked(kind: str) -> str:
    """A kind of question in words."""
    family, plus, words = kind.partition(" + ")
    return f"{_FAMILIES.get(family, family)}{plus}{words}"


def _heads() -> list[str]:
    return [f'<abbr title="{escape(about)}">{short}</abbr>' for short, about in _MEASURES.values()]


def _by_question(one: Evaluation, system: str) -> dict[str, float]:
    return {kind: by_system[system]["precision_1"] for kind, by_system in one.scores.items() if system in by_system}


def _chance(one: Evaluation) -> float:
    kind, system = _CHANCE
    return one.scores.get(kind, {}).get(system, {}).get("precision_1", 0.0)


def _change(by: float) -> str:
    kind = "" if abs(by) < _LEAST_CHANGE else "better" if by > 0 else "worse"
    return f'<span class="{kind}">{by:+.3f}</span>'
