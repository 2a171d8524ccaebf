"""The screen in a real browser, on fake models: what the page itself does."""

import re

import numpy as np
import pytest
import soundfile

from clvap.audio import write
from tests.e2e.browser import NARROW, act, expect, launched, opened, overflow, plays, record, upload
from tests.e2e.conftest import FAKE_APP
from tests.e2e.servers import serving
from tests.fakes import gestures_in_a_row

pytestmark = pytest.mark.e2e
HITS, TAKES, MESSAGE = "#hits .card.sound", "#takes .card.sound", "#message .message"


def press(page) -> None:
    page.get_by_role("button", name="Make it").click()


def made(page, words: str = "bell") -> None:
    """Ask for words alone and wait for all of it."""
    page.locator("#words textarea").fill(words)
    press(page)
    expect(page.locator(TAKES)).to_have_count(3)
    expect(page.get_by_role("button", name="Make it")).to_be_visible()


def names(page, cards: str) -> list[str]:
    """What the sounds of a column are called, as they stand."""
    told = page.locator(cards).evaluate_all("all => all.map(a => [a.getBoundingClientRect().top, a.querySelector('h3').innerText])")
    return [name for _, name in sorted(told)]


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


def test_a_take_that_plays_is_not_disturbed_by_the_next(browser, tmp_path):
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
        assert audio.evaluate("a => a.disturbed === 0 && a.isConnected && (a.played.length > 0)")


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
    monkeypatch.setenv("FAKE_STEP_S", "1.5")
    with serving(FAKE_APP, tmp_path) as server:
        page = opened(browser, server.url)
        page.locator("#words textarea").fill("bell")
        press(page)
        expect(page.locator(TAKES)).to_have_count(1)
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator(MESSAGE)).to_contain_text("What was made is kept")
        expect(page.get_by_role("button", name="Make it")).to_be_visible()
        assert page.locator(TAKES).count() in (1, 2) and page.locator("#takes .skeleton").count() == 0


def test_history_survives_a_restart(browser, tmp_path):
    with serving(FAKE_APP, tmp_path) as server:
        page = opened(browser, server.url)
        record(page)
        page.locator("#words textarea").fill("remember me")
        press(page)
        expect(page.locator(TAKES)).to_have_count(3)
        expect(page.locator(HITS)).to_have_count(6)
    with serving(FAKE_APP, tmp_path) as server:
        page = opened(browser, server.url)
        page.locator("#history .earlier", has_text="remember me").click()
        expect(page.locator("#gesture .gesture-plot")).to_be_visible()
        expect(page.locator("#words textarea")).to_have_value("remember me")
        expect(page.locator(HITS)).to_have_count(6)
        expect(page.locator(TAKES)).to_have_count(3)
        assert plays(page, page.locator(TAKES).first) > 0.3
        press(page)
        expect(page.locator("#history .earlier")).to_have_count(2)


def test_one_of_several_gestures_is_chosen_and_remembered(browser, fake_studio, tmp_path):
    page = opened(browser, fake_studio.url)
    upload(page, write(tmp_path / "three.wav", gestures_in_a_row((0.6, 0.9, 0.5))))
    chips = page.locator("#gesture .chip")
    expect(chips).to_have_count(4)
    expect(page.locator("#gesture .mark")).to_have_count(3)
    chosen = page.locator("#gesture .chip[aria-pressed=true]")
    expect(chosen).to_have_text("All")
    press(page)
    expect(page.locator(TAKES)).to_have_count(3)
    expect(page.locator(f"{TAKES} .foot").first).to_contain_text("3.5 s")

    chips.nth(2).click()
    expect(chosen).to_have_text(re.compile(r"^2 1\.[23]–2\.[23]$"))
    page.locator("#gesture [data-play]").click()
    audio = page.locator("#gesture audio").element_handle()
    page.wait_for_function("a => a.currentTime > 1.4 && !a.paused", arg=audio)  # within the second gesture
    page.wait_for_function("a => a.paused && a.currentTime < 1.4", arg=audio)  # stopped at its end, back at its start
    press(page)
    expect(page.locator("#history .earlier.current")).to_contain_text("gesture 2")
    expect(page.get_by_role("button", name="Make it")).to_be_visible()
    expect(page.locator(f"{TAKES} .foot").first).to_contain_text("1.0 s")

    page.reload()
    page.locator("#history .earlier", has_text="gesture 2").first.click()
    expect(chips).to_have_count(4)
    expect(chosen).to_contain_text("2")
    chips.first.click()
    expect(chosen).to_have_text("All")
    page.get_by_role("button", name="Record another").click()
    expect(chips).to_have_count(0)


def test_one_gesture_is_offered_no_choice(browser, fake_studio, voice):
    page = opened(browser, fake_studio.url)
    upload(page, voice)
    expect(page.locator("#gesture .gesture-plot")).to_be_visible()
    expect(page.locator("#gesture .chip")).to_have_count(0)


