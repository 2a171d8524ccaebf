import threading
import time
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
import pytest

from app.services.errors import RequestError
from app.services.generate import Ended, Job, Waiting
from app.services.gestures import Gestures
from app.services.hits import Emphasis
from app.services.requests import ImitateRequest, PerformRequest
from app.services.studio import Begun, Found, TakeKept, Trouble
from app.services.takes import loudness_line
from clvap.activity import Activity
from clvap.audio import AudioError, Clip, info, read, write
from clvap.checkpoints import ModelError
from clvap.contours import extract
from generation.perform.amounts import Amounts
from generation.request import Follow
from tests.app.conftest import bench
from tests.fakes import FakeEmbedder, FakeGenerator, FakeLibrary, FakeTake, tone
from tests.sounds import knocks, noise


def of(kind, events):
    return [event for event in events if isinstance(event, kind)]


def test_hits_come_before_takes_and_both_are_kept(filled, voice):
    events = list(filled.studio.imitate(ImitateRequest(voice, "falling bell", owner="local", variations=2)))
    kinds = [type(event) for event in events]
    assert kinds[0] is Begun and kinds[-1] is Ended and kinds.index(Found) < kinds.index(TakeKept)
    kept = filled.studio.history.list("local")[0]
    assert len(kept.takes) == 2 and len(kept.matches) == 6 and kept.words == "falling bell"
    assert all((kept.folder / take.file).is_file() for take in kept.takes)


def test_the_take_is_as_long_as_the_trimmed_gesture_unless_asked(filled, voice):
    list(filled.studio.imitate(ImitateRequest(voice)))
    list(filled.studio.imitate(ImitateRequest(voice, seconds=4.0)))
    list(filled.studio.imitate(ImitateRequest(None, "rain", seconds=99.0)))
    auto, asked, too_long = (request.seconds for request in filled.generator.requests)
    assert 0.5 <= auto <= 0.95 and asked == 4.0 and too_long == filled.generator.max_seconds


def test_filters_reach_the_library(filled):
    events = filled.studio.imitate(ImitateRequest(None, "bell", variations=0, category="BELL", longest_s=0.8))
    matches = of(Found, events)[0].entry.matches
    assert matches and {match.category for match in matches} == {"BELL"} and max(match.duration_s for match in matches) <= 0.8


def test_a_sound_can_seed_the_takes(filled, voice, tmp_path):
    seed = write(tmp_path / "seed.wav", tone(0.5))
    list(filled.studio.imitate(ImitateRequest(voice, start_from=seed, start_strength=0.7)))
    request = filled.generator.requests[0]
    assert request.init.duration_s == pytest.approx(0.5, abs=0.01) and request.init_strength == 0.7


def test_nothing_asked_is_refused_and_leaves_no_history(filled):
    with pytest.raises(RequestError, match="Record a sound or type"):
        list(filled.studio.imitate(ImitateRequest(None, "  ")))
    assert filled.studio.history.list("") == []


def test_a_balance_outside_its_range_is_refused(filled):
    with pytest.raises(RequestError, match="from 0"):
        list(filled.studio.imitate(ImitateRequest(None, "rain", balance=1.5)))


def test_a_library_that_fails_does_not_take_the_takes_with_it(tmp_path, voice):
    class Broken(FakeLibrary):
        def search(self, *_, **__):
            raise OSError("disk on fire")

    made = bench(tmp_path / "w", library=Broken())
    events = list(made.studio.imitate(ImitateRequest(voice, variations=1)))
    trouble = of(Trouble, events)[0]
    assert trouble.half == "hits" and "disk on fire" not in trouble.message and len(of(TakeKept, events)) == 1


def test_a_generator_that_fails_leaves_the_hits(tmp_path, voice):
    class Broken(FakeGenerator):
        def generate(self, *_, **__):
            raise ModelError("no model 'x': use sfx-mini")

    made = bench(tmp_path / "w", generator=Broken())
    made.studio.library.fill_at_start()
    events = list(made.studio.imitate(ImitateRequest(voice)))
    assert of(Trouble, events)[0] == Trouble("takes", "no model 'x': use sfx-mini") and of(Found, events) and isinstance(events[-1], Ended)


