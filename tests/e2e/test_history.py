"""Earlier gestures and favourites in a real browser, on fake models: kept, searched, deleted and had back."""

import pytest

from app.services.entries import KeptMatch
from tests.e2e.browser import act, expect, opened, plays, record
from tests.e2e.conftest import FAKE_APP
from tests.e2e.screen import HITS, TAKES, made, press
from tests.e2e.servers import serving
from tests.histories import many

pytestmark = pytest.mark.e2e
EARLIER, STARRED = "#history .earlier", "#history .favourite"


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


def test_a_star_survives_a_reload_and_is_found_among_the_favourites(browser, tmp_path):
    with serving(FAKE_APP, tmp_path) as server:
        page = opened(browser, server.url)
        made(page)
        hit = page.locator(HITS).nth(2)
        name = hit.locator("h3").inner_text()
        for card in (hit, page.locator(TAKES).filter(has_text="Take 2")):
            card.get_by_role("button", name="Favourite").click()
            expect(card.get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "true")
        page.reload()
        page.locator("#history .earlier .open").click()
        expect(page.locator(f"{HITS} .star[aria-pressed=true]")).to_have_count(1)
        expect(page.locator(HITS).filter(has_text=name).locator(".star")).to_have_attribute("aria-pressed", "true")
        page.get_by_label("Favourites", exact=True).check()
        starred = page.locator("#history .favourite")
        expect(starred).to_have_count(2)
        assert plays(page, starred.filter(has_text=name)) > 0.2
        starred.filter(has_text="Take 2").get_by_role("button", name="Favourite").click()
        expect(starred).to_have_count(1)
        expect(page.locator(TAKES).filter(has_text="Take 2").locator(".star")).to_have_attribute("aria-pressed", "false")


def test_what_is_deleted_can_be_had_back(browser, tmp_path):
    with serving(FAKE_APP, tmp_path) as server:
        page = opened(browser, server.url)
        made(page)
        act(page.locator(TAKES).filter(has_text="Take 2"), "Delete")
        expect(page.locator(TAKES)).to_have_count(2)
        expect(page.locator("#undo")).to_contain_text("Deleted Take 2.")
        page.get_by_role("button", name="Undo").click()
        expect(page.locator(TAKES)).to_have_count(3)
        expect(page.locator("#undo .undo")).to_have_count(0)
        earlier = page.locator("#history .earlier")
        earlier.hover()
        earlier.get_by_role("button", name="Delete").click()
        expect(earlier).to_have_count(0)
        expect(page.locator(TAKES)).to_have_count(0)
        page.get_by_role("button", name="Undo").click()
        expect(earlier).to_have_count(1)
        expect(page.locator(TAKES)).to_have_count(3)
        assert plays(page, page.locator(TAKES).first) > 0.3


@pytest.mark.slow
def test_the_history_is_searched_by_words(browser, tmp_path):
    with serving(FAKE_APP, tmp_path) as server:
        page = opened(browser, server.url)
        expect(page.get_by_label("Search the history")).to_have_count(0)
        for words in ("heavy door", "soft rain"):
            made(page, words)
        expect(page.locator("#history .earlier")).to_have_count(2)
        page.get_by_label("Search the history").fill("door")
        expect(page.locator("#history .earlier")).to_have_count(1)
        expect(page.locator("#history .earlier")).to_contain_text("heavy door")
        page.get_by_label("Search the history").fill("snow")
        expect(page.locator("#history")).to_contain_text("Nothing here")
        page.get_by_label("Search the history").fill("")
        expect(page.locator("#history .earlier")).to_have_count(2)


def to_the_end(page, cards: str, count: int) -> None:
    """Scroll the strip to its end until it holds so many."""
    expect(page.locator("#history .strip")).to_be_visible()
    page.wait_for_function(
        """([cards, count]) => {
            const strip = document.querySelector('#history .strip');
            strip.scrollLeft = strip.scrollWidth;
            return document.querySelectorAll(cards).length === count;
        }""",
        arg=[cards, count],
    )


@pytest.mark.slow
def test_a_long_history_and_its_favourites_are_scrolled_to_their_ends(browser, tmp_path):
    many(tmp_path / "history", 300, KeptMatch(str(tmp_path / "starter" / "tone_1.wav"), "tone_1", "a falling tone", "ALARM", 0.8, 0.5))
    with serving(FAKE_APP, tmp_path) as server:
        page = opened(browser, server.url)
        expect(page.locator(EARLIER)).to_have_count(24)
        page.locator("#history .more-earlier").press("Enter")
        expect(page.locator(EARLIER)).to_have_count(120)
        to_the_end(page, EARLIER, 300)
        expect(page.locator("#history .more-earlier")).to_have_count(0)
        expect(page.locator(EARLIER).last).to_contain_text("gesture 0")
        page.locator(EARLIER).last.locator(".open").click()
        expect(page.locator("#words textarea")).to_have_value("gesture 0")
        page.get_by_label("Search the history").fill("gesture 12")
        expect(page.locator(EARLIER)).to_have_count(13)  # 12, 112, 120 to 129, 212
        page.locator(EARLIER).last.locator(".open").click()
        expect(page.locator("#words textarea")).to_have_value("gesture 12")
        expect(page.locator(EARLIER)).to_have_count(13)  # what was looked for stays, to hear the next
        page.get_by_label("Search the history").fill("")
        expect(page.locator(EARLIER)).to_have_count(24)
        page.get_by_label("Favourites", exact=True).check()
        expect(page.locator(STARRED)).to_have_count(24)
        to_the_end(page, STARRED, 75)
        page.locator(STARRED).last.get_by_role("button", name="Favourite").click()
        expect(page.locator(STARRED)).to_have_count(74)  # and no fewer: the strip stays as long as it was
