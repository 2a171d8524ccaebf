"""The export tray in a real browser: sounds in and out, names, formats, the file itself."""

import re
import zipfile

import pytest
import soundfile

from tests.e2e.browser import NARROW, expect, opened, overflow
from tests.e2e.conftest import FAKE_APP
from tests.e2e.servers import serving

pytestmark = pytest.mark.e2e
HITS, TAKES, TRAY = "#hits .card.sound", "#takes .card.sound", "#imitate .export-tray"


def made(browser, url, size=None, words="laser zap", **context):
    """A page on which something was found and made."""
    page = opened(browser, url, *([size] if size else []), **context)
    page.locator("#words textarea").fill(words)
    page.get_by_role("button", name="Make it").click()
    expect(page.locator(TAKES)).to_have_count(3)
    expect(page.get_by_role("button", name="Make it")).to_be_visible()
    return page


def collect(page, card):
    card.locator("[data-act=export]").click()


def choose(page, label, option):
    page.locator(TRAY).get_by_label(label, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()
    expect(page.locator(TRAY).get_by_label(label, exact=True)).to_have_value(option)


def exported(page):
    """Press Export, follow the link; the file's name and place."""
    page.locator(TRAY).get_by_role("button", name="Export", exact=True).click()
    link = page.locator(f"{TRAY} .export-link")
    link.wait_for()
    with page.expect_download() as waiting:
        link.click()
    return waiting.value.suggested_filename, waiting.value.path()


def test_one_take_becomes_a_file(browser, fake_studio):
    page = made(browser, fake_studio.url)
    expect(page.locator(TRAY)).to_be_hidden()
    first = page.locator(TAKES).filter(has_text="Take 1")
    collect(page, first)
    name = page.locator(f"{TRAY} .export-names input")
    expect(name).to_have_value(re.compile(r"^LASRGun_Laser Zap 01_CLVAP_\w+$"))
    expect(first.locator("[data-act=export]")).to_have_attribute("aria-pressed", "true")
    file, path = exported(page)
    assert file.startswith("LASRGun_Laser Zap 01_CLVAP_") and file.endswith(".wav")
    header = soundfile.info(str(path))
    assert (header.samplerate, header.subtype) == (48_000, "PCM_24") and b"bext" in path.read_bytes() and b"iXML" in path.read_bytes()
    assert page.locator(f"{TRAY} .export-link").get_attribute("data-type") == "audio/wav"

    name.fill("../My: Zap")
    choose(page, "Format", "FLAC")
    choose(page, "Rate", "96 kHz")
    choose(page, "Depth", "16-bit")
    file, path = exported(page)
    header = soundfile.info(str(path))
    assert file == "My Zap.flac" and (header.format, header.samplerate, header.subtype) == ("FLAC", 96_000, "PCM_16")
    choose(page, "Format", "OGG")
    expect(page.locator(TRAY).get_by_label("Depth", exact=True)).to_have_count(0)
    file, path = exported(page)
    assert file == "My Zap.ogg" and soundfile.info(str(path)).subtype == "VORBIS"

    collect(page, first)
    expect(page.locator(TRAY)).to_be_hidden()
    expect(first.locator("[data-act=export]")).to_have_attribute("aria-pressed", "false")


def test_several_sounds_come_in_one_archive(browser, fake_studio):
    page = made(browser, fake_studio.url, words="falling tone")
    for card in (page.locator(HITS).first, page.locator(TAKES).first, page.locator(TAKES).last):
        collect(page, card)
    names = page.locator(f"{TRAY} .export-names input")
    expect(names).to_have_count(3)
    names.first.fill("My Tone")
    names.first.blur()
    collect(page, page.locator(HITS).nth(1))
    expect(names).to_have_count(4)
    expect(names.first).to_have_value("My Tone")  # what was typed outlives the next sound
    page.locator(f"{TRAY} .export-names [data-act=remove]").nth(1).click()
    expect(names).to_have_count(3)
    file, path = exported(page)
    assert file.endswith(".zip")
    with zipfile.ZipFile(path) as archive:
        inside = archive.namelist()
    assert len(inside) == 4 and "My Tone.wav" in inside and "export.csv" in inside
    page.locator(TRAY).get_by_role("button", name="Clear").click()
    expect(page.locator(TRAY)).to_be_hidden()


@pytest.mark.slow
def test_fades_and_loops_are_refused_together_and_a_folder_is_remembered(browser, tmp_path):
    folder = tmp_path / "session"
    folder.mkdir()
    with serving(FAKE_APP, tmp_path / "workspace") as server:
        page = made(browser, server.url)
        collect(page, page.locator(TAKES).first)
        page.locator(f"{TRAY} .fold > .label-wrap").click()
        page.locator(TRAY).get_by_label("Fade in, ms").fill("20")
        choose(page, "Loop", "Make seamless")
        page.locator(TRAY).get_by_role("button", name="Export", exact=True).click()
        expect(page.locator(f"{TRAY} .message")).to_contain_text("set the fades to 0")
        page.locator(TRAY).get_by_label("Fade in, ms").fill("0")
        page.locator(TRAY).get_by_label("Also write to folder").fill(str(tmp_path / "nowhere"))
        page.locator(TRAY).get_by_label("Also write to folder").press("Enter")
        expect(page.locator(f"{TRAY} .message")).to_contain_text("no such folder")
        page.locator(TRAY).get_by_label("Creator in names").fill("JDOE")
        page.locator(TRAY).get_by_label("Also write to folder").fill(str(folder))
        page.locator(TRAY).get_by_label("Also write to folder").press("Enter")
        expect(page.locator(f"{TRAY} .export-names input")).to_have_value(re.compile("_JDOE_"))
        file, path = exported(page)
        expect(page.locator(f"{TRAY} .export-made")).to_contain_text(str(folder))
        assert (folder / file).read_bytes() == path.read_bytes() and b"smpl" in path.read_bytes()
        page.reload()
    with serving(FAKE_APP, tmp_path / "workspace") as server:
        page = made(browser, server.url)
        collect(page, page.locator(TAKES).first)
        expect(page.locator(f"{TRAY} .export-names input")).to_have_value(re.compile("_JDOE_"))
        page.locator(f"{TRAY} .fold > .label-wrap").click()
        expect(page.locator(TRAY).get_by_label("Also write to folder")).to_have_value(str(folder))


@pytest.mark.slow
def test_visitors_are_offered_no_folder(browser, tmp_path):
    with serving(FAKE_APP, tmp_path / "workspace", "--host", "0.0.0.0") as server:
        page = made(browser, server.url)
        collect(page, page.locator(TAKES).first)
        page.locator(f"{TRAY} .fold > .label-wrap").click()
        expect(page.locator(TRAY).get_by_label("Fade in, ms")).to_be_visible()
        expect(page.locator(TRAY).get_by_label("Also write to folder")).to_have_count(0)
        file, path = exported(page)
        assert soundfile.info(str(path)).frames and file.endswith(".wav")


def test_the_tray_fits_a_phone(browser, fake_studio):
    page = made(browser, fake_studio.url, NARROW)
    collect(page, page.locator(TAKES).first)
    expect(page.locator(TRAY)).to_be_visible()
    assert overflow(page) <= 0
    box = page.locator(TRAY).bounding_box()
    assert box["height"] < 80 and box["y"] + box["height"] <= NARROW["height"]  # one line at the bottom, wherever the page is scrolled to
    page.locator(TRAY).get_by_role("button", name="Names and format").click()
    _, path = exported(page)
    assert soundfile.info(str(path)).frames and overflow(page) <= 0
    box = page.locator(TRAY).bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390


def test_this_computers_input_becomes_the_gesture(browser, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_MICROPHONE", "1")
    with serving(FAKE_APP, tmp_path / "workspace") as server:
        page = opened(browser, server.url)
        page.locator("#local-microphone > .label-wrap").click()
        page.locator("#local-microphone").get_by_role("button", name="Record").click()
        expect(page.locator("#local-microphone [role=meter]")).to_be_visible()
        page.wait_for_timeout(1_000)  # something is said
        page.locator("#local-microphone").get_by_role("button", name="Stop").click()
        expect(page.locator("#gesture .gesture-plot")).to_be_visible()
        expect(page.locator("#local-microphone").get_by_role("button", name="Record")).to_be_visible()


def test_without_an_input_the_page_says_why(browser, fake_studio):
    page = opened(browser, fake_studio.url)
    page.locator("#local-microphone > .label-wrap").click()
    expect(page.locator("#local-microphone .message")).to_contain_text("This machine has no sound input; plug a microphone in")
    expect(page.locator("#local-microphone").get_by_role("button", name="Record")).to_have_count(0)
