"""The training tabs in a real browser, on work that learns nothing: from a folder to a model in use, over a reload and a restart."""

import re

import pytest

from tests.e2e.browser import NARROW, expect, opened, overflow, plays
from tests.e2e.conftest import FAKE_APP
from tests.e2e.servers import serving

pytestmark = pytest.mark.e2e


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_STEP_S", "0.2")
    with serving(FAKE_APP, tmp_path / "workspace") as server:
        yield server


def choose(page, tab: str, kind: str, folder) -> None:
    """Open a training tab and give it a folder."""
    page.get_by_role("tab", name=tab).click()
    field = page.locator(f"#{kind}-folder input")
    field.fill(str(folder))
    field.press("Enter")
    expect(page.locator(".pack:visible")).to_contain_text("12 sounds")


def test_a_finetune_from_the_folder_to_the_model_in_use(browser, server, pack):
    page = opened(browser, server.url)
    choose(page, "Fine-tune Stable Audio", "finetune", pack)
    expect(page.locator(".left-out:visible")).to_contain_text("1 left out")
    mend_captions(page)
    page.locator("#finetune-length input").fill("1500")
    page.locator("#finetune-demos textarea").fill("a church bell\na drum")
    page.get_by_role("button", name="Estimate").locator("visible=true").click()
    expect(page.locator(".needs:visible")).to_contain_text("2.0 GB of the 4.0 GB")
    page.get_by_role("button", name="Start", exact=True).locator("visible=true").click()
    run, takes = page.locator("#finetune-run"), page.locator("#finetune-takes .card.sound")
    expect(run.locator(".curves svg")).to_be_visible()
    expect(run.locator(".best-so-far")).to_contain_text("validation")
    expect(takes.first).to_contain_text("a church bell")
    assert plays(page, takes.first) > 0.3

    page.reload()
    page.get_by_role("tab", name="Fine-tune Stable Audio").click()
    expect(run.locator(".progress")).to_contain_text("loss")
    expect(run.locator(".curves svg")).to_be_visible()
    run.get_by_role("button", name="Stop").click()
    expect(page.locator("#finetune-runs .run-card")).to_contain_text("Stopped")
    run.get_by_role("button", name="Export best so far").click()
    expect(run.get_by_role("button", name="Use this model")).to_be_visible()
    run.get_by_role("button", name="Go on").click()
    expect(page.locator("#finetune-runs .run-card")).to_contain_text("Finished")
    run.get_by_role("button", name="Use this model").click()
    expect(page.locator("#finetune-message")).to_contain_text("In use now")


def mend_captions(page) -> None:
    """One where it stands, then some by find and replace, then back."""
    page.locator("#finetune-captions > .label-wrap").click()
    fields, told = page.locator("#finetune-captions [data-mend]"), page.locator(".pack:visible")
    expect(fields).to_have_count(12)
    fields.nth(1).fill("a church bell")
    fields.nth(1).press("Enter")
    expect(told).to_contain_text("1 caption changed")
    page.locator("#finetune-find input, #finetune-find textarea").fill("drum")
    expect(fields).to_have_count(6)
    page.locator("#finetune-by input, #finetune-by textarea").fill("timpani")
    page.get_by_role("button", name="Replace all").locator("visible=true").click()
    expect(told).to_contain_text("7 captions changed")
    page.locator("#finetune-find input, #finetune-find textarea").fill("")
    expect(fields.nth(6)).to_have_value(re.compile("timpani"))
    assert page.locator("#finetune-captions b").count() == 0  # a file's name is never markup


def test_what_does_not_fit_is_refused_until_told_to(browser, server, pack):
    page = opened(browser, server.url)
    choose(page, "Fine-tune Stable Audio", "finetune", pack)
    page.locator("#finetune-rank input").fill("500")
    page.locator("#finetune-length input").fill("10")
    page.get_by_role("button", name="Estimate").locator("visible=true").click()
    expect(page.locator(".needs.too-much:visible")).to_contain_text("8.0 GB")
    page.get_by_role("button", name="Start", exact=True).locator("visible=true").click()
    expect(page.locator("#finetune-message")).to_contain_text("start it anyway")
    page.get_by_role("button", name="Start anyway").locator("visible=true").click()
    expect(page.locator("#finetune-runs .run-card")).to_have_count(1)


@pytest.mark.slow
def test_clvap_is_trained_and_two_runs_are_compared(browser, server, pack):
    page = opened(browser, server.url)
    choose(page, "Train CLVAP", "train", pack)
    page.locator("#train-length input").fill("15")
    for count in (1, 2):
        page.get_by_role("button", name="Start", exact=True).locator("visible=true").click()
        expect(page.locator("#train-runs .run-card")).to_have_count(count)
        expect(page.locator("#train-runs .run-card").first).to_contain_text("Finished")
    page.locator("#train-runs").get_by_role("button", name="Compare").click()
    expect(page.locator("#train-run .figures thead th[scope=colgroup]")).to_have_count(2)
    expect(page.locator("#train-run .curves")).to_have_count(2)
    page.set_viewport_size(NARROW)
    assert overflow(page) <= 0
