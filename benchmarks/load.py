"""Many visitors at once: searches, takes with their place in the line, memory over many requests.

    python -m benchmarks.load [--visitors 20] [--takers 5] [--requests 200] [--workspace DIR] [--out runs/load.json]
    python -m benchmarks.load --fake                    # the page alone, without models

The studio is started as visitors from outside meet it, a process of its own with its starter library, and asked over
loopback as its page asks. What asks runs on the same cores.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
import psutil
import soundfile

PORT = 7_897
PROGRAMS = {False: ["app.py"], True: ["-m", "tests.e2e.fake_app"]}
_API = "gradio_api"
_PATIENCE_S = 600.0
_WARM_UPS = 10


@dataclass(frozen=True)
class Searches:
    """Searches at the same time: how long they took in seconds, and how many failed."""

    visitors: int
    searches: int
    errors: int
    median_s: float
    p95_s: float
    slowest_s: float


@dataclass(frozen=True)
class Takes:
    """Presses at the same time. shown: visitors who were told their place; lost: who did not get all takes; waits in seconds."""

    visitors: int
    shown: int
    lost: int
    first_done_s: float
    last_done_s: float


@dataclass(frozen=True)
class Memory:
    """Resident memory of the server in MiB, means over quarters of the requests."""

    requests: int
    errors: int
    first_quarter: float
    last_quarter: float
    highest: float


class Visitor:
    """One open page."""

    def __init__(self, url: str) -> None:
        self.web = httpx.Client(base_url=url, timeout=_PATIENCE_S)
        self.page = secrets.token_hex(8)
        self.config = self.web.get("config").raise_for_status().json()

    def search(self, voice: bytes) -> float:
        """Seconds from sending a recording to its hits; raises RuntimeError where there are none."""
        began = time.perf_counter()
        path = self.web.post(f"{_API}/upload", files={"files": ("voice.wav", voice)}).raise_for_status().json()[0]
        file = {"path": path, "meta": {"_type": "gradio.FileData"}}
        *_, answer = self._asked(self._numbered("search"), [file, "", 0.5, 20, None])
        if not answer["success"] or not answer["output"]["data"][0]["matches"]:
            raise RuntimeError(str(answer["output"]))
        return time.perf_counter() - began

    def take(self, seconds: float) -> None:
        """Ask for one take; raises RuntimeError where there is none."""
        *_, answer = self._asked(self._numbered("generate"), [None, "rain", 0.5, seconds, 1, None, None, "", None])
        if not answer["success"] or len(answer["output"]["data"][0]["takes"]) != 1:
            raise RuntimeError(str(answer["output"]))

    def press(self, words: str) -> tuple[bool, int, float]:
        """Press the page's button with some words: whether a place in the line was shown, takes on disk, seconds until all were there."""
        began = time.perf_counter()
        button = self._component("make")
        handler = next(one for one in self.config["dependencies"] if [button["id"], "click"] in one["targets"])
        values = {part["id"]: part["props"].get("value") for part in self.config["components"]}
        values[self._component("words")["id"]] = words
        told = "".join(json.dumps(message) for message in self._asked(handler["id"], [values[number] for number in handler["inputs"]]))
        *_, kept = self._asked(self._numbered("history"), [words, False, 1, ""])
        lines = kept["output"]["data"][0]
        return "before you" in told, lines[0]["takes"] if lines else 0, time.perf_counter() - began

    def _asked(self, number: int, data: list) -> Iterator[dict]:
        """Messages that carry something, the last one with the end of the call."""
        body = {"data": data, "fn_index": number, "session_hash": self.page}
        self.web.post(f"{_API}/queue/join", json=body).raise_for_status()
        with self.web.stream("GET", f"{_API}/queue/data", params={"session_hash": self.page}) as lines:
            for line in lines.iter_lines():
                message = json.loads(line[6:]) if line.startswith("data: ") else {}
                if message.get("msg") in ("process_generating", "process_completed"):
                    yield message
                if message.get("msg") == "process_completed":
                    return

    def _numbered(self, name: str) -> int:
        return next(one["id"] for one in self.config["dependencies"] if one.get("api_name") == name)

    def _component(self, elem_id: str) -> dict:
        return next(part for part in self.config["components"] if part["props"].get("elem_id") == elem_id)


