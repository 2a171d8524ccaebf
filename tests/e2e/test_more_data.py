"""More data to train CLVAP on, in a real browser: captions by synonyms and of a language model, variants stopped and gone on with, captions.csv."""

from __future__ import annotations

import csv
import time

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.e2e.browser import NARROW, WIDE, expect, opened, overflow
from tests.e2e.conftest import FAKE_APP
from tests.e2e.required import PATIENCE_S
from tests.e2e.servers import serving

pytestmark = pytest.mark.e2e


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_STEP_S", "0.4")
    for name in ("CAPTIONS_API_KEY", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with serving(FAKE_APP, tmp_path / "workspace") as server:
        yield server


@pytest.fixture
def page(browser, server, pack):
    """The tab with the folder chosen and "More data" open."""
    page = opened(browser, server.url)
    choose(page, pack)
    return page


def choose(page, folder) -> None:
    page.get_by_role("tab", name="Train CLVAP").click()
    field = page.locator("#train-folder input")
    field.fill(str(folder))
    field.press("Enter")
    expect(page.locator(".pack:visible")).to_contain_text("12 sounds")
    page.locator("#more-data > .label-wrap").click()


def test_captions_and_variants_are_made_stopped_gone_on_with_and_trained_on(page, pack, tmp_path):
    more, state = page.locator("#more-data"), page.locator("#more-state")
    page.locator("#more-captions input").fill("2")
    more.get_by_role("button", name="Write").click()
    expect(state).to_contain_text("24 new captions: trained on from the next start")
    more.get_by_role("button", name="Render").click()
    expect(state.locator(".bar")).to_be_visible()
    page.reload()
    choose(page, pack)
    state.get_by_role("button", name="Stop variants and imitations").click()
    expect(state).to_contain_text("Variants and imitations: stopped")
    state.get_by_role("button", name="Go on with variants and imitations").click()
    expect(state).to_contain_text("24 variants and imitations: trained on from the next start")
    page.locator("#train-length input").fill("5")
    page.get_by_role("button", name="Start", exact=True).locator("visible=true").click()
    expect(page.locator("#train-runs .run-card")).to_contain_text("Finished")
    with open(next((tmp_path / "workspace" / "runs").glob("*/sounds.csv")), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 12 + 12 and all(row["captions"].count("|") == 2 for row in rows)


@pytest.mark.slow
def test_a_language_model_says_what_it_takes_before_it_is_asked(page):
    more, state, cost = page.locator("#more-data"), page.locator("#more-state"), page.locator("#more-cost")
    expect(page.locator("#more-address")).to_be_hidden()
    more.get_by_label("Language model").check()
    expect(page.locator("#more-address")).to_contain_text("CAPTIONS_API_KEY")
    more.get_by_label("Address").fill("localhost")
    more.get_by_role("button", name="Write").click()
    expect(page.locator("#train-message")).to_contain_text("such as http://localhost:8000/v1")
    more.get_by_label("Address").fill("http://127.0.0.1:9/v1")
    more.get_by_label("Model", exact=True).fill("down")
    more.get_by_label("Price").fill("0.25 / 1.25")
    more.get_by_role("button", name="Write").click()
    expect(cost).to_contain_text("requests to 127.0.0.1:9")
    expect(cost).to_contain_text("to pay. No key is sent.")
    cost.get_by_role("button", name="Ask down").click()
    expect(state).to_contain_text("Is down served there?")
    expect(cost.locator(".needs")).to_have_count(0)
    more.get_by_label("Model", exact=True).fill("llama")
    more.get_by_role("button", name="Write").click()
    page.set_viewport_size(NARROW)
    expect(cost).to_contain_text("Ask llama")
    assert overflow(page) <= 0
    cost.get_by_role("button", name="Ask llama").click()
    state.get_by_role("button", name="Stop new captions").click()
    state.get_by_role("button", name="Go on with new captions").click()
    expect(state).to_contain_text("36 new captions: trained on from the next start")
    page.set_viewport_size(WIDE)
    page.reload()
    page.get_by_role("tab", name="Train CLVAP").click()
    page.locator("#more-data > .label-wrap").click()
    more.get_by_label("Language model").check()
    expect(more.get_by_label("Model", exact=True)).to_have_value("llama")


def test_captions_are_written_beside_the_sounds(page, pack):
    page.locator("#train-captions > .label-wrap").click()
    field = page.locator("#train-captions [data-mend]").nth(1)
    for caption, told in (("a church bell", "12 captions written to captions.csv."), ("a bicycle bell", "What was there is kept as captions.csv.bak.")):
        field.fill(caption)
        field.press("Enter")
        expect(page.locator(".pack:visible")).to_contain_text("1 caption changed")
        page.locator("#train-beside").click()
        expect(page.locator("#train-message")).to_contain_text(told)
        expect(page.locator(".pack:visible")).not_to_contain_text("changed")
    assert "Bells/Bell_1.wav,a bicycle bell,Bells" in (pack / "captions.csv").read_text() and "a church bell" in (pack / "captions.csv.bak").read_text()
    page.set_viewport_size(NARROW)
    assert overflow(page) <= 0


def test_all_of_it_by_the_named_endpoints(server, pack):
    client = Client(server.url, verbose=False)

    def ask(name, **values):
        return client.predict(**values, api_name=f"/{name}")

    def ended(what):
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            made = next(one for one in ask("more", pack=key) if one["what"] == what)
            if made["status"] != "running":
                return made
            time.sleep(0.2)
        raise AssertionError("it did not end in time")

    seen = ask("captions", folder=str(pack), find="bells", limit=2)
    key = seen["pack"]
    assert (seen["sounds"], seen["total"], len(seen["captions"]), seen["captions"][0]["caption"]) == (12, 6, 2, "bells")
    assert ask("caption_mend", pack=key, file="Bells/Bell_1.wav", caption="a church bell")["captions"][0]["caption"] == "a church bell"
    assert ask("captions_replace", pack=key, find="drums", by="timpani")["mended"] == 7
    assert ask("captions_write", pack=key) == {"captions": 12, "tables": ["captions.csv"], "kept": []}
    assert ask("captions_reset", pack=key)["mended"] == 0
    cost = ask("more_captions_cost", pack=key, count=3, address="http://127.0.0.1:9/v1", model="llama", price="1")
    assert cost["requests"] == 3 and cost["price"] > 0
    assert ask("more_captions", pack=key, count=2)["what"] == "caption" and ended("caption")["made"] == 24
    ask("more_sounds", pack=key, variants=1)
    ask("more_stop", pack=key, what="augment")
    assert ended("augment")["status"] == "cancelled"
    ask("more_resume", pack=key, what="augment")
    assert ended("augment")["made"] == 12
    with pytest.raises(AppError, match="give one such as"):
        ask("more_captions", pack=key, count=2, address="file:///etc/passwd", model="x")
