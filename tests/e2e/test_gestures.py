"""A gesture in a real browser, on fake models: recorded, uploaded, refused, one of several."""

import re

import numpy as np
import pytest
import soundfile

from clvap.audio import write
from tests.e2e.browser import expect, launched, opened, record, upload
from tests.e2e.screen import MESSAGE, TAKES, press
from tests.fakes import gestures_in_a_row

pytestmark = pytest.mark.e2e


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


def test_a_refused_microphone_is_explained(browser, fake_studio):
    with launched(browser.browser_type, None) as deaf:
        page = opened(deaf, fake_studio.url)
        page.get_by_role("button", name="Record", exact=True).click()
        expect(page.locator("#microphone-trouble")).to_contain_text("or upload a file")


def test_the_microphone_is_heard_as_it_is(browser, fake_studio):
    page = opened(browser, fake_studio.url)
    page.evaluate("""() => {
        const asked = navigator.mediaDevices.getUserMedia;
        navigator.mediaDevices.getUserMedia = async (wanted) => {
            const stream = await asked(wanted);
            window.heard = stream.getAudioTracks()[0].getSettings();
            return stream;
        };
    }""")
    record(page)
    settings = page.evaluate("window.heard")
    assert [settings[name] for name in ("echoCancellation", "noiseSuppression", "autoGainControl")] == [False] * 3
