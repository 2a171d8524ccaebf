"""Runs as HTML: the list, the one looked at with its curves, its takes, what it will need."""

from __future__ import annotations

import time
from html import escape
from itertools import count, groupby

from app.services.jobs import Job
from app.services.sounds import Sounds
from app.services.training import Board, Demo, Needs, Run, RunView
from app.ui import cards
from app.ui.training import curves

_GB = 1024**3
_offered = count()
_STATES = {"running": "Running", "done": "Finished", "failed": "Failed", "cancelled": "Stopped", "interrupted": "Interrupted"}


def needs(one: Needs | None) -> str:
    """Memory and time of a run before it starts."""
    if one is None:
        return ""
    job = one.job
    if job.running:
        return f'<div class="card needs"><p class="progress" role="status"><span>{escape(job.text)}…</span></p></div>'
    if job.status != "done":
        return cards.message(job.message or "The estimate was stopped; press Estimate again.", "trouble" if job.message else "note")
    where = "" if one.device == "cpu" else f" on {escape(one.device)}"
    share = min(one.needed / max(one.available, 1), 1.0)
    anyway = "" if one.fits else '<button class="quiet" data-act="anyway">Start anyway</button>'
    return (
        f'<div class="card needs{"" if one.fits else " too-much"}" role="status"><p>{escape(one.title)}</p>'
        f"<p>Needs about <b>{_size(one.needed)}</b> of the {_size(one.available)} that are free{where}, and <b>{_spoken(one.seconds)}</b>.</p>"
        f'<i class="bar" style="--done:{share:.3f}"></i>{anyway}</div>'
    )


def strip(board: Board) -> str:
    """All runs, newest first; each can be looked at, or set beside the one that is."""
    if not board.runs:
        return ""
    shown, other = (view.run.name if view else None for view in (board.shown, board.other))
    return f'<h2>Runs</h2><div class="strip">{"".join(_item(run, run.name == shown, run.name == other) for run in board.runs)}</div>'


def head(board: Board, may_use: bool) -> str:
    """The run looked at: how it stands, what can be done with it, its curves and figures."""
    view = board.shown
    if view is None:
        return cards.empty("Choose a folder of sounds and a recipe, then start: the curves appear here.")
    run, views = view.run, [view, *([board.other] if board.other else [])]
    facts = " · ".join(escape(fact) for fact in (f"{run.about.files:,} sounds", run.about.length, f"from {run.about.base}", run.about.recipe))
    drawn = curves.picture(views)
    return (
        f'<section class="run"><header>{_title(run)}<span class="actions">{_actions(view, board.export, may_use)}</span></header>'
        f'<p class="facts">{facts}</p>{_state(run)}{_best(view)}<div class="pictures">{drawn}</div>{curves.figures(views) if drawn else ""}</section>'
    )


def deleted(run: Run) -> str:
    """Says what was deleted and offers it back for some seconds; a name other than last time's makes these seconds begin anew."""
    return f'<div class="leaving-{next(_offered) % 2}">{cards.undo(run.label, run.name)}</div>'


def demos(view: RunView | None, sounds: Sounds) -> str:
    """Takes made while training, those of the last step first on the page though last in the order of making."""
    if view is None or not view.demos:
        return ""
    made = [(step, list(of_step)) for step, of_step in groupby(view.demos, key=lambda demo: demo.step)]
    parts = "".join(_takes(step, takes, sounds) for step, takes in made)
    return f'<section class="demos"><h2>Takes while training</h2><div class="steps">{parts}</div></section>'


def log(view: RunView | None) -> str:
    """The last lines of what the run printed."""
    return f'<pre class="log" tabindex="0" aria-label="Log">{escape(view.log)}</pre>' if view and view.log else ""


def _title(run: Run) -> str:
    """The run's name, to be written over where it stands."""
    label = escape(run.label)
    return (
        f'<h2><input data-rename value="{label}" placeholder="{escape(run.own_label)}" title="{label}" maxlength="80" aria-label="Name of this run" '
        f'autocomplete="off" spellcheck="false"><button hidden data-act="rename" data-run="{escape(run.name)}"></button></h2>'
    )


def _item(run: Run, shown: bool, beside: bool) -> str:
    when = time.strftime("%d %b %H:%M", time.localtime(run.about.began_s))
    bar = cards.bar(run.job.fraction) if run.running else ""
    name = escape(run.name)
    compare = "" if shown else (
        f'<button class="quiet" data-act="compare" data-run="{name}" aria-pressed="{str(beside).lower()}">{"Beside" if beside else "Compare"}</button>'
    )  # fmt: skip
    return (
        f'<div class="run-item{" beside" if beside else ""}"><button class="run-card{" current" if shown else ""}" data-act="show" data-run="{name}">'
        f"<b>{escape(run.label)}</b><small>{_word(run)} · {when}</small>{bar}</button>{compare}</div>"
    )


def _word(run: Run) -> str:
    return _STATES[run.job.status] if run.job else "Stopped"


def _state(run: Run) -> str:
    job = run.job
    if job is None or job.status in ("done", "cancelled"):
        return ""
    if job.running:
        return f'<div class="progress" role="status"><span>{escape(job.text)}</span>{cards.bar(job.fraction)}</div>'
    if job.status == "failed":
        return cards.message(job.message)
    return cards.message("Its process is gone, perhaps the machine was started again. Go on from the last checkpoint.", "note")


def _actions(view: RunView, export: Job | None, may_use: bool) -> str:
    run, buttons = view.run, []
    if run.running:
        buttons.append(("stop", "Stop"))
    elif not run.done:
        buttons.append(("resume", "Go on"))
    if export is not None and export.running:
        buttons.append(("", "Writing the best so far…"))
    elif view.exportable:
        buttons.append(("export", "Export best so far"))
    if run.usable and may_use:
        buttons.append(("use", "Use this model"))
    if not run.running:
        buttons.append(("delete", "Delete"))
    data = f'data-run="{escape(run.name)}"'
    return "".join(f'<button class="quiet" data-act="{act}" {data}{"" if act else " disabled"}>{text}</button>' for act, text in buttons)


def _best(view: RunView) -> str:
    if view.decisive is None:
        return ""
    step, value = view.decisive.best
    return f'<p class="best-so-far">Best {"" if view.run.done else "so far "}<b>{escape(view.decisive.name)} {value:.3f}</b> at step {step:,}</p>'


def _takes(step: int, takes: list[Demo], sounds: Sounds) -> str:
    made = "".join(_take(demo, sounds) for demo in takes)
    return f'<div class="of-step" style="order:{-step}"><h3>Step {step:,}</h3><div class="cards">{made}</div></div>'


def _take(demo: Demo, sounds: Sounds) -> str:
    token, prompt = sounds.token(demo.path), escape(demo.prompt)
    return (
        f'<article class="card sound">{cards.play(f"{demo.prompt}, step {demo.step}", token)}<div class="about"><div class="head"><h3 title="{prompt}">{prompt}'
        f"</h3></div><div class=\"wave\" data-seek style=\"--wave:url('wave/{token}')\"></div></div></article>"
    )


def _size(count: int) -> str:
    return f"{count / _GB:.1f} GB" if count >= _GB / 10 else f"{count / 1024**2:.0f} MB"


def _spoken(seconds: float) -> str:
    if seconds > 5_400:
        return f"{seconds / 3600:.1f} hours"
    return f"{max(round(seconds / 60), 1)} minute{'s' if seconds >= 90 else ''}"
