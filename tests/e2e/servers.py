"""Real server processes for tests that drive a browser."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.e2e.required import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Server:
    """A running studio.

    url: its page
    answered_after_s: seconds from the start of the process to the first page
    """

    url: str
    workspace: Path
    answered_after_s: float


@contextmanager
def serving(program: list[str], workspace: Path, *options: str) -> Iterator[Server]:
    """Run `python PROGRAM --workspace ... --port ... OPTIONS` until the block ends; its output is shown when it never answers."""
    port = _free_port()
    command = [sys.executable, *program, "--workspace", str(workspace), "--port", str(port), *options]
    workspace.mkdir(parents=True, exist_ok=True)
    with open(workspace / "server.log", "ab") as log:
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, env=os.environ | {"PYTHONUNBUFFERED": "1"})
        try:
            url = f"http://127.0.0.1:{port}/"
            _wait_for(url, process, workspace / "server.log")
            yield Server(url, workspace, time.monotonic() - began)
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(15)


def _wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, timeout=PATIENCE_S).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError(f"the studio did not answer within {PATIENCE_S:.0f} s:\n{log.read_text(errors='replace')[-4_000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
