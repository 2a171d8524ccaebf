"""What a request comes to before and after the network: the candidates of each take, latents, steps, and how well a candidate follows the gesture."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator, Sequence

from clvap.audio import Clip
from clvap.contours import extract
from clvap.progress import Progress
from generation.measures.following import loudness_correlation
from generation.request import GenerateRequest, Inpaint
from generation.samplers import Sampling

_TAIL_LATENTS = 4
_SHORTEST_LATENTS = 32  # shorter windows were never trained on


class Done:
    """How much of the work is done, in steps of one row."""

    def __init__(self, progress: Progress, total: int):
        self._progress, self._total, self.done = progress, total, 0

    def tell(self, what: str) -> None:
        self._progress(self.done, self._total, what)

    def to(self, done: int, what: str) -> None:
        self.done = done
        self.tell(what)

    def add(self, steps: int, what: str) -> None:
        self.to(self.done + steps, what)


def latent_count(seconds: float, rate_hz: float) -> int:
    """Latents to sample for a take: its length, a little after it, and no fewer than the model has seen."""
    return max(math.ceil(seconds * rate_hz) + _TAIL_LATENTS, _SHORTEST_LATENTS)


def latent_span(inpaint: Inpaint, rate_hz: float, latents: int) -> tuple[int, int]:
    """First latent of a marked span and the one after its last."""
    start = min(int(inpaint.start_s * rate_hz), latents - 1)
    return start, max(min(math.ceil(inpaint.end_s * rate_hz), latents), start + 1)


def candidates(request: GenerateRequest, best_of: int) -> list[range]:
    """The seeds that each take is chosen from."""
    first = request.seed if request.seed is not None else secrets.randbelow(2**31)
    return [range(first + take * best_of, first + (take + 1) * best_of) for take in range(request.variations)]


def following(clip: Clip, request: GenerateRequest) -> float | None:
    """How well a sound follows the gesture's loudness as far as it should, over the span where it is drawn over that alone; None without a gesture."""
    if request.query.contours is None:
        return None
    inpaint = request.inpaint
    if inpaint is not None and not inpaint.in_place:
        clip = clip.cut(inpaint.start_s, inpaint.end_s)
    return request.follow.loudness * loudness_correlation(request.query.contours, extract(clip))


def is_grounded(request: GenerateRequest) -> bool:
    """Whether the first take starts from a sound of its own."""
    return request.ground is not None and request.init is None


def steps_from(sampling: Sampling, level: float, fewest: int = 6) -> int:
    """Steps from a level of noise: in proportion, as there is less to do, but enough to do it well."""
    return max(round(sampling.steps * level), min(sampling.steps, fewest))


def parts(seeds: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Seeds in batches of at most that size."""
    return (seeds[start : start + size] for start in range(0, len(seeds), size))
