"""The studio: one gesture in, the sounds of the library that fit and new sounds made to it out."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from app.services.board import Board
from app.services.errors import RequestError, explain
from app.services.generate import Ended, GenerateService, Made, Waiting, Working
from app.services.gestures import Gesture, Gestures
from app.services.history import Entry, History, KeptMatch, KeptPart
from app.services.jobs import Jobs
from app.services.library import LibraryService, RenderStarter
from app.services.models import Models
from app.services.requests import ImitateRequest, PerformRequest
from app.services.sounds import Sounds
from app.settings import Settings
from clvap.audio import SAMPLE_RATE_HZ, AudioError, Clip, read
from clvap.progress import Progress, silent
from generation.perform.amounts import LONGEST_S
from generation.request import Ground

if TYPE_CHECKING:
    from clvap import Query
    from clvap.activity import Activity
    from clvap.library import Filters
    from generation import GenerateRequest, Generator

_log = logging.getLogger(__name__)
SECONDS_WITHOUT_GESTURE = 3.0
MIN_SECONDS = 0.5


@dataclass(frozen=True)
class Begun:
    """The request was understood and has its place in the history."""

    entry: Entry
    gesture: Gesture | None


@dataclass(frozen=True)
class Found:
    """`entry` now holds the hits."""

    entry: Entry


@dataclass(frozen=True)
class TakeKept:
    """`entry` now holds one more take."""

    entry: Entry


@dataclass(frozen=True)
class Trouble:
    """One half failed, the other goes on."""

    half: Literal["hits", "takes"]
    message: str


Event = Begun | Found | TakeKept | Trouble | Waiting | Working | Ended


class Studio:
    """Everything the page can ask for, wired together once."""

    def __init__(self, settings: Settings, models: Models, render_starter: RenderStarter, jobs: Jobs | None = None) -> None:
        self.settings = settings
        self.board = Board()
        self.jobs = jobs or Jobs(settings.workspace / "jobs")
        self.gestures = Gestures(self._listen)
        self.sounds = Sounds(settings.workspace / "previews")
        self.history = History(settings.workspace / "history")
        self.library = LibraryService(settings, models, self.board, render_starter)
        self._generate = GenerateService(models.generator)
        self._models = models

    @staticmethod
    def from_settings(settings: Settings) -> Studio:
        """The studio with the real models, none of them loaded yet."""
        return Studio(settings, Models.from_settings(settings), _render_starter)

    @property
    def ready(self) -> bool:
        """Whether a press is answered at once; before that it waits for the search model to load."""
        return self._models.embedder.ready

    def start(self) -> None:
        """Load the models and fill the library in the background."""
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()

    def imitate(self, request: ImitateRequest) -> Iterator[Event]:
        """Find and make sounds for a gesture: `Begun`, then `Found` (or `Trouble`), then the takes as they come, then `Ended`.

        Raises RequestError for an empty request, AudioError for an unusable gesture, ModelError without a search model;
        later trouble comes as an event, so that what was found is not lost. Closing the iterator cancels the generation.
        """
        words = request.words.strip()
        if request.voice is None and not words:
            raise RequestError("Record a sound or type a few words first.")
        if not 0 <= request.balance <= 1:
            raise RequestError(f"balance {request.balance:g}: use a number from 0 (voice alone) to 1 (words alone)")
        gesture = self.gestures.choose(request.voice, request.part) if request.voice is not None else None
        query = self._models.embedder().query(voice=gesture.clip if gesture else None, text=words or None, balance=request.balance)
        recording = gesture.recording.clip if gesture else None
        entry = self.history.begin(request.owner, words, request.balance, recording, _kept_part(gesture))
        yield Begun(entry, gesture)
        if request.hits:
            try:
                entry = self.history.keep_matches(entry, self._search(query, request))
                yield Found(entry)
            except Exception as error:
                yield Trouble("hits", explain(error))
        if request.variations:
            yield from self._make(entry, query, gesture, request)
        else:
            yield Ended(cancelled=False)

    def perform(self, request: PerformRequest) -> Entry:
        """The entry with the shaped sound as a take, ranked by its likeness to the entry's query.

        Raises RequestError where there is no gesture, AudioError where one of the files cannot be used.
        """
        if request.voice is None:
            raise RequestError("Record a gesture first: the sound is shaped to it.")
        from generation.perform import perform

        started = time.perf_counter()
        gesture = self.gestures.choose(request.voice, request.part)
        clip = perform(read(request.sound, LONGEST_S), gesture.contours, request.amounts)
        entry = self.history.find(request.owner, request.entry) if request.entry else None
        words, balance = (entry.words, entry.balance) if entry else ("", 0.0)
        embedder = self._models.embedder()
        score = float(embedder.embed_audio([clip])[0] @ embedder.query(voice=gesture.clip, text=words or None, balance=balance).vector)
        if entry is None:
            entry = self.history.begin(request.owner, words, balance, gesture.recording.clip, _kept_part(gesture))
        return self.history.keep_take(entry, clip, score, None, time.perf_counter() - started, request.name, performed=True)

    def _listen(self, clip: Clip) -> Activity | None:
        """What the search model hears; nothing as long as it still loads, so that a recording is shown at once."""
        return self._models.embedder().activity(clip) if self._models.embedder.ready else None

    def _search(self, query: Query, request: ImitateRequest) -> tuple[KeptMatch, ...]:
        from clvap.library import Weights

        found = self._models.library().search(query, k=request.hits, weights=Weights.of(query, request.balance), filters=_filters(request))
        return tuple(
            KeptMatch(str(match.path), match.name, match.caption, match.category or "", float(match.score), float(match.duration_s))
            for match in found
        )

    def _make(self, entry: Entry, query: Query, gesture: Gesture | None, request: ImitateRequest) -> Iterator[Event]:
        try:
            yield Working(0.0, "Loading the generator")
            ground = self._ground(entry, gesture, request)
            with closing(self._generate.run(lambda generator: _asked(generator, query, gesture, request, ground), request.job)) as events:
                for event in events:
                    if isinstance(event, Made):
                        take = event.take
                        entry = self.history.keep_take(entry, take.clip, float(take.score), int(take.seed), float(take.seconds), take.parent)
                        yield TakeKept(entry)
                    else:
                        yield event
        except Exception as error:
            yield Trouble("takes", explain(error))
            yield Ended(cancelled=False)

    @staticmethod
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

    def _warm_up(self) -> None:
        """Models in the order in which a first press needs them. A model that fails says so on the board; the rest goes on."""
        filling = threading.Thread(target=self.library.fill_at_start, name="fill", daemon=True)
        self._warmed("search model", self._exercise_embedder)
        self._warmed("library", self._models.library)
        filling.start()
        self._warmed("generator", self._exercise_generator)

    def _warmed(self, name: str, work: Callable[[], object]) -> None:
        self.board.busy(name, f"Warming up: the {name}")
        try:
            work()
            self.board.clear(name)
        except Exception as error:
            self.board.fail(name, explain(error))

    def _exercise_embedder(self) -> Query:
        """A first use costs more than the next ones; better now than at the first press."""
        return self._models.embedder().query(voice=_practice(), text="a practice tone")

    def _exercise_generator(self) -> None:
        from generation import GenerateRequest

        with self._models.generator() as generator:
            generator.generate(GenerateRequest(self._exercise_embedder(), seconds=1.0, variations=1, steps=1))


def _asked(generator: Generator, query: Query, gesture: Gesture | None, request: ImitateRequest, ground: Ground | None) -> GenerateRequest:
    """The request as a generator takes it, no longer than it can make."""
    from generation import GenerateRequest

    wanted = request.seconds or (gesture.clip.duration_s if gesture else SECONDS_WITHOUT_GESTURE)
    return GenerateRequest(
        query=query,
        seconds=min(max(wanted, MIN_SECONDS), generator.max_seconds),
        variations=request.variations,
        seed=request.seed,
        init=None if request.start_from is None else read(request.start_from, max_duration_s=generator.max_seconds),
        init_strength=request.start_strength,
        ground=ground,
        negative=request.avoid.strip() or None,
        follow=request.follow,
        guidance=request.guidance,
        steps=request.steps,
    )


def _kept_part(gesture: Gesture | None) -> KeptPart | None:
    if gesture is None or gesture.part is None:
        return None
    return KeptPart(gesture.part, gesture.event.start_s, gesture.event.end_s, gesture.recording.clip.duration_s)


def _practice() -> Clip:
    """Half a second of a tone, samples of shape (1, T)."""
    return Clip(np.sin(np.arange(SAMPLE_RATE_HZ // 2, dtype=np.float32) * 0.05)[None] * 0.5)


def _filters(request: ImitateRequest) -> Filters | None:
    if request.shortest_s is None and request.longest_s is None and request.category is None:
        return None
    from clvap.library import Filters

    categories = (request.category,) if request.category is not None else ()
    return Filters(min_duration_s=request.shortest_s, max_duration_s=request.longest_s, categories=categories)


def _render_starter(folder: Path, *, progress: Progress = silent) -> None:
    from generation.procedural import render_starter_library

    render_starter_library(folder, progress=progress)