def searches(url: str, visitors: int, each: int) -> Searches:
    """Visitors who all search at once, several times each."""
    crowd = [Visitor(url) for _ in range(visitors)]

    def go(visitor: Visitor) -> list[float | None]:
        return [_seconds(visitor, number) for number in range(each)]

    def _seconds(visitor: Visitor, number: int) -> float | None:
        try:
            return visitor.search(_voice(number))
        except (RuntimeError, httpx.HTTPError) as error:
            print(f"a search failed: {error}", file=sys.stderr)
            return None

    with ThreadPoolExecutor(visitors) as pool:
        times = [time_s for times in pool.map(go, crowd) for time_s in times]
    good = sorted(time_s for time_s in times if time_s is not None) or [float("nan")]
    return Searches(visitors, len(times), times.count(None), statistics.median(good), float(np.percentile(good, 95)), good[-1])


def takes(url: str, visitors: int, wanted: int = 3) -> Takes:
    """Visitors who all press the button at once; each is owed the usual number of takes."""
    crowd = [Visitor(url) for _ in range(visitors)]
    with ThreadPoolExecutor(visitors) as pool:
        done = list(pool.map(lambda one: one[1].press(f"rain number {one[0]}"), enumerate(crowd)))
    waits = [wait for *_, wait in done]
    return Takes(visitors, sum(shown for shown, *_ in done), sum(made < wanted for _, made, _ in done), min(waits), max(waits))


def memory(url: str, process: psutil.Process, requests: int) -> Memory:
    """Searches and takes in turn, a new visitor every ten, and the server's memory after each."""
    sizes, errors, visitor = [], 0, Visitor(url)
    for number in range(_WARM_UPS + requests):
        if number % 10 == 0:
            visitor = Visitor(url)
        try:
            visitor.take(1.0) if number % 4 == 3 else visitor.search(_voice(number))
        except (RuntimeError, httpx.HTTPError) as error:
            print(f"request {number} failed: {error}", file=sys.stderr)
            errors += 1
        sizes.append(process.memory_info().rss / 2**20)
    sizes = sizes[_WARM_UPS:]
    quarter = max(len(sizes) // 4, 1)
    return Memory(requests, errors, statistics.mean(sizes[:quarter]), statistics.mean(sizes[-quarter:]), max(sizes))


@contextmanager
def studio(program: list[str], workspace: Path) -> Iterator[tuple[str, psutil.Process]]:
    """A studio as visitors meet it, once it finds something."""
    command = [sys.executable, *program, "--host", "0.0.0.0", "--port", str(PORT), "--workspace", str(workspace)]
    workspace.mkdir(parents=True, exist_ok=True)
    with open(workspace / "server.log", "ab") as log:
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    url, deadline = f"http://127.0.0.1:{PORT}/", time.monotonic() + _PATIENCE_S
    try:
        while True:
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the studio did not get ready; see {workspace / 'server.log'}")
            try:
                visitor = Visitor(url)
                visitor.search(_voice(0))
                visitor.take(1.0)
                break
            except (RuntimeError, httpx.HTTPError):
                time.sleep(1)
        yield url, psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait()


def _voice(number: int) -> bytes:
    """A recording unlike the others: a rising tone of about a second."""
    time_s = np.arange(int(44_100 * (0.7 + 0.05 * (number % 8)))) / 44_100
    sound = 0.4 * np.sin(2 * np.pi * (200 + 7 * number) * time_s * (1 + time_s)) * np.exp(-2 * time_s)
    file = io.BytesIO()
    soundfile.write(file, sound.astype(np.float32), 44_100, format="WAV")
    return file.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=20, help="who search at once (default: %(default)s)")
    parser.add_argument("--each", type=int, default=5, help="searches of each of them (default: %(default)s)")
    parser.add_argument("--takers", type=int, default=5, help="who press the button at once (default: %(default)s)")
    parser.add_argument("--requests", type=int, default=200, help="over which memory is watched (default: %(default)s)")
    parser.add_argument("--workspace", type=Path, help="default: a new one with the starter library")
    parser.add_argument("--out", type=Path, default=Path("runs/load.json"), help="default: %(default)s")
    parser.add_argument("--fake", action="store_true", help="without models")
    given = parser.parse_args()
    with TemporaryDirectory() as folder, studio(PROGRAMS[given.fake], given.workspace or Path(folder)) as (url, process):
        measured = (searches(url, given.visitors, given.each), takes(url, given.takers), memory(url, process, given.requests))
    for figures in measured:
        print(f"\n{type(figures).__name__.lower()}")
        for name, value in asdict(figures).items():
            print(f"  {name:15} {value:10.2f}" if isinstance(value, float) else f"  {name:15} {value:7}")
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps({type(figures).__name__.lower(): asdict(figures) for figures in measured}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
