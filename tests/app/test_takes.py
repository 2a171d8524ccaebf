"""Takes of the studio on fake models: seen half-made, stopped, and with a part made anew."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from app.services.errors import RequestError
from app.services.generate import Ended, GenerateService, Job, Made, Seen, Working
from app.services.requests import ImitateRequest, Span
from app.services.studio import TakeKept, Trouble
from clvap.audio import read
from clvap.progress import Cancelled
from generation.request import Preview
from tests.app.conftest import bench
from tests.fakes import FakeGenerator, FakeTake, tone


def of(kind, events):
    return [event for event in events if isinstance(event, kind)]


def test_takes_are_seen_half_made_before_they_are_heard(filled, voice):
    events = list(filled.studio.imitate(ImitateRequest(voice, hits=0, variations=2)))
    seen = of(Seen, events)
    assert {event.preview.take for event in seen} == {0, 1} and seen[0].preview.levels.shape == (16, 24)
    assert events.index(seen[0]) < events.index(of(TakeKept, events)[0])


class Choosing(FakeGenerator):
    """Has a take in hand when it is stopped, as the real one has where one of several candidates is made."""

    def generate(self, request, progress=None, on_take=None, on_preview=None):
        on_take(FakeTake(tone(0.5), 0.5, 1, 0.1))
        try:
            while True:
                progress(1, 2, "at it")
                time.sleep(0.01)
        except Cancelled:
            on_take(FakeTake(tone(0.5), 0.4, 2, 0.1))
            raise


def test_what_is_made_when_it_is_stopped_is_kept(tmp_path, voice):
    made = bench(tmp_path / "w", generator=Choosing())
    request, events = ImitateRequest(voice, hits=0, variations=2), []
    for event in made.studio.imitate(request):
        events.append(event)
        if isinstance(event, TakeKept):
            request.job.cancel()
    assert events[-1] == Ended(cancelled=True) and not of(Trouble, events)
    assert [take.seed for take in made.studio.history.list("")[0].takes] == [1, 2]


def test_old_news_is_not_told(tmp_path):
    seen, done = threading.Event(), threading.Event()

    class Fast(FakeGenerator):
        def generate(self, request, progress=None, on_take=None, on_preview=None):
            progress(0, 9, "first")
            seen.wait(5)
            for step in range(8):
                for take in (0, 1):
                    on_preview(Preview(take, np.full((2, 2), step)))
                progress(step, 9, "more")
            on_take(FakeTake(tone(0.1), 0.5, 1, 0.1))
            done.set()

    from app.services.models import Lent

    events = GenerateService(Lent(Fast)).run(lambda generator: None, Job())
    first = next(events)
    seen.set(), done.wait(5)
    time.sleep(0.2)
    rest = list(events)
    assert isinstance(first, Working) and [event.preview.take for event in of(Seen, rest)] == [0, 1] and len(of(Made, rest)) == 1
    assert all(event.preview.levels.max() == 7 for event in of(Seen, rest)) and len(of(Working, rest)) <= 2


@pytest.fixture
def made(filled, three_gestures):
    """An entry with a gesture of 0.9 s and a take to it, and the request that made them."""
    request = ImitateRequest(three_gestures, "bell", owner="local", variations=1, part=2)
    list(filled.studio.imitate(request))
    return filled.studio.history.list("local")[0], request


def redo(filled, made, span, **changes):
    """Ask for a part of the entry's take."""
    entry, request = made
    start = {"start_from": entry.file(entry.takes[0]), "start_name": entry.takes[0].title, "span": span, "entry": entry.id, "hits": 0, "job": Job()}
    return list(filled.studio.imitate(replace(request, **start | changes)))


def test_a_part_of_a_take_is_made_anew_and_says_so(filled, made):
    events = redo(filled, made, Span(0.2, 0.5), variations=2)
    entry = filled.studio.history.list("local")[0]
    assert len(of(TakeKept, events)) == 2 and entry.id == made[0].id and entry.matches == made[0].matches
    old, new = entry.takes[0], entry.takes[1]
    assert (new.parent, new.start_s, new.end_s, new.title) == ("Take 1", 0.2, 0.5, "Take 2") and old.start_s is None
    before, after = (read(entry.file(take)).samples for take in (old, new))
    assert np.array_equal(before[:, : int(0.2 * 44_100)], after[:, : int(0.2 * 44_100)]) and before.shape == after.shape
    assert np.abs(before - after)[:, int(0.25 * 44_100) : int(0.45 * 44_100)].max() > 0.05
    asked = filled.generator.requests[-1]
    assert asked.init is None and asked.ground is None and asked.seconds == pytest.approx(old.duration_s) and asked.inpaint.in_place


