"""What a kind of effect is, and how one kind becomes several named, captioned effects whose words follow their parameters."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import gcd, prod
from pathlib import PurePosixPath

import numpy as np

from generation.procedural.spaces import deliver


@dataclass(frozen=True)
class Span:
    """A parameter to be drawn between two values; evenly in ratios where both are positive."""

    low: float
    high: float

    def draw(self, rng: np.random.Generator) -> float:
        if self.low > 0.0:
            return float(self.low * (self.high / self.low) ** rng.uniform())
        return float(rng.uniform(self.low, self.high))


Settings = Mapping[str, object]


@dataclass(frozen=True)
class Kind:
    """One sort of effect.

    name: what it is, unique in the catalogue
    cat_id, category: its place in the Universal Category System
    count: how many effects of it the catalogue holds
    title: words of the file name, with {axis} where an adjective goes
    captions: wordings used in turn, with {axis}
    render: (rng, **settings) -> (T,) or (2, T)
    axes: axis -> adjective -> the settings that make it true; "fast|quick" are words for one thing, the first is used in file names
    settings: parameters that no adjective speaks of
    """

    name: str
    cat_id: str
    category: str
    count: int
    title: str
    captions: tuple[str, ...]
    render: Callable[..., np.ndarray]
    axes: Mapping[str, Mapping[str, Settings]] = field(default_factory=dict)
    settings: Settings = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.captions) < 2:
            raise ValueError(f"{self.name}: give at least two captions, so that the words vary")


@dataclass(frozen=True)
class Effect:
    """One effect of the catalogue, not yet rendered.

    path: where it goes, relative to the library's folder
    caption: what it is, in lower-case words
    settings: values and spans for the kind's function
    """

    kind: Kind
    path: PurePosixPath
    caption: str
    settings: Settings

    def render(self, seed: int = 0) -> np.ndarray:
        """The sound, float32 (2, T) at 44.1 kHz; the same for the same seed and file name."""
        rng = np.random.default_rng([seed, zlib.crc32(self.path.name.encode())])
        drawn = {name: value.draw(rng) if isinstance(value, Span) else value for name, value in self.settings.items()}
        return deliver(rng, self.kind.render(rng, **drawn))


def effects(kind: Kind) -> list[Effect]:
    """The kind's effects: they walk through the combinations of adjectives in an even, fixed order."""
    combinations = list(product(*(axis.items() for axis in kind.axes.values())))
    stride = _stride(prod(len(axis) for axis in kind.axes.values()))
    made = []
    for index in range(kind.count):
        chosen = combinations[index * stride % len(combinations)]
        words = {axis: words.split("|") for axis, (words, _) in zip(kind.axes, chosen, strict=False)}
        settings = dict(kind.settings)
        for _, values in chosen:
            settings.update(values)
        title = _join(kind.title, {axis: options[0] for axis, options in words.items()}).title()
        caption = _join(kind.captions[index % len(kind.captions)], {axis: o[index // 2 % len(o)] for axis, o in words.items()})
        path = PurePosixPath(kind.category) / f"{kind.cat_id}_{title} {index + 1:02d}_CLVAP.wav"
        made.append(Effect(kind, path, caption, settings))
    return made


def _stride(combinations: int) -> int:
    """A step near the golden section of the combinations that visits every one of them."""
    step = max(int(combinations * 0.618), 1)
    while gcd(step, combinations) != 1:
        step += 1
    return step


def _join(template: str, words: Mapping[str, str]) -> str:
    return " ".join(template.format(**words).replace(" ,", ",").split())
