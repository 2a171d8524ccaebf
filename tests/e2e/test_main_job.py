"""The main job on the real models: app.py, a small library, a recording, two words, one button, and a take that leaves as a file."""

import csv
import json
import re
import subprocess
import sys
import time

import pytest
import soundfile

from clvap.audio import write
from tests.e2e.browser import expect, opened, overflow, plays, record
from tests.e2e.required import require_models
from tests.e2e.servers import ROOT, serving

pytestmark = pytest.mark.e2e
HITS, TAKES = "#hits .card.sound", "#takes .card.sound"


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """The first two dozen effects of the project's own, as a user's folder."""
    from clvap.audio import Clip
    from generation.procedural import catalog

    folder = tmp_path_factory.mktemp("sounds")
    with open(folder / "captions.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "caption", "category"])
        for i, effect in enumerate(catalog()[::18][:24]):
            write(folder / f"{i:02d}.wav", Clip(effect.render(0)))
            rows.writerow([f"{i:02d}.wav", effect.caption, "EFFECT"])
    return folder


@pytest.fixture(scope="module")
def studio(tmp_path_factory, sounds):
    require_models()
    with serving(["app.py"], tmp_path_factory.mktemp("studio"), "--library", str(sounds)) as server:
        yield server


@pytest.fixture(scope="module")
def studio_of_real_sounds(tmp_path_factory):
    """The studio with the effect packs and ESC-50 as its library, indexed from the command line."""
    require_models()
    folders = [ROOT.parent / "shared" / "data" / name for name in ("sfx", "esc50")]
    if not all(folder.exists() for folder in folders):
        pytest.skip("needs the real sounds in ../shared/data")
    workspace = tmp_path_factory.mktemp("real")
    began = time.monotonic()
    for folder in folders:
        subprocess.run([sys.executable, "-m", "clvap", "index", str(folder), "--workspace", str(workspace)], cwd=ROOT, check=True)
    print(f"indexed in {time.monotonic() - began:.0f} s")
    with serving(["app.py"], workspace) as server:
        yield server


def test_make_the_sound_and_hear_it_found_and_made(browser, studio):
    make_and_play(browser, studio, r"^24 sounds")


def test_the_best_take_becomes_a_favourite_and_a_file_of_the_session(browser, studio):
    page = opened(browser, studio.url)
    record(page)
    page.locator("#words textarea").fill("laser zap")
    page.locator("#length").get_by_label("2 s", exact=True).check()
    page.get_by_role("button", name="Make it").click()
    expect(page.locator(TAKES)).to_have_count(3)
    expect(page.get_by_role("button", name="Make it")).to_be_visible()
    best = page.locator(TAKES).filter(has_text="Take 1")
    best.locator("[data-act=star]").click()
    expect(best.locator("[data-act=star]")).to_have_attribute("aria-pressed", "true")
    best.locator("[data-act=export]").click()
    page.locator("#imitate .export-tray").get_by_role("button", name="Export", exact=True).click()
    link = page.locator("#imitate .export-link")
    link.wait_for()
    with page.expect_download() as download:
        link.click()
    assert re.fullmatch(r"LASR\w+_Laser Zap \d\d_CLVAP_\w+\.wav", download.value.suggested_filename)
    file = download.value.path()
    header = soundfile.info(str(file))
    assert (header.samplerate, header.subtype) == (48_000, "PCM_24") and abs(header.duration - 2) < 0.1
    told = json.loads(subprocess.run(["ffprobe", "-v", "error", "-of", "json", "-show_format", str(file)], capture_output=True, check=True).stdout)
    tags = told["format"]["tags"]
    assert "laser zap" in tags["comment"] and "sfx-mini" in tags["coding_history"] and tags["copyright"].startswith("sfx-mini")
    page.reload()
    page.locator("#history .earlier").first.click()
    expect(page.locator(TAKES).filter(has_text="Take 1").locator("[data-act=star]")).to_have_attribute("aria-pressed", "true")


def test_a_favourite_hit_is_found_sooner_the_next_time(browser, studio):
    page = opened(browser, studio.url)
    record(page)
    page.locator("#length").get_by_label("1 s", exact=True).check()
    page.locator("#variations").get_by_label("1", exact=True).check()

    def found() -> list[str]:
        page.get_by_role("button", name="Make it").click()
        page.get_by_role("button", name="Cancel").wait_for()
        page.get_by_role("button", name="Make it").wait_for(timeout=60_000)
        return [page.locator(HITS).nth(number).get_attribute("aria-label") for number in range(5)]

    before = found()
    page.locator(HITS).nth(4).locator("[data-act=star]").click()
    expect(page.locator(HITS).nth(4).locator("[data-act=star]")).to_have_attribute("aria-pressed", "true")
    after = found()
    card = page.locator(HITS).nth(after.index(before[4]))
    assert after.index(before[4]) < 4 and "like your ★" in card.inner_text()
    assert "like a favourite of such a gesture" in card.locator(".score").get_attribute("title")


@pytest.mark.slow
def test_the_same_with_thousands_of_real_sounds(browser, studio_of_real_sounds):
    make_and_play(browser, studio_of_real_sounds, r"^3,7\d\d sounds")


def make_and_play(browser, studio, library: str):
    """Record, type two words, press the button, play hits and takes, go on from a hit."""
    page = opened(browser, studio.url)
    expect(page.locator("#status .notice.ready")).to_contain_text(re.compile(library))
    record(page)
    page.locator("#words textarea").fill("laser zap")
    page.locator("#length").get_by_label("4 s", exact=True).check()
    began = time.monotonic()
    page.get_by_role("button", name="Make it").click()
    page.locator(HITS).first.wait_for()
    found_s = time.monotonic() - began
    page.locator(TAKES).first.wait_for()
    made_s = time.monotonic() - began
    print(f"first page {studio.answered_after_s:.1f} s after the start, hits {found_s:.2f} s and first 4 s take {made_s:.2f} s after the press")
    expect(page.locator(TAKES)).to_have_count(3)
    assert page.locator(HITS).count() == 20
    for card in (page.locator(HITS).first, page.locator(HITS).nth(5), page.locator(TAKES).first, page.locator(TAKES).nth(2)):
        assert plays(page, card) > 0.1
    assert overflow(page) <= 0

    page.locator(HITS).first.get_by_role("button", name="More").click()
    page.locator(HITS).first.get_by_role("button", name="Seed").click()
    expect(page.locator("#seed")).to_be_visible()
    page.get_by_role("button", name="Make it").click()
    expect(page.locator("#history .earlier")).to_have_count(2)
    expect(page.get_by_role("button", name="Make it")).to_be_visible()
    assert page.locator("#takes .trouble").count() == 0 and page.locator(TAKES).count() == 3
