"""Every named endpoint, as a client uses it: one session of work from a gesture to an export, and the work behind it."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from clvap.audio import write
from tests.e2e.conftest import FAKE_APP
from tests.e2e.servers import serving
from tests.fakes import render_effects, tone


@pytest.fixture(scope="module")
def client(fake_studio):
    client = Client(fake_studio.url, verbose=False)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and (client.predict(api_name="/library")["count"] or 0) < 6:
        time.sleep(0.5)
    return client


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    return handle_file(str(write(tmp_path_factory.mktemp("api") / "voice.wav", tone(0.9, 300.0))))


@pytest.fixture(scope="module")
def made(client, voice):
    return client.predict(voice=voice, text="falling bell", k=4, variations=2, seconds=1.0, api_name="/imitate")


def test_every_parameter_has_a_type_and_every_endpoint_says_what_it_does(client):
    told = client.view_api(return_format="dict")["named_endpoints"]
    for name, endpoint in told.items():
        assert endpoint["description"], name
        for parameter in endpoint["parameters"]:
            assert parameter["type"] and parameter["parameter_name"], (name, parameter)


def test_language_models_are_offered_the_same(tmp_path):
    pytest.importorskip("mcp", reason="gradio[mcp] is not installed")
    with serving(FAKE_APP, tmp_path, "--mcp") as server:
        listed = httpx.get(f"{server.url}gradio_api/mcp/schema").json()
        assert {"search", "imitate", "export", "jobs"} <= {tool["name"] for tool in listed}


def test_what_was_made_is_kept_starred_weighed_and_deleted(client, made):
    entry, take, hit = made["entry"], made["takes"][0]["sound"], made["matches"][1]["sound"]
    assert [line["entry"] for line in client.predict(words="falling", api_name="/history")] == [entry]
    client.predict(entry=entry, sound=take, api_name="/favourite")
    assert client.predict(entry=entry, sound=hit, api_name="/favourite")["starred"]
    assert [line["entry"] for line in client.predict(favourites=True, api_name="/history")] == [entry]
    assert len(client.predict(entry=entry, timbre=1.0, overall=0.0, api_name="/rerank")["matches"]) == 4
    alike = client.predict(entry=entry, sound=hit, api_name="/more_like_this")
    assert hit not in {match["sound"] for match in alike["matches"]}
    key = client.predict(entry=entry, sound=take, api_name="/delete")["key"]
    assert len(client.predict(entry=entry, api_name="/entry")["takes"]) == 1
    assert client.predict(key=key, api_name="/undelete")["takes"] == 2
    client.predict(entry=entry, api_name="/delete")
    with pytest.raises(AppError, match="not there any more"):
        client.predict(entry=entry, api_name="/entry")
    client.predict(key=entry, api_name="/undelete")


def test_a_part_of_a_take_is_made_anew(client, voice):
    made = client.predict(voice=voice, text="bell", variations=1, best_of=2, api_name="/generate")
    asked = {"entry": made["entry"], "sound": made["takes"][0]["sound"], "api_name": "/redo"}
    redone = client.predict(start_s=0.2, end_s=0.6, variations=2, **asked)
    assert redone["entry"] == made["entry"] and [(take["parent"], take["start_s"], take["end_s"]) for take in redone["takes"]] == [("Take 1", 0.2, 0.6)] * 2
    with pytest.raises(AppError, match="too short to make anew"):
        client.predict(start_s=0.2, end_s=0.21, **asked)


def test_sounds_are_exported(client, made):
    sounds = [made["takes"][0]["sound"], made["matches"][0]["sound"]]
    one = client.predict(sounds=sounds[:1], names=["MYNAME"], format="flac", rate_hz=96_000, api_name="/export")
    about = soundfile.info(one["path"])
    assert (about.format, about.samplerate) == ("FLAC", 96_000) and Path(one["path"]).stem.startswith("MYNAME")
    both = client.predict(sounds=sounds, api_name="/export")
    assert both["count"] == 2 and both["path"].endswith(".zip")
    with pytest.raises(AppError, match="use one of"):
        client.predict(sounds=sounds, rate_hz=1, api_name="/export")
    with pytest.raises(AppError, match="not served"):
        client.predict(sounds=["../../etc/passwd"], api_name="/export")


def test_the_library_is_indexed_searched_and_described(client, tmp_path):
    render_effects(tmp_path / "mine", count=3)
    assert client.predict(folder=str(tmp_path / "mine"), api_name="/index")["indexed"] == 3
    _eventually(lambda: str(tmp_path / "mine") in client.predict(api_name="/library")["folders"])
    found = client.predict(words="falling", k=5, api_name="/library_search")["matches"]
    assert len(found) == 5 and Path(found[0]["path"]).is_file()
    told = client.predict(sound=found[0]["sound"], caption="a new name", category="BELL", api_name="/describe")
    assert told["caption"] == "a new name"
    assert client.predict(like=found[0]["sound"], k=2, api_name="/library_search")["matches"]
    client.predict(folder=str(tmp_path / "mine"), api_name="/library_remove")
    _eventually(lambda: str(tmp_path / "mine") not in client.predict(api_name="/library")["folders"])


def test_work_is_seen(client, tmp_path):
    render_effects(tmp_path / "more", count=2)
    client.predict(folder=str(tmp_path / "more"), api_name="/index")
    jobs = client.predict(kind="index", api_name="/jobs")
    assert jobs[0]["title"] == "Indexing more" and all(job["status"] == "done" for job in jobs)
    one = client.predict(id=jobs[0]["id"], lines=5, api_name="/job")
    assert one["title"] == jobs[0]["title"] and "log" in one
    assert client.predict(id=jobs[0]["id"], api_name="/job_cancel")["status"] == "done"
    with pytest.raises(AppError, match="is finished"):
        client.predict(id=jobs[0]["id"], api_name="/job_resume")
    with pytest.raises(AppError, match="not there any more"):
        client.predict(id="../jobs", api_name="/job")


def test_models_and_recipes_are_told(client):
    models = client.predict(api_name="/models")
    assert any(model["in_use"] for model in models) and {model["kind"] for model in models} >= {"generator", "clvap"}
    assert {recipe["name"] for recipe in client.predict(kind="train", api_name="/recipes")}
    with pytest.raises(AppError):
        client.predict(kind="generator", location="/nowhere", api_name="/use_model")
    assert client.predict(api_name="/evaluations") == []
    assert {one["subject"] for one in client.predict(api_name="/evaluation_models")} == {"search", "generator"}
    for endpoint, argument in (("/evaluation_discard", "job"), ("/evaluation_delete", "id")):
        with pytest.raises(AppError, match="not there any more"):
            client.predict(**{argument: "../models"}, api_name=endpoint)


@pytest.mark.slow
def test_a_run_is_started_stopped_and_goes_on(client):
    folder = client.predict(api_name="/training_folders")[0]["folder"]
    run = client.predict(folder=folder, recipe=client.predict(kind="finetune", api_name="/recipes")[0]["name"], api_name="/finetune")["run"]
    assert client.predict(kind="finetune", api_name="/runs")[0]["run"] == run
    client.predict(kind="finetune", run=run, api_name="/run_stop")
    assert _settled(client, run)["status"] == "cancelled"
    client.predict(kind="finetune", run=run, api_name="/run_resume")
    seen = _settled(client, run)
    assert seen["status"] == "done" and seen["usable"]


def test_a_run_of_minutes_is_named_deleted_and_had_back(client):
    folder = client.predict(api_name="/training_folders")[0]["folder"]
    run = client.predict(folder=folder, minutes=0.5, api_name="/finetune")
    assert run["length"] == "0.5 minutes" and _settled(client, run["run"])["status"] == "done"
    about = {"kind": "finetune", "run": run["run"]}
    assert client.predict(**about, name="Kitchen", api_name="/run_name")["title"] == "Kitchen"
    assert client.predict(**about, api_name="/run_name")["title"] == run["title"]
    key = client.predict(**about, api_name="/run_delete")["key"]
    assert run["run"] not in {one["run"] for one in client.predict(kind="finetune", api_name="/runs")}
    assert client.predict(key=key, api_name="/run_undelete")["usable"]
    with pytest.raises(AppError, match="too long ago"):
        client.predict(key=key, api_name="/run_undelete")


def _eventually(true) -> None:
    """The library is counted every few seconds."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def _settled(client: Client, run: str) -> dict:
    deadline = time.monotonic() + 120
    while (seen := client.predict(kind="finetune", run=run, api_name="/run"))["status"] == "running" and time.monotonic() < deadline:
        time.sleep(0.5)
    return seen
