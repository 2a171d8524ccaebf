import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clvap.audio import Clip, write
from clvap.contours import extract
from clvap.library import Filters, Library, LibraryError, Weights, search, store
from clvap.query import Query
from tests.fakes import FakeEmbedder, tone

TOKENS = np.zeros((1, 4), np.float32)


class SameForAll(FakeEmbedder):
    """Hears no difference, so that the other aspects decide."""

    def embed_audio(self, sounds):
        return np.tile(np.array([[1, 0]], np.float32), (len(sounds), 1))


def swelling(seconds: float = 1.0) -> Clip:
    return Clip(tone(seconds).samples[:, ::-1].copy())


def query(text: str | None = None, voice: Clip | None = None, vector=(1, 0)) -> Query:
    return Query(np.array(vector, np.float32), TOKENS, None if voice is None else extract(voice), text)


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Library:
    root = tmp_path_factory.mktemp("search")
    for name, clip in {
        "doors/door slam.wav": tone(1.0, 200),
        "doors/door creak.wav": swelling(),
        "dogs/two dogs bark.wav": tone(0.4, 500),
        "dogs/it's_100% o'dog.wav": tone(3.0, 500, channels=2),
        "water/river.wav": Clip(np.random.default_rng(0).normal(0, 0.1, (1, 44_100)).astype(np.float32)),
    }.items():
        write(root / "sounds" / name, clip)
    made = Library.open(root / "library", SameForAll())
    made.index(root / "sounds")
    return made


@pytest.fixture(params=["in memory", "on disk"])
def anywhere(request, library, monkeypatch) -> Library:
    """The same library searched by the short way and by the way of large libraries."""
    if request.param == "on disk":
        monkeypatch.setattr(store, "IN_MEMORY_ROWS", 0)
    return library


def names(matches) -> list[str]:
    return [match.name for match in matches]


def test_a_match_tells_what_the_page_shows(anywhere):
    match = next(one for one in anywhere.search(query("river")) if one.name == "river")
    assert isinstance(match.path, Path) and match.path.is_file()
    assert (match.caption, match.category, match.sample_rate_hz, match.channels) == ("water river", "water", 44_100, 1)
    assert match.duration_s == pytest.approx(1.0)
    assert 0 <= match.score <= 1


def test_words_decide_between_equal_vectors(anywhere):
    best = anywhere.search(query("dog barking"))
    assert names(best)[0] == "two dogs bark"
    assert best[0].aspects.words == 1.0 and best[0].aspects.loudness is None
    assert [match.score for match in best] == sorted((match.score for match in best), reverse=True)


def test_the_gesture_decides_between_equal_vectors(anywhere):
    assert names(anywhere.search(query(voice=swelling())))[0] == "door creak"
    slammed = anywhere.search(query(voice=tone(1.0, 300)))
    assert names(slammed)[0] == "door slam"
    assert slammed[0].aspects.words is None and slammed[0].aspects.loudness > 0.9


def test_the_same_event_is_on_the_shortlist_however_far_its_vector(library, monkeypatch):
    monkeypatch.setattr(search, "SHORTLIST", 1)
    monkeypatch.setattr(search, "_SHORTLIST_BY_TIMING", 1)
    assert names(library.search(query(voice=swelling()), k=1)) == ["door creak"]


def test_a_recording_that_is_nearly_a_sound_of_the_library_counts_as_a_sound_too(tmp_path, monkeypatch):
    for seconds in (0.3, 2.4):
        write(tmp_path / f"s/tone {seconds}.wav", tone(seconds))
    library = Library.open(tmp_path / "library", FakeEmbedder())
    library.index(tmp_path / "s")
    imitates, is_one = (FakeEmbedder().embed_audio([tone(seconds)])[0] for seconds in (1.2, 2.4))
    asked = Query(imitates, TOKENS, as_sound=is_one)
    for rows in (store.IN_MEMORY_ROWS, 0):
        monkeypatch.setattr(store, "IN_MEMORY_ROWS", rows)
        monkeypatch.setattr(search, "SHORTLIST", 1)
        best = library.search(asked, k=1)[0]
        assert best.name == "tone 2.4" and best.aspects.sound == pytest.approx(1, abs=1e-5)
        best = library.search(replace(asked, as_sound=-is_one), k=1)[0]
        assert best.name == "tone 0.3" and best.aspects.sound is None


