"""What can be asked of a generator, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass

from clvap.audio import Clip
from clvap.query import Query

MIN_SECONDS = 0.2
MAX_VARIATIONS = 16


class RequestError(ValueError):
    """A request that cannot be met; the message says what to change."""


@dataclass(frozen=True)
class GenerateRequest:
    """One press of the button.

    query: what is wanted
    seconds: length of a take
    variations: how many takes
    seed: of the first take, each next one has the next seed; None draws one
    init: a sound to start from
    init_strength: how much of `init` stays, from 0 (nothing) to 1 (nearly all)
    steps, guidance: of the sampler; None leaves them to the model
    follow_loudness, follow_brightness, follow_pitch: whether the model hears that curve of the gesture
    loudness_pull: after sampling, how far a take's loudness is drawn to the gesture's, 0 (as the model made it) to 1;
        without effect when the gesture has no curves or its loudness is not followed
    """

    query: Query
    seconds: float
    variations: int = 4
    seed: int | None = None
    init: Clip | None = None
    init_strength: float = 0.5
    steps: int | None = None
    guidance: float | None = None
    follow_loudness: bool = True
    follow_brightness: bool = True
    follow_pitch: bool = True
    loudness_pull: float = 0.8

    def __post_init__(self) -> None:
        if not self.seconds >= MIN_SECONDS:
            raise RequestError(f"{self.seconds} s is too short for a take; ask for at least {MIN_SECONDS} s")
        if not 1 <= self.variations <= MAX_VARIATIONS:
            raise RequestError(f"{self.variations} variations; ask for 1 to {MAX_VARIATIONS}")
        if self.seed is not None and not 0 <= self.seed < 2**63:
            raise RequestError(f"seed {self.seed} is not possible; use a whole number from 0")
        if self.steps is not None and not 1 <= self.steps <= 500:
            raise RequestError(f"{self.steps} steps; use 1 to 500")
        for name in ("init_strength", "loudness_pull"):
            if not 0 <= getattr(self, name) <= 1:
                raise RequestError(f"{name} {getattr(self, name)} is outside 0 to 1")


@dataclass(frozen=True)
class Take:
    """One sound made.

    clip: mono or stereo, peak at or under -1 dBFS
    score: likeness to the query by CLVAP, a cosine: 1 is the same
    seed: gives this take again
    seconds: of compute it took, its share of the batch
    """

    clip: Clip
    score: float
    seed: int
    seconds: float
