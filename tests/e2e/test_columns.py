"""Hits and takes in a real browser, on fake models: weighed anew, walked by keyboard, compared, more like one of them."""

import re

import pytest

from tests.e2e.browser import act, expect, opened, record
from tests.e2e.screen import HITS, TAKES, made, names, press

pytestmark = pytest.mark.e2e


def test_only_one_sound_plays_at_a_time(browser, fake_studio):
    page = opened(browser, fake_studio.url)
    page.locator("#words textarea").fill("bell")
    page.locator("#length").get_by_label("6 s", exact=True).check()
    press(page)
    expect(page.locator(TAKES)).to_have_count(3)
    for i in (0, 1):
        page.locator(TAKES).nth(i).locator("[data-play]").click()
        page.wait_for_timeout(300)
    assert page.locator("audio").evaluate_all("all => all.filter(a => !a.paused).length") == 1


def test_another_weighing_reorders_the_hits_at_once(browser, fake_studio):
    page = opened(browser, fake_studio.url)
    made(page, "beep")
    usual = names(page, HITS)
    page.locator("#weights > .label-wrap").click()
    page.get_by_label("number input for Overall").fill("0")
    page.get_by_label("number input for Rhythm").fill("1")
    page.keyboard.press("Tab")
    expect(page.locator(HITS).first).to_contain_text("tone_5")
    assert names(page, HITS) == [f"tone_{i}" for i in reversed(range(6))] != usual
    page.get_by_role("button", name="As usual").click()
    expect(page.locator(HITS).first).to_contain_text(usual[0])
    assert names(page, HITS) == usual


def test_more_like_a_sound_and_back(browser, fake_studio):
    page = opened(browser, fake_studio.url)
    made(page, "beep")
    usual = names(page, HITS)
    act(page.locator(TAKES).first, "Similar")
    expect(page.locator("#hits h2")).to_contain_text("Like Take")
    name = page.locator(HITS).nth(1).locator("h3").inner_text()
    act(page.locator(HITS).nth(1), "Similar")
    expect(page.locator("#hits h2")).to_contain_text(f"Like {name}")
    expect(page.locator(HITS)).to_have_count(5)
    page.get_by_role("button", name="← Hits").click()
    expect(page.locator(HITS)).to_have_count(6)
    assert names(page, HITS) == usual


def test_the_keys_move_play_and_mark(browser, fake_studio):
    page = opened(browser, fake_studio.url)
    record(page)
    page.locator("#length").get_by_label("6 s", exact=True).check()
    made(page)
    current = "document.activeElement.closest('.card')?.getAttribute('aria-label')"
    hits, takes = names(page, HITS), names(page, TAKES)
    page.locator("body").click(position={"x": 5, "y": 5})
    page.keyboard.press("ArrowDown")
    assert page.evaluate(current) == hits[0]
    page.keyboard.press("ArrowDown")
    assert page.evaluate(current) == hits[1]
    page.keyboard.press("ArrowRight")
    assert page.evaluate(current) in takes
    page.keyboard.press("ArrowUp")
    assert page.evaluate(current) == takes[0]
    page.keyboard.press(" ")
    best = page.locator(TAKES).filter(has_text=takes[0])
    expect(best).to_have_class(re.compile("playing"))
    page.keyboard.press("a")
    expect(best).to_have_class(re.compile("comparing"))
    page.keyboard.press("a")
    expect(best).to_have_class(re.compile("playing"))
    page.keyboard.press(" ")
    expect(best).not_to_have_class(re.compile("playing"))
    page.keyboard.press("f")
    expect(best.locator(".star")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate(current) == takes[0]
    page.keyboard.press("Delete")
    expect(page.locator(TAKES)).to_have_count(2)
    page.locator("#words textarea").click()
    page.keyboard.type(" fade vamp")
    expect(page.locator("#words textarea")).to_have_value(re.compile("fade vamp"))
    assert page.locator(TAKES).count() == 2 and page.locator(f"{HITS} .star[aria-pressed=true]").count() == 0


def test_the_gesture_and_then_the_sound(browser, fake_studio):
    page = opened(browser, fake_studio.url)
    record(page)
    made(page)
    take = page.locator(TAKES).first
    act(take, "Compare with the gesture")
    expect(take).to_have_class(re.compile("comparing"))
    expect(take).to_have_class(re.compile("playing"))
    expect(take).not_to_have_class(re.compile("comparing"))
