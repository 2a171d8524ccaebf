"""How long a designer waits: the page's start, the first hits, the first take.

    python -m benchmarks.page [--workspace DIR] [--seconds 4] [--variations 3]
    python -m benchmarks.page --clone                   # `make app` on a clean clone, packages from pip's cache

The page is started as a process of its own and asked over loopback; the waits after the button are measured at the studio's
service, models warm, without the browser. The workspace's library is used, filled with the starter effects when empty.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from app.services.studio import Found, ImitateRequest, Studio, TakeKept
from app.settings import Settings
from clvap.audio import SAMPLE_RATE_HZ, Clip, write

PORT = 7_899
ROUNDS = 3


def first_page_s(workspace: Path) -> float:
    """Seconds from starting the process to the page's first answer."""
    return _answer_s([sys.executable, "app.py", "--port", str(PORT), "--workspace", str(workspace)], Path.cwd(), 120)


def clean_clone_s(folder: Path) -> float:
    """Seconds from `make app` on a clean clone of HEAD to the page's first answer."""
    subprocess.run(["git", "clone", "--quiet", ".", str(folder / "clone")], check=True)
    return _answer_s(["make", "app", f"ARGS=--port {PORT} --workspace {folder / 'workspace'}"], folder / "clone", 1_200)


def _answer_s(command: list[str], folder: Path, patience_s: float) -> float:
    began = time.perf_counter()
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        while time.perf_counter() - began < patience_s:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=5):
                    return time.perf_counter() - began
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise TimeoutError(f"the page did not answer within {patience_s:.0f} s")
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def rising_hiss(seconds: float) -> Clip:
    """A gesture: breath that swells and dies, the same every time."""
    t = np.linspace(0, 1, int(seconds * SAMPLE_RATE_HZ))
    noise = np.random.default_rng(0).standard_normal(len(t))
    return Clip((0.3 * noise * np.sin(np.pi * t) ** 2).astype(np.float32)[None])


def waits_s(studio: Studio, request: ImitateRequest) -> tuple[float, float]:
    """Seconds from the button to the hits and to the first take."""
    began = time.perf_counter()
    hits = float("nan")
    for event in studio.imitate(request):
        if isinstance(event, Found):
            hits = time.perf_counter() - began
        if isinstance(event, TakeKept):
            take = time.perf_counter() - began
            request.job.cancel()
            return hits, take
    raise RuntimeError("no take came")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--variations", type=int, default=3)
    parser.add_argument("--clone", action="store_true", help="only `make app` on a clean clone")
    given = parser.parse_args()
    with TemporaryDirectory() as temporary:
        if given.clone:
            print(json.dumps({"clean_clone_s": round(clean_clone_s(Path(temporary)), 1)}))
            return
        workspace = given.workspace or Path(temporary)
        page = first_page_s(workspace)
        studio = Studio.from_settings(Settings(workspace=workspace))
        studio.library.fill_at_start()
        voice = write(workspace / "gesture.wav", rising_hiss(given.seconds))
        ask = partial(ImitateRequest, voice=voice, words="fast whoosh", seconds=given.seconds, variations=given.variations, seed=0)
        waits_s(studio, ask())  # loads the models
        hits, takes = zip(*(waits_s(studio, ask()) for _ in range(ROUNDS)), strict=True)
        sounds = studio.library.state().count
        figures = {"first_page_s": page, "hits_s": statistics.median(hits), "first_take_s": statistics.median(takes), "sounds": sounds}
        print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
