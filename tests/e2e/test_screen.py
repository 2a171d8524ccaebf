"""The screen in a real browser, on fake models: what the page itself does."""

import re

import numpy as np
import pytest
import soundfile

from clvap.audio import write
from tests.e2e.browser import NARROW, expect, launched, opened, overflow, plays, record, upload
from tests.e2e.conftest import FAKE_APP
from tests.e2e.servers import serving
from tests.fakes import gestures_in_a_row

pytestmark = pytest.mark.e2e
HITS, TAKES, MESSAGE = "#hits .card.sound", "#takes .card.sound", "#message .message"


def press(page) -> None:
    page.get_by_role("button", name="Make it").click()


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
    page.locator(TAKES).filter(has_text="Take 2").get_by_role("button", name="Seed").click()
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
    page.locator(HITS).first.get_by_role("button", name="Perform").click()
    expect(page.locator(MESSAGE)).to_contain_text("Record a gesture first")
    record(page)
    press(page)
    expect(page.locator(TAKES)).to_have_count(3)
    expect(page.get_by_role("button", name="Make it")).to_be_visible()
    expect(page.locator(TAKES).filter(has_text="Take 1")).to_contain_text("from tone_")
    hit = page.locator(HITS).nth(1)
    name = hit.locator("h3").inner_text()
    hit.get_by_role("button", name="Perform").click()
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
    monkeypatch.setenv("FAKE_STEP_S", "0.4")
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


def test_a_folder_is_added_and_a_missing_one_explained(browser, fake_studio, tmp_path):
    from tests.fakes import render_effects

    render_effects(tmp_path / "mine", count=4)
    (tmp_path / "mine" / "broken.wav").write_text("no")
    page = opened(browser, fake_studio.url)
    page.get_by_role("tab", name="Library").click()
    page.locator("#folder textarea").fill("/nowhere/at/all")
    page.locator("#index").click()
    expect(page.locator(".message.trouble:visible")).to_contain_text("no such folder")
    page.locator("#folder textarea").fill(str(tmp_path / "mine"))
    page.locator("#index").click()
    expect(page.locator("#library-summary")).to_contain_text("broken.wav")
    expect(page.locator("#library-summary")).to_contain_text("not a sound file")


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