def test_cancel_ends_the_work_and_keeps_what_was_made(tmp_path, voice):
    class OneThenForEver(FakeGenerator):
        def generate(self, request, progress=None, on_take=None, on_preview=None):
            on_take(FakeTake(tone(0.5), 0.5, 1, 0.1))
            while True:
                progress(1, 2, "at it")
                time.sleep(0.01)

    made = bench(tmp_path / "w", generator=OneThenForEver())
    request = ImitateRequest(voice, variations=2)
    events = []
    for event in made.studio.imitate(request):
        events.append(event)
        if isinstance(event, TakeKept):
            request.job.cancel()
    kept = made.studio.history.list("")[0]
    assert events[-1] == Ended(cancelled=True) and len(kept.takes) == 1 and kept.takes[0].seed == 1


def test_leaving_the_page_stops_the_generation(tmp_path, voice):
    made = bench(tmp_path / "w", generator=FakeGenerator(gate=threading.Event()))
    request = ImitateRequest(voice, hits=0)
    events = made.studio.imitate(request)
    assert isinstance(next(events), Begun)
    next(events), next(events)
    events.close()
    assert request.job.cancelled


def test_one_generation_at_a_time_first_come_first_served(tmp_path, voice):
    gate = threading.Event()
    made = bench(tmp_path / "w", generator=FakeGenerator(gate=gate))
    first, second = [], []
    run = lambda seed, into: into.extend(made.studio.imitate(ImitateRequest(voice, hits=0, variations=1, seed=seed)))  # noqa: E731
    one = threading.Thread(target=run, args=(1, first))
    one.start()
    while not made.generator.requests:
        time.sleep(0.01)
    two = threading.Thread(target=run, args=(2, second))
    two.start()
    time.sleep(0.3)
    assert len(made.generator.requests) == 1
    gate.set()
    one.join(5), two.join(5)
    assert [request.seed for request in made.generator.requests] == [1, 2]
    assert Waiting(1) in second and Waiting(1) not in first and isinstance(second[-1], Ended)


def test_who_waits_can_cancel_too(tmp_path, voice):
    gate = threading.Event()
    made = bench(tmp_path / "w", generator=FakeGenerator(gate=gate))
    one = threading.Thread(target=lambda: list(made.studio.imitate(ImitateRequest(voice, hits=0, variations=1))))
    one.start()
    while not made.generator.requests:
        time.sleep(0.01)
    job = Job()
    events = []
    for event in made.studio.imitate(ImitateRequest(voice, hits=0, job=job)):
        events.append(event)
        if isinstance(event, Waiting):
            job.cancel()
    gate.set()
    one.join(5)
    assert events[-1] == Ended(cancelled=True) and len(made.generator.requests) == 1


def test_warming_up_tells_a_missing_model_and_goes_on(tmp_path):
    from app.services.jobs import Jobs
    from app.services.models import Lazy, Lent, Models
    from app.services.studio import Studio
    from app.settings import Settings
    from clvap.workspace import library_folder

    def missing():
        raise ModelError("no model 'nope': use one of clvap-mini")

    library = FakeLibrary(library_folder(tmp_path))
    models = Models(Lazy(missing), Lazy(lambda: library), Lent(FakeGenerator))
    studio = Studio(Settings(workspace=tmp_path), models, Jobs(tmp_path / "jobs", "tests.work"))
    studio.start()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and not (models.generator.ready and library.count()):
        time.sleep(0.02)
    assert [(notice.kind, notice.text) for notice in studio.board.notices()] == [("error", "no model 'nope': use one of clvap-mini")]
    with pytest.raises(ModelError):
        list(studio.imitate(ImitateRequest(None, "rain")))


def test_a_part_of_the_recording_is_all_that_is_used(filled, three_gestures):
    list(filled.studio.imitate(ImitateRequest(three_gestures, owner="local", variations=1)))
    list(filled.studio.imitate(ImitateRequest(three_gestures, owner="local", variations=1, part=2)))
    whole, part = (request.query.contours.duration_s for request in filled.generator.requests)
    assert whole == pytest.approx(3.4, abs=0.2) and part == pytest.approx(0.9, abs=0.15)
    assert [request.seconds for request in filled.generator.requests] == [pytest.approx(whole, abs=0.05), pytest.approx(part, abs=0.05)]


