"""What can be asked of a generator, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np

from clvap.audio import Clip
from clvap.query import Query

MIN_SECONDS = 0.2
MAX_VARIATIONS = 16
MAX_POOL = 64
GROUND_STRENGTH = 0.7


class RequestError(ValueError):
    """A request that cannot be met; the message says what to change."""


@dataclass(frozen=True)
class Follow:
    """How far the model hears each curve of the gesture: 0 (not at all) to 1 (as drawn)."""

    loudness: float = 1.0
    brightness: float = 1.0
    pitch: float = 1.0

    def __post_init__(self) -> None:
        for one in fields(self):
            _within("follow " + one.name, getattr(self, one.name))

    @property
    def amounts(self) -> tuple[float, float, float]:
        """In the order of `controls.NAMES`."""
        return self.loudness, self.brightness, self.pitch


@dataclass(frozen=True)
class Pull:
    """How far a take is drawn to the gesture once it is made: 0 (as the model made it) to 1. Counts as far as a curve is followed."""

    loudness: float = 0.5
    brightness: float = 0.3

    def __post_init__(self) -> None:
        for one in fields(self):
            _within("the pull of " + one.name, getattr(self, one.name))


@dataclass(frozen=True)
class Ground:
    """A real sound under the first take, already performed to the gesture.

    clip: where that take starts from
    name: of the sound, for the take's label
    strength: how much of it stays, 0 (nothing) to 1 (nearly all)
    """

    clip: Clip
    name: str
    strength: float = GROUND_STRENGTH

    def __post_init__(self) -> None:
        _within("the strength of the ground", self.strength)


@dataclass(frozen=True)
class Inpaint:
    """A sound of which a span is made anew; the rest stays.

    clip: the sound
    start_s, end_s: the span in seconds
    in_place: the gesture is that of the whole sound and counts where the span lies in it; otherwise all of it is drawn over the span
    """

    clip: Clip
    start_s: float
    end_s: float
    in_place: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.start_s < self.end_s <= self.clip.duration_s + 0.01:
            raise RequestError(f"no span from {self.start_s:g} s to {self.end_s:g} s in a sound of {self.clip.duration_s:.2f} s; mark a part of it")


@dataclass(frozen=True)
class GenerateRequest:
    """One press of the button.

    query: what is wanted
    seconds: length of a take
    variations: how many takes
    seed: of the first candidate, each next one has the next seed; None draws one
    init: a sound that all takes start from; wins over `ground`
    init_strength: how much of `init` stays, from 0 (nothing) to 1 (nearly all)
    steps, guidance, sampler: None leaves them to the model; a start from a sound takes fewer steps, as it has less to do
    negative: words for what to stay away from
    follow: how far the model hears the gesture's curves
    pull: how far takes are drawn to the gesture after sampling; without effect when it has no curves or all of them are drawn over a span
    seconds_start, seconds_total: where in a sound of which length the take lies, for models that know; the total is by default that of the take
    inpaint: make a span of a sound anew
    ground: start the first take from a sound
    best_of: how many candidates each take is the best of; None leaves it to the model, or is 1 with a `seed`, since that one's take is wanted
    adapter_strength: of the CLVAP adapter, where the model has one, from 0 (as if it had none) to 1
    """

    query: Query
    seconds: float
    variations: int = 4
    seed: int | None = None
    init: Clip | None = None
    init_strength: float = 0.5
    steps: int | None = None
    guidance: float | None = None
    sampler: str | None = None
    negative: str | None = None
    follow: Follow = field(default_factory=Follow)
    pull: Pull = field(default_factory=Pull)
    seconds_start: float = 0.0
    seconds_total: float | None = None
    inpaint: Inpaint | None = None
    ground: Ground | None = None
    best_of: int | None = None
    adapter_strength: float = 1.0

    def __post_init__(self) -> None:
        if not self.seconds >= MIN_SECONDS:
            raise RequestError(f"{self.seconds} s is too short for a take; ask for at least {MIN_SECONDS} s")
        if not 1 <= self.variations <= MAX_VARIATIONS:
            raise RequestError(f"{self.variations} variations; ask for 1 to {MAX_VARIATIONS}")
        if self.best_of is not None and not 1 <= self.best_of <= MAX_POOL // self.variations:
            raise RequestError(f"{self.variations} takes, each the best of {self.best_of}; use a best of 1 to {MAX_POOL // self.variations}")
        if self.seed is not None and not 0 <= self.seed < 2**63 - MAX_POOL:
            raise RequestError(f"seed {self.seed} is not possible; use a whole number from 0")
        if self.steps is not None and not 1 <= self.steps <= 500:
            raise RequestError(f"{self.steps} steps; use 1 to 500")
        if self.guidance is not None and not 0 <= self.guidance <= 30:
            raise RequestError(f"guidance {self.guidance}; use 0 to 30")
        if not self.seconds_start >= 0:
            raise RequestError(f"a start at {self.seconds_start} s; use 0 or more")
        if self.seconds_total is not None and not self.seconds_total > self.seconds_start:
            raise RequestError(f"a sound of {self.seconds_total} s in all, heard from {self.seconds_start} s; let the start come before its end")
        if self.inpaint is not None and self.inpaint.end_s > self.seconds + 0.01:
            raise RequestError(f"the span ends at {self.inpaint.end_s:g} s, the take at {self.seconds:g} s; ask for a longer take or mark an earlier span")
        for name in ("init_strength", "adapter_strength"):
            _within(name, getattr(self, name))

    @property
    def pulled(self) -> Pull:
        """The pull on each curve, as far as it is followed."""
        return Pull(self.pull.loudness * self.follow.loudness, self.pull.brightness * self.follow.brightness)

    @property
    def total_s(self) -> float:
        """Length of the whole sound that the model is told."""
        return self.seconds_start + self.seconds if self.seconds_total is None else self.seconds_total


@dataclass(frozen=True)
class Take:
    """One sound made.

    clip: mono or stereo, peak at or under -1 dBFS
    score: likeness to the query by CLVAP, a cosine: 1 is the same
    seed: gives this take again
    seconds: of compute it took, its share of the batch
    parent: name of the sound it is grounded on, None for one made from noise
    """

    clip: Clip
    score: float
    seed: int
    seconds: float
    parent: str | None = None


@dataclass(frozen=True)
class Preview:
    """A take as it comes to be.

    take: which of those asked for, counted from 0; where it is the best of several, this is the first of them
    levels: its spectrogram, float32 (M, F) from 0 (60 dB under its loudest) to 1, low frequencies and early times first
    """

    take: int
    levels: np.ndarray


def _within(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise RequestError(f"{name} {value} is outside 0 to 1")


AS_MADE = Pull(0.0, 0.0)
