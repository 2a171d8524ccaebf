"""Captions and categories written over: found at once, kept over indexing, moves and another model."""

import threading
from pathlib import Path

import numpy as np
import pytest

from clvap.audio import write
from clvap.library import Filters, Library, LibraryError
from clvap.library.edits import Edits
from clvap.query import Query
from tests.fakes import FakeEmbedder, tone


@pytest.fixture
def sounds(tmp_path) -> Path:
    for i in range(5):
        write(tmp_path / f"sounds/tone_{i}.wav", tone(0.2 + i / 10, 200.0 + 90 * i))
    return tmp_path / "sounds"


@pytest.fixture
def library(tmp_path, sounds) -> Library:
    made = Library.open(tmp_path / "library", FakeEmbedder())
    made.index(sounds)
    return made


def found(library: Library, text: str) -> list[str]:
    asked = Query(np.array([1, 0], np.float32), np.zeros((1, 4), np.float32), None, text)
    return [match.name for match in library.search(asked, k=5) if match.aspects.words]


def test_what_was_written_is_found_at_once_and_what_was_there_before_no_more(library, sounds):
    said = library.describe(sounds / "tone_1.wav", "a purple foghorn", "HORNAir")
    assert (said.caption, said.category) == ("a purple foghorn", "HORNAir")
    assert found(library, "foghorn") == ["tone_1"] and found(Library.open(library._store.folder), "foghorn") == ["tone_1"]
    assert library.browse(Filters(categories=("HORNAir",))).total == 1
    library.describe(sounds / "tone_1.wav", caption="a whistle")
    assert found(library, "foghorn") == [] and library.row(sounds / "tone_1.wav").category == "HORNAir"


def test_indexing_again_keeps_it_also_for_files_that_changed_or_moved(library, sounds):
    for number, word in enumerate(("one", "two", "three")):
        library.describe(sounds / f"tone_{number}.wav", f"number {word}")
    write(sounds / "tone_1.wav", tone(1.1))
    (sounds / "tone_2.wav").rename(sounds / "moved.wav")
    (sounds / "captions.csv").write_text("path,caption,category\ntone_0.wav,from a table,TABLE\n")
    for _ in range(2):
        library.index(sounds)
        said = [library.row(sounds / name).caption for name in ("tone_0.wav", "tone_1.wav", "moved.wav")]
        assert said == ["number one", "number two", "number three"]
    assert library.row(sounds / "tone_0.wav").category == "TABLE"


def test_it_outlives_the_removal_of_a_folder_and_a_change_of_model(library, sounds):
    library.describe(sounds / "tone_0.wav", "a foghorn")
    library.remove_folder(sounds)
    assert library.index(sounds).indexed == 5 and found(library, "foghorn") == ["tone_0"]
    other = FakeEmbedder()
    other.fingerprint = "another"
    changed = Library.open(library._store.folder, other)
    assert changed.index(sounds).indexed == 5 and found(changed, "foghorn") == ["tone_0"]


def test_writing_while_a_folder_is_indexed_loses_neither(library, sounds, tmp_path):
    for i in range(130):
        write(tmp_path / f"more/extra_{i:03}.wav", tone(0.1 + i / 1000))
    editor, failures, rounds = Library.open(library._store.folder), [], threading.Event()

    def keep_editing() -> None:
        for number in range(40):
            try:
                editor.describe(sounds / f"tone_{number % 5}.wav", f"edit {number}")
            except Exception as error:
                failures.append(error)
        rounds.set()

    editing = threading.Thread(target=keep_editing)
    editing.start()
    report = library.index(tmp_path / "more")
    editing.join()
    assert failures == [] and rounds.is_set() and report.indexed == 130 and library.count() == 135
    assert [library.row(sounds / f"tone_{i}.wav").caption for i in range(5)] == [f"edit {35 + i}" for i in range(5)]


def test_many_edits_do_not_leave_the_table_in_pieces(library, sounds, monkeypatch):
    from clvap.library import library as module

    monkeypatch.setattr(module, "_PIECES", 8)
    for number in range(20):
        library.describe(sounds / f"tone_{number % 5}.wav", f"edit {number}")
    assert library._store.fragments() <= 9


def test_nothing_and_strangers_are_refused_with_a_sentence(library, sounds, tmp_path):
    for caption, category in (("  ", None), (None, "\n")):
        with pytest.raises(LibraryError, match="at least one letter"):
            library.describe(sounds / "tone_0.wav", caption, category)
    with pytest.raises(LibraryError, match="not in the library"):
        library.describe(tmp_path / "elsewhere.wav", "x")
    assert library.describe(sounds / "tone_0.wav", "a\nb\x00" + "c" * 900).caption.startswith("a b c") and Edits(library._store.folder).all()


def test_a_line_cut_short_by_a_kill_takes_no_other_along(library, sounds):
    library.describe(sounds / "tone_0.wav", "the first")
    file = library._store.folder / "edits.jsonl"
    file.write_bytes(file.read_bytes()[:-30])
    library.describe(sounds / "tone_1.wav", "the second")
    assert [edit.caption for edit in Edits(library._store.folder).all()] == ["the second"]


def test_a_library_that_lost_its_word_index_gets_it_back(library, sounds):
    library._store.table().drop_index("words_idx")
    library.index(sounds)
    assert [index.columns for index in library._store.table().list_indices()] == [["words"]]
