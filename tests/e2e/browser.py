"""Headless Chromium that hears a WAV file as its microphone, and the few things the tests do with the page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from clvap.audio import SAMPLE_RATE_HZ, Clip, write
from tests.e2e.required import PATIENCE_S, missing

try:
    from playwright.sync_api import expect, sync_playwright
except ImportError:  # told by `browsing`, once a test needs it
    expect = sync_playwright = None

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
_QUIET = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync")


def chromium() -> str | None:
    """Where Chromium is, None where it is not."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def browsing(voice: Path | None) -> Iterator:
    """A Playwright browser whose microphone plays `voice`; without one the microphone is refused."""
    if sync_playwright is None or chromium() is None:
        missing("playwright is not installed" if sync_playwright is None else "chromium is not installed")
    with sync_playwright() as driver, launched(driver.chromium, voice) as browser:
        yield browser


@contextmanager
def launched(browser_type, voice: Path | None) -> Iterator:
    """As `browsing`, on a Playwright that already runs."""
    flags = list(_QUIET)
    if voice is not None:
        flags += ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={voice}"]
    browser = browser_type.launch(executable_path=chromium(), args=flags)
    try:
        yield browser
    finally:
        browser.close()


def whoop(path: Path) -> Path:
    """A synthetic mouth sound of 1.4 s, a pitched rise and fall with a breath after it, between two short silences."""
    time_s = np.arange(int(1.4 * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    phase = 2 * np.pi * np.cumsum(180 + 140 * np.sin(2 * np.pi * 0.7 * time_s)) / SAMPLE_RATE_HZ
    voiced = sum(np.sin(k * phase) / k**1.2 for k in range(1, 14)) * np.clip(np.sin(np.pi * time_s / 1.1), 0, 1) ** 1.2 * (time_s < 1.1)
    breath = np.random.default_rng(0).normal(size=len(time_s)) * 0.3 * np.exp(-8 * np.abs(time_s - 1.1))
    sound = voiced + breath
    silence = np.zeros(SAMPLE_RATE_HZ // 4)
    return write(path, Clip(np.concatenate([silence, 0.5 * sound / np.abs(sound).max(), silence])[None].astype(np.float32)))


def opened(browser, url: str, size: dict = WIDE, **context):
    """A new page on the studio, ready for use: once the server was heard, every button has its handler."""
    page = browser.new_context(viewport=size, **context).new_page()
    page.set_default_timeout(PATIENCE_S * 1_000)
    page.goto(url)
    page.get_by_role("button", name="Make it").wait_for()
    page.locator("#status .notice").first.wait_for()
    return page


def record(page, seconds: float = 1.6) -> None:
    """Press Record, wait, press Stop, until the gesture's picture is there."""
    page.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(seconds * 1_000)
    page.get_by_role("button", name="Stop", exact=True).click()
    page.locator("#gesture .gesture-plot").wait_for()


def upload(page, path: Path) -> None:
    """Choose a file instead of recording."""
    page.get_by_role("button", name="Upload file").click()
    page.locator("#recorder input[type=file]").set_input_files(str(path))


def act(card, name: str) -> None:
    """Open a sound's further actions and press one."""
    card.get_by_role("button", name="More").click()
    card.get_by_role("button", name=name, exact=True).click()


def plays(page, card) -> float:
    """Press a card's play button; the length of its sound in seconds, once its time is seen to run."""
    card.locator("[data-play]").click()
    audio = card.locator("audio").element_handle()
    page.wait_for_function("audio => audio.duration > 0 && audio.currentTime > 0.05", arg=audio)
    duration = audio.evaluate("audio => audio.duration")
    audio.evaluate("audio => audio.pause()")
    return duration


def overflow(page) -> int:
    """By how many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