def test_which_part_was_used_is_kept_with_the_whole_recording(filled, three_gestures):
    list(filled.studio.imitate(ImitateRequest(three_gestures, owner="local", variations=0, part=2)))
    entry = filled.studio.history.list("local")[0]
    again = filled.studio.gestures.choose(entry.recording, entry.part.number)
    assert entry.part.number == 2 and len(again.recording.parts) == 3
    assert (again.event.start_s, again.event.end_s) == (pytest.approx(entry.part.start_s, abs=0.05), pytest.approx(entry.part.end_s, abs=0.05))
    assert entry.part.duration_s == pytest.approx(again.recording.clip.duration_s, abs=0.01)


def test_a_part_that_is_not_there_is_refused_and_leaves_no_history(filled, three_gestures, voice):
    with pytest.raises(AudioError, match="gesture 4 was asked for, but it holds 3 gestures"):
        list(filled.studio.imitate(ImitateRequest(three_gestures, part=4)))
    with pytest.raises(AudioError, match="it holds 1 gesture;"):
        list(filled.studio.imitate(ImitateRequest(voice, part=2)))
    assert filled.studio.history.list("") == []


def test_what_the_search_model_hears_chooses_the_gestures(tmp_path, three_gestures):
    class Listening(FakeEmbedder):
        def activity(self, clip):
            presence = np.ones((8, 1), np.float32)
            presence[6:] = 0  # the last gesture is nothing to it
            return Activity(presence, ("bell",))

    made = bench(tmp_path / "w", embedder=Listening())
    assert len(made.studio.gestures.read(three_gestures).parts) == 3  # the model is not there yet, and nobody waits for it
    list(made.studio.imitate(ImitateRequest(None, "bell", variations=0)))
    three_gestures.touch()
    assert [part.label for part in made.studio.gestures.read(three_gestures).parts] == ["bell", "bell"]


def test_recordings_that_were_forgotten_leave_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr("app.services.gestures._KEPT", 2)
    gestures = Gestures()
    files = [gestures.read(write(tmp_path / f"{i}.wav", tone(0.5))).prepared for i in range(3)]
    assert [file.exists() for file in files] == [False, True, True] and info(files[2]).duration_s == pytest.approx(0.5, abs=0.02)


def test_one_take_is_grounded_on_the_best_hit_as_the_gesture_performs_it(filled, voice):
    list(filled.studio.imitate(ImitateRequest(voice, owner="local")))
    entry, ground = filled.studio.history.list("local")[0], filled.generator.requests[0].ground
    assert ground.name == entry.matches[0].name and [take.parent for take in entry.takes] == [ground.name, None, None]
    assert ground.clip.duration_s == pytest.approx(filled.generator.requests[0].query.contours.duration_s, abs=0.01)


def test_takes_are_not_grounded_where_they_should_not_be(filled, voice, tmp_path):
    seed = write(tmp_path / "seed.wav", tone(0.5))
    for request in (
        ImitateRequest(None, "rain"), ImitateRequest(voice, start_from=seed), ImitateRequest(voice, hits=0), ImitateRequest(voice, grounded=False)
    ):  # fmt: skip
        list(filled.studio.imitate(request))
    assert [request.ground for request in filled.generator.requests] == [None] * 4


def test_a_best_hit_that_is_gone_costs_the_ground_and_nothing_else(filled, voice):
    found = of(Found, filled.studio.imitate(ImitateRequest(voice, variations=0)))[0].entry.matches
    Path(found[0].path).unlink()
    events = list(filled.studio.imitate(ImitateRequest(voice, variations=2)))
    assert not of(Trouble, events) and len(of(TakeKept, events)) == 2 and filled.generator.requests[-1].ground is None


def test_what_more_control_asks_reaches_the_generator(filled, voice):
    list(filled.studio.imitate(ImitateRequest(voice, avoid=" thunder ", follow=Follow(pitch=0.2), guidance=2.5, steps=7, best_of=4)))
    asked = filled.generator.requests[0]
    assert (asked.negative, asked.follow.pitch, asked.follow.loudness, asked.guidance, asked.steps) == ("thunder", 0.2, 1.0, 2.5, 7)
    assert asked.best_of == 4
    with pytest.raises(RequestError, match="candidates of a take: use a number from 1 to 4"):
        list(filled.studio.imitate(ImitateRequest(voice, best_of=5)))


