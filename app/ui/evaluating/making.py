"""Figures of generators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.services.evaluating import Evaluation
from app.ui.evaluating.sheet import NOTHING, Bar, Cell, Group, Head, Sheet, change

_CHANCE, _REAL = "chance", "real sounds"
_UNSTEERED = "voice + words, controls off"
_WAYS = {"voice + words": 0, "voice": 1, "words": 2, _UNSTEERED: 3, _REAL: 4}
"""By tone of their bars."""
_SAID = {_UNSTEERED: "voice + words without curves"}


@dataclass(frozen=True)
class _Measure:
    """key: what holds it, see `generation.measures.folder.FolderFigures`; title: over its bars, empty for none; share: whether it is one, not a correlation"""

    key: str
    head: Head
    title: str = ""
    share: bool = False
    less_is_better: bool = False


_MEASURES = (
    _Measure("kind", Head("Kind", "share of takes whose nearest real sound is of the kind asked for"), "Of the kind asked for", share=True),
    _Measure("loudness", Head("Loudness", "correlation of the gesture's loudness and the take's"), "Loudness follows"),
    _Measure("loudness_raw", Head("as made", "the same before the take is drawn to the gesture")),
    _Measure("brightness", Head("Brightness", "correlation of the gesture's brightness and the take's"), "Brightness follows"),
    _Measure("brightness_raw", Head("as made", "the same before the take is drawn to the gesture")),
    _Measure("distance", Head("Distance", "Frechet distance to the real sounds over that of real sounds to each other: 1 is as near"), less_is_better=True),
    _Measure("compute_s_per_s", Head("Compute", "seconds of work for a second of sound"), less_is_better=True),
)
_DRAWN = tuple(measure for measure in _MEASURES if measure.title)


@dataclass(frozen=True)
class _Value:
    """A figure and how sure it is."""

    mean: float
    error: float | None

    def text(self, measure: _Measure) -> str:
        return f"{self.mean:.0%}" if measure.share else f"{self.mean:.2f}"

    @property
    def told(self) -> str:
        return f"{self.mean:.2f}" if self.error is None else f"{self.mean:.2f} ±{self.error:.2f}"


def alone(one: Evaluation) -> Sheet:
    """All ways of asking, beside chance and the real sounds."""
    ways = [way for way in _WAYS if way in one.scores]
    groups = []
    for measure in _DRAWN:
        found = {way: value for way in ways if (value := _value(one.scores[way], measure)) is not None}
        bars = tuple(_bar(_WAYS[way], _name(way), value, measure) for way, value in found.items())
        if bars:
            groups.append(Group(measure.title, bars, _chance(one) if measure.share else None))
    rows = [(Cell(_name(way)), *(_cell(_value(one.scores[way], measure)) for measure in _MEASURES)) for way in (*ways, _CHANCE) if way in one.scores]
    return Sheet(_said(one), tuple(groups), (Head("Asked by"), *(measure.head for measure in _MEASURES)), tuple(rows), named=1)


def both(one: Evaluation, other: Evaluation, names: tuple[str, str]) -> Sheet:
    """One generator beside another, or beside itself before it was fine-tuned. A change counts where it is over its standard error."""
    groups, rows = [], []
    for way in (way for way in _WAYS if way in one.scores and way in other.scores and way != _REAL):
        for measure in _MEASURES:
            mine, theirs = _value(one.scores[way], measure), _value(other.scores[way], measure)
            if mine is None or theirs is None:
                continue
            if measure.title and way != _UNSTEERED:
                title = f"{_name(way)}: {measure.title[0].lower()}{measure.title[1:]}"
                bars = (_bar(0, names[0], mine, measure), _bar(1, names[1], theirs, measure))
                groups.append(Group(title, bars, _chance(one) if measure.share else None))
            least = ((mine.error or 0) ** 2 + (theirs.error or 0) ** 2) ** 0.5 or 0.05 * abs(theirs.mean)
            name = f"{measure.head.text.lower()}" if measure.head.text != "as made" else f"{measure.key.removesuffix('_raw')}, as made"
            rows.append((Cell(_name(way)), Cell(name), Cell(mine.told), Cell(theirs.told), change(mine.mean - theirs.mean, least, measure.less_is_better)))
    return Sheet(_said(one), tuple(groups), (Head("Asked by"), Head("Measure"), *map(Head, names), Head("Change")), tuple(rows))


def _value(figures: Mapping[str, Any], measure: _Measure) -> _Value | None:
    """None where there is no such figure."""
    found = figures.get(measure.key)
    if found is None:
        return None
    if isinstance(found, Mapping):
        return _Value(found.get("mean", found.get("ratio")), found.get("error"))
    return _Value(found, None)


def _bar(tone: int, name: str, value: _Value, measure: _Measure) -> Bar:
    return Bar(tone, name, value.mean, value.text(measure))


def _cell(value: _Value | None) -> Cell:
    return NOTHING if value is None else Cell(value.told)


def _chance(one: Evaluation) -> float | None:
    value = _value(one.scores.get(_CHANCE, {}), _DRAWN[0])
    return None if value is None else value.mean


def _name(way: str) -> str:
    return _SAID.get(way, way)


def _said(one: Evaluation) -> str:
    asked, takes = one.protocol.get("asked", 0), one.protocol.get("takes", 0)
    about = f"{asked} of {one.sounds} sounds of {one.kinds} kinds imitated and asked for, {takes} takes each, in {one.seconds:.0f} s."
    return f"{one.source}: {about} Nearness is by the search model; the line is chance."
