"""The studio: one gesture in, the sounds of the library that fit and new sounds made to it out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from app.services.board import Board
from app.services.catalogue import Catalogue
from app.services.errors import RequestError, explain
from app.services.evaluating import Evaluating
from app.services.export import ExportService
from app.services.generate import Ended, Seen, Waiting, Working
from app.services.gestures import Gesture, Gestures
from app.services.history import Entry, History, KeptPart
from app.services.hits import Hits
from app.services.housekeeping import Housekeeping
from app.services.jobs import Jobs
from app.services.lessons import Lessons
from app.services.library import LibraryService
from app.services.library_map import LibraryMap
from app.services.limits import Limits, Turnstile
from app.services.microphone import LocalMicrophones
from app.services.models import Models
from app.services.requests import ImitateRequest, PerformRequest
from app.services.shelf import Shelf
from app.services.sounds import Sounds
from app.services.takes import TakeKept, Takes, Trouble, check_span, loudness_line
from app.services.training import Training
from app.settings import Settings
from app.space import has_lent_gpu
from clvap.audio import SAMPLE_RATE_HZ, Clip, read
from generation.perform.amounts import LONGEST_S

if TYPE_CHECKING:
    from clvap import Query
    from clvap.activity import Activity


@dataclass(frozen=True)
class Begun:
    """The request was understood and has its place in the history."""

    entry: Entry
    gesture: Gesture | None


@dataclass(frozen=True)
class Found:
    """`entry` now holds the hits."""

    entry: Entry


Event = Begun | Found | TakeKept | Trouble | Waiting | Working | Seen | Ended


class Studio:
    """Everything the page can ask for, wired together once."""

    def __init__(self, settings: Settings, models: Models, jobs: Jobs | None = None) -> None:
        self.settings = settings
        self.board = Board()
        self.limits = Limits.of(settings)
        self.uploads = settings.workspace / "uploads"
        self.turnstile = Turnstile(self.limits, settings.workspace)
        self.jobs = jobs or Jobs(settings.workspace / "jobs")
        self.gestures = Gestures(self._listen)
        self.sounds = Sounds(settings.workspace / "previews")
        self.history = History(settings.workspace / "history")
        self.hits = Hits(models, self.history, self.turnstile, Lessons(models, self.history, self._asked))
        self.library = LibraryService(settings, models, self.board, self.jobs)
        self.catalogue = Catalogue(settings, models)
        self.map = LibraryMap(settings, models, self.jobs, self.sounds)
        self.microphones = LocalMicrophones(settings)
        self.exports = ExportService(settings, models, self.history, self.turnstile)
        self.models_shelf = Shelf(settings, models, self.jobs)
        self.evaluating = Evaluating(settings, self.jobs, self.models_shelf, self.library.places)
        self.training = Training(settings, self.jobs, self.library.places, lambda: self.models_shelf)
        self._takes = Takes(models, self.history)
        self._models = models

    @staticmethod
    def from_settings(settings: Settings) -> Studio:
        """The studio with the real models, none of them loaded yet."""
        return Studio(settings, Models.from_settings(settings))

    @property
    def ready(self) -> bool:
        """Whether a press is answered at once; before that it waits for the search model to load."""
        return self._models.embedder.ready

    def start(self) -> None:
        """Load the models and fill the library in the background."""
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()
        self.exports.tidy()
        Housekeeping(self.uploads, self.history, self.limits, (self.history.trash.empty, self.training.kept.tidy)).start()

    def imitate(self, request: ImitateRequest) -> Iterator[Event]:
        """Find and make sounds for a gesture: `Begun`, then `Found` (or `Trouble`), then the takes as they come, then `Ended`.

        With `request.entry` nothing is searched for, and the takes join that entry.

        Raises RequestError for an empty request or one beyond the limits, Busy where there are too many, AudioError for an
        unusable gesture, ModelError without a search model; later trouble comes as an event, so that what was found is not
        lost. Closing the iterator cancels the generation.
        """
        self.limits.check(request)
        with self.turnstile.passing(request.owner):
            yield from self._imitate(request)

    def _imitate(self, request: ImitateRequest) -> Iterator[Event]:
        words = request.words.strip()
        if request.voice is None and not words:
            raise RequestError("Record a sound or type a few words first.")
        if not 0 <= request.balance <= 1:
            raise RequestError(f"balance {request.balance:g}: use a number from 0 (voice alone) to 1 (words alone)")
        entry = self.history.find(request.owner, request.entry) if request.entry else None
        check_span(request, entry)
        gesture = self.gestures.choose(request.voice, request.part) if request.voice is not None else None
        query = self._query(gesture, words, request.balance)
        joins = entry is not None
        entry = entry or self._begin(request.owner, words, request.balance, gesture)
        yield Begun(entry, gesture)
        if request.hits and not joins:
            try:
                entry = self.hits.find(entry, query, request)
                yield Found(entry)
            except Exception as error:
                yield Trouble("hits", explain(error))
        if request.variations:
            yield from self._takes.make(entry, query, gesture, request)
        else:
            yield Ended(cancelled=False)

    def find_again(self, entry_id: str, request: ImitateRequest) -> Entry:
        """An entry with its hits searched for anew, in what the library holds by now, narrowed as `request` says. RequestError where there is no such entry."""
        entry = self.history.find(request.owner, entry_id)
        if entry is None:
            raise RequestError("This entry is not there any more.")
        return self.hits.find(entry, self._asked(entry), replace(request, balance=entry.balance))

    def perform(self, request: PerformRequest) -> Entry:
        """The entry with the shaped sound as a take, ranked by its likeness to the entry's query.

        Raises RequestError where there is no gesture, AudioError where one of the files cannot be used.
        """
        if request.voice is None:
            raise RequestError("Record a gesture first: the sound is shaped to it.")
        with self.turnstile.passing(request.owner):
            return self._perform(request)

    def _perform(self, request: PerformRequest) -> Entry:
        from generation.perform import perform

        started = time.perf_counter()
        gesture = self.gestures.choose(request.voice, request.part)
        clip = perform(read(request.sound, LONGEST_S), gesture.contours, request.amounts)
        entry = self.history.find(request.owner, request.entry) if request.entry else None
        words, balance = (entry.words, entry.balance) if entry else ("", 0.0)
        score = float(self._models.embedder().embed_audio([clip])[0] @ self._query(gesture, words, balance).vector)
        if entry is None:
            entry = self._begin(request.owner, words, balance, gesture)
        return self.history.keep_take(entry, clip, score, None, time.perf_counter() - started, request.name, performed=True)

    def _asked(self, entry: Entry) -> Query:
        gesture = self.gestures.choose(entry.recording, entry.part.number if entry.part else None) if entry.recording else None
        return self._query(gesture, entry.words, entry.balance)

    def _query(self, gesture: Gesture | None, words: str, balance: float) -> Query:
        return self._models.embedder().query(voice=gesture.clip if gesture else None, text=words or None, balance=balance)

    def _listen(self, clip: Clip) -> Activity | None:
        """What the search model hears; nothing as long as it still loads, so that a recording is shown at once."""
        return self._models.embedder().activity(clip) if self._models.embedder.ready else None

    def _begin(self, owner: str, words: str, balance: float, gesture: Gesture | None) -> Entry:
        if gesture is None:
            return self.history.begin(owner, words, balance, None)
        recording = gesture.recording
        whole = None if recording.clip.room is None else recording.whole()
        return self.history.begin(owner, words, balance, recording.clip, _kept_part(gesture), loudness_line(gesture.contours), whole)

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
            if has_lent_gpu():
                return  # it has none to work on until somebody asks for a take
            generator.generate(GenerateRequest(self._exercise_embedder(), seconds=1.0, variations=1, steps=1, best_of=1))


def _kept_part(gesture: Gesture | None) -> KeptPart | None:
    if gesture is None or gesture.part is None:
        return None
    return KeptPart(gesture.part, gesture.event.start_s, gesture.event.end_s, gesture.recording.clip.duration_s)


def _practice() -> Clip:
    """Half a second of a tone, samples of shape (1, T)."""
    return Clip(np.sin(np.arange(SAMPLE_RATE_HZ // 2, dtype=np.float32) * 0.05)[None] * 0.5)
