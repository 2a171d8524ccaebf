"""The Models tab in a real browser, on fake models and downloads."""

import json
import re

import numpy as np
import pytest
from safetensors.numpy import save_file

from generation import lora
from tests.e2e.browser import NARROW, expect, opened, overflow
from tests.e2e.conftest import FAKE_APP
from tests.e2e.servers import serving

pytestmark = pytest.mark.e2e
MESSAGE = "#models-message .message"


@pytest.fixture(scope="module")
def hub_home(tmp_path_factory):
    """A cache of our own for all that is fetched."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("hub")
        patch.setenv("HF_HOME", str(home))
        patch.delenv("HF_TOKEN", raising=False)
        yield home


@pytest.fixture(scope="module")
def studio(tmp_path_factory, hub_home):
    with serving(FAKE_APP, tmp_path_factory.mktemp("models")) as server:
        yield server


def models_tab(browser, url, **context):
    page = opened(browser, url, **context)
    page.get_by_role("tab", name="Models").click()
    card(page, "sfx-mini").wait_for()
    return page


def card(page, name):
    return page.get_by_role("article", name=name, exact=True)


def native(place):
    """A generator's folder in name."""
    place.mkdir(parents=True)
    (place / "config.json").write_text(json.dumps({"kind": "clvap-diffusion", "autoencoder": {}, "diffusion": {"max_seconds": 2.0}}))
    save_file({"w": np.zeros(2, np.float32)}, place / "model.safetensors")
    return place


def test_what_is_there_what_could_be_and_what_it_takes(browser, studio):
    page = models_tab(browser, studio.url)
    expect(card(page, "sfx-mini")).to_contain_text("In use")
    expect(card(page, "clvap-mini")).to_contain_text("In use")
    gated = card(page, "stable-audio-open-1.0")
    for fact in ("Stability AI Community License", "about 5.7 GB to download", "6 GB memory", "Gated: accept its terms at"):
        expect(gated).to_contain_text(fact)
    expect(gated.get_by_role("link")).to_have_attribute("href", "https://huggingface.co/stabilityai/stable-audio-open-1.0")
    expect(page.locator("#models .token")).to_contain_text("No token for gated models")
    assert overflow(page) <= 0
    page.set_viewport_size(NARROW)
    assert overflow(page) <= 0


def test_a_download_shows_its_progress_is_stopped_goes_on_and_is_used(browser, studio, hub_home):
    (hub_home / "hold").touch()
    page = models_tab(browser, studio.url)
    clap = card(page, "clap-zero-shot")
    clap.get_by_role("button", name="Download").click()
    expect(clap.locator(".progress")).to_contain_text("500 MB of 1.0 GB")
    page.reload()
    page.get_by_role("tab", name="Models").click()
    expect(clap.locator(".progress .bar")).to_be_visible()
    clap.get_by_role("button", name="Cancel").click()
    expect(clap).to_contain_text(re.compile("Stopped.*what came is kept"))
    (hub_home / "hold").unlink()
    clap.get_by_role("button", name="Go on").click()
    clap.get_by_role("button", name="Use").click()
    expect(clap).to_contain_text("In use")
    expect(card(page, "clvap-mini")).not_to_contain_text("In use")
    card(page, "clvap-mini").get_by_role("button", name="Use").click()
    expect(card(page, "clvap-mini")).to_contain_text("In use")
    clap.locator("summary").click()
    clap.get_by_role("button", name="Delete clap-zero-shot", exact=True).click()
    expect(clap.get_by_role("button", name="Download")).to_be_visible()


def test_a_folder_is_added_or_refused_with_a_reason(browser, studio, tmp_path):
    page = models_tab(browser, studio.url)
    (tmp_path / "empty").mkdir()
    for place, said in ((tmp_path / "empty", "no model; a model's folder has config.json"), (tmp_path / "nowhere", "no such folder")):
        page.get_by_label("Add a model").fill(str(place))
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator(MESSAGE)).to_contain_text(said)
    for name in ("mine", "unfit"):
        page.get_by_label("Add a model").fill(str(native(tmp_path / name)))
        page.get_by_role("button", name="Add", exact=True).click()
        expect(card(page, name)).to_contain_text("added by you")
    card(page, "mine").get_by_role("button", name="Use").click()
    expect(card(page, "mine")).to_contain_text("In use")
    card(page, "unfit").get_by_role("button", name="Use").click()
    expect(page.locator(MESSAGE)).to_contain_text("weights do not fit config.json")
    expect(card(page, "mine")).to_contain_text("In use")
    card(page, "sfx-mini").get_by_role("button", name="Use").click()
    expect(card(page, "sfx-mini")).to_contain_text("In use")
    card(page, "mine").get_by_role("button", name="Take off the list").click()
    expect(card(page, "mine")).to_have_count(0)


@pytest.mark.slow
def test_a_lora_counts_by_its_slider_and_is_remembered(browser, tmp_path, hub_home):
    file = tmp_path / "models" / "pack.safetensors"
    file.parent.mkdir()
    save_file({"w": np.zeros(2, np.float32)}, file, {"format": lora.FORMAT, "base": "sfx-mini", "config": '{"rank": 8}'})
    with serving(FAKE_APP, tmp_path) as server:
        page = models_tab(browser, server.url)
        card(page, "pack").get_by_role("button", name="Use").click()
        slider = card(page, "pack").get_by_role("slider")
        expect(slider).to_have_value("1")
        slider.focus()
        for _ in range(4):
            page.keyboard.press("ArrowRight")
        expect(card(page, "pack").locator("output")).to_have_text("1.2")
        page.wait_for_timeout(1_000)
    kept = json.loads((tmp_path / "models.json").read_text())["loras"]
    assert kept[0][0] == str(file) and kept[0][1] == pytest.approx(1.2)
    with serving(FAKE_APP, tmp_path) as server:
        page = models_tab(browser, server.url)
        expect(card(page, "pack").get_by_role("slider")).to_have_value("1.2")
        card(page, "pack").get_by_role("button", name="Let go").click()
        expect(card(page, "pack").get_by_role("slider")).to_have_count(0)
