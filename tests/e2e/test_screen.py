"""One press in a real browser, on fake models: from the gesture or the words to hits and takes."""

import re

import pytest

from tests.e2e.browser import NARROW, act, expect, opened, overflow, plays, record
from tests.e2e.conftest import FAKE_APP
from tests.e2e.screen import HITS, MESSAGE, TAKES, made, press
from tests.e2e.servers import serving

pytestmark = pytest.mark.e2e


def test_a_recording_is_found_and_made(browser, fake_studio):
    page = opened(browser, fake_studio.url)
    record(page)
    page.locator("#words textarea").fill("falling bell")
    press(page)
    expect(page.locator(HITS)).to_have_count(6)
    expect(page.locator(TAKES)).to_have_count(3)
    assert plays(page, page.locator(HITS).first) > 0.1 and plays(page, page.locator(TAKES).first) > 0.5
    assert plays(page, page.locator("#gesture .card")) > 0.5
    expect(page.locator("#history .earlier.current")).to_contain_text("falling bell")


def test_what_was_asked_while_the_library_was_filled_is_found_once_it_is(browser, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_INDEX_HOLD", "0")
    (tmp_path / "starter").mkdir()
    with serving(FAKE_APP, tmp_path) as server:
        page = opened(browser, server.url)
        expect(page.locator("#status")).to_contain_text("Preparing the starter effects")
        made(page)
        expect(page.locator("#hits")).to_contain_text("still being filled")
        (tmp_path / "go").touch()
        expect(page.locator(HITS)).to_have_count(6)
        page.reload()
        page.locator("#history .earlier").first.click()
        expect(page.locator(HITS)).to_have_count(6)


def test_a_take_that_plays_is_not_disturbed_by_the_next(browser, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_STEP_S", "0.3")  # so that it plays while there are some to come
    with serving(FAKE_APP, tmp_path) as server:
        page = opened(browser, server.url)
        page.locator("#words textarea").fill("a very long tone")
        page.locator("#variations").get_by_label("6", exact=True).check()
        page.locator("#length").get_by_label("6 s", exact=True).check()
        press(page)
        first = page.locator(TAKES).filter(has_text="Take 1")
        audio = first.locator("audio")
        audio.evaluate("a => { a.disturbed = 0; for (const e of ['emptied', 'abort']) a.addEventListener(e, () => a.disturbed++); }")
        first.locator("[data-play]").click()
        expect(first).to_have_class(re.compile("playing"))
        audio.evaluate("a => { a.disturbed = 0; }")
        expect(page.locator(TAKES)).to_have_count(6)
        page.wait_for_function("a => a.played.length > 0", arg=audio.element_handle())
        assert audio.evaluate("a => a.disturbed === 0 && a.isConnected")


def test_a_take_seeds_the_next_and_can_be_let_go(browser, fake_studio):
    page = opened(browser, fake_studio.url)
    page.locator("#words textarea").fill("bell")
    press(page)
    expect(page.locator(TAKES)).to_have_count(3)
    act(page.locator(TAKES).filter(has_text="Take 2"), "Seed")
    expect(page.locator("#seed")).to_contain_text("Take 2")
    expect(page.locator("#seed input[type=range]")).to_be_visible()
    page.get_by_role("button", name="Start from nothing").click()
    expect(page.locator("#seed")).to_be_hidden()


def test_a_hit_is_performed_and_becomes_a_take(browser, fake_studio):
    page = opened(browser, fake_studio.url)
    page.locator("#words textarea").fill("bell")
    press(page)
    expect(page.locator(TAKES)).to_have_count(3)
    expect(page.get_by_role("button", name="Make it")).to_be_visible()
    act(page.locator(HITS).first, "Perform")
    expect(page.locator(MESSAGE)).to_contain_text("Record a gesture first")
    record(page)
    press(page)
    expect(page.locator(TAKES)).to_have_count(3)
    expect(page.get_by_role("button", name="Make it")).to_be_visible()
    expect(page.locator(TAKES).filter(has_text="Take 1")).to_contain_text("from tone_")
    hit = page.locator(HITS).nth(1)
    name = hit.locator("h3").inner_text()
    act(hit, "Perform")
    expect(page.locator(TAKES)).to_have_count(4)
    made = page.locator(TAKES).filter(has_text=f"performed: {name}")
    assert plays(page, made) > 0.5
    expect(page.locator("#seed")).to_be_hidden()
    page.locator("#history .earlier.current").click()
    expect(page.locator(TAKES).filter(has_text=f"performed: {name}")).to_have_count(1)


def test_more_control_is_optional_and_a_wrong_number_is_explained(browser, fake_studio):
    page = opened(browser, fake_studio.url)
    page.locator("#words textarea").fill("bell")
    page.locator("#control > .label-wrap").click()
    page.get_by_label("Steps").fill("many")
    press(page)
    expect(page.locator(MESSAGE)).to_contain_text("Steps 'many': give a whole number, or leave it empty")
    page.get_by_label("Steps").fill("12")
    page.get_by_label("Seed").last.fill("77")
    press(page)
    expect(page.locator(TAKES)).to_have_count(3)
    expect(page.locator(TAKES).filter(has_text="Take 1")).to_contain_text("#77")


def test_cancel_stops_and_keeps(browser, fake_studio, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_STEP_S", "0.8")
    with serving(FAKE_APP, tmp_path) as server:
        page = opened(browser, server.url)
        page.locator("#words textarea").fill("bell")
        press(page)
        expect(page.locator(TAKES)).to_have_count(1)
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator(MESSAGE)).to_contain_text("What was made is kept")
        expect(page.get_by_role("button", name="Make it")).to_be_visible()
        assert page.locator(TAKES).count() in (1, 2) and page.locator("#takes .skeleton").count() == 0


def test_nothing_to_go_by_is_explained(browser, fake_studio):
    page = opened(browser, fake_studio.url)
    press(page)
    expect(page.locator(MESSAGE)).to_contain_text("Record a sound or type a few words first")
    expect(page.get_by_role("button", name="Make it")).to_be_visible()


def test_an_unknown_model_is_told_on_the_page(browser, tmp_path):
    with serving(FAKE_APP, tmp_path, "--clvap", "nope") as server:
        page = opened(browser, server.url)
        expect(page.locator("#status")).to_contain_text("no model 'nope': use one of")
        page.locator("#words textarea").fill("bell")
        press(page)
        expect(page.locator(MESSAGE)).to_contain_text("no model 'nope'")
        expect(page.get_by_role("button", name="Make it")).to_be_visible()


def test_a_phone_shows_one_column_that_fits(browser, fake_studio):
    page = opened(browser, fake_studio.url, NARROW)
    assert overflow(page) <= 0
    record(page)
    assert overflow(page) <= 0
    page.locator("#words textarea").fill("averyveryverylongwordwithoutanyspaces" * 4)
    press(page)
    expect(page.locator(TAKES)).to_have_count(3)
    assert overflow(page) <= 0
    hits, takes = page.locator("#hits").bounding_box(), page.locator("#takes").bounding_box()
    assert takes["y"] >= hits["y"] + hits["height"] and hits["width"] > 300


def test_one_press_varies_a_sound(browser, fake_studio):
    page = opened(browser, fake_studio.url)
    made(page)
    before = page.locator("#history .earlier").count()
    name = page.locator(HITS).first.locator("h3").inner_text()
    act(page.locator(HITS).first, "Vary")
    expect(page.locator(TAKES)).to_have_count(6)
    expect(page.locator(TAKES).filter(has_text=f"from {name}")).to_have_count(3)
    expect(page.get_by_role("button", name="Make it")).to_be_visible()
    assert page.locator("#history .earlier").count() == before and page.locator(HITS).count() == 6


def test_a_first_visit_is_shown_an_example(browser, tmp_path):
    with serving(FAKE_APP, tmp_path) as server:
        page = opened(browser, server.url)
        assert plays(page, page.locator("#example .card")) > 0.3
        page.get_by_role("button", name="Hear an example").click()
        expect(page.locator("#gesture .gesture-plot")).to_be_visible()
        expect(page.locator("#words textarea")).to_have_value("laser zap")
        expect(page.locator(TAKES)).to_have_count(3)
        expect(page.locator(HITS)).to_have_count(6)
        expect(page.locator("#example .card")).to_have_count(0)
        page.reload()
        expect(page.locator("#history .earlier")).to_have_count(1)
        expect(page.locator("#example .card")).to_have_count(0)
