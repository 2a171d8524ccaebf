"""Takes in a real browser, on fake models: chosen from several, seen as they come to be, a part of one made anew."""

import re

import pytest

from tests.e2e.browser import NARROW, act, expect, opened, overflow, record
from tests.e2e.conftest import FAKE_APP
from tests.e2e.screen import MESSAGE, TAKES, made, press
from tests.e2e.servers import serving

pytestmark = pytest.mark.e2e
SKETCH = "#takes .waiting .sketch"


def test_takes_still_to_come_are_seen_and_stay_as_tall(browser, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_STEP_S", "0.6")
    with serving(FAKE_APP, tmp_path) as server:
        page = opened(browser, server.url, reduced_motion="reduce")
        page.locator("#words textarea").fill("bell")
        press(page)
        waiting = page.locator("#takes .waiting")
        expect(waiting).to_have_count(3)
        height = waiting.first.bounding_box()["height"]
        expect(page.locator(SKETCH)).to_have_count(1)
        first = page.locator(SKETCH).get_attribute("style")
        expect(page.locator(SKETCH)).not_to_have_attribute("style", first)
        assert abs(waiting.first.bounding_box()["height"] - height) < 1
        assert page.locator(SKETCH).evaluate("a => getComputedStyle(a).animationName") == "none"
        expect(page.locator(TAKES)).to_have_count(1)
        assert abs(page.locator(TAKES).first.bounding_box()["height"] - height) < 2
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator(MESSAGE)).to_contain_text("What was made is kept")
        expect(waiting).to_have_count(0)


def test_each_take_may_be_the_best_of_several(browser, fake_studio):
    page = opened(browser, fake_studio.url)
    page.locator("#control > .label-wrap").click()
    best_of = page.locator("#best-of")
    expect(best_of.get_by_label("Auto")).to_be_checked()
    best_of.get_by_label("4", exact=True).check()
    made(page)


def marking(page):
    return page.locator("#takes .card.marking")


def test_a_part_is_marked_by_dragging_and_made_anew(browser, fake_studio):
    page = opened(browser, fake_studio.url)
    record(page)
    page.locator("#length").get_by_label("2 s", exact=True).check()
    made(page)
    take = page.locator(TAKES).filter(has_text="Take 2")
    height = take.bounding_box()["height"]
    act(take, "Redo part")
    box = marking(page).locator(".renewed").bounding_box()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 4)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 4)
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 4)
    page.mouse.up()
    expect(marking(page).locator("output")).to_have_text(re.compile(r"^0\.(49|50|51) – 1\.(49|50|51) s$"))
    assert abs(marking(page).bounding_box()["height"] - height) < 2 and page.locator("audio").evaluate_all("all => all.every(a => a.paused)")
    marking(page).get_by_role("button", name="Redo").click()
    redone = page.locator(TAKES).filter(has_text="of Take 2, 0.5 to 1.5 s")
    expect(redone).to_have_count(3)
    expect(marking(page)).to_have_count(0)
    expect(page.get_by_role("button", name="Make it")).to_be_visible()
    expect(page.locator("#history .earlier.current")).to_have_count(1)


def test_a_part_is_marked_by_keyboard(browser, fake_studio):
    page = opened(browser, fake_studio.url)
    page.locator("#length").get_by_label("2 s", exact=True).check()
    made(page)
    page.locator(TAKES).first.focus()
    page.keyboard.press("r")
    start, end = marking(page).get_by_role("slider", name="Start of the part"), marking(page).get_by_role("slider", name="End of the part")
    expect(start).to_be_focused()
    expect(start).to_have_attribute("aria-valuetext", "0.67 s")
    for _ in range(7):
        page.keyboard.press("ArrowLeft")
    expect(start).to_have_attribute("aria-valuetext", "0.60 s")
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    expect(end).to_be_focused()
    page.keyboard.press("Home")  # no further than the shortest part
    expect(marking(page).locator("output")).to_have_text("0.00 – 0.10 s")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.locator(MESSAGE)).to_contain_text("mark a part of it, or press Vary")
    page.keyboard.press("r")
    page.keyboard.press("Escape")
    expect(marking(page)).to_have_count(0)
    assert page.evaluate("document.activeElement.matches('#takes .card')")


@pytest.mark.slow
def test_what_is_marked_outlives_another_drawing_of_the_column(browser, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_STEP_S", "0.4")
    with serving(FAKE_APP, tmp_path) as server:
        page = opened(browser, server.url, NARROW)
        page.locator("#words textarea").fill("bell")
        press(page)
        expect(page.locator(TAKES)).to_have_count(1)
        act(page.locator(TAKES).first, "Redo part")
        page.keyboard.press("ArrowRight")
        told = marking(page).locator("output").inner_text()
        expect(page.locator(TAKES)).to_have_count(3)
        expect(marking(page)).to_have_count(1)
        expect(marking(page).locator("output")).to_have_text(told)
        expect(marking(page).get_by_role("slider", name="Start of the part")).to_be_focused()
        assert marking(page).locator("h3").inner_text() == "Take 1" and overflow(page) <= 0
