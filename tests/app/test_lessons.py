from pathlib import Path

import numpy as np
import pytest

from app.services.requests import ImitateRequest
from clvap.audio import write
from clvap.library import Library
from tests.app.conftest import bench
from tests.fakes import FakeEmbedder, render_effects, tone


@pytest.fixture
def made(tmp_path):
    """A studio whose library is a real one."""
    render_effects(tmp_path / "effects")
    library = Library.open(tmp_path / "library", FakeEmbedder())
    library.index(tmp_path / "effects")
    return bench(tmp_path / "workspace", library)


def asked(made, voice: Path | None, words: str = "", owner: str = "local"):
    list(made.studio.imitate(ImitateRequest(voice, words, owner=owner, variations=0)))
    return made.studio.history.list(owner)[0]


def names(entry) -> list[str]:
    return [match.name for match in entry.matches]


def test_a_favourite_is_found_first_for_the_next_gesture_like_its_own(made, voice, tmp_path):
    first = asked(made, voice)
    taken = first.matches[-1]
    made.studio.history.star("local", first.id, Path(taken.path))
    again = asked(made, write(tmp_path / "again.wav", tone(0.92, 310.0)))
    found = next(match for match in again.matches if match.name == taken.name)
    assert found.aspects["learned"] == pytest.approx(1, abs=1e-3) and names(again).index(taken.name) < names(first).index(taken.name)
    assert found.score > taken.score and "learned" not in taken.aspects
    assert all("learned" not in match.aspects for match in asked(made, write(tmp_path / "other.wav", tone(5.0))).matches)
    assert names(asked(made, voice, owner="somebody")) == names(first)  # everybody teaches a search of their own
    made.studio.history.star("local", first.id, Path(taken.path))
    assert names(asked(made, voice)) == names(first)


def test_words_alone_teach_too(made):
    first = asked(made, None, "a long word")
    taken = first.matches[-1]
    made.studio.history.star("local", first.id, Path(taken.path))
    assert asked(made, None, "a long word").matches[0].aspects["learned"] <= 1
    assert next(match for match in asked(made, None, "a long word").matches if match.name == taken.name).score > taken.score


def test_what_an_entry_asked_is_worked_out_anew_for_another_model(filled, voice):
    entry = asked(filled, voice)
    filled.studio.history.star("local", entry.id, Path(entry.matches[0].path))
    kept = np.load(entry.folder / "asked-fake.npy")
    asked(filled, voice)
    (before,) = filled.library.lessons
    assert before.sound == entry.matches[0].path and (before.asked == kept).all()
    (entry.folder / "asked-fake.npy").rename(entry.folder / "asked-other.npy")  # as if another model had been in use then
    asked(filled, voice)
    (after,) = filled.library.lessons
    assert np.allclose(after.asked, before.asked, atol=1e-3) and (entry.folder / "asked-fake.npy").is_file()


@pytest.mark.parametrize("broken", ["vector", "gesture"])
def test_an_entry_that_cannot_be_read_teaches_nothing_and_stops_nothing(filled, voice, broken):
    entry = asked(filled, voice)
    filled.studio.history.star("local", entry.id, Path(entry.matches[0].path))
    if broken == "vector":
        (entry.folder / "asked-fake.npy").write_bytes(b"no numbers")
    else:
        (entry.folder / "asked-fake.npy").unlink()
        entry.gesture.write_bytes(b"no sound")
    assert asked(filled, voice).matches and filled.library.lessons == []


def test_a_starred_take_is_no_lesson(filled, voice):
    list(filled.studio.imitate(ImitateRequest(voice, owner="local", variations=1)))
    entry = filled.studio.history.list("local")[0]
    filled.studio.history.star("local", entry.id, entry.file(entry.takes[0]))
    asked(filled, voice)
    assert filled.library.lessons == []