def test_a_performed_sound_becomes_a_take_of_the_entry(filled, three_gestures, tmp_path):
    list(filled.studio.imitate(ImitateRequest(three_gestures, "bell", owner="local", variations=1, part=2)))
    before = filled.studio.history.list("local")[0]
    sound = write(tmp_path / "wind.wav", tone(2.0))
    after = filled.studio.perform(PerformRequest(sound, "wind", three_gestures, 2, owner="local", entry=before.id))
    take = after.takes[-1]
    assert after.id == before.id and len(after.takes) == 2 and (take.parent, take.performed, take.seed) == ("wind", True, None)
    gesture = filled.studio.gestures.choose(three_gestures, 2).contours
    made = read(after.folder / take.file)
    assert made.duration_s == pytest.approx(gesture.duration_s, abs=0.01)
    untimed = filled.studio.perform(PerformRequest(sound, "wind", three_gestures, 2, Amounts(timing=0), "local", before.id)).takes[-1]
    assert untimed.duration_s == pytest.approx(2.0, abs=0.01) and extract(made).loudness_db.max() > -40


def test_performing_without_an_entry_begins_one_and_without_a_gesture_says_what_to_do(filled, voice, tmp_path):
    sound = write(tmp_path / "wind.wav", tone(1.0))
    entry = filled.studio.perform(PerformRequest(sound, "wind", voice, owner="local"))
    assert filled.studio.history.list("local") == [entry] and entry.gesture is not None and len(entry.takes) == 1
    other = filled.studio.perform(PerformRequest(sound, "wind", voice, owner="page:2", entry=entry.id))
    assert other.id != entry.id and filled.studio.history.list("local") == [entry]
    with pytest.raises(RequestError, match="Record a gesture first"):
        filled.studio.perform(PerformRequest(sound, "wind", None))
    with pytest.raises(AudioError, match="no such file"):
        filled.studio.perform(PerformRequest(tmp_path / "gone.wav", "gone", voice))


def one_entry(filled, **asked):
    list(filled.studio.imitate(ImitateRequest(None, "bell", owner="local", variations=0, **asked)))
    return filled.studio.history.list("local")[0]


def test_a_gesture_leaves_its_loudness_and_words_leave_none(filled, voice):
    list(filled.studio.imitate(ImitateRequest(voice, owner="local", variations=0)))
    line = filled.studio.history.list("local")[0].loudness
    assert len(line) == 64 and max(line) == 1.0 and min(line) >= 0 and line[5] > line[-1]
    assert one_entry(filled).loudness == ()


def test_a_gesture_that_is_opened_again_is_heard_in_its_room(filled, tmp_path):
    samples = np.pad(knocks((0.2, 0.6)).samples[:, :44_100], ((0, 0), (22_050, 22_050)))
    voice = write(tmp_path / "noisy.wav", Clip(samples + noise(2.0, level=0.003).samples))
    list(filled.studio.imitate(ImitateRequest(voice, owner="local", variations=0)))
    entry = filled.studio.history.list("local")[0]
    assert min(entry.loudness) == 0.0  # between the knocks
    assert loudness_line(filled.studio.gestures.choose(entry.recording).contours) == pytest.approx(entry.loudness, abs=0.02)


def test_a_recording_whose_file_is_gone_is_kept_as_it_was_heard(filled, tmp_path):
    voice = write(tmp_path / "gone.wav", tone(0.8))
    recording = filled.studio.gestures.read(voice)
    voice.unlink()
    assert np.array_equal(recording.whole().samples, recording.clip.samples)


def test_takes_say_which_model_made_them_and_performed_ones_none(filled, voice, tmp_path):
    list(filled.studio.imitate(ImitateRequest(voice, owner="local", variations=1)))
    entry = filled.studio.history.list("local")[0]
    entry = filled.studio.perform(PerformRequest(write(tmp_path / "w.wav", tone(1.0)), "w", voice, owner="local", entry=entry.id))
    assert [take.model for take in entry.takes] == ["sfx-mini", None]


def test_more_is_kept_than_shown_and_weighed_anew_without_a_search(filled):
    shown = one_entry(filled, hits=3)
    filled.library.search = None  # whatever is needed was kept
    rhythm = filled.studio.hits.rerank("local", shown.id, Emphasis(overall=0, timing=1))
    assert len(shown.matches) == len(rhythm.matches) == 3
    assert [match.duration_s for match in rhythm.matches] == pytest.approx([1.3, 1.1, 0.9], abs=0.01)
    assert rhythm.matches[0].score == pytest.approx(rhythm.matches[0].aspects["timing"])
    kept = filled.studio.history.find("local", shown.id)
    assert kept == rhythm and Emphasis(**kept.emphasis) == Emphasis(overall=0, timing=1)
    usual = filled.studio.hits.rerank("local", shown.id, Emphasis())
    assert usual.matches == shown.matches and usual.emphasis is None
    with pytest.raises(RequestError, match="from 0 to 1"):
        Emphasis(pitch=1.2)


