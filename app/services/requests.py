"""What can be asked of the studio."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from app.services.errors import RequestError
from app.services.generate import Job
from generation.perform.amounts import Amounts
from generation.request import Follow

SHORTEST_SPAN_S = 0.1


@dataclass(frozen=True)
class Span:
    """A part of a sound, in seconds from its beginning."""

    start_s: float
    end_s: float

    def check(self, name: str, duration_s: float) -> None:
        """Raises RequestError where this is no part of a sound of that name and length, or one too short to be made anew."""
        if not 0 <= self.start_s < self.end_s <= duration_s + 0.01:
            raise RequestError(f"{name} lasts {duration_s:.2f} s, from {self.start_s:g} s to {self.end_s:g} s is no part of it: mark one.")
        if self.end_s - self.start_s < SHORTEST_SPAN_S - 1e-6:
            raise RequestError(f"{self.end_s - self.start_s:.2f} s is too short to make anew: mark at least {SHORTEST_SPAN_S:g} s.")
        if self.end_s - self.start_s > duration_s - 0.01:
            raise RequestError(f"That is all of {name}: mark a part of it, or press Vary.")


@dataclass(frozen=True)
class ImitateRequest:
    """What one press of the button asks for.

    voice: file of the recording, None for words alone
    part: which gesture of the recording is meant, counted from 1; None for all of it
    words: may be empty when there is a voice
    balance: 0 is voice only, 1 is words only; counts when both are there
    owner: who asks; only they find it in the history
    hits, variations: how many sounds to find and to make; 0 leaves that half out
    seconds: length of the takes, None for that of the gesture
    seed: random seed of the first take, None for a new one
    shortest_s, longest_s, category: which hits may be shown; None for any
    start_from: a sound that the takes start from, and how strongly (0 to 1) they leave it alone; start_name: what it is called
    span: the part of `start_from`, a take of the `entry`, that is made anew while the rest of it stays; None where takes are new from end to end
    grounded: whether one take starts from the best hit, performed to the gesture; not where there is a `start_from`, or no gesture
    avoid: words for what the takes should stay away from
    follow: how far the generator hears the gesture's curves
    guidance, steps: of the sampler, None leaves them to the model
    best_of: how many candidates each take is the best of, None leaves it to the model
    entry: id of the history entry that the takes join, None for a new one with hits of its own
    """

    voice: Path | None
    words: str = ""
    balance: float = 0.5
    owner: str = ""
    hits: int = 20
    variations: int = 3
    seconds: float | None = None
    seed: int | None = None
    shortest_s: float | None = None
    longest_s: float | None = None
    category: str | None = None
    start_from: Path | None = None
    start_strength: float = 0.5
    start_name: str = ""
    span: Span | None = None
    grounded: bool = True
    avoid: str = ""
    follow: Follow = field(default_factory=Follow)
    guidance: float | None = None
    steps: int | None = None
    best_of: int | None = None
    part: int | None = None
    entry: str | None = None
    job: Job = field(default_factory=Job)


@dataclass(frozen=True)
class PerformRequest:
    """A sound to be shaped to a gesture.

    sound: its file; name: what it is called
    voice, part: the gesture, as in `ImitateRequest`
    amounts: how far each aspect is drawn to the gesture's
    entry: id of the history entry that the result becomes a take of, None for a new one
    """

    sound: Path
    name: str
    voice: Path | None
    part: int | None = None
    amounts: Amounts = field(default_factory=Amounts)
    owner: str = ""
    entry: str | None = None
