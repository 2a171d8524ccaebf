"""A start where something between gradio and its own server is slow or in the way: the page comes up all the same, or one sentence says why not."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from gradio import networking
from gradio.exceptions import ServerFailedToStartError
from gradio.http_server import Server

from app.settings import SettingsError
from app.ui.page import StartError, launch
from tests.app.conftest import bench
from tests.app.test_page import free_port

ROOT = Path(__file__).resolve().parents[2]
FAILING = """
import runpy, sys
from gradio.exceptions import ServerFailedToStartError
from gradio.http_server import Server
def failing(server):
    raise ServerFailedToStartError("not within 5 s")
Server.run_in_thread = failing
runpy.run_path("app.py", run_name="__main__")
"""


def failing(_server) -> None:
    raise ServerFailedToStartError("not within 5 s")


def answers(made) -> bool:
    page = launch(made.studio)
    try:
        return httpx.get(page.local_url, timeout=60, trust_env=False).status_code == 200
    finally:
        page.close(verbose=False)


def test_a_page_that_answers_late_comes_up(tmp_path, monkeypatch):
    monkeypatch.setattr(networking, "url_ok", lambda url: False)  # what gradio finds where its own server takes more than 3 s
    assert answers(bench(tmp_path, port=free_port()))


def test_a_proxy_is_not_asked_for_this_machine(tmp_path, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "example.org")
    assert answers(bench(tmp_path, port=free_port()))


def test_a_server_that_does_not_come_up_is_told_from_a_port_that_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(Server, "run_in_thread", failing)
    with pytest.raises(StartError, match="may be too busy: start the studio again"):
        launch(bench(tmp_path, port=free_port()).studio)
    with pytest.raises(SettingsError, match="choose another port or host"):
        launch(bench(tmp_path, port=free_port(), host="203.0.113.1").studio)  # not an address of this machine


def test_the_program_then_ends_with_the_sentence(tmp_path):
    command = [sys.executable, "-c", FAILING, "--workspace", str(tmp_path), "--port", str(free_port())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and done.stderr.strip().splitlines()[-1].startswith("The page did not come up on 127.0.0.1:")
    assert "Traceback" not in done.stderr
