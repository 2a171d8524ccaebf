"""log.csv as a picture."""

from __future__ import annotations

import csv
from pathlib import Path

from clvap.files import whole


def draw(log: Path, picture: Path) -> Path:
    """A panel for each loss and each validation query over the steps of all stages, the stages' ends as lines. Needs matplotlib (ImportError)."""
    from matplotlib.figure import Figure

    curves, ends = read(log)
    panels: dict[str, list[str]] = {}
    for name in curves:
        panels.setdefault(name.rsplit("/", 1)[0] if name.startswith("validation/") else name, []).append(name)
    columns = min(len(panels), 3) or 1
    rows = -(-len(panels) // columns) or 1
    figure = Figure(figsize=(4.2 * columns, 2.8 * rows), layout="constrained")
    for number, (title, names) in enumerate(sorted(panels.items())):
        axes = figure.add_subplot(rows, columns, number + 1)
        for name in names:
            axes.plot(*zip(*curves[name], strict=True), linewidth=1, label=name.rsplit("/", 1)[-1])
        for end in ends[:-1]:
            axes.axvline(end, color="0.8", linewidth=0.8, zorder=0)
        axes.set(title=title, xlabel="step")
        if len(names) > 1:
            axes.legend(fontsize="x-small")
    with whole(picture) as partial:
        figure.savefig(partial, dpi=110)
    return picture


def read(log: Path) -> tuple[dict[str, list[tuple[int, float]]], list[int]]:
    """The points (step over all stages, value) of each loss, and the step that each stage ends at."""
    curves: dict[str, list[tuple[int, float]]] = {}
    before, last, stage, ends = 0, 0, None, []
    with open(log, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if stage is not None and row["stage"] != stage:
                before += last
                ends.append(before)
            stage, last = row["stage"], int(row["step"])
            curves.setdefault(row["loss"], []).append((before + last, float(row["value"])))
    return curves, [*ends, before + last]
