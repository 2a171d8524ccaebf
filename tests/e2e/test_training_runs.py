"""A run in a real browser: so many minutes of it, called something else, deleted and had back."""

import pytest

from tests.e2e.browser import NARROW, expect, opened, overflow
from tests.e2e.conftest import FAKE_APP
from tests.e2e.servers import serving

pytestmark = pytest.mark.e2e


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_STEP_S", "0.3")
    with serving(FAKE_APP, tmp_path / "workspace") as server:
        yield server


@pytest.mark.slow
def test_a_run_of_minutes_is_named_deleted_and_had_back(browser, server, pack):
    page = opened(browser, server.url)
    page.get_by_role("tab", name="Fine-tune Stable Audio").click()
    page.locator("#finetune-folder input").fill(str(pack))
    page.locator("#finetune-folder input").press("Enter")
    expect(page.locator(".pack:visible")).to_contain_text("12 sounds")
    length = page.locator("#finetune-length input")
    page.locator("#finetune-unit").get_by_label("Minutes").check()
    expect(length).to_have_value("10")
    page.locator("#finetune-recipe label").nth(1).click()
    expect(page.locator("#finetune-unit").get_by_label("Minutes")).to_be_checked()  # another recipe, the same time
    length.fill("60")
    page.get_by_role("button", name="Start", exact=True).locator("visible=true").click()
    run, cards, message = page.locator("#finetune-run"), page.locator("#finetune-runs .run-card"), page.locator("#finetune-message")
    expect(run.locator(".progress")).to_contain_text("of 60 minutes")
    expect(run.locator(".facts")).to_contain_text("60 minutes")
    named(page, run, cards)
    run.get_by_role("button", name="Stop").click()
    expect(cards).to_contain_text("Stopped")
    run.get_by_role("button", name="Delete").click()
    expect(cards).to_have_count(0)
    offered = page.locator("#finetune-undo")
    expect(offered).to_contain_text("Deleted <b>Kitchen</b>.")
    offered.get_by_role("button", name="Undo").click()
    expect(cards).to_contain_text("<b>Kitchen</b>")
    expect(offered.locator(".undo")).to_have_count(0)
    expect(message.locator(".trouble")).to_have_count(0)
    page.set_viewport_size(NARROW)
    assert overflow(page) <= 0


def named(page, run, cards) -> None:
    """The name is written over while the run goes on and its place is drawn again and again; Escape brings back the one before."""
    field = run.get_by_label("Name of this run")
    first = field.input_value()
    assert first.endswith("#1")
    field.fill("<b>Kitchen</b>")
    page.wait_for_timeout(4_000)
    expect(field).to_have_value("<b>Kitchen</b>")
    expect(field).to_be_focused()
    field.press("Enter")
    expect(cards).to_contain_text("<b>Kitchen</b>")
    field.fill("something else")
    field.press("Escape")
    expect(field).to_have_value("<b>Kitchen</b>")
    page.reload()
    page.get_by_role("tab", name="Fine-tune Stable Audio").click()
    expect(field).to_have_value("<b>Kitchen</b>")
    field.fill("")
    field.press("Enter")
    expect(cards).to_contain_text(first)
    expect(field).to_have_value(first)
    field.fill("<b>Kitchen</b>")
    field.press("Enter")
    expect(cards).to_contain_text("<b>Kitchen</b>")
