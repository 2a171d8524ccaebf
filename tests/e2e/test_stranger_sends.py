"""What a stranger can send: files, names, sizes, values, words, and far too much of them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit

import psutil
import pytest

from tests.e2e.conftest import FAKE_APP
from tests.e2e.exposures import found, number, visitor
from tests.e2e.servers import serving
from tests.e2e.stranger import API, as_file, boasting_wav, wav

# files


def test_only_what_was_sent_is_taken_for_a_file(exposed, stranger):
    server = exposed("shared")
    targets = [server.workspace / "starter" / "tone_0.wav", server.workspace / "server.log", Path("/etc/passwd"), Path(__file__)]
    targets += [server.workspace / "uploads" / ".." / "starter" / "tone_0.wav"]
    for target in targets:
        for name, data in (("search", [as_file(target), "", 0.5, 1, None]), ("perform", [as_file(target), as_file(target), None, 1, 1, 1, 1])):
            answer = stranger.call(name, data)
            assert answer.data is None, (name, target, answer)
    assert stranger.call("search", [str(targets[0]), "", 0.5, 1, None]).data is None


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/x.wav", "HTTP://169.254.169.254/latest", "https://example.org/x.wav", " http://127.0.0.1/x.wav", "http:/x/y.wav"]
)
def test_nothing_is_fetched_from_elsewhere(stranger, address):
    answer = stranger.call("search", [as_file(address), "", 0.5, 1, None])
    assert answer.data is None and answer.status == 403
    assert stranger.get(f"/{API}/file={quote(address, safe=':/')}").status_code == 403
    assert stranger.get(f"/{API}/proxy={quote(address, safe=':/')}").status_code in (400, 403)


def test_nothing_but_uploads_is_served_by_path(exposed, stranger):
    server = exposed("shared")
    entry = server.workspace / "history" / found(stranger)["entry"] / "meta.json"
    sent = stranger.uploaded(wav())["path"]
    assert stranger.web.get(f"{API}/file={sent}").content == wav()
    inside = server.workspace
    targets = [
        "/etc/passwd", "../../../etc/passwd", "file:///etc/passwd", "/proc/self/environ", "~/.ssh/id_rsa", "/dev/zero", "app.py", "requirements.txt",
        str(Path(__file__)), str(entry), f"{inside}/server.log", f"{inside}/uploads", f"{inside}/uploads/../server.log", f"{sent}/../../../server.log",
    ]  # fmt: skip
    for target in targets:
        spellings = (target, quote(target, safe=""), target.replace("..", "%2e%2e"), target.replace("/", "//"), f"{target}%00.wav")
        asked = [f"/{API}/file={path}" for path in spellings] + [f"/{API}/file/{target}"]
        asked += [route + quote(target, safe="") for route in ("/sound/", "/wave/", "/export/", "/assets/", "/static/", "/svelte/")]
        for address in asked:
            answer = stranger.get(address)
            assert answer.status_code >= 400, (address, answer.text[:100])


NAMES = [
    "../../../../tmp/evil.wav", "..\\..\\evil.wav", "/etc/cron.d/evil.wav", "a\x00b.wav", "x" * 5_000 + ".wav", "CON.wav", "\u202egnp.wav", ".wav", "..",
    "<img src=x onerror=alert(1)>.wav", "=cmd|' /C calc'!A0.wav", "$(touch evil).wav", "a\nb.wav",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_file_name_is_only_a_name(exposed, stranger, name):
    server = exposed("shared")
    sent = stranger.web.post(f"{API}/upload", files={"files": (name, wav(), "audio/wav")})
    assert sent.status_code in (200, 400, 413)
    if sent.status_code != 200:
        return
    place = Path(sent.json()[0])
    assert place.resolve().is_relative_to(server.workspace / "uploads") and len(place.name) < 256
    answer = stranger.call("search", [as_file(place), "", 0.5, 1, None])
    assert (answer.data and "<img" not in json.dumps(answer.data)) or "Something went wrong" not in answer.message
    assert not Path("/tmp/evil.wav").exists()


def test_a_large_file_is_refused_and_not_kept(exposed, stranger):
    server = exposed("shared")
    before = sum(path.stat().st_size for path in server.workspace.rglob("*") if path.is_file())
    large = stranger.upload(b"RIFF" + bytes(27 * 2**20))
    assert large.status_code == 413 and "25 MB" in large.text
    endless = stranger.web.post(f"{API}/upload", content=_chunks(40), headers={"content-type": "multipart/form-data; boundary=b"})
    assert endless.status_code in (400, 413)
    many = stranger.web.post(f"{API}/upload", files=[("files", (f"{i}.wav", bytes(9 * 2**20), "audio/wav")) for i in range(4)])
    assert many.status_code == 413
    question = stranger.web.post(f"{API}/queue/join", json={"data": ["x" * 3_000_000], "fn_index": 0, "session_hash": stranger.session})
    assert question.status_code == 413
    after = sum(path.stat().st_size for path in server.workspace.rglob("*") if path.is_file())
    assert after < before + 2**20


def _chunks(count: int):
    yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    for _ in range(count):
        yield bytes(2**20)
    yield b"\r\n--b--\r\n"


def test_a_recording_of_hours_is_refused(stranger):
    for content, said in ((boasting_wav(), None), (wav(60.0, 8_000), "too long"), (wav(0.02), "record at least"), (b"RIFF", "not a sound"), (b"", "")):
        answer = stranger.call("search", [stranger.uploaded(content), "", 0.5, 1, None])
        assert "Something went wrong" not in answer.message
        if said:
            assert answer.data is None and said in answer.message, answer


def test_malformed_requests_are_answered(stranger):
    bodies = [b"", b"{", b"[]", b"null", b"[" * 100_000, b"\xff\xfe", b'{"data": 1}', b'{"data": [[[[]]]]}']
    bodies += [b'{"data": [], "fn_index": -1}', b'{"data": [], "fn_index": 99999}']
    for route in (f"{API}/queue/join", f"{API}/call/search", f"{API}/component_server", f"{API}/cancel"):
        for body in bodies:
            answer = stranger.web.post(route, content=body, headers={"content-type": "application/json"})
            assert answer.status_code >= 400 or "event_id" in answer.text or "success" in answer.text, (route, body[:20], answer.status_code)
            assert "Traceback" not in answer.text
    assert stranger.web.get("").status_code == 200


@pytest.mark.parametrize(
    "data",
    [
        [None, "x", 0.5, 10**9, None], [None, "x", 0.5, -5, None], [None, "x", 7, 1, None], [None, "x" * 600, 0.5, 1, None],
        [None, "x", 0.5, 1, 10**9], [None, {"a": 1}, 0.5, 1, None], [None, "x", "much", 1, None], [], [None] * 40, [None, "x", 0.5, 1e308, None],
    ],
)  # fmt: skip
def test_unlikely_values_are_refused_with_a_sentence(stranger, data):
    answer = stranger.call("search", data)
    if answer.data is not None:
        assert len(answer.data[0]["matches"]) <= 100
    assert "Traceback" not in answer.message


def test_words_are_shown_as_words(exposed, stranger):
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    found(stranger, words=evil)
    strip = next(one for one in stranger.handlers() if one.get("api_name") == "earlier")
    shown = json.dumps(stranger.call(strip["id"], []).data)
    assert "onerror" in shown and "<img src=x" not in shown and "<script>" not in shown


# floods


def test_a_flood_is_refused_politely_and_leaves_the_memory_as_it_was(exposed):
    server = exposed("shared")
    process = _process_at(server.url)
    crowd = [visitor(server) for _ in range(8)]
    generate = number(crowd[0], "generate")

    def ask(i: int) -> tuple[int, str]:
        body = {"data": [None, f"flood {i}", 0.5, 1.0, 1, None, None, "", None], "fn_index": generate, "session_hash": f"flood{i:06d}"}
        answer = crowd[i % 8].web.post(f"{API}/queue/join", json=body)
        return answer.status_code, answer.text

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(400)))
    assert {status for status, _ in answers} <= {200, 503} and sum(status == 503 for status, _ in answers) > 200
    assert all("full" in text.lower() for status, text in answers if status == 503)
    assert crowd[0].web.get("").status_code == 200
    before = process.memory_info().rss
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(400, 1_200)))
    assert process.memory_info().rss < before + 40 * 2**20


def test_one_visitor_is_told_to_wait_for_their_own(tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_STEP_S", "0.5")
    with serving(FAKE_APP, tmp_path, "--host", "0.0.0.0") as server:
        somebody = visitor(server)
        answers = somebody.together("generate", [([None, "x", 0.5, 1.0, 1, None, None, "", None], None)] * 4)
        assert [a for a in answers if a.data] and any("requests of yours" in a.message for a in answers)


def _process_at(url: str) -> psutil.Process:
    port = urlsplit(url).port
    return next(psutil.Process(one.pid) for one in psutil.net_connections("tcp") if one.laddr and one.laddr.port == port and one.status == "LISTEN")
