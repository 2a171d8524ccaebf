import numpy as np
import pytest

from clvap.audio import write
from clvap.library import Lesson, Library, search, store
from clvap.library.lessons import Taught, applying
from clvap.query import Query
from tests.fakes import FakeEmbedder, tone


def at(degrees: float) -> np.ndarray:
    return np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], np.float32)


@pytest.fixture(params=["in memory", "on disk"])
def library(request, tmp_path, monkeypatch) -> Library:
    for seconds in (0.3, 0.4, 1.2, 2.4):
        write(tmp_path / f"s/tone {seconds}.wav", tone(seconds))
    made = Library.open(tmp_path / "library", FakeEmbedder())
    made.index(tmp_path / "s")
    if request.param == "on disk":
        monkeypatch.setattr(store, "IN_MEMORY_ROWS", 0)
    return made


def asked(library: Library, name: str) -> np.ndarray:
    return FakeEmbedder().embed_audio([tone(float(name.split()[1]))])[0]


def path(library: Library, name: str) -> str:
    return next(str(match.path) for match in library.browse().matches if match.name == name)


def test_a_lesson_counts_for_what_was_asked_alike():
    lesson = Lesson(at(0), "a.wav")
    assert lesson.share(at(0)) == lesson.share(at(15)) == 1 and lesson.share(at(45)) == lesson.share(at(180)) == 0
    assert 0 < lesson.share(at(30)) < lesson.share(at(25)) < 1
    assert lesson.share(np.ones(3, np.float32)) == 0  # of another model


def test_of_many_lessons_the_nearest_count_once_each():
    lessons = [Lesson(at(angle), f"{angle % 20}.wav") for angle in range(60)]
    shares = applying(at(0), lessons)
    assert len(shares) == 8 and set(shares) == {f"{number}.wav" for number in range(8)} and shares["0.wav"] == 1
    assert applying(at(180), lessons) == {} == applying(at(0), [])


def test_what_sounds_like_a_taken_sound_was_taken_nearly():
    taught = Taught(np.array([1.0, 0.5], np.float32), np.stack([at(0), at(90)]))
    assert taught.likeness(np.stack([at(0), at(90), at(180), at(-80)])) == pytest.approx([1, 0.5, 0, 0], abs=1e-6)
    assert 0.5 < taught.likeness(at(30)[None])[0] < 1


def test_a_sound_that_was_taken_is_found_first_and_its_like_sooner(library, monkeypatch):
    query = Query(asked(library, "tone 1.2"), np.zeros((1, 4), np.float32))
    usual = [match.name for match in library.search(query)]
    assert usual[0] == "tone 1.2" and library.search(query)[0].aspects.learned is None
    monkeypatch.setattr(search, "SHORTLIST", 1)  # however far its vector is from the query's
    taught = library.search(query, k=1, lessons=[Lesson(query.vector, path(library, usual[-1]))], weights=search.Weights(overall=0.1))[0]
    assert taught.name == usual[-1] and taught.aspects.learned == pytest.approx(1, abs=1e-4)
    like_it = library.search(query, lessons=[Lesson(query.vector, path(library, "tone 0.3"))], weights=search.Weights(overall=0.0))
    assert [match.name for match in like_it[:2]] == ["tone 0.3", "tone 0.4"]


@pytest.mark.parametrize("gone", ["of another wish", "of a sound that left", "of another model"])
def test_a_lesson_that_does_not_fit_changes_nothing(library, gone):
    query = Query(asked(library, "tone 1.2"), np.zeros((1, 4), np.float32))
    lesson = {
        "of another wish": Lesson(-query.vector, path(library, "tone 0.3")),
        "of a sound that left": Lesson(query.vector, "/gone.wav"),
        "of another model": Lesson(np.ones(3, np.float32), path(library, "tone 0.3")),
    }[gone]
    assert library.search(query, lessons=[lesson]) == library.search(query)
