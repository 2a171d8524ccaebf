"""Figures of search models."""

from __future__ import annotations

from app.services.evaluating import Evaluation
from app.ui.evaluating.sheet import Bar, Cell, Group, Head, Sheet, change

_SYSTEMS = {"clvap search": "search, as in the studio", "clvap vector": "the model alone", "envelope": "loudness curve", "mfcc": "MFCC", "yamnet": "YAMNet"}
_PRODUCT, _SHOWN = "clvap search", "precision_1"
_MEASURES = {
    "precision_1": Head("P@1", "the first hit is of the kind asked for"),
    "precision_1_other": Head("P@1 other", "the same, without other takes of the very sound"),
    "recall_1": Head("R@1", "the first hit is the very sound"),
    "recall_5": Head("R@5", "the very sound is among the first five"),
    "mrr": Head("MRR", "one over the place of the very sound"),
    "map_10": Head("mAP@10", "of the kind asked for, over the first ten"),
}
_LEAST_CHANGE = 0.0005
_FAMILIES = {
    "augment": "the sound, altered", "vocoder": "vocoded", "sketch": "sketched", "loose": "imitated loosely",
    "unseen": "imitated another way", "unseen loose": "another way, loosely", "unseen noisy": "another way, in a noisy room",
    "unseen telephone": "another way, by telephone",
}  # fmt: skip
"""What is asked with, in words; see `clvap.evaluate.FAMILIES`."""


def alone(one: Evaluation) -> Sheet:
    """All systems of one evaluation."""
    tones = {system: tone for tone, system in enumerate(system for system in _SYSTEMS if any(system in systems for systems in one.scores.values()))}
    groups = [
        Group(_asked(kind), tuple(_bar(tones[system], _SYSTEMS[system], systems[system]) for system in tones if system in systems), _chance(one))
        for kind, systems in _questions(one).items()
    ]
    rows = [
        (Cell(_asked(kind)), Cell(_SYSTEMS[system]), *(Cell(f"{scores[measure]:.3f}") for measure in _MEASURES))
        for kind, systems in _questions(one).items() for system, scores in systems.items()
    ]  # fmt: skip
    return Sheet(_said(one), tuple(groups), (Head("Asked by"), Head("System"), *_MEASURES.values()), tuple(rows))


def both(one: Evaluation, other: Evaluation, names: tuple[str, str]) -> Sheet:
    """The product's search with one model beside that with another."""
    kinds = {kind: (systems[_PRODUCT], other.scores[kind][_PRODUCT]) for kind, systems in _questions(one).items() if _PRODUCT in systems}
    groups = [Group(_asked(kind), (_bar(0, names[0], mine), _bar(1, names[1], theirs)), _chance(one)) for kind, (mine, theirs) in kinds.items()]
    rows = [
        (Cell(_asked(kind)), Cell(head.text), Cell(f"{mine[key]:.3f}"), Cell(f"{theirs[key]:.3f}"), change(mine[key] - theirs[key], _LEAST_CHANGE))
        for kind, (mine, theirs) in kinds.items() for key, head in _MEASURES.items()
    ]  # fmt: skip
    return Sheet(_said(one), tuple(groups), (Head("Asked by"), Head("Measure"), *map(Head, names), Head("Change")), tuple(rows))


def _questions(one: Evaluation) -> dict[str, dict[str, dict[str, float]]]:
    """Scores by kind of question, of the systems that are shown."""
    told = {kind: {system: systems[system] for system in systems if system in _SYSTEMS} for kind, systems in one.scores.items()}
    return {kind: systems for kind, systems in told.items() if systems}


def _bar(tone: int, name: str, scores: dict[str, float]) -> Bar:
    return Bar(tone, name, scores[_SHOWN], f"{scores[_SHOWN]:.0%}")


def _chance(one: Evaluation) -> float:
    return one.scores.get("any", {}).get("random", {}).get(_SHOWN, 0.0)


def _said(one: Evaluation) -> str:
    about = f"{one.sounds} sounds of {one.kinds} kinds, in {one.seconds:.0f} s. Bars: how often the first hit is of the kind asked for; the line is chance."
    return f"{one.source}: {about}"


def _asked(kind: str) -> str:
    """A kind of question in words."""
    family, plus, words = kind.partition(" + ")
    return f"{_FAMILIES.get(family, family)}{plus}{words}"