@pytest.mark.parametrize(("heard", "is_a_sound"), [((1.0, 0.0), True), ((0.96, 0.28), False)])
def test_a_recording_that_is_near_many_sounds_alike_is_none_of_them(anywhere, heard, is_a_sound):
    asked = replace(query(voice=swelling()), as_sound=np.array(heard, np.float32))
    assert {match.aspects.sound is not None for match in anywhere.search(asked)} == {is_a_sound}


def test_weights_change_the_order(anywhere):
    asked = query("river", voice=swelling())
    assert names(anywhere.search(asked, weights=Weights(words=1, loudness=0, timbre=0, pitch=0)))[0] == "river"
    assert names(anywhere.search(asked, weights=Weights(words=0)))[0] == "door creak"
    assert names(anywhere.search(asked, weights=Weights.of(asked, 0)))[0] == "door creak"
    assert names(anywhere.search(asked, weights=Weights.of(asked, 1)))[0] == "river"
    assert Weights.of(replace(asked, text=None)) == Weights() == replace(Weights.of(asked, 0), words=Weights().words)
    assert Weights.of(asked).overall > Weights().overall and Weights.of(asked).timing == Weights().timing
    assert Weights.of(asked, 0.75).timing == Weights().timing / 2
    assert Weights.of(asked, 1).sound == 0
    with pytest.raises(LibraryError):
        Weights(overall=-1)


def test_pitch_counts_only_where_both_are_pitched(anywhere):
    parts = {match.name: match.aspects for match in anywhere.search(query(voice=tone(1.0, 300)))}
    assert parts["river"].pitch is None
    assert parts["door slam"].pitch is not None


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        (Filters(max_duration_s=0.5), {"two dogs bark"}),
        (Filters(min_duration_s=2.0), {"it's_100% o'dog"}),
        (Filters(categories=("dogs", "water")), {"two dogs bark", "it's_100% o'dog", "river"}),
        (Filters(categories=("no'ne",)), set()),
        (Filters(text="DOOR sl"), {"door slam"}),
        (Filters(text="o'd 100%"), {"it's_100% o'dog"}),
        (Filters(min_duration_s=0.9, max_duration_s=1.1, categories=("doors",), text="creak"), {"door creak"}),
    ],
)
def test_filters_hold_for_vectors_and_words(anywhere, filters, kept):
    assert set(names(anywhere.search(query("dog door river"), filters=filters))) == kept


@pytest.mark.parametrize("text", ['" OR (', "%'; --", "☃", "the", "a AND NOT b", "\\", "door* +slam"])
def test_any_text_can_be_asked(anywhere, text):
    assert len(anywhere.search(query(text))) == 5


def test_k_bounds_the_matches(anywhere):
    assert len(anywhere.search(query("x"), k=2)) == 2
    assert anywhere.search(query("x"), k=0) == []
    assert len(anywhere.search(query("x"), k=10_000)) == 5


def test_a_query_of_another_width_is_refused(anywhere):
    with pytest.raises(LibraryError, match="another model"):
        anywhere.search(replace(query("x"), vector=np.ones(3, np.float32)))


def test_an_empty_library_has_no_matches(tmp_path):
    library = Library.open(tmp_path, FakeEmbedder())
    assert library.search(query("x")) == [] and library.count() == 0 and library.categories() == {}
    assert library.row("/x.wav") is None and library.contours("/x.wav") is None


def test_the_vector_decides_where_it_can(tmp_path):
    for seconds in (0.3, 0.6, 1.2, 2.4):
        write(tmp_path / f"s/tone {seconds}.wav", tone(seconds))
    library = Library.open(tmp_path / "library", FakeEmbedder())
    library.index(tmp_path / "s")
    asked = FakeEmbedder().query(text="x" * 12)
    assert names(library.search(asked))[0] == "tone 1.2"


def test_a_search_sees_what_was_indexed_since(tmp_path):
    write(tmp_path / "s/a.wav", tone())
    library = Library.open(tmp_path / "library", FakeEmbedder())
    library.index(tmp_path / "s")
    assert len(library.search(query("x"))) == 1
    write(tmp_path / "s/b.wav", tone(0.3))
    Library.open(tmp_path / "library", FakeEmbedder()).index(tmp_path / "s")
    assert len(library.search(query("x"))) == 2
    os.remove(tmp_path / "s/a.wav")
    library.index(tmp_path / "s")
    assert names(library.search(query("x"))) == ["b"]


def test_contours_of_a_sound_can_be_drawn(library):
    path = next(one.path for one in library.search(query("river")) if one.name == "river")
    curves = library.contours(path)
    assert curves.loudness_db.shape == (64,) and np.isfinite(curves.stacked()).all()
