"""Recipes and figures as Markdown, for model cards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clvap.checkpoints import ModelError

_METRICS = {"recall_1": "R@1", "recall_5": "R@5", "mrr": "MRR", "precision_1": "P@1", "map_10": "mAP@10", "precision_1_other": "P@1 other"}
_COLLECTIONS = {"esc50": "esc50", "packs": "sfx", "starter": "starter-effects"}
_PRIVATE = frozenset({"run", "out", "text", "start", "bank", "device", "loggers", "log_every", "checkpoint_every"})
_APART = frozenset({"name", "model", "stages", "manifests", *_COLLECTIONS})
_STAGE = ("name", "steps", "batch_size", "learning_rate", "trainable", "losses")
_EXPLAINED = (
    "R@1, R@5, MRR: the very sound the query was made from; P@1, mAP@10: its kind, the latter over ten places, or all of the kind where it has fewer; "
    "P@1 other: the kind of the first hit once every take of the source recording is removed."
)


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A table; a bar inside a cell does not end it."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def results(figures: dict[str, Any], path: Path) -> str:
    """The JSON of an evaluation, {query: {system: {metric: value}}}, as a table; facts beside it (or around it under `results`) come before it.

    Raises ModelError where it holds no such table.
    """
    tables = figures["results"] if isinstance(figures.get("results"), dict) else figures
    scored = [
        (query, system, scores)
        for query, systems in tables.items() if isinstance(systems, dict)
        for system, scores in systems.items() if isinstance(scores, dict) and any(_number(value) for value in scores.values())
    ]  # fmt: skip
    if not scored:
        raise ModelError(f"{path}: holds no figures; write it with python -m clvap evaluate RECIPE --json")
    metrics = list(dict.fromkeys(metric for _, _, scores in scored for metric, value in scores.items() if _number(value)))
    rows = [[query, system, *(f"{scores[metric]:.3f}" if _number(scores.get(metric)) else "" for metric in metrics)] for query, system, scores in scored]
    facts = [f"{key.replace('_', ' ')}: {_plain(value)}" for key, value in figures.items() if isinstance(value, str) or _number(value)]
    explained = _EXPLAINED if set(metrics) & _METRICS.keys() else ""
    table = markdown(["query", "system", *(_METRICS.get(metric, metric) for metric in metrics)], rows)
    return "\n\n".join(part for part in ("; ".join(facts), explained, table) if part)


def datasets(*recipes: dict[str, Any]) -> list[str]:
    """The collections of recipes by name."""
    named = [name for key, name in _COLLECTIONS.items() if any(recipe.get(key) for recipe in recipes)]
    tables = [table for recipe in recipes for table in recipe.get("manifests") or [] if isinstance(table, dict)]
    return list(dict.fromkeys([*named, *(str(table.get("name") or Path(str(table.get("path", "manifest"))).stem) for table in tables)]))


def recipe(values: dict[str, Any]) -> str:
    """What a training recipe says: collections, stages, and the rest as a list. Folders of the one who trained are left out."""
    parts = []
    if said := datasets(values):
        parts.append(f"Collections: {', '.join(said)}.")
    if values.get("yamnet"):
        parts.append("Teacher of the towers in training: YAMNet (Apache-2.0).")
    stages = [stage for stage in values.get("stages") or [] if isinstance(stage, dict)]
    if stages:
        columns = [key for key in _STAGE if any(key in stage for stage in stages)]
        parts.append(markdown([key.replace("_", " ") for key in columns], [[_plain(stage.get(key, "")) for key in columns] for stage in stages]))
    others = [f"- {key.replace('_', ' ')}: {_plain(value)}" for key, value in values.items() if key not in _PRIVATE | _APART | {"yamnet"}]
    return "\n\n".join([*parts, "\n".join(others)] if others else parts)


def _plain(value: Any) -> str:
    """A value as words; of a path its last part."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(one)}" for key, one in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_plain, value))
    if isinstance(value, str) and ("\\" in value or value.startswith(("/", "~", "."))):
        return Path(value.replace("\\", "/")).name
    return str(value)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