def test_sounds_like_a_hit_or_a_take_take_the_place_of_the_hits(filled):
    list(filled.studio.imitate(ImitateRequest(None, "bell", owner="local", variations=1, seconds=0.7)))
    entry = filled.studio.history.list("local")[0]
    hit = entry.matches[0]
    like = filled.studio.hits.alike("local", entry.id, Path(hit.path), hit.name)
    assert like.alike.name == hit.name and len(like.hits) == 5 and hit.path not in {match.path for match in like.hits}
    take = entry.takes[0]
    like = filled.studio.hits.alike("local", entry.id, entry.file(take), "Take 1")
    assert [match.duration_s for match in like.hits[:1]] == [pytest.approx(0.7, abs=0.01)] and len(like.hits) == 6
    ranked = filled.studio.hits.rerank("local", entry.id, Emphasis(overall=0, timing=1))
    assert ranked.hits[0].duration_s == pytest.approx(1.3) and ranked.matches == entry.matches
    assert filled.studio.hits.back("local", entry.id).hits == entry.matches
    with pytest.raises(RequestError, match="not there any more"):
        filled.studio.hits.alike("page:2", entry.id, Path(hit.path), hit.name)
    with pytest.raises(AudioError, match="no such file"):
        filled.studio.hits.alike("local", entry.id, Path("gone"), "gone")


def test_an_earlier_gesture_finds_what_the_library_holds_by_now(filled, three_gestures):
    asked = ImitateRequest(three_gestures, "bell", owner="local", variations=1, part=2, balance=0.2, longest_s=0.01)
    list(filled.studio.imitate(asked))
    before = filled.studio.history.list("local")[0]
    assert not before.matches
    after = filled.studio.find_again(before.id, replace(asked, voice=None, words="something typed since", longest_s=None))
    assert len(after.matches) == 6 and len(after.takes) == 1 and after.words == "bell"
    anew = filled.studio.imitate(replace(asked, longest_s=None, variations=0))
    assert of(Found, anew)[0].entry.matches == after.matches
    with pytest.raises(RequestError, match="not there"):
        filled.studio.find_again(before.id, replace(asked, owner="page:2"))


def test_takes_made_from_a_sound_join_the_entry_and_say_so(filled, voice, tmp_path):
    list(filled.studio.imitate(ImitateRequest(voice, "bell", owner="local", variations=1)))
    before = filled.studio.history.list("local")[0]
    sound = write(tmp_path / "seed.wav", tone(0.5))
    varied = ImitateRequest(voice, "bell", owner="local", variations=2, hits=0, start_from=sound, start_name="door", entry=before.id)
    events = list(filled.studio.imitate(varied))
    after = filled.studio.history.list("local")
    assert len(after) == 1 and after[0].matches == before.matches and [take.parent for take in after[0].takes[1:]] == ["door", "door"]
    assert not of(Found, events) and filled.generator.requests[-1].init is not None
    list(filled.studio.imitate(replace(varied, owner="page:2", job=Job())))
    assert len(filled.studio.history.list("local")[0].takes) == 3 and len(filled.studio.history.list("page:2")) == 1


def test_the_real_library_gives_what_weighing_needs(tmp_path):
    from clvap.library.search import Aspects, Weights, weighted

    names = ("overall", "loudness", "timing", "timbre", "pitch")
    parts = {name: np.array([0.2, 0.9]) for name in names}
    usual = asdict(Weights())
    assert {field.name for field in fields(Emphasis)} <= {field.name for field in fields(Aspects)}
    assert Emphasis().weights(usual) == Weights() and Emphasis(timing=1).weights(usual).timing == pytest.approx(6 * Weights().timing, rel=0.02)
    assert Emphasis(overall=0).weights(usual).sound == 0
    assert list(weighted(parts, Emphasis(timing=0).weights(usual))) == [pytest.approx(0.2), pytest.approx(0.9)]
