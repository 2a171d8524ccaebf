"""New sounds for a gesture: what the generator is asked for, and takes as they come to be and are kept."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from app.services.errors import RequestError, explain
from app.services.generate import Ended, GenerateService, Made, Seen, Waiting, Working
from app.services.gestures import Gesture
from app.services.history import Entry, History
from app.services.models import Models
from app.services.requests import ImitateRequest
from clvap.audio import AudioError, read
from clvap.contours import Contours, resample_curve
from generation.perform.amounts import LONGEST_S
from generation.request import Ground, Inpaint

if TYPE_CHECKING:
    from clvap import Query
    from generation import GenerateRequest, Generator, Take

_log = logging.getLogger(__name__)
SECONDS_WITHOUT_GESTURE = 3.0
MIN_SECONDS = 0.5
_LINE_POINTS, _LINE_DB = 64, 48.0
_SAME_LINE = 0.05


@dataclass(frozen=True)
class TakeKept:
    """`entry` now holds one more take."""

    entry: Entry


@dataclass(frozen=True)
class Trouble:
    """One half failed, the other goes on."""

    half: Literal["hits", "takes"]
    message: str


class Takes:
    """Makes takes one request after the other and keeps them."""

    def __init__(self, models: Models, history: History) -> None:
        self._models, self._history = models, history
        self._generate = GenerateService(models.generator)

    def make(
        self, entry: Entry, query: Query, gesture: Gesture | None, request: ImitateRequest
    ) -> Iterator[TakeKept | Trouble | Waiting | Working | Seen | Ended]:
        """Takes of an entry, one by one, then `Ended`; trouble is an event. Closing the iterator cancels."""
        try:
            yield Working(0.0, "Loading the generator")
            ground = _ground(entry, gesture, request)
            with closing(self._generate.run(lambda generator: self._asked(generator, query, gesture, request, ground, entry), request.job)) as events:
                for event in events:
                    if isinstance(event, Made):
                        entry = self._kept(entry, event.take, request)
                        yield TakeKept(entry)
                    else:
                        yield event
        except Exception as error:
            yield Trouble("takes", explain(error))
            yield Ended(cancelled=False)

    def _kept(self, entry: Entry, take: Take, request: ImitateRequest) -> Entry:
        parent = take.parent or (request.start_name if request.start_from is not None else None)
        span = (request.span.start_s, request.span.end_s) if request.span else None
        model = Path(self._models.chosen.now().generator).name
        return self._history.keep_take(entry, take.clip, float(take.score), int(take.seed), float(take.seconds), parent or None, model=model, span=span)

    def _asked(
        self, generator: Generator, query: Query, gesture: Gesture | None, request: ImitateRequest, ground: Ground | None, entry: Entry
    ) -> GenerateRequest:
        """The request as a generator takes it, no longer than it can make."""
        from generation import GenerateRequest

        wanted = request.seconds or (gesture.clip.duration_s if gesture else SECONDS_WITHOUT_GESTURE)
        inpaint = _inpaint(generator, gesture, request, entry) if request.span else None
        init = None if request.start_from is None or inpaint else read(request.start_from, max_duration_s=generator.max_seconds)
        return GenerateRequest(
            query=query,
            seconds=inpaint.clip.duration_s if inpaint else min(max(wanted, MIN_SECONDS), generator.max_seconds),
            variations=request.variations,
            seed=request.seed,
            init=init,
            init_strength=request.start_strength,
            inpaint=inpaint,
            ground=ground,
            negative=request.avoid.strip() or None,
            follow=request.follow,
            guidance=request.guidance,
            steps=request.steps,
            best_of=request.best_of,
            adapter_strength=self._models.chosen.now().adapter_strength,
        )


def check_span(request: ImitateRequest, entry: Entry | None) -> None:
    """Raises RequestError where a request's span is no part of a take of that entry."""
    if request.span is None:
        return
    take = entry.take_at(request.start_from) if entry is not None and request.start_from is not None else None
    if take is None:
        raise RequestError("This take is not there any more.")
    request.span.check(take.title, take.duration_s)


def loudness_line(contours: Contours) -> tuple[float, ...]:
    """A gesture's loudness over its time in a few numbers from 0 to 1, for a line over the sounds made and found for it."""
    curve = resample_curve(contours.loudness_db, _LINE_POINTS)
    return tuple(round(float(level), 2) for level in np.clip(1 + (curve - curve.max()) / _LINE_DB, 0, 1))


def _inpaint(generator: Generator, gesture: Gesture | None, request: ImitateRequest, entry: Entry) -> Inpaint:
    """The take with its span. The gesture it was made to counts where the span lies, another one is drawn over the span."""
    clip = read(request.start_from)
    if clip.duration_s > generator.max_seconds + 1e-3:
        raise RequestError(f"{request.start_name} lasts {clip.duration_s:.1f} s, and this generator makes at most {generator.max_seconds:g} s.")
    in_place = gesture is not None and _is_line(entry.loudness, loudness_line(gesture.contours))
    return Inpaint(clip, request.span.start_s, min(request.span.end_s, clip.duration_s), in_place)


def _is_line(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Whether two gestures are the same, by their loudness."""
    return len(one) == len(other) and float(np.abs(np.subtract(one, other)).mean()) < _SAME_LINE


def _ground(entry: Entry, gesture: Gesture | None, request: ImitateRequest) -> Ground | None:
    """The best hit as the gesture performs it, for the first take to start from; None where there is none to be had."""
    if gesture is None or not request.grounded or request.start_from is not None or not entry.matches:
        return None
    from generation.perform import perform

    best = entry.matches[0]
    try:
        return Ground(perform(read(best.path, LONGEST_S), gesture.contours), best.name or Path(best.path).stem)
    except AudioError as error:
        _log.warning("no grounded take: %s", error)
        return None
