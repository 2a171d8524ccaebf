"""The Evaluate tab in a real browser, on figures out of thin air."""

import re

import numpy as np
import pytest
from safetensors.numpy import save_file

from generation import lora
from tests.e2e.browser import NARROW, expect, opened, overflow
from tests.e2e.conftest import FAKE_APP
from tests.e2e.servers import serving

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    """One with a LoRA of sfx-mini."""
    workspace = tmp_path_factory.mktemp("evaluating")
    (workspace / "models").mkdir()
    save_file({"w": np.zeros(2, np.float32)}, workspace / "models/pack.safetensors", {"format": lora.FORMAT, "base": "sfx-mini", "config": '{"rank": 8}'})
    with serving(FAKE_APP, workspace) as server:
        yield server


def evaluate_tab(browser, studio):
    page = opened(browser, studio.url)
    page.get_by_role("tab", name="Evaluate").click()
    expect(page.get_by_label("Sounds: a folder of the library")).to_have_value(re.compile("starter"))
    return page


def evaluated(page, workspace, model: str):
    """Choose a model, press the button, see it at work, let it end."""
    (workspace / "hold").touch()
    page.get_by_label("Model", exact=True).click()
    page.get_by_role("option", name=model, exact=True).click()
    page.get_by_role("button", name="Evaluate", exact=True).click()
    expect(page.locator("#evaluate-job .progress")).to_contain_text(f"Evaluating {model.partition(' · ')[0]} on starter")
    (workspace / "hold").unlink()
    expect(page.locator("#evaluate-job .progress")).to_have_count(0)


def test_a_search_model_is_measured_and_stands_beside_another(browser, studio):
    page = evaluate_tab(browser, studio)
    source = page.get_by_label("Sounds: a folder of the library")
    source.fill("/nowhere/at/all")
    source.press("Enter")
    page.get_by_role("button", name="Evaluate", exact=True).click()
    expect(page.locator("#evaluate-message .message")).to_contain_text("no such folder or table")
    source.fill(str(studio.workspace / "starter"))
    source.press("Enter")
    evaluated(page, studio.workspace, "clvap-mini · finds")
    expect(page.locator("#figures table tbody tr")).to_have_count(6)
    expect(page.locator("#figures .questions").get_by_role("img", name=re.compile(r"^words: .*50%"))).to_be_visible()
    evaluated(page, studio.workspace, "clvap-mini · finds")  # the next is set beside the last where both were asked the same
    expect(page.locator("#figures thead th").last).to_have_text("Change")
    expect(page.locator("#figures .questions [role=img]")).to_have_count(3)
    page.get_by_label("Beside").click()
    page.get_by_role("option", name="Nothing").click()
    expect(page.locator("#figures table tbody tr")).to_have_count(6)


@pytest.mark.slow
def test_a_generator_is_measured_before_and_after_it_is_fine_tuned_and_read_on_a_phone(browser, studio):
    page = evaluate_tab(browser, studio)
    evaluated(page, studio.workspace, "sfx-mini · makes")
    figures = page.locator("#figures")
    expect(figures.locator(".questions [role=img]")).to_have_count(3)
    expect(figures.get_by_role("img", name=re.compile("^Of the kind asked for: .*real sounds 90%"))).to_be_visible()
    evaluated(page, studio.workspace, "sfx-mini + pack · makes")
    expect(figures.locator("thead th").last).to_have_text("Change")
    figures.get_by_text("All figures").click()
    expect(figures.get_by_role("row", name=re.compile("voice .*kind.*0.70.*0.40.*0.300")).first).to_be_visible()
    assert overflow(page) <= 0
    page.set_viewport_size(NARROW)
    assert overflow(page) <= 0
    table = figures.locator(".all-figures")
    assert table.evaluate("table => table.scrollWidth - table.clientWidth") <= 0  # nothing of it is out of sight
    expect(table.get_by_role("cell", name="+0.300").first).to_be_visible()


def test_one_that_was_stopped_goes_on_or_is_given_up(browser, studio):
    (studio.workspace / "hold").touch()
    page = evaluate_tab(browser, studio)
    jobs = page.locator("#evaluate-job")
    page.get_by_role("button", name="Evaluate", exact=True).click()
    expect(jobs.locator(".progress .bar")).to_be_visible()
    jobs.get_by_role("button", name="Stop").click()
    expect(jobs).to_contain_text("stopped at 50%")
    page.reload()
    page.get_by_role("tab", name="Evaluate").click()
    jobs.get_by_role("button", name="Go on").click()
    expect(jobs.locator(".progress")).to_be_visible()
    jobs.get_by_role("button", name="Stop").click()
    jobs.get_by_role("button", name="Discard").click()
    expect(jobs.locator("p")).to_have_count(0)
    (studio.workspace / "hold").unlink()
    assert not list((studio.workspace / "evaluations").glob("*.part"))
