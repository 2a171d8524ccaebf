import csv
import json
import time

import pytest

from app.services.access import Forbidden
from app.services.catalogue import Catalogue, Wanted
from app.services.errors import RequestError
from app.services.files import plain_cell
from app.services.pace import Pace, span
from clvap.library import LibraryError
from clvap.progress import Cancelled
from tests.app.conftest import bench
from tests.fakes import render_effects


def wait_until(true, seconds=120.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := true():
            return value
        time.sleep(0.02)
    raise AssertionError("it did not happen")


def names(listed):
    return [match.name for match in listed.sounds]


@pytest.fixture
def slow(monkeypatch):
    """Indexing of the fakes takes its time."""
    monkeypatch.setenv("FAKE_INDEX_S", "0.3")


def test_a_first_start_fills_an_empty_library_once(tmp_path):
    made = bench(tmp_path)
    made.studio.library.fill_at_start()
    assert made.library.count() == 6 and made.studio.library.state().categories == ("ALARM", "BELL")
    made.studio.library.fill_at_start()
    assert made.library.folders() == [tmp_path / "starter"] and len(made.studio.jobs.list()) == 1


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
    absent = bench(tmp_path / "w", folder=tmp_path / "gone").studio
    absent.library.fill_at_start()
    assert "no such folder" in absent.library.state().trouble and absent.board.notices()[0].kind == "error"


def test_broken_files_are_listed_with_the_reason_and_as_a_table(tmp_path):
    render_effects(tmp_path / "mine", count=2)
    for name in ("notes.wav", "=cmd.wav"):
        (tmp_path / "mine" / name).write_text("not sound at all")
    made = bench(tmp_path / "w")
    report = made.studio.library.index(tmp_path / "mine")
    assert report.indexed == 2 and len(report.skipped) == 2
    made.studio.catalogue.find(Wanted())
    folder = made.studio.library.state().folders[0]
    assert folder.count == 2 and {skipped.path.name for skipped in folder.skipped} == {"notes.wav", "=cmd.wav"} and folder.indexed_s > 0
    rows = list(csv.reader(made.studio.library.state().left_out.open(encoding="utf-8-sig")))
    assert rows[0] == ["folder", "file", "reason"] and len(rows) == 3 and "not a sound file" in rows[1][2]


def test_no_cell_of_the_table_is_a_formula():
    assert [plain_cell(cell) for cell in ("=1+1", "@x", "-2", "/home/=x")] == ["'=1+1", "'@x", "'-2", "/home/=x"]


def test_indexing_goes_on_without_the_page_survives_a_restart_and_can_be_stopped_and_resumed(tmp_path, slow):
    render_effects(tmp_path / "mine", count=30)
    first = bench(tmp_path / "w").studio
    job = first.library.start_indexing(str(tmp_path / "mine")).job
    assert job.running and job.title == "Indexing mine" and first.library.filling
    restarted = bench(tmp_path / "w")
    library = restarted.studio.library
    wait_until(lambda: (state := library.state()).job and state.job.fraction)
    assert restarted.studio.board.notices()[0].fraction > 0 and " of 30" in restarted.studio.board.notices()[0].text
    with pytest.raises(RequestError, match="Indexing mine is at work"):
        library.start_indexing(str(tmp_path / "mine"))
    library.cancel()
    assert wait_until(lambda: not (state := library.state()).job.running and state).job.status == "cancelled"
    assert restarted.studio.board.notices() == () and 0 < restarted.library.count() < 30
    wait_until(lambda: not library.filling)
    restarted.studio.jobs.cancel(library.resume().job.id)
    wait_until(lambda: not library.state().job.running)
    library.dismiss()
    assert library.state().job is None


def test_a_killed_indexing_is_offered_to_be_resumed(tmp_path, slow):
    import psutil

    render_effects(tmp_path / "mine", count=8)
    made = bench(tmp_path / "w")
    library = made.studio.library
    job = library.start_indexing(str(tmp_path / "mine")).job
    wait_until(lambda: library.state().job.fraction)
    process = psutil.Process(json.loads((tmp_path / "w" / "jobs" / job.id / "process.json").read_text())["pid"])
    process.kill()
    wait_until(lambda: library.state().job.status == "interrupted")
    assert "go on with it in the Library tab" in made.studio.board.notices()[0].text
    assert library.resume().job.running
    assert wait_until(lambda: (done := library.state().job).status == "done" and done).result["indexed"] + made.library.count() >= 8
    assert made.library.count() == 8 and made.studio.board.notices() == ()


@pytest.mark.slow
def test_the_real_indexing_killed_in_the_middle_leaves_a_library_that_is_made_whole(tmp_path):
    import psutil

    from app.services.board import Board
    from app.services.jobs import Jobs
    from app.services.library import LibraryService
    from app.services.library_map import LibraryMap
    from app.services.models import Models
    from app.services.sounds import Sounds
    from app.settings import Settings
    from clvap.audio import write
    from tests.e2e.required import require_models
    from tests.fakes import tone

    require_models()
    for i in range(160):
        write(tmp_path / "mine" / f"tone_{i:03}.wav", tone(0.2 + i / 1000, 200.0 + 10 * i))
    settings = Settings(workspace=tmp_path / "w")
    models, jobs = Models.from_settings(settings), Jobs(tmp_path / "w" / "jobs")
    library, catalogue = LibraryService(settings, models, Board(), jobs), Catalogue(settings, models)
    models.library()
    job = library.start_indexing(str(tmp_path / "mine")).job
    wait_until(lambda: models.library().count() >= 64, 300)
    assert catalogue.find(Wanted("tone 3")).sounds  # searched while it is being indexed, by another process
    psutil.Process(json.loads((tmp_path / "w" / "jobs" / job.id / "process.json").read_text())["pid"]).kill()
    wait_until(lambda: library.state().job.status == "interrupted")
    kept = models.library().count()
    library.resume()
    done = wait_until(lambda: not (state := library.state()).job.running and state, 300).job
    assert done.status == "done" and done.result["indexed"] == 160 - kept and done.result["unchanged"] == kept
    everything = catalogue.find(Wanted(k=600))
    assert everything.total == len({match.path for match in everything.sounds}) == 160
    drawn = LibraryMap(settings, models, jobs, Sounds(tmp_path / "previews"))
    assert wait_until(lambda: (state := drawn.look()).file and state, 300).count == 160


def test_an_unexpected_failure_is_told_and_does_not_stop_the_next_folder(tmp_path):
    made = bench(tmp_path / "w")
    for name in ("bad", "good"):
        render_effects(tmp_path / name, count=2)
    made.studio.library.start_indexing(str(tmp_path / "bad"))
    wait_until(lambda: made.studio.library.state().job.status == "failed")
    assert made.studio.board.notices()[0].kind == "error"
    made.studio.library.index(tmp_path / "good")
    state = made.studio.library.state()
    assert state.job.status == "done" and made.studio.board.notices() == () and made.library.count() == 2


def test_who_waits_for_an_indexing_is_told_that_it_was_stopped(tmp_path, slow):
    import threading

    render_effects(tmp_path / "mine", count=30)
    made = bench(tmp_path / "w")
    threading.Timer(2, lambda: made.studio.library.cancel()).start()
    with pytest.raises(Cancelled):
        made.studio.library.index(tmp_path / "mine")


def test_sounds_are_found_by_words_filters_and_likeness(filled):
    catalogue = filled.studio.catalogue
    everything = catalogue.find(Wanted())
    assert len(everything.sounds) == everything.total == 6
    assert names(catalogue.find(Wanted(category="BELL", k=2))) == ["tone_0", "tone_2"] and catalogue.find(Wanted(category="BELL", k=2)).total == 3
    assert names(catalogue.find(Wanted("number 4")))[0] == "tone_4"
    assert names(catalogue.find(Wanted(shortest_s=0.6, longest_s=0.8))) == ["tone_2"]
    like = catalogue.find(Wanted(like=everything.sounds[2].path))
    assert len(like.sounds) == 5 and names(like)[0] in ("tone_1", "tone_3")
    with pytest.raises(RequestError, match="use at most"):
        catalogue.find(Wanted("x" * 501))


def test_a_description_is_written_over_and_found(filled):
    catalogue = filled.studio.catalogue
    path = catalogue.find(Wanted()).sounds[0].path
    catalogue.describe(path, "a purple foghorn", "HORN")
    assert names(catalogue.find(Wanted("foghorn")))[0] == "tone_0"
    wait_until(lambda: "HORN" in filled.studio.library.state().categories)
    with pytest.raises(LibraryError, match="at least one letter"):
        catalogue.describe(path, " ", "HORN")


def test_a_folder_is_removed_and_its_files_stay(filled):
    library, folder = filled.studio.library, filled.library.folders()[0]
    filled.studio.catalogue.find(Wanted())
    assert library.state().folders[0].count == 6
    library.remove(str(folder))
    assert wait_until(lambda: (state := library.state()).count == 0 and state).folders == ()
    assert (folder / "tone_0.wav").exists()


def test_visitors_see_no_path_and_change_nothing(tmp_path):
    render_effects(tmp_path / "mine", count=2)
    (tmp_path / "mine" / "broken.wav").write_text("no")
    bench(tmp_path / "w").studio.library.index(tmp_path / "mine")
    studio = bench(tmp_path / "w", in_space=True).studio
    library, listed = studio.library, studio.catalogue.find(Wanted())
    state = wait_until(lambda: (state := library.state()).count and state)
    assert state.count == 2 and str(tmp_path) not in str(state)
    for forbidden in (
        lambda: library.start_indexing(str(tmp_path / "mine")), lambda: library.index(tmp_path / "mine"), library.cancel, library.resume,
        library.dismiss, lambda: library.remove(str(tmp_path / "mine")), lambda: studio.catalogue.describe(listed.sounds[0].path, "x", "y"),
    ):  # fmt: skip
        with pytest.raises(Forbidden):
            forbidden()


def test_the_map_is_drawn_when_somebody_looks_and_again_when_the_library_changed(filled, tmp_path):
    look = filled.studio.map.look
    filled.studio.catalogue.find(Wanted())
    drawn = wait_until(lambda: (state := look()).file and not state.drawing and state)
    told = json.loads(drawn.file.read_text())
    assert drawn.count == 6 and sorted(told["categories"]) == ["ALARM", "BELL"]
    x, y, _, _, caption, token, seconds, suffix = told["points"][0]
    assert 0 <= x <= 1 and 0 <= y <= 1 and caption == "a falling tone, number 0" and filled.studio.sounds.path(token).name == "tone_0.wav"
    assert seconds == pytest.approx(0.3, abs=0.06) and suffix == ".wav"
    assert look().file == drawn.file and str(tmp_path) not in drawn.file.read_text()

    filled.studio.catalogue.describe(filled.studio.sounds.path(token), "a foghorn", "HORN")
    described = wait_until(lambda: (state := look()).file != drawn.file and state)
    assert "HORN" in described.file.read_text() and not described.drawing
    render_effects(tmp_path / "more", count=7)
    filled.studio.library.index(tmp_path / "more")
    wait_until(lambda: look().count == 13)
    assert {point.name for point in filled.studio.map.points()} >= {"tone_0", "tone_6"} and len(filled.studio.map.points()) == 13


def test_pace_says_rate_and_time_left():
    said, now = [], iter([0.0, 1.0, 4.0, 5.0, 6.0])
    pace = Pace(lambda done, total, what="": said.append(what), "files", lambda: next(now))
    for done in (0, 10, 40, 0, 0):
        pace(done, 1_240)
    assert said == ["0 of 1,240", "10 of 1,240", "40 of 1,240 · 10 files/s · 2 min left", "0 of 1,240", "0 of 1,240"]
    assert [span(seconds) for seconds in (0.1, 89, 600, 9_000)] == ["1 s", "89 s", "10 min", "2.5 h"]
