"""The page on fakes, over real HTTP: endpoints, what is served to whom, what is imported."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from app.ui.page import launch
from clvap.audio import write
from tests.app.conftest import bench
from tests.fakes import render_effects, tone

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A studio on this machine alone, and its address."""
    made = bench(tmp_path_factory.mktemp("local"), port=free_port())
    made.studio.library.fill_at_start()
    page = launch(made.studio)
    yield made, page.local_url
    page.close(verbose=False)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """The same in a Space: visitors from outside."""
    made = bench(tmp_path_factory.mktemp("space"), port=free_port(), in_space=True)
    made.studio.library.fill_at_start()
    page = launch(made.studio)
    yield made, page.local_url
    page.close(verbose=False)


@pytest.fixture
def voice(tmp_path):
    return handle_file(str(write(tmp_path / "voice.wav", tone(0.9, 300.0))))


def test_search_answers_as_promised(served, voice):
    found = Client(served[1], verbose=False).predict(voice=voice, text="bell", balance=0.5, k=3, api_name="/search")
    assert set(found) == {"entry", "matches"} and len(found["matches"]) == 3
    best = found["matches"][0]
    assert set(best) >= {"path", "score", "caption", "duration_s"} and Path(best["path"]).read_bytes() == Path(best["source"]).read_bytes()
    scores = [match["score"] for match in found["matches"]]
    assert scores == sorted(scores, reverse=True)


def test_generate_answers_with_files(served):
    made = Client(served[1], verbose=False).predict(voice=None, text="rain", seconds=1.5, variations=2, seed=40, api_name="/generate")
    scores = [take["score"] for take in made["takes"]]
    assert scores == sorted(scores, reverse=True) and {take["seed"] for take in made["takes"]} == {40, 41}
    assert all(soundfile.info(take["path"]).duration == pytest.approx(1.5, abs=0.01) for take in made["takes"])


def test_imitate_answers_with_both(served, voice):
    both = Client(served[1], verbose=False).predict(voice=voice, text="", variations=1, api_name="/imitate")
    assert len(both["takes"]) == 1 and both["matches"]


def test_one_gesture_of_a_recording_can_be_named(served, three_gestures):
    client, recording = Client(served[1], verbose=False), handle_file(str(three_gestures))
    for gesture in (None, 2):
        client.predict(voice=recording, text="", variations=1, gesture=gesture, api_name="/generate")
    whole, part = (request.seconds for request in served[0].generator.requests[-2:])
    assert whole > 3 and part == pytest.approx(0.9, abs=0.15)
    with pytest.raises(AppError, match="gesture 9 was asked for, but it holds 3"):
        client.predict(voice=recording, text="", gesture=9, api_name="/search")


def test_perform_answers_with_a_sound(served, voice, tmp_path):
    client, sound = Client(served[1], verbose=False), handle_file(str(write(tmp_path / "wind.wav", tone(3.0, channels=2))))
    made = client.predict(sound=sound, voice=voice, api_name="/perform")
    heard = soundfile.info(made["path"])
    assert heard.channels == 2 and heard.duration == pytest.approx(0.9, abs=0.1) and set(made) == {"entry", "path", "score", "duration_s"}
    as_long = client.predict(sound=sound, voice=voice, timing=0, loudness=0.5, api_name="/perform")
    assert as_long["duration_s"] == pytest.approx(3.0, abs=0.01)
    with pytest.raises(AppError, match="Record a gesture first"):
        client.predict(sound=sound, voice=None, api_name="/perform")


def test_index_is_for_this_machine_alone(served, shared, tmp_path):
    render_effects(tmp_path, count=2)
    (tmp_path / "broken.wav").write_text("no")
    report = Client(served[1], verbose=False).predict(folder=str(tmp_path), api_name="/index")
    assert report["indexed"] == 2 and report["skipped"][0]["file"].endswith("broken.wav") and "seconds" in report
    names = Client(shared[1], verbose=False).view_api(return_format="dict")["named_endpoints"]
    assert {"/search", "/generate", "/imitate", "/perform"} < set(names) and not {"/index", "/jobs"} & set(names)


