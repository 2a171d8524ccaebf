"""The Library tab in a real browser, on a fake library: indexing as a job, search, the map, captions written over, visitors."""

import csv
import json
import re
import time

import pytest

from tests.e2e.browser import NARROW, expect, overflow, plays
from tests.e2e.conftest import FAKE_APP
from tests.e2e.library import CARDS, HEARD, lasso, library_of, mapped, place
from tests.e2e.servers import serving
from tests.fakes import render_effects

pytestmark = pytest.mark.e2e
JOB, FOLDERS = "#library-job .indexing", "#library-folders"


def add(page, folder) -> None:
    page.locator("#folder textarea, #folder input").first.fill(str(folder))
    page.locator("#index").click()


def test_a_folder_is_indexed_found_mapped_described_and_still_so_after_a_reload(browser, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_INDEX_S", "0.6")
    monkeypatch.setenv("FAKE_INDEX_HOLD", "7")
    render_effects(tmp_path / "mine", count=9)
    (tmp_path / "mine" / "broken.wav").write_text("no")
    (tmp_path / "mine" / "tone_8.wav").rename(tmp_path / "mine" / "whistle.wav")
    with serving(FAKE_APP, tmp_path / "w") as server:
        page = library_of(browser, server.url)
        expect(page.locator(CARDS)).to_have_count(6)
        add(page, "/nowhere/at/all")
        expect(page.locator("#folders-message .message.trouble")).to_contain_text("no such folder")
        add(page, tmp_path / "mine")
        expect(page.locator(JOB)).to_be_visible()
        expect(page.locator(JOB)).to_contain_text("Indexing mine")
        expect(page.locator(JOB)).to_contain_text(re.compile(r"\d of 10 · [\d.]+ files/s · \d+ s left"))
        page.reload()
        page.get_by_role("tab", name="Library").click()
        expect(page.locator(JOB)).to_contain_text("7 of 10")
        (tmp_path / "w" / "go").touch()
        expect(page.locator(JOB)).to_contain_text("is done: 9 new, 0 unchanged, 1 left out")
        expect(page.locator(f"{FOLDERS} .folders li")).to_have_count(2)
        expect(page.locator(FOLDERS)).to_contain_text("9 sounds, 1 left out")
        page.locator(".left-out > summary").click()
        expect(page.locator(".left-out td summary")).to_contain_text("not a sound file")
        with page.expect_download() as saved:
            page.get_by_role("link", name="Download the list").click()
        rows = list(csv.reader(saved.value.path().read_text(encoding="utf-8-sig").splitlines()))
        assert rows[1][1].endswith("broken.wav")

        page.locator("#library-words textarea, #library-words input").first.fill("whistle")
        expect(page.locator("#library-list h2")).to_contain_text("“whistle”")
        expect(page.locator(CARDS).first).to_contain_text("whistle")
        assert plays(page, page.locator(CARDS).first) > 0.1

        mapped(page, 15)
        found = place(page, "whistle")
        page.mouse.click(found["x"], found["y"])
        heard = page.locator(HEARD)
        expect(heard).to_contain_text("whistle")
        page.wait_for_function("() => document.querySelector('#library-heard audio').currentTime > 0.05")

        lasso(page, 0.5)
        expect(page.locator("#library-list h2")).to_contain_text("Selection")
        chosen = page.locator(CARDS).count()
        assert 3 < chosen < 12

        card = page.locator(CARDS).filter(has_text="whistle").first if page.locator(CARDS).filter(has_text="whistle").count() else page.locator(CARDS).first
        name = card.locator("h3").inner_text()
        card.locator("button.caption").click()
        card.get_by_label("Caption", exact=True).fill("a purple foghorn <b>")
        card.get_by_label("Category", exact=True).fill("HORNAir")
        card.get_by_label("Category", exact=True).press("Enter")
        expect(card.locator("button.caption")).to_have_text("a purple foghorn <b>")
        expect(card.locator("button.caption")).to_be_focused()
        page.reload()
        page.get_by_role("tab", name="Library").click()
        page.locator("#library-words textarea, #library-words input").first.fill("foghorn")
        expect(page.locator(CARDS).first.locator("h3")).to_have_text(name)
        expect(page.locator(CARDS).first).to_contain_text("HORNAir")
        mapped(page, 15)
        assert "HORNAir" in page.evaluate("document.querySelector('sound-map').categories")


@pytest.mark.slow
def test_an_indexing_outlives_the_server_and_is_stopped_resumed_and_dismissed(browser, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_INDEX_HOLD", "2")
    render_effects(tmp_path / "mine", count=4)
    with serving(FAKE_APP, tmp_path / "w") as server:
        page = library_of(browser, server.url)
        add(page, tmp_path / "mine")
        expect(page.locator(JOB)).to_contain_text("2 of 4")
    with serving(FAKE_APP, tmp_path / "w") as server:
        page = library_of(browser, server.url)
        expect(page.locator(JOB)).to_contain_text("2 of 4")
        expect(page.locator("#status")).to_contain_text("Indexing mine")
        page.locator(JOB).get_by_role("button", name="Stop").click()
        expect(page.locator(JOB)).to_contain_text("was stopped")
        page.locator(JOB).get_by_role("button", name="Go on").click()
        expect(page.locator(JOB)).to_contain_text("2 of 4")
        page.locator(JOB).get_by_role("button", name="Stop").click()
        page.locator(JOB).get_by_role("button", name="Dismiss").click()
        expect(page.locator(JOB)).to_have_count(0)


@pytest.mark.slow
def test_a_folder_is_removed_after_a_question(browser, tmp_path):
    with serving(FAKE_APP, tmp_path) as server:
        page = library_of(browser, server.url)
        expect(page.locator(f"{FOLDERS} .folders li")).to_have_count(1)
        page.locator(f"{FOLDERS} summary", has_text="Remove").click()
        expect(page.locator(f"{FOLDERS} .confirm")).to_contain_text("files stay")
        page.get_by_role("button", name="Take it out of the library").click()
        expect(page.locator(f"{FOLDERS} .folders li")).to_have_count(0)
        expect(page.locator("#status")).to_contain_text("0 sounds")
        assert (tmp_path / "starter" / "tone_0.wav").exists()


def test_filters_likeness_and_an_edit_that_is_left(browser, fake_studio):
    page = library_of(browser, fake_studio.url)
    expect(page.locator(CARDS)).to_have_count(6)
    page.get_by_label("Length").click()
    page.get_by_role("option", name="1 to 3 s").click()
    expect(page.locator(CARDS)).to_have_count(2)
    page.locator(CARDS).first.get_by_role("button", name="Similar").click()
    expect(page.locator("#library-list h2")).to_contain_text("Like tone_4")
    page.get_by_role("button", name="Show all").click()
    expect(page.locator("#library-list h2")).to_contain_text("Sounds")
    first = page.locator(CARDS).first
    first.locator("button.caption").press("Enter")
    first.get_by_label("Caption", exact=True).press("Escape")
    expect(first.locator("button.caption")).to_be_focused()
    expect(first.locator("form.describe")).to_have_count(0)


def test_a_selection_goes_into_the_export_tray(browser, fake_studio):
    page = library_of(browser, fake_studio.url)
    mapped(page, 6)
    lasso(page, 1.0)
    expect(page.locator(CARDS)).to_have_count(6)
    page.get_by_role("button", name="Export selection").click()
    expect(page.locator(".export-tray:visible input[data-token]")).to_have_count(6)


def test_a_sound_of_the_library_seeds_the_next_takes(browser, fake_studio):
    page = library_of(browser, fake_studio.url)
    page.locator(CARDS).first.get_by_role("button", name="Seed").click()
    expect(page.locator("#seed")).to_be_visible()
    expect(page.locator("#seed")).to_contain_text("tone_0")


def test_the_list_is_walked_and_played_by_keyboard(browser, fake_studio):
    page = library_of(browser, fake_studio.url)
    page.locator(CARDS).first.locator("[data-play]").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(CARDS).nth(1)).to_be_focused()
    page.keyboard.press(" ")
    page.wait_for_function("() => { const a = document.querySelectorAll('#library-list audio')[1]; return a.currentTime > 0.02 || a.ended; }")
    page.keyboard.press("ArrowUp")
    expect(page.locator(CARDS).first).to_be_focused()


def test_a_phone_shows_the_tab_in_one_column(browser, fake_studio):
    page = library_of(browser, fake_studio.url, size=NARROW, has_touch=True)
    mapped(page, 6)
    assert overflow(page) <= 0
    point = place(page, "tone_2")
    page.touchscreen.tap(point["x"], point["y"])
    expect(page.locator(HEARD)).to_contain_text("tone_2")
    drawn, listed = page.locator("sound-map").bounding_box(), page.locator("#library-list").bounding_box()
    assert listed["y"] >= drawn["y"] + drawn["height"]


def test_a_visitor_browses_and_plays_but_sees_no_path_and_changes_nothing(browser, tmp_path, monkeypatch):
    monkeypatch.setenv("SPACE_ID", "me/studio")
    with serving(FAKE_APP, tmp_path, "--host", "127.0.0.1") as server:
        page = library_of(browser, server.url)
        expect(page.locator(CARDS)).to_have_count(6)
        mapped(page, 6)
        assert page.locator("#folder, #library-folders, button[data-describe]").count() == 0
        assert plays(page, page.locator(CARDS).first) > 0.1
        assert str(tmp_path) not in page.content() and str(tmp_path) not in json.dumps(page.evaluate("document.querySelector('sound-map').points"))
        time.sleep(1.5)
        assert str(tmp_path) not in page.content()
