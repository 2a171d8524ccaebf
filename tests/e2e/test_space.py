"""As in a Hugging Face Space: its environment, its disk, GPUs that are lent call by call."""

from __future__ import annotations

import os
import re
from pathlib import Path

import httpx
import pytest
import yaml
from gradio_client import Client, handle_file

from app import space
from app.services.generate import Ended, Job
from app.services.requests import ImitateRequest
from app.services.studio import TakeKept
from app.settings import DEFAULT_PORT, Settings
from clvap.audio import write
from tests.app.conftest import bench
from tests.e2e.conftest import FAKE_APP
from tests.e2e.required import require_models
from tests.e2e.servers import ROOT, serving
from tests.fakes import FakeGenerator, tone

SPACE = {"SPACE_ID": "someone/studio", "SPACE_HOST": "someone-studio.hf.space", "GRADIO_SERVER_NAME": "0.0.0.0"}


@pytest.fixture
def in_space(monkeypatch):
    for name, value in SPACE.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def lent_gpu(monkeypatch, tmp_path):
    """GPUs are lent; the returned file tells each loan."""
    log = tmp_path / "lent.txt"
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "lent_gpu"))
    for name, value in {**SPACE, "SPACES_ZERO_GPU": "true", "LENT_GPU_LOG": str(log)}.items():
        monkeypatch.setenv(name, value)
    return log


def test_the_front_matter_is_what_a_space_needs():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    told = yaml.safe_load(text.split("---")[1])
    pinned = dict(re.findall(r"^([a-z-]+)==(\S+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert told["sdk"] == "gradio" and told["sdk_version"] == pinned["gradio"] and (ROOT / told["app_file"]).is_file()
    assert told["title"] and told["license"] and len(told["short_description"]) <= 60 and str(told["python_version"]) in ("3.10", "3.11")
    assert {told["colorFrom"], told["colorTo"]} <= {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


def test_what_stays_is_used(tmp_path):
    assert space.storage(SPACE, tmp_path) == tmp_path and space.storage({}, tmp_path) is None and space.storage(SPACE, tmp_path / "none") is None
    environment = dict(SPACE)
    space.settle(environment, tmp_path)
    assert environment["HF_HOME"] == str(tmp_path / "huggingface")
    kept = {**SPACE, "HF_HOME": "/mine"}
    space.settle(kept, tmp_path)
    assert kept["HF_HOME"] == "/mine"


def test_the_workspace_goes_where_it_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(space, "MOUNT", tmp_path)
    assert Settings.from_arguments([], SPACE).workspace == tmp_path / "clvap-studio"
    assert Settings.from_arguments(["--workspace", "/elsewhere"], SPACE).workspace == Path("/elsewhere")
    assert Settings.from_arguments([], {}).workspace != tmp_path / "clvap-studio"


def test_the_port_is_that_of_the_environment():
    assert Settings.from_arguments([], SPACE).port == DEFAULT_PORT
    assert Settings.from_arguments([], {**SPACE, "GRADIO_SERVER_PORT": "8123"}).port == 8123
    assert Settings.from_arguments(["--port", "8124"], {**SPACE, "GRADIO_SERVER_PORT": "8123"}).port == 8124


def test_where_no_gpu_is_lent_nothing_is_wrapped():
    assert space.on_gpu(tone, 60, SPACE) is tone and space.on_gpu(tone, 60, {"SPACES_ZERO_GPU": "true"}) is tone


def test_takes_are_made_on_a_lent_gpu(lent_gpu, tmp_path):
    studio = bench(tmp_path / "workspace", in_space=True).studio
    voice = write(tmp_path / "voice.wav", tone(0.9))
    events = list(studio.imitate(ImitateRequest(voice, "bell", owner="page:one", variations=3)))
    assert sum(isinstance(event, TakeKept) for event in events) == 3 and events[-1] == Ended(cancelled=False)
    assert lent_gpu.read_text() == "90 s for _made\n"


def test_a_loan_is_given_back_when_it_is_stopped(lent_gpu, tmp_path):
    studio, job = bench(tmp_path / "workspace", generator=FakeGenerator(step_s=0.05), in_space=True).studio, Job()
    seen = []
    for event in studio.imitate(ImitateRequest(None, "bell", owner="page:one", hits=0, variations=6, job=job)):
        seen.append(event)
        if isinstance(event, TakeKept):
            job.cancel()
    assert seen[-1] == Ended(cancelled=True) and 1 <= sum(isinstance(event, TakeKept) for event in seen) < 6


def test_a_space_answers_visitors(in_space, lent_gpu, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'tests' / 'lent_gpu'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    with serving(FAKE_APP, tmp_path / "workspace") as server:
        client = Client(server.url, verbose=False)
        made = client.predict(voice=handle_file(str(write(tmp_path / "voice.wav", tone(0.9)))), text="bell", variations=2, api_name="/imitate")
        assert len(made["takes"]) == 2 and "source" not in str(made)
        assert "x-frame-options" not in httpx.get(server.url).headers  # the hub shows it in a frame
        proxied = httpx.get(server.url, headers={"host": "someone-studio.hf.space", "origin": "https://huggingface.co"})
        assert proxied.status_code == 200
    assert "for _made" in lent_gpu.read_text()


@pytest.mark.slow
def test_app_py_itself_starts_as_a_space(in_space, tmp_path):
    require_models()
    with serving(["app.py"], tmp_path / "workspace", "--device", "cpu") as server:
        voice = handle_file(str(write(tmp_path / "voice.wav", tone(0.9))))
        made = Client(server.url, verbose=False).predict(voice=voice, text="bell", k=3, variations=1, seconds=1.0, api_name="/imitate")
        assert len(made["takes"]) == 1 and "source" not in str(made)
