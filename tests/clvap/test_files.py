"""Files written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clvap.files import LEFT_BEHIND, whole


@pytest.mark.parametrize("shared", [False, True])
def test_what_was_written_takes_its_place_when_the_block_ends(tmp_path: Path, shared: bool) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("old")
    with whole(path, shared) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("old")
    with pytest.raises(error), whole(path) as partial:
        partial.write_text("half")
        raise error
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_libraries_find_the_format_they_know_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "some.numbers.npz"
    with whole(path) as partial:
        np.savez(partial, numbers=np.arange(3))
        assert (partial.parent, partial.suffix, partial.name[0]) == (tmp_path, ".npz", ".")
    with np.load(path) as held:
        assert held["numbers"].tolist() == [0, 1, 2]


def test_what_a_killed_program_left_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    with whole(path) as partial:
        partial.write_text("first")
    partial.write_text("a long half of a file")  # as a kill leaves it
    assert list(tmp_path.glob(LEFT_BEHIND)) == [partial] and list(tmp_path.glob("[!.]*")) == [path]
    with whole(path) as again:
        again.write_text("second")
    assert path.read_text() == "second" and list(tmp_path.iterdir()) == [path]


def test_two_may_write_a_shared_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    with whole(path, shared=True) as one:
        with whole(path, shared=True) as other:
            one.write_text("one")
            other.write_text("other")
            assert len(list(tmp_path.glob(LEFT_BEHIND))) == 2
        assert path.read_text() == "other"
    assert path.read_text() == "one" and list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_and_a_file_that_was_not_written_are_errors(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole(tmp_path / "gone" / "notes.txt") as partial:
        partial.write_text("new")
    with pytest.raises(FileNotFoundError), whole(tmp_path / "notes.txt"):
        pass
    assert not list(tmp_path.iterdir())