def test_a_missing_folder_and_an_empty_request_are_explained(served):
    client = Client(served[1], verbose=False)
    with pytest.raises(AppError, match="no such folder"):
        client.predict(folder="/nowhere/at/all", api_name="/index")
    with pytest.raises(AppError, match="Record a sound or type"):
        client.predict(voice=None, text="", api_name="/search")


def test_a_file_that_was_not_uploaded_is_refused(shared, tmp_path):
    path = write(tmp_path / "private.wav", tone(0.9))
    body = {"data": [{"path": str(path), "meta": {"_type": "gradio.FileData"}}, "", 0.5, 1]}
    answer = httpx.post(f"{shared[1]}gradio_api/call/search", json=body)
    said = httpx.get(f"{shared[1]}gradio_api/call/search/{answer.json()['event_id']}").text
    assert "event: error" in said and "matches" not in said


def test_visitors_are_told_no_path_and_get_the_two_tabs_for_finding_and_making(shared):
    found = Client(shared[1], verbose=False).predict(voice=None, text="bell", k=1, api_name="/search")
    assert "source" not in found["matches"][0] and str(shared[0].studio.settings.workspace) not in str(found)
    config = httpx.get(f"{shared[1]}config").json()
    labels = [part["props"].get("label") for part in config["components"] if part["type"] == "tabitem"]
    assert labels == ["Imitate", "Library"]


def test_history_is_not_shared_between_visitors(shared):
    made, url = shared
    for _ in range(2):
        Client(url, verbose=False).predict(voice=None, text="mine", k=1, api_name="/search")
    metas = [json.loads(meta.read_text()) for meta in (made.studio.settings.workspace / "history").glob("*/meta.json")]
    owners = {meta["owner"] for meta in metas if meta["words"] == "mine"}
    assert len(owners) == 2 and made.studio.history.list("local") == []


def test_sounds_are_served_by_token_with_ranges(served, tmp_path):
    made, url = served
    path = write(tmp_path / "a b.wav", tone(0.5))
    token = made.studio.sounds.token(path)
    part = httpx.get(f"{url}sound/{token}", headers={"Range": "bytes=0-99"})
    assert part.status_code == 206 and len(part.content) == 100 and part.headers["content-type"].startswith("audio/")
    saved = httpx.get(f"{url}sound/{token}?save=1")
    assert saved.headers["content-disposition"].startswith("attachment") and saved.content == path.read_bytes()
    assert httpx.get(f"{url}wave/{token}").headers["content-type"].startswith("image/svg")


UNKNOWN = "0" * 32


@pytest.mark.parametrize("address", [f"sound/{UNKNOWN}", f"wave/{UNKNOWN}", "sound/..%2F..%2Fetc%2Fpasswd", "gradio_api/file=/etc/passwd"])
def test_nothing_else_is_served(served, address):
    assert httpx.get(served[1] + address).status_code in (403, 404)


def test_the_history_folder_is_not_served_by_path(served):
    made, url = served
    Client(url, verbose=False).predict(voice=None, text="rain", variations=1, api_name="/generate")
    entry = made.studio.history.list("local")[0]
    assert httpx.get(f"{url}gradio_api/file={entry.folder / entry.takes[0].file}").status_code in (403, 404)


def test_a_vanished_file_is_an_answer_not_a_crash(served, tmp_path):
    made, url = served
    token = made.studio.sounds.token(tmp_path / "gone.wav")
    assert httpx.get(f"{url}sound/{token}").status_code == 410 and httpx.get(f"{url}wave/{token}").status_code == 410


def test_the_first_page_imports_nothing_heavy():
    code = (
        "import sys, app.services.studio, app.ui.page\n"
        "print([name for name in ('torch', 'transformers', 'lancedb', 'stable_audio_tools', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "[]", done.stderr


def test_services_know_nothing_of_gradio():
    code = "import sys, app.services.studio; print('gradio' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "False", done.stderr


def test_a_port_in_use_is_told(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "app.py", "--workspace", str(tmp_path), "--port", str(taken.getsockname()[1])]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2 and "choose another port" in done.stderr


def test_options_that_cannot_be_met_end_with_2_and_a_sentence():
    done = subprocess.run([sys.executable, "app.py", "--auth", "me"], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2 and "USER:PASS" in done.stderr
