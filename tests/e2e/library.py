"""The Library tab as tests use it: where its parts are, where a sound is on its map, a line drawn around some."""

from __future__ import annotations

from tests.e2e.browser import opened

CARDS, HEARD = "#library-list .card.sound", "#library-heard .card.sound"


def library_of(browser, url, **context):
    """A page with the tab open."""
    page = opened(browser, url, **context)
    page.get_by_role("tab", name="Library").click()
    return page


def mapped(page, count: int) -> None:
    """Until the map holds so many points."""
    page.wait_for_function("count => document.querySelector('sound-map')?.points.length === count", arg=count)
    page.locator("sound-map").scroll_into_view_if_needed()
    page.wait_for_timeout(300)


def place(page, name: str) -> dict:
    """Where the point of a sound is on the screen."""
    return page.evaluate("name => { const map = document.querySelector('sound-map'); return map.place(map.points.findIndex(p => p.name === name)); }", name)


def lasso(page, width: float) -> None:
    """A line around the left part of the map, whole for a width of 1."""
    page.locator("sound-map").scroll_into_view_if_needed()
    box = page.locator("sound-map canvas").bounding_box()
    left, top, right, bottom = box["x"] + 3, box["y"] + 3, box["x"] + box["width"] * width - 3, box["y"] + box["height"] - 3
    corners = [(left, bottom - 20), (left, top + 20), (left + 20, top), (right - 20, top), (right, top + 20), (right, bottom - 20), (left + 20, bottom)]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in [*corners[1:], corners[0]]:
        page.mouse.move(*corner, steps=4)
    page.mouse.up()
