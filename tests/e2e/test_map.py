"""The map of the library in a real browser, on a fake library: heard, moved, zoomed and walked, by mouse, wheel, fingers and keyboard."""

import pytest

from tests.e2e.browser import NARROW, expect
from tests.e2e.library import CARDS, HEARD, lasso, library_of, mapped, place

pytestmark = pytest.mark.e2e
ZOOM = "document.querySelector('sound-map').view.zoom"


def mode(page, name: str):
    return page.get_by_role("button", name=f"{name}:")


def scrolled(page) -> float:
    return page.evaluate("window.scrollY")


@pytest.fixture
def page(browser, fake_studio):
    page = library_of(browser, fake_studio.url)
    mapped(page, 6)
    return page


def test_the_card_of_a_point_does_what_a_card_of_the_list_does(page):
    there = place(page, "tone_4")
    page.mouse.click(there["x"], there["y"])
    heard, listed = page.locator(HEARD), page.locator(CARDS).filter(has_text="tone_4")
    expect(heard).to_contain_text("BELL")
    acts = "cards => cards.map(card => [...card.querySelectorAll('[data-act]')].map(b => ({...b.dataset})))"
    assert heard.evaluate_all(acts) == listed.evaluate_all(acts) and "1.1 s" in heard.inner_text()
    page.wait_for_function("() => document.querySelector('#library-heard audio').currentTime > 0.05")
    heard.get_by_role("button", name="Similar").click()
    expect(page.locator("#library-list h2")).to_contain_text("Like tone_4")
    heard.get_by_role("button", name="Export").click()
    expect(page.locator(".export-tray:visible input[data-token]")).to_have_count(1)
    heard.get_by_role("button", name="Export").click()
    expect(page.locator(".export-tray:visible")).to_have_count(0)
    heard.get_by_role("button", name="Seed").click()
    expect(page.locator("#seed")).to_contain_text("tone_4")


def test_a_wheel_zooms_to_the_pointer_a_drag_moves_and_a_double_click_shows_all(page):
    there = place(page, "tone_0")  # at the right edge
    assert mode(page, "Lasso").get_attribute("aria-pressed") == "true" and mode(page, "Move").is_disabled()
    page.mouse.move(there["x"], there["y"])
    for _ in range(4):
        page.mouse.wheel(0, -100)
    page.wait_for_function(f"() => {ZOOM} > 2")
    now = place(page, "tone_0")
    assert abs(now["x"] - there["x"]) < 25 and abs(now["y"] - there["y"]) < 25  # the map ends there, and stays full
    assert mode(page, "Move").get_attribute("aria-pressed") == "true"
    page.mouse.move(now["x"] - 200, now["y"])
    page.mouse.down()
    page.mouse.move(now["x"] - 60, now["y"] + 50, steps=5)
    page.mouse.up()
    moved = place(page, "tone_0")
    assert moved["x"] - now["x"] == pytest.approx(140, abs=3) and moved["y"] - now["y"] == pytest.approx(50, abs=3)
    assert page.locator(HEARD).count() == 0 and "Selection" not in page.locator("#library-list h2").inner_text()

    page.mouse.dblclick(now["x"] - 200, now["y"] + 60)
    page.wait_for_function(f"() => {ZOOM} === 1")
    assert mode(page, "Lasso").get_attribute("aria-pressed") == "true"


@pytest.mark.parametrize("how", ["button", "shift"])
def test_a_zoomed_map_is_lassoed_by_its_mode_or_with_shift(page, how):
    there = place(page, "tone_2")
    page.mouse.move(there["x"], there["y"])
    page.mouse.wheel(0, -100)
    page.mouse.wheel(0, -100)
    expect(mode(page, "Move")).to_have_attribute("aria-pressed", "true")
    if how == "button":
        mode(page, "Lasso").click()
        expect(mode(page, "Lasso")).to_have_attribute("aria-pressed", "true")
    else:
        page.keyboard.down("Shift")
    lasso(page, 1.0)
    page.keyboard.up("Shift")
    expect(page.locator("#library-list h2")).to_contain_text("Selection")
    assert 0 < page.locator(CARDS).count() < 6  # those in sight


