"""Recipes side by side: each trained, each measured by the same protocol, in one table and one picture of their losses."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from clvap.checkpoints import RecipeError
from clvap.embedder import Embedder
from clvap.evaluate import Scores, evaluate, rows_of
from clvap.progress import Progress, silent
from clvap.recipe import Recipe
from clvap.train import run as train
from clvap.training import curves

_SYSTEM = "clvap vector"


@dataclass(frozen=True)
class Entry:
    """One row of the table.

    title: what it is called; recipe: how it is trained; says: what the reader should know of it
    without: `words` or `voice`, where its queries never have them
    """

    title: str
    recipe: Path
    says: str = ""
    without: str = ""


@dataclass(frozen=True)
class Comparison:
    """Recipes of the same data and budget, and the protocol they are measured by."""

    title: str
    out: Path
    """The table, as Markdown; the picture and the figures lie beside it under the same name."""
    protocol: dict[str, Any]
    """As a recipe of `python -m clvap evaluate`, but for the model."""
    entries: tuple[Entry, ...]
    loss: str = "query/audio"
    """The loss whose curves are drawn."""
    says: str = ""
    """What the reader should know of all of it."""

    @staticmethod
    def load(path: Path) -> Comparison:
        """Read a comparison. Raises RecipeError for keys that do not exist."""
        try:
            values = yaml.safe_load(path.read_text())
            entries = tuple(Entry(**{**entry, "recipe": path.parent / entry["recipe"]}) for entry in values.pop("entries"))
            return Comparison(**{**values, "out": Path(values["out"])}, entries=entries)
        except (KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
            raise RecipeError(f"{path}: not a comparison ({error}); compare it with those in assets/recipes/compare") from error


def run(config_path: str | Path, progress: Progress = silent) -> Path:
    """Train what is not trained yet, measure what is not measured yet, write the table; returns its path."""
    comparison = Comparison.load(Path(config_path))
    comparison.out.parent.mkdir(parents=True, exist_ok=True)
    figures = comparison.out.with_suffix(".json")
    measured = json.loads(figures.read_text()) if figures.exists() else {}
    for entry in comparison.entries:
        if entry.title in measured:
            continue
        folder = train(entry.recipe, progress)
        measured[entry.title] = _measured(Embedder.from_pretrained(folder, "cpu"), comparison.protocol, entry)
        figures.write_text(json.dumps(measured, indent=1) + "\n")
    comparison.out.write_text(_table(comparison, measured))
    _draw(comparison, comparison.out.with_suffix(".png"))
    return comparison.out


def _measured(embedder: Embedder, protocol: dict[str, Any], entry: Entry) -> dict[str, Any]:
    """Scores by kind of query, and the size."""
    families = [] if entry.without == "voice" else protocol["families"]
    results = evaluate(embedder, rows_of(protocol), protocol["seed"], families, searched=False)
    kept = {kind: asdict(systems[_SYSTEM]) for kind, systems in results.items() if _SYSTEM in systems and not (entry.without == "words" and "words" in kind)}
    return {"parameters": embedder.parameters, "scores": kept}


def _table(comparison: Comparison, measured: dict[str, Any]) -> str:
    kinds = ["words", *(kind for family in comparison.protocol["families"] for kind in (family, f"{family} + words"))]
    head = ["", "parameters", "steps", "last loss", *(f"{kind}: P@1 other (R@1)" for kind in kinds)]
    lines = [f"# {comparison.title}", "", *([comparison.says.strip(), ""] if comparison.says else []), _row(head), _row(["---"] + ["---:"] * (len(head) - 1))]
    for entry in comparison.entries:
        found, recipe = measured[entry.title], Recipe.load(entry.recipe)
        scores = {kind: Scores(**values) for kind, values in found["scores"].items()}
        cells = [f"{scores[kind].precision_1_other:.3f} ({scores[kind].recall_1:.3f})" if kind in scores else "" for kind in kinds]
        losses = _curve(recipe, comparison.loss if entry.without != "voice" else "text/audio")
        last = f"{np.mean([value for _, value in losses[-5:]]):.2f}" if losses else ""
        lines.append(_row([entry.title, f"{found['parameters'] / 1e6:.1f} M", str(sum(stage.steps for stage in recipe.stages)), last, *cells]))
    said = [f"- **{entry.title}**: {entry.says}" for entry in comparison.entries if entry.says]
    return "\n".join([*lines, "", *said, "", f"![losses]({comparison.out.with_suffix('.png').name})", ""])


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _curve(recipe: Recipe, loss: str) -> list[tuple[int, float]]:
    return curves.read(recipe.run / "log.csv")[0].get(loss, [])


def _draw(comparison: Comparison, picture: Path) -> None:
    """The compared loss of every entry over its steps; an entry without voices is drawn by its words' loss."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot()
    for entry in comparison.entries:
        loss = comparison.loss if entry.without != "voice" else "text/audio"
        points = _curve(Recipe.load(entry.recipe), loss)
        if points:
            axes.plot(*zip(*points, strict=True), linewidth=1.2, label=entry.title if loss == comparison.loss else f"{entry.title} ({loss})")
    axes.set(title=comparison.title, xlabel="step", ylabel=comparison.loss)
    axes.legend(fontsize="small")
    figure.savefig(picture, dpi=110)