def test_a_bad_upload_is_explained_and_nothing_is_lost(browser, fake_studio, tmp_path, voice):
    page = opened(browser, fake_studio.url)
    page.locator("#words textarea").fill("keep me")
    press(page)
    expect(page.locator(TAKES)).to_have_count(3)
    soundfile.write(str(tmp_path / "quiet.wav"), np.zeros(44_100, np.float32), 44_100)
    (tmp_path / "notes.wav").write_text("these are words")
    for name, said in (("quiet.wav", "only silence was heard"), ("notes.wav", "not a sound file that can be read")):
        upload(page, tmp_path / name)
        expect(page.locator(MESSAGE)).to_contain_text(said)
        expect(page.locator("#words textarea")).to_have_value("keep me")
        expect(page.locator(TAKES)).to_have_count(3)
        page.get_by_role("button", name="Record audio").click()
    upload(page, voice)
    expect(page.locator("#gesture .gesture-plot")).to_be_visible()
    expect(page.locator(MESSAGE)).to_have_count(0)


def test_nothing_to_go_by_is_explained(browser, fake_studio):
    page = opened(browser, fake_studio.url)
    press(page)
    expect(page.locator(MESSAGE)).to_contain_text("Record a sound or type a few words first")
    expect(page.get_by_role("button", name="Make it")).to_be_visible()


def test_a_refused_microphone_is_explained(browser, fake_studio):
    with launched(browser.browser_type, None) as deaf:
        page = opened(deaf, fake_studio.url)
        page.get_by_role("button", name="Record", exact=True).click()
        expect(page.locator("#microphone-trouble")).to_contain_text("or upload a file")


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


def test_a_star_survives_a_reload_and_is_found_among_the_favourites(browser, tmp_path):
    with serving(FAKE_APP, tmp_path) as server:
        page = opened(browser, server.url)
        made(page)
        hit = page.locator(HITS).nth(2)
        name = hit.locator("h3").inner_text()
        for card in (hit, page.locator(TAKES).filter(has_text="Take 2")):
            card.get_by_role("button", name="Favourite").click()
            expect(card.get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "true")
        page.reload()
        page.locator("#history .earlier .open").click()
        expect(page.locator(f"{HITS} .star[aria-pressed=true]")).to_have_count(1)
        expect(page.locator(HITS).filter(has_text=name).locator(".star")).to_have_attribute("aria-pressed", "true")
        page.get_by_label("Favourites", exact=True).check()
        starred = page.locator("#history .favourite")
        expect(starred).to_have_count(2)
        assert plays(page, starred.filter(has_text=name)) > 0.2
        starred.filter(has_text="Take 2").get_by_role("button", name="Favourite").click()
        expect(starred).to_have_count(1)
        expect(page.locator(TAKES).filter(has_text="Take 2").locator(".star")).to_have_attribute("aria-pressed", "false")


def test_what_is_deleted_can_be_had_back(browser, tmp_path):
    with serving(FAKE_APP, tmp_path) as server:
        page = opened(browser, server.url)
        made(page)
        act(page.locator(TAKES).filter(has_text="Take 2"), "Delete")
        expect(page.locator(TAKES)).to_have_count(2)
        expect(page.locator("#undo")).to_contain_text("Deleted Take 2.")
        page.get_by_role("button", name="Undo").click()
        expect(page.locator(TAKES)).to_have_count(3)
        expect(page.locator("#undo .undo")).to_have_count(0)
        earlier = page.locator("#history .earlier")
        earlier.hover()
        earlier.get_by_role("button", name="Delete").click()
        expect(earlier).to_have_count(0)
        expect(page.locator(TAKES)).to_have_count(0)
        page.get_by_role("button", name="Undo").click()
        expect(earlier).to_have_count(1)
        expect(page.locator(TAKES)).to_have_count(3)
        assert plays(page, page.locator(TAKES).first) > 0.3


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


def test_the_history_is_searched_by_words(browser, tmp_path):
    with serving(FAKE_APP, tmp_path) as server:
        page = opened(browser, server.url)
        expect(page.get_by_label("Search the history")).to_have_count(0)
        for words in ("heavy door", "soft rain"):
            made(page, words)
        expect(page.locator("#history .earlier")).to_have_count(2)
        page.get_by_label("Search the history").fill("door")
        expect(page.locator("#history .earlier")).to_have_count(1)
        expect(page.locator("#history .earlier")).to_contain_text("heavy door")
        page.get_by_label("Search the history").fill("snow")
        expect(page.locator("#history")).to_contain_text("Nothing here")
        page.get_by_label("Search the history").fill("")
        expect(page.locator("#history .earlier")).to_have_count(2)