@pytest.mark.slow
def test_a_wheel_that_scrolls_the_page_does_not_zoom_on_its_way(page):
    turned = page.evaluate("""turns => turns.map(deltaY => {
        const wheel = new WheelEvent('wheel', {deltaY, bubbles: true, composed: true, cancelable: true});
        document.querySelector('sound-map').canvas.dispatchEvent(wheel);
        return wheel.defaultPrevented;
    })""", [120, -20, -20])
    assert turned == [False] * 3 and page.evaluate(ZOOM) == 1
    page.wait_for_timeout(400)
    there = place(page, "tone_4")
    page.mouse.move(there["x"], there["y"] + 20)
    page.mouse.wheel(0, -20)
    page.wait_for_function(f"() => {ZOOM} > 1")


def test_the_points_are_walked_and_played_by_keyboard(page):
    canvas = page.get_by_role("application", name="Map of 6 sounds")
    canvas.focus()
    page.keyboard.press("ArrowRight")
    said = page.locator("sound-map .said")
    expect(said).to_contain_text("tone_")
    reached = []
    for key in ("Left", "Left", "Up", "Right", "Right", "Down", "Left"):  # once around, wherever it begins
        page.keyboard.press(f"Arrow{key}")
        reached.append(said.inner_text().split(".")[0])
    assert reached[1:] == ["tone_3", "tone_4", "tone_5", "tone_0", "tone_1", "tone_2"]
    name, about = said.inner_text().split(". ", 1)
    assert "seconds" in about and ("BELL" in about or "ALARM" in about)
    page.keyboard.press("Enter")
    expect(page.locator(HEARD)).to_contain_text(name)
    page.wait_for_function("() => document.querySelector('#library-heard audio').currentTime > 0.02")
    for _ in range(3):
        page.keyboard.press("+")
    page.wait_for_function(f"() => {ZOOM} > 3")
    at, box = place(page, name), page.locator("sound-map canvas").bounding_box()
    assert box["x"] < at["x"] < box["x"] + box["width"] and box["y"] < at["y"] < box["y"] + box["height"]
    page.keyboard.press("0")
    assert page.evaluate(ZOOM) == 1
    expect(canvas).to_be_focused()


@pytest.mark.slow
def test_fingers_scroll_past_the_whole_map_pinch_it_and_move_it_with_one_or_two(browser, fake_studio):
    page = library_of(browser, fake_studio.url, size=NARROW, has_touch=True, is_mobile=True)
    mapped(page, 6)
    touch = page.context.new_cdp_session(page)

    def fingers(kind: str, *places) -> None:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(places)]})

    def drag(*paths, steps: int = 8) -> None:
        fingers("touchStart", *(start for start, _ in paths))
        for step in range(1, steps + 1):
            share = step / steps
            fingers("touchMove", *((a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share) for a, b in paths))
            page.wait_for_timeout(20)
        fingers("touchEnd")
        page.wait_for_timeout(300)

    page.evaluate("document.querySelector('sound-map').scrollIntoView({block: 'center'})")
    box = page.locator("sound-map canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = scrolled(page)
    drag(((x, y + 60), (x, y - 60)))
    assert scrolled(page) > before + 40 and page.evaluate(ZOOM) == 1
    page.evaluate("document.querySelector('sound-map').scrollIntoView({block: 'center'})")
    before = scrolled(page)
    drag(((x - 20, y), (x - 90, y)), ((x + 20, y), (x + 90, y)))
    assert page.evaluate(ZOOM) > 2 and scrolled(page) == before
    for paths in ([((x, y), (x + 40, y - 50))], [((x - 20, y), (x + 20, y - 50)), ((x + 20, y), (x + 60, y - 50))]):
        was = place(page, "tone_0")
        drag(*paths)
        now = place(page, "tone_0")
        assert now["x"] - was["x"] == pytest.approx(40, abs=8) and now["y"] - was["y"] == pytest.approx(-50, abs=8) and scrolled(page) == before
    mode(page, "Lasso").tap()
    drag(((x - 150, y - 100), (x + 150, y + 100)))
    assert page.evaluate(ZOOM) > 2 and scrolled(page) == before


