"""The page of a shared studio in a browser, as somebody from outside sees it."""

from __future__ import annotations

import pytest
import soundfile

from tests.e2e.browser import NARROW, WIDE, expect, opened, overflow, plays, record
from tests.e2e.conftest import FAKE_APP
from tests.e2e.servers import serving

pytestmark = pytest.mark.e2e
HITS, TAKES, TRAY = "#hits .card.sound", "#takes .card.sound", "#imitate .export-tray"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with serving(FAKE_APP, tmp_path_factory.mktemp("shared"), "--host", "0.0.0.0") as server:
        yield server


def complaints(page) -> list[str]:
    """What the browser refused to do for the page, from here on."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if "Content Security Policy" in message.text else None)
    return said


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_stranger_records_hears_and_takes_away(browser, shared, size):
    page = opened(browser, shared.url, size, accept_downloads=True)
    refused = complaints(page)
    record(page)
    page.locator("#words textarea").fill("falling bell")
    page.get_by_role("button", name="Make it").click()
    expect(page.locator(TAKES)).to_have_count(3)
    assert page.locator(HITS).count() > 0 and overflow(page) <= 0
    assert plays(page, page.locator(HITS).first) > 0.1 and plays(page, page.locator(TAKES).first) > 0.5
    expect(page.get_by_role("button", name="Make it")).to_be_visible()
    page.locator(TAKES).first.locator("[data-act=export]").click()
    if size == NARROW:
        page.locator(TRAY).get_by_role("button", name="Names and format").click()
    page.locator(TRAY).get_by_role("button", name="Export", exact=True).click()
    link = page.locator(f"{TRAY} .export-link")
    link.wait_for()
    with page.expect_download() as waiting:
        link.click()
    assert soundfile.info(str(waiting.value.path())).samplerate == 48_000
    text = page.content()
    assert str(shared.workspace) not in text and "/tmp/" not in text
    assert refused == []


def test_what_is_not_for_strangers_is_not_shown(browser, shared):
    page = opened(browser, shared.url)
    labels = page.get_by_role("tab").all_inner_texts()
    assert not {"Models", "Evaluate", "Train CLVAP", "Fine-tune Stable Audio"} & set(labels) and "Imitate" in labels
    assert page.locator("#local-microphone").count() == 0
    if "Library" in labels:
        page.get_by_role("tab", name="Library").click()
        page.wait_for_timeout(1_000)
        assert page.locator("#folder, #index, [data-act=remove], [data-act=reindex], [data-act=edit]").locator("visible=true").count() == 0


def test_another_page_starts_empty(browser, shared):
    first = opened(browser, shared.url)
    first.locator("#words textarea").fill("mine alone")
    first.get_by_role("button", name="Make it").click()
    expect(first.locator("#history .earlier")).to_have_count(1)
    second = opened(browser, shared.url)
    second.wait_for_timeout(2_000)
    assert second.locator("#history .earlier").count() == 0 and "mine alone" not in second.content()


def test_the_password_is_asked_and_opens(browser, tmp_path):
    with serving(FAKE_APP, tmp_path, "--host", "0.0.0.0", "--auth", "me:secret") as server:
        page = browser.new_context(viewport=WIDE).new_page()
        refused = complaints(page)
        page.goto(server.url)
        page.locator("input").nth(0).fill("me")
        page.locator("input[type=password]").fill("secret")
        page.get_by_role("button", name="Login").click()
        page.get_by_role("button", name="Make it").wait_for()
        page.locator("#words textarea").fill("bell")
        page.get_by_role("button", name="Make it").click()
        expect(page.locator(TAKES)).to_have_count(3)
        assert plays(page, page.locator(TAKES).first) > 0.5
        assert {"Train CLVAP", "Fine-tune Stable Audio"} <= set(page.get_by_role("tab").all_inner_texts())
        assert refused == []
