import threading
import time

import pytest

from app.services.errors import RequestError
from clvap.progress import Cancelled
from tests.app.conftest import bench
from tests.fakes import FakeLibrary, render_effects


class Held(FakeLibrary):
    """Waits in the middle of indexing until told, or until the progress callback stops it."""

    def __init__(self):
        super().__init__()
        self.inside, self.go_on = threading.Event(), threading.Event()

    def index(self, folder, progress=lambda *_: None):
        self.inside.set()
        while not self.go_on.wait(0.01):
            progress(1, 2, "held")
        return super().index(folder, progress)


def wait_until(true, seconds=5.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def test_a_first_start_fills_an_empty_library_once(tmp_path):
    made = bench(tmp_path)
    made.studio.library.fill_at_start()
    assert made.library.count() == 6 and made.studio.library.state().categories == ("ALARM", "BELL")
    made.studio.library.fill_at_start()
    assert made.library.folders() == [tmp_path / "starter"]


def test_a_start_that_was_killed_while_it_rendered_is_taken_up_again(tmp_path):
    made = bench(tmp_path)
    render_effects(tmp_path / "starter", count=2)
    made.library.index(tmp_path / "starter")
    made.studio.library.fill_at_start()
    assert made.library.count() == 6


def test_a_named_folder_is_indexed_in_place_of_the_starter(tmp_path):
    render_effects(tmp_path / "mine", count=3)
    made = bench(tmp_path / "w", folder=tmp_path / "mine")
    made.studio.library.fill_at_start()
    assert made.library.count() == 3 and not (tmp_path / "w" / "starter").exists()


def test_a_missing_folder_is_told_on_the_page(tmp_path):
    made = bench(tmp_path / "w")
    with pytest.raises(RequestError, match="no such folder"):
        made.studio.library.start_indexing(str(tmp_path / "gone"))
    with pytest.raises(RequestError, match="type the folder"):
        made.studio.library.start_indexing("  ")


def test_broken_files_are_listed_with_the_reason(tmp_path):
    render_effects(tmp_path / "mine", count=2)
    (tmp_path / "mine" / "notes.wav").write_text("not sound at all")
    made = bench(tmp_path / "w")
    made.studio.library.index(tmp_path / "mine")
    state = made.studio.library.state()
    assert state.count == 2 and [skipped.path.name for skipped in state.skipped] == ["notes.wav"]
    assert "not a sound file" in state.skipped[0].reason


def test_indexing_goes_on_without_the_page_and_can_be_stopped(tmp_path):
    render_effects(tmp_path / "mine", count=2)
    library = Held()
    made = bench(tmp_path / "w", library=library)
    state = made.studio.library.start_indexing(str(tmp_path / "mine"))
    assert state.indexing == str(tmp_path / "mine") and library.inside.wait(5)
    with pytest.raises(RequestError, match="another folder"):
        made.studio.library.start_indexing(str(tmp_path / "mine"))
    wait_until(lambda: made.studio.board.notices() and made.studio.board.notices()[0].fraction == 0.5)
    made.studio.library.cancel()
    wait_until(lambda: made.studio.library.state().indexing is None)
    assert made.studio.board.notices() == () and made.studio.library.state().trouble is None


def test_an_unexpected_failure_is_told_and_does_not_stop_the_next_folder(tmp_path):
    class Broken(FakeLibrary):
        def index(self, folder, progress=None):
            if folder.name == "bad":
                raise OSError("no space left")
            return super().index(folder)

    made = bench(tmp_path / "w", library=Broken())
    for name in ("bad", "good"):
        render_effects(tmp_path / name, count=2)
    made.studio.library.start_indexing(str(tmp_path / "bad"))
    wait_until(lambda: made.studio.library.state().trouble)
    assert made.studio.board.notices()[0].kind == "error"
    made.studio.library.index(tmp_path / "good")
    assert made.studio.library.state().trouble is None and made.library.count() == 2


def test_a_caller_can_stop_its_own_indexing(tmp_path):
    render_effects(tmp_path / "mine", count=2)

    def stop(done, total, what=""):
        raise Cancelled

    made = bench(tmp_path / "w")
    with pytest.raises(Cancelled):
        made.studio.library.index(tmp_path / "mine", progress=stop)
    assert made.studio.library.state().indexing is None
