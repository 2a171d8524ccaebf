"""`python -m tests.e2e.screenshots OUT [--fake] [--library DIR]`: pictures of every tab at 1440 and 390 pixels, dark and light."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.e2e.browser import NARROW, WIDE, act, browsing, opened, record, whoop
from tests.e2e.conftest import FAKE_APP
from tests.e2e.servers import serving

TABS = ("Library", "Fine-tune Stable Audio", "Train CLVAP", "Evaluate", "Models")
_SETTLED_MS = 2_000


def imitating(page, shot: Callable[..., object]) -> None:
    """The Imitate tab from an empty page to a worked one."""
    page.locator("#status .notice.ready").wait_for(timeout=300_000)  # the first start makes the starter effects
    shot("1-start")
    record(page)
    shot("2-heard")
    page.locator("#words textarea").fill("laser zap")
    page.get_by_role("button", name="Make it").click()
    page.locator("#hits .card.sound").first.wait_for()
    shot("3-found")
    page.locator("#takes .card.sound").nth(2).wait_for()
    page.get_by_role("button", name="Make it").wait_for()
    act(page.locator("#takes .card.sound").first, "Seed")
    page.locator("#seed").wait_for()
    act(page.locator("#hits .card.sound").nth(1), "Perform")
    page.locator("#takes .card.sound").nth(3).wait_for()
    page.locator("#hits .card.sound").nth(1).get_by_role("button", name="Favourite").click()
    page.locator("#takes .card.sound").nth(1).focus()  # what can be done with it opens
    shot("4-made")
    page.evaluate("document.activeElement.blur()")
    act(page.locator("#takes .card.sound").nth(1), "Delete")
    act(page.locator("#hits .card.sound").nth(2), "Similar")
    page.get_by_role("button", name="← Hits").wait_for()
    page.locator("#hits .card.sound").first.locator("[data-act=export]").click()
    page.locator("#imitate .export-tray").wait_for()
    for fold in ("#weights", "#control", "#performing"):
        page.locator(f"{fold} > .label-wrap").click()
    page.wait_for_timeout(_SETTLED_MS)
    page.get_by_label("Favourites", exact=True).check()
    page.locator("#history .favourite").first.wait_for()
    shot("5-control", full_page=True)


def tabs(page, shot: Callable[..., object]) -> None:
    """The other tabs, whichever way a narrow window offers them."""
    for number, name in enumerate(TABS, 6):
        tab = page.get_by_role("tab", name=name)
        if not tab.is_visible():
            page.locator("#tabs .overflow-menu > button").click()
            tab = page.locator("#tabs .overflow-dropdown button", has_text=name)
        tab.click()
        page.wait_for_timeout(_SETTLED_MS)
        shot(f"{number}-{name.split()[0].lower()}", full_page=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.screenshots", description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--fake", action="store_true", help="fake models: fast, and nothing trained is needed")
    parser.add_argument("--library", help="folder of sounds to show (default: the starter effects)")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    options = ("--library", given.library) if given.library else ()
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(FAKE_APP if given.fake else ["app.py"], Path(folder) / "workspace", *options) as server,
        browsing(whoop(Path(folder) / "whoop.wav")) as browser,
    ):
        for scheme in ("dark", "light"):
            for size, width in ((WIDE, "wide"), (NARROW, "narrow")):
                page = opened(browser, server.url, size, color_scheme=scheme)
                shot = lambda name, **how: page.screenshot(path=given.out / f"{scheme}-{width}-{name}.png", **how)  # noqa: B023, E731
                imitating(page, shot)
                tabs(page, shot)
                page.close()
    print(f"pictures in {given.out}")


if __name__ == "__main__":
    main()
