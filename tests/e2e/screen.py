"""The Imitate screen as tests use it: where its parts are, and a press with all that comes of it."""

from __future__ import annotations

from tests.e2e.browser import expect

HITS, TAKES, MESSAGE = "#hits .card.sound", "#takes .card.sound", "#message .message"


def press(page) -> None:
    page.get_by_role("button", name="Make it").click()


def made(page, words: str = "bell") -> None:
    """Ask for words alone and wait for all of it."""
    page.locator("#words textarea").fill(words)
    press(page)
    expect(page.locator(TAKES)).to_have_count(3)
    expect(page.get_by_role("button", name="Make it")).to_be_visible()


def names(page, cards: str) -> list[str]:
    """What the sounds of a column are called, as they stand."""
    told = page.locator(cards).evaluate_all("all => all.map(a => [a.getBoundingClientRect().top, a.querySelector('h3').innerText])")
    return [name for _, name in sorted(told)]
