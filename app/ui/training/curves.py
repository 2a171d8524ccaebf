"""Training curves as SVG: what is trained on thin, what is kept back strong, the best point marked; a second run beside the first in its own colour."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from app.services.training import Curve, RunView

_WIDTH, _HEIGHT, _EDGE = 600, 200, 8
_MOST_POINTS = 400


def picture(views: Sequence[RunView]) -> str:
    """A panel of losses, and one of figures that rise; empty before there is anything to draw."""
    marks = [f" {view.run.about.name or view.run.number}" for view in views] if len(views) > 1 else [""]
    panels = (("Loss", [_losses(view) for view in views]), ("Held-out sounds found (MRR)", [_rising(view) for view in views]))
    return "".join(_panel(title, drawn, marks) for title, drawn in panels if any(map(bool, drawn)))


def figures(views: Sequence[RunView]) -> str:
    """Last and best of every curve, run beside run."""
    names = list(dict.fromkeys(curve.name for view in views for curve in view.curves))
    if not names:
        return ""
    heads = "".join(f'<th scope="colgroup" colspan="2" class="run-{i}">{escape(view.run.label)}</th>' for i, view in enumerate(views))
    rows = "".join(f'<tr><th scope="row">{escape(name)}</th>{"".join(_cells(view, name) for view in views)}</tr>' for name in names)
    return (
        f'<div class="wide"><table class="figures"><thead><tr><td></td>{heads}</tr><tr><td></td>{"<th>best</th><th>last</th>" * len(views)}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _cells(view: RunView, name: str) -> str:
    curve = next((curve for curve in view.curves if curve.name == name), None)
    if curve is None:
        return "<td></td><td></td>"
    step, value = curve.best
    return f"<td><b>{value:.3f}</b> <small>at {step}</small></td><td>{curve.last[1]:.3f}</td>"


def _losses(view: RunView) -> list[Curve]:
    """The loss that counts most, and the same on sounds kept back where that is measured."""
    trained = [curve for curve in view.curves if not curve.held_out and not curve.rising][:1]
    return trained + [curve for curve in view.curves if curve.held_out and not curve.rising]


def _rising(view: RunView) -> list[Curve]:
    return [view.decisive] if view.decisive is not None and view.decisive.rising else []


def _panel(title: str, drawn: list[list[Curve]], marks: list[str]) -> str:
    curves = [curve for of_run in drawn for curve in of_run]
    values = np.array([value for curve in curves for _, value in curve.points])
    low, high = float(values.min()), float(np.percentile(values, 98))
    high = max(high, low + 1e-6, *(curve.best[1] for curve in curves))
    steps = max(step for curve in curves for step, _ in curve.points)
    place = _Place(low, high, max(steps, 1))
    lines = "".join(_line(curve, place, number) for number, of_run in enumerate(drawn) for curve in of_run)
    told = "; ".join(f"{curve.name}: best {curve.best[1]:.3f} at step {curve.best[0]}, last {curve.last[1]:.3f}" for curve in curves)
    legend = "".join(
        f'<span class="run-{number} {"held-out" if curve.held_out else "trained"}">{escape(curve.name + marks[number])}</span>'
        for number, of_run in enumerate(drawn) for curve in of_run
    )  # fmt: skip
    return (
        f'<figure class="curves"><figcaption><b>{title}</b><span class="legend">{legend}</span></figcaption>'
        f'<div class="plot"><span class="high">{high:.3g}</span><span class="low">{low:.3g}</span><span class="end">{steps:,} steps</span>'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{title}. {escape(told)}">{lines}</svg></div></figure>'
    )


def _line(curve: Curve, place: _Place, number: int) -> str:
    thinned = curve.points[:: -(-len(curve.points) // _MOST_POINTS)]
    path = "M" + "L".join(place(step, value) for step, value in thinned)
    kind = f"run-{number} {'held-out' if curve.held_out else 'trained'}"
    best = f'<path class="best {kind}" d="M{place(*curve.best)}h0"/>' if curve.held_out else ""
    return f'<path class="{kind}" d="{path}"/>{best}'


class _Place:
    """Where a point lies in the picture."""

    def __init__(self, low: float, high: float, steps: int) -> None:
        self._low, self._high, self._steps = low, high, steps

    def __call__(self, step: int, value: float) -> str:
        share = (min(max(value, self._low), self._high) - self._low) / (self._high - self._low)
        return f"{_EDGE + step / self._steps * (_WIDTH - 2 * _EDGE):.1f} {_HEIGHT - _EDGE - share * (_HEIGHT - 2 * _EDGE):.1f}"
