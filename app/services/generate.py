"""One generation at a time: a fair queue, progress as events, takes as they come to be and as they are made, cancel at any moment."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.space import on_gpu
from clvap.progress import Cancelled

if TYPE_CHECKING:
    from generation import GenerateRequest, Generator, Take
    from generation.request import Preview

_POLL_S = 0.1
_LENT_S = 90  # the longest for which a GPU is asked, where GPUs are lent


@dataclass(frozen=True)
class Waiting:
    """Others are served first; `ahead` of them."""

    ahead: int


@dataclass(frozen=True)
class Working:
    """The generator is at work; `fraction` of it is done, 0 to 1."""

    fraction: float
    what: str


@dataclass(frozen=True)
class Seen:
    """A take half-made."""

    preview: Preview


@dataclass(frozen=True)
class Made:
    """One more take, in the order of making."""

    take: Take


@dataclass(frozen=True)
class Ended:
    """Nothing more comes. `cancelled` when it was stopped before its end."""

    cancelled: bool


Event = Waiting | Working | Seen | Made | Ended


@dataclass(frozen=True)
class Job:
    """A handle on one generation, made before it starts so that it can be cancelled even while it waits."""

    _cancelled: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()


class GenerateService:
    """Runs requests one after the other, first come first served."""

    def __init__(self, generator: Callable[[], AbstractContextManager[Generator]]) -> None:
        self._generator = generator
        self._at_work: Generator | None = None
        self._making = on_gpu(self._made, _LENT_S)
        self._line: deque[Job] = deque()
        self._changed = threading.Condition()

    def run(self, ask: Callable[[Generator], GenerateRequest], job: Job) -> Iterator[Event]:
        """Events of one generation, ending with `Ended`; `ask` says what is wanted of the generator when the turn comes. Closing the iterator cancels it.

        Raises what `ask` and the generator raise (ModelError, AudioError, ...).
        """
        events: queue.SimpleQueue[Event | Exception] = queue.SimpleQueue()
        with self._changed:
            self._line.append(job)
        # the visitor's request goes along: where GPUs are lent, they are lent to somebody
        visitor = contextvars.copy_context()
        threading.Thread(target=visitor.run, args=(self._work, ask, job, events), name="generate", daemon=True).start()
        try:
            while True:
                for event in _news(events):
                    if isinstance(event, Exception):
                        raise event
                    yield event
                    if isinstance(event, Ended):
                        return
        finally:
            job.cancel()

    def _work(self, ask: Callable[[Generator], GenerateRequest], job: Job, events: queue.SimpleQueue) -> None:
        try:
            self._await_turn(job, events)
            events.put(Working(0.0, ""))
            with self._generator() as self._at_work, closing(self._making(ask(self._at_work))) as making:
                for event in making:
                    events.put(event)
                    if job.cancelled:
                        for last in _stopped(making):
                            events.put(last)
                        raise Cancelled
            events.put(Ended(cancelled=False))
        except Cancelled:
            events.put(Ended(cancelled=True))
        except Exception as error:
            events.put(error)
        finally:
            with self._changed:
                self._line.remove(job)
                self._changed.notify_all()

    def _made(self, asked: GenerateRequest) -> Iterator[Working | Seen | Made]:
        """What the generator at work says and makes. It may run in another process, so it is given and gives plain values, and closing it stops it.

        Cancelled thrown in stops it too, and it still gives what is made by then.
        """
        told: queue.SimpleQueue[Working | Seen | Made | Exception | None] = queue.SimpleQueue()
        stopped = threading.Event()

        def tell(event: Working | Seen | Made) -> None:
            told.put(event)
            if stopped.is_set():
                raise Cancelled

        def work() -> None:
            try:
                self._at_work.generate(
                    asked,
                    progress=lambda done, total, what="": tell(Working(done / total if total else 0.0, what)),
                    on_take=lambda take: tell(Made(take)),
                    on_preview=lambda preview: tell(Seen(preview)),
                )
                told.put(None)
            except Exception as error:
                told.put(error)

        worker = threading.Thread(target=work, name="making", daemon=True)
        worker.start()
        try:
            while (event := told.get()) is not None:
                if isinstance(event, Exception):
                    raise event
                try:
                    yield event
                except Cancelled:
                    stopped.set()
        finally:
            stopped.set()
            worker.join()

    def _await_turn(self, job: Job, events: queue.SimpleQueue) -> None:
        told = 0
        with self._changed:
            while (ahead := self._line.index(job)) > 0:
                if job.cancelled:
                    raise Cancelled
                if ahead != told:
                    events.put(Waiting(ahead))
                    told = ahead
                self._changed.wait(_POLL_S)
        if job.cancelled:
            raise Cancelled


def _stopped(making: Iterator[Working | Seen | Made]) -> Iterator[Made]:
    """What a generation that is stopped now has made by then; nothing where it runs in another process."""
    try:
        event = making.throw(Cancelled())
        while True:
            if isinstance(event, Made):
                yield event
            event = next(making)
    except (Cancelled, StopIteration):
        return


def _news(events: queue.SimpleQueue) -> list[Event | Exception]:
    """All events that are there, at least one, without those that a later one makes old: how far it is, and how a take comes to be."""
    piled: list[Event | Exception] = [events.get()]
    while not events.empty():
        piled.append(events.get_nowait())
    last = {(type(event), event.preview.take if isinstance(event, Seen) else 0): event for event in piled if isinstance(event, (Working, Seen))}
    return [event for event in piled if not isinstance(event, (Working, Seen)) or any(event is one for one in last.values())]