def test_another_gesture_is_drawn_over_the_part_and_none_is_needed(filled, made, voice):
    redo(filled, made, Span(0.2, 0.5), voice=voice, part=None)
    redo(filled, made, Span(0.2, 0.5), voice=None, part=None)
    other, without = filled.generator.requests[-2:]
    assert not other.inpaint.in_place and other.query.contours is not None and without.query.contours is None and not without.inpaint.in_place


@pytest.mark.parametrize(
    ("span", "told"),
    [
        (Span(0.2, 0.25), "0.05 s is too short to make anew: mark at least 0.1 s"),
        (Span(0.0, 5.0), "no part of it"),
        (Span(0.5, 0.2), "no part of it"),
        (Span(float("nan"), 0.2), "no part of it"),
        (Span(0.0, 0.97), "That is all of Take 1"),
    ],
)
def test_what_is_no_part_is_refused(filled, made, span, told):
    if told.startswith("That is all"):
        span = Span(0.0, made[0].takes[0].duration_s)
    with pytest.raises(RequestError, match=told):
        redo(filled, made, span)
    assert len(filled.studio.history.list("local")[0].takes) == 1


def test_only_a_take_of_ones_own_entry_has_parts(filled, made, voice):
    for changes in ({"owner": "page:2"}, {"entry": "gone"}, {"entry": None}, {"start_from": voice}, {"start_from": None}):
        with pytest.raises(RequestError, match="This take is not there any more"):
            redo(filled, made, Span(0.2, 0.5), **changes)


def test_a_take_longer_than_the_generator_makes_is_told(filled, made):
    filled.generator.max_seconds = 0.5
    trouble = of(Trouble, redo(filled, made, Span(0.2, 0.5)))
    assert trouble[0].message.startswith("Take 1 lasts 0.9 s, and this generator makes at most 0.5 s") or trouble[0].message.startswith("Take 1 lasts 1.0 s")


def test_an_export_tells_which_part_is_new_and_the_sample_below(filled, voice):
    list(filled.studio.imitate(ImitateRequest(voice, "bell", owner="local", variations=1)))
    entry = filled.studio.history.list("local")[0]
    sample = entry.takes[0].parent
    redo(filled, (entry, ImitateRequest(voice, "bell", owner="local", variations=1)), Span(0.2, 0.5))
    entry = filled.studio.history.list("local")[0]
    told = filled.studio.exports._origins.of("local", [entry.file(entry.takes[1])], "ME")[0].about
    assert sample and told.parent == f"Take 1, 0.20 to 0.50 s made anew, from {sample}" and told.seed == entry.takes[1].seed
    assert entry.root(entry.takes[1]) == entry.takes[0]


def test_with_the_real_engine_a_part_is_made_anew_without_a_click(tmp_path, voice):
    from generation import Generator
    from tests.generation import tiny

    embedder = tiny.FakeEmbedder()
    real = Generator.from_pretrained(tiny.saved(tmp_path / "tiny"), "cpu", embedder)
    studio = bench(tmp_path / "w", generator=real, embedder=Heard()).studio
    request = ImitateRequest(voice, "a dog", owner="local", hits=0, variations=1)
    list(studio.imitate(request))
    entry = studio.history.list("local")[0]
    span = Span(0.3, 0.6)
    start = {"start_from": entry.file(entry.takes[0]), "start_name": "Take 1", "span": span, "entry": entry.id, "job": Job()}
    events = list(studio.imitate(replace(request, **start)))
    assert not of(Trouble, events) and len(of(Seen, events)) >= 3
    entry = studio.history.list("local")[0]
    old, new = (read(entry.file(take)).samples[0] for take in entry.takes)
    begins, ends = int(span.start_s * 44_100), int(span.end_s * 44_100) + 1
    assert np.array_equal(old[:begins], new[:begins]) and np.array_equal(old[ends:], new[ends:]) and np.abs(old - new).max() > 1e-3
    apart = np.abs(new - old)
    assert max(apart[begins : begins + 20].max(), apart[ends - 21 : ends].max()) < 0.05  # it comes and goes by degrees


class Heard:
    """The embedder of tiny models, with what else the studio asks of one."""

    def __init__(self):
        from tests.generation import tiny

        self._tiny, self.fingerprint = tiny, "fake"

    def embed_audio(self, sounds):
        return self._tiny.FakeEmbedder().embed_audio([read(sound) if not hasattr(sound, "samples") else sound for sound in sounds])

    def query(self, voice=None, text=None, balance=0.5):
        from clvap.contours import extract

        return self._tiny.query(contours=extract(voice) if voice is not None else None, text=text)

    def activity(self, clip):
        return None
