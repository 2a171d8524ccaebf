"""A running studio, visited by somebody who knows the protocol and means no good: each cell of docs/exposure.md, and the usual tricks."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import psutil
import pytest

from app.services.access import Action, allowed
from app.settings import Settings
from tests.e2e.conftest import FAKE_APP
from tests.e2e.servers import serving
from tests.e2e.stranger import API, Stranger, as_file, boasting_wav, wav

LOGIN = ("me", "secret")
STARTS = {
    "local": ([], {}),
    "shared": (["--host", "0.0.0.0"], {}),
    "auth": (["--host", "0.0.0.0", "--auth", ":".join(LOGIN)], {}),
    "space": ([], {"SPACE_ID": "someone/studio"}),
}
ENDPOINTS = {
    Action.NAME_PATHS: ("/index", {"folder": "/etc"}),
    Action.EDIT_LIBRARY: ("/describe", {"sound": "", "caption": "x", "category": "x"}),
    Action.TRAIN: ("/finetune", {"folder": "/etc"}),
    Action.MANAGE_MODELS: ("/use_model", {"kind": "generator", "location": "/etc"}),
    Action.SEE_JOBS: ("/jobs", {"kind": ""}),
}
TABS = {Action.TRAIN: "Train CLVAP", Action.MANAGE_MODELS: "Models"}


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    """A running studio of an exposure, started when first asked for."""
    with ExitStack() as running:
        servers = {}

        def at(exposure: str):
            if exposure not in servers:
                options, environment = STARTS[exposure]
                with pytest.MonkeyPatch.context() as patch:
                    for name, value in environment.items():
                        patch.setenv(name, value)
                    servers[exposure] = running.enter_context(serving(FAKE_APP, tmp_path_factory.mktemp(exposure), *options))
                _filled(visitor(servers[exposure], exposure))
            return servers[exposure]

        yield at


def visitor(server, exposure: str = "shared", **headers: str) -> Stranger:
    """Somebody who may come in."""
    return Stranger(server.url, LOGIN if exposure == "auth" else None, **headers)


def _filled(somebody: Stranger) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = somebody.call("search", [None, "tone", 0.5, 3, None])
        if found.data and len(found.data[0]["matches"]) == 3:
            return
        time.sleep(0.5)
    raise AssertionError(f"the starter library was not filled: {found}")


@pytest.fixture
def shared(studio):
    return visitor(studio("shared"))


def found(somebody: Stranger, **wanted) -> dict:
    return somebody.call("search", [None, wanted.get("words", "tone"), 0.5, wanted.get("k", 2), None], wanted.get("session")).data[0]


# every cell of the table


@pytest.mark.parametrize("exposure", STARTS)
def test_everybody_may_imitate_and_keeps_it(studio, exposure):
    somebody = visitor(studio(exposure), exposure)
    made = somebody.call("imitate", [somebody.uploaded(wav()), "bell", 0.5, 3, 1.0, 1, 7, None, "", True])
    assert len(made.data[0]["matches"]) == 3 and len(made.data[0]["takes"]) == 1
    take = made.data[0]["takes"][0]
    assert somebody.web.get(f"sound/{take['sound']}?save=1").status_code == 200
    assert [line["words"] for line in somebody.call("history", ["bell", False, 5]).data[0]] == ["bell"]


@pytest.mark.parametrize("exposure", STARTS)
@pytest.mark.parametrize("action", ENDPOINTS)
def test_what_a_visitor_may_not_do_is_not_there(studio, exposure, action):
    server = studio(exposure)
    options, environment = STARTS[exposure]
    may = action in allowed(Settings.from_arguments([*options, "--workspace", str(server.workspace)], environment))
    somebody = visitor(server, exposure)
    name, values = ENDPOINTS[action]
    assert (name in somebody.names()) == may
    asked = somebody.web.post(f"{API}/call/v2{name}", json=values)
    assert (asked.status_code == 200) == may
    if action in TABS:
        labels = [part["props"].get("label") for part in somebody.config()["components"] if part["type"] == "tabitem"]
        assert (TABS[action] in labels) == may


@pytest.mark.parametrize("exposure", STARTS)
def test_the_microphone_of_the_machine_is_for_who_sits_there(studio, exposure):
    parts = visitor(studio(exposure), exposure).config()["components"]
    assert any(part["props"].get("elem_id") == "local-microphone" for part in parts) == (exposure == "local")


def test_who_may_train_may_not_look_around(studio):
    """The password lets a visitor train on the library's folders, which it knows by name; nothing else is told or touched."""
    server = studio("auth")
    inside = visitor(server, "auth")
    folders = inside.call("training_folders", []).data[0]
    assert [one["name"] for one in folders] == ["starter"] and str(server.workspace) not in json.dumps(folders)
    for folder in ("/etc", str(server.workspace / "starter"), "../starter", "~"):
        refused = inside.call("finetune", [folder, "finetune-sfx-mini-lora", None, None, None, None, False])
        assert refused.data is None and "may not name a folder" in refused.message, (folder, refused)
    known = folders[0]["folder"]
    for wanted in ({"start": "/etc"}, {"recipe": "../../../etc/passwd"}, {"recipe": "clvap-mini"}, {"length": 1e12}, {"length": -1}):
        values = {"recipe": "finetune-sfx-mini-lora", "start": None, "length": None} | wanted
        refused = inside.call("finetune", [known, values["recipe"], values["start"], values["length"], None, None, False])
        assert refused.data is None and "Something went wrong" not in refused.message, (wanted, refused)
    for run in ("..", "../..", "/etc", ""):
        assert inside.call("run_stop", ["finetune", run]).data is None and inside.call("run", ["finetune", run]).data == [{}]


@pytest.mark.parametrize("exposure", STARTS)
def test_paths_of_the_machine_are_seen_on_it_alone(studio, exposure):
    server = studio(exposure)
    somebody = visitor(server, exposure)
    answer, page = found(somebody), somebody.web.get("").text
    told = [json.dumps(somebody.config()), page, somebody.web.get(f"{API}/info").text]
    assert not any(str(server.workspace) in text for text in told)
    assert ("source" in answer["matches"][0]) == (exposure == "local")
    files = {match["path"]["path"] if isinstance(match["path"], dict) else match["path"] for match in answer["matches"]}
    assert all(Path(file).is_relative_to(server.workspace / "uploads") for file in files)  # copies, not the library's own files


# the login


PUBLIC = ["", "login_check", "theme.css", "favicon.ico", "robots.txt", f"{API}/app_id", f"{API}/user"]


def test_without_the_login_nothing_answers(studio):
    server = studio("auth")
    inside, outside = visitor(server, "auth"), Stranger(server.url)
    sound = found(inside)["matches"][0]["sound"]
    assert inside.web.get(f"sound/{sound}").status_code == 200 and inside.web.get(f"wave/{sound}").status_code == 200
    file = inside.uploaded(wav())["path"]
    assert inside.web.get(f"{API}/file={file}").status_code == 200
    paths = [
        f"sound/{sound}", f"wave/{sound}", f"{API}/file={file}", f"{API}/info", "config", f"{API}/openapi.json", f"{API}/queue/status", f"{API}/token",
        f"{API}/heartbeat/abcdef1234", f"{API}/stream/a/b/1/playlist.m3u8", f"{API}/stream/a/b/1/playlist-file", f"{API}/queue/data?session_hash=abcdef1234",
        "monitoring", "monitoring/summary", f"{API}/mcp/", f"{API}/runs", f"{API}/vibe-code", "nothing",
    ]  # fmt: skip
    answers = {path: outside.web.get(path).status_code for path in paths}
    assert set(answers.values()) == {401}, answers
    posts = [f"{API}/upload", f"{API}/queue/join", f"{API}/call/search", f"{API}/run/search", f"{API}/cancel", f"{API}/reset", f"{API}/component_server"]
    posts += [f"{API}/stream/abc", f"{API}/stream/abc/close", f"{API}/process_recording", f"{API}/vibe-edit"]
    answers = {path: outside.web.post(path, json={}).status_code for path in posts}
    assert set(answers.values()) == {401}, answers


def test_the_page_to_log_in_is_there_and_tells_nothing(studio):
    outside = Stranger(studio("auth").url)
    page = outside.web.get("")
    assert page.status_code == 200 and "auth_required" in page.text and "elem_id" not in page.text
    assert outside.web.post("login", data={"username": "me", "password": "guess"}).status_code == 400
    assert outside.web.get("config").status_code == 401


def test_the_password_is_not_guessed_quickly(studio):
    url, tries = studio("auth").url, 24
    began = time.monotonic()
    with ThreadPoolExecutor(tries) as pool:
        answers = list(pool.map(lambda i: httpx.post(f"{url}login", data={"username": "me", "password": str(i)}, timeout=60).status_code, range(tries)))
    assert set(answers) == {400, 429} and answers.count(400) <= 2 * (time.monotonic() - began) + 1


@pytest.mark.parametrize("cookie", ["access-token-{id}=", "access-token-{id}=None", "access-token-{id}=me", "a=\x01;;=", "access-token-x=y"])
def test_a_made_up_cookie_does_not_help(studio, cookie):
    outside = Stranger(studio("auth").url)
    outside.web.headers["cookie"] = cookie.format(id="x")
    assert outside.web.get(f"{API}/info").status_code == 401


def test_those_who_know_the_password_share_a_history_and_others_have_none_of_it(studio):
    server = studio("auth")
    first, second = visitor(server, "auth"), visitor(server, "auth")
    found(first, words="between us")
    assert [line["words"] for line in second.call("history", ["between us", False, 5]).data[0]] == ["between us"]


# another visitor's things


def test_a_history_is_of_one_page(studio, shared):
    entry = found(shared, words="mine alone")["entry"]
    other = visitor(studio("shared"))
    assert other.call("history", ["", False, 100]).data[0] == []
    for name, data in (("entry", [entry]), ("delete", [entry, ""]), ("undelete", [entry]), ("rerank", [entry, *[0.5] * 5]), ("favourite", [entry, "x"])):
        refused = other.call(name, data)
        assert refused.data is None and refused.message.startswith(("This entry is not", "This sound is not", "This was deleted")), (name, refused)
    assert shared.call("entry", [entry]).data[0]["words"] == "mine alone"


@pytest.mark.parametrize("session", ["", "x", "../../etc", "a" * 500, "page:local", 7, ["a"], {"a": "b"}])
def test_a_made_up_page_is_refused(shared, session):
    """Also because an empty one ends the thread of gradio's queue."""
    for route in ("queue/join", "call/history", "run/search", "component_server"):
        asked = shared.web.post(f"{API}/{route}", json={"data": [None, "left here", 0.5, 1, None], "session_hash": session, "fn_index": 0})
        assert asked.status_code == 400 and asked.text == "This is no page of the studio."


def test_a_page_without_a_name_is_nobodys(studio, shared):
    for _ in range(2):
        asked = shared.web.post(f"{API}/call/search", json={"data": [None, "nameless", 0.5, 1, None]})
        shared.web.get(f"{API}/call/search/{asked.json()['event_id']}")
    asked = shared.web.post(f"{API}/call/history", json={"data": ["", False, 100]})
    assert "nameless" not in shared.web.get(f"{API}/call/history/{asked.json()['event_id']}").text


def test_the_private_handlers_give_nothing_away(studio, shared):
    """Handlers of the page, called with forged events: another's entry, a path for a token, a path for an upload."""
    server = studio("shared")
    entry = found(visitor(server), words="not yours")["entry"]
    secret = server.workspace / "history" / entry / "meta.json"
    assert secret.exists()
    named = {"entry": entry, "key": entry, "token": str(secret), "tokens": json.dumps([str(secret)]), "name": "x", "part": "9999999", "folder": "/etc"}
    events = [named | {"act": act} for act in ("open", "perform", "export", "delete", "star")] + [None]
    for handler in shared.handlers():
        if handler.get("api_visibility") != "private" or not handler["backend_fn"]:
            continue
        answers = shared.together(handler["id"], [([str(secret)] * len(handler["inputs"]), event) for event in events])
        for event, answer in zip(events, answers, strict=True):
            told = (json.dumps(answer.data) + answer.message).replace(str(secret), "")  # what was asked may be said again
            assert "not yours" not in told and "root:" not in told and str(server.workspace) not in told, (handler["id"], event, told[:400])
    assert secret.exists()


def test_the_queue_cannot_be_gone_around(shared):
    for name in ("search", "generate", "imitate", "export"):
        for route in ("run", "api"):
            assert shared.web.post(f"{API}/{route}/{name}", json={"data": [None, "x", 0.5, 1, None]}).status_code == 404, (route, name)


def test_a_state_cannot_be_put_in_from_outside(studio, shared):
    """The recording of a page is kept by the server; a path sent in its place is not looked at."""
    target = studio("shared").workspace / "starter" / "tone_0.wav"
    press = next(one for one in shared.handlers() if one.get("api_name", "").startswith("_press"))
    answer = shared.call(press["id"], [str(target)] * len(press["inputs"]))
    assert "tone_0" not in json.dumps(answer.data)


# files


def test_only_what_was_sent_is_taken_for_a_file(studio, shared):
    server = studio("shared")
    targets = [server.workspace / "starter" / "tone_0.wav", server.workspace / "server.log", Path("/etc/passwd"), Path(__file__)]
    targets += [server.workspace / "uploads" / ".." / "starter" / "tone_0.wav"]
    for target in targets:
        for name, data in (("search", [as_file(target), "", 0.5, 1, None]), ("perform", [as_file(target), as_file(target), None, 1, 1, 1, 1])):
            answer = shared.call(name, data)
            assert answer.data is None, (name, target, answer)
    assert shared.call("search", [str(targets[0]), "", 0.5, 1, None]).data is None


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/x.wav", "HTTP://169.254.169.254/latest", "https://example.org/x.wav", " http://127.0.0.1/x.wav", "http:/x/y.wav"]
)
def test_nothing_is_fetched_from_elsewhere(shared, address):
    answer = shared.call("search", [as_file(address), "", 0.5, 1, None])
    assert answer.data is None and answer.status == 403
    assert shared.get(f"/{API}/file={quote(address, safe=':/')}").status_code == 403
    assert shared.get(f"/{API}/proxy={quote(address, safe=':/')}").status_code in (400, 403)


def test_nothing_but_uploads_is_served_by_path(studio, shared):
    server = studio("shared")
    entry = server.workspace / "history" / found(shared)["entry"] / "meta.json"
    sent = shared.uploaded(wav())["path"]
    assert shared.web.get(f"{API}/file={sent}").content == wav()
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
            answer = shared.get(address)
            assert answer.status_code >= 400, (address, answer.text[:100])


NAMES = [
    "../../../../tmp/evil.wav", "..\\..\\evil.wav", "/etc/cron.d/evil.wav", "a\x00b.wav", "x" * 5_000 + ".wav", "CON.wav", "\u202egnp.wav", ".wav", "..",
    "<img src=x onerror=alert(1)>.wav", "=cmd|' /C calc'!A0.wav", "$(touch evil).wav", "a\nb.wav",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_file_name_is_only_a_name(studio, shared, name):
    server = studio("shared")
    sent = shared.web.post(f"{API}/upload", files={"files": (name, wav(), "audio/wav")})
    assert sent.status_code in (200, 400, 413)
    if sent.status_code != 200:
        return
    place = Path(sent.json()[0])
    assert place.resolve().is_relative_to(server.workspace / "uploads") and len(place.name) < 256
    answer = shared.call("search", [as_file(place), "", 0.5, 1, None])
    assert (answer.data and "<img" not in json.dumps(answer.data)) or "Something went wrong" not in answer.message
    assert not Path("/tmp/evil.wav").exists()


def test_a_large_file_is_refused_and_not_kept(studio, shared):
    server = studio("shared")
    before = sum(path.stat().st_size for path in server.workspace.rglob("*") if path.is_file())
    large = shared.upload(b"RIFF" + bytes(27 * 2**20))
    assert large.status_code == 413 and "25 MB" in large.text
    endless = shared.web.post(f"{API}/upload", content=_chunks(40), headers={"content-type": "multipart/form-data; boundary=b"})
    assert endless.status_code in (400, 413)
    many = shared.web.post(f"{API}/upload", files=[("files", (f"{i}.wav", bytes(9 * 2**20), "audio/wav")) for i in range(4)])
    assert many.status_code == 413
    question = shared.web.post(f"{API}/queue/join", json={"data": ["x" * 3_000_000], "fn_index": 0, "session_hash": shared.session})
    assert question.status_code == 413
    after = sum(path.stat().st_size for path in server.workspace.rglob("*") if path.is_file())
    assert after < before + 2**20


def _chunks(count: int):
    yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    for _ in range(count):
        yield bytes(2**20)
    yield b"\r\n--b--\r\n"


def test_a_recording_of_hours_is_refused(shared):
    for content, said in ((boasting_wav(), None), (wav(60.0, 8_000), "too long"), (wav(0.02), "record at least"), (b"RIFF", "not a sound"), (b"", "")):
        answer = shared.call("search", [shared.uploaded(content), "", 0.5, 1, None])
        assert "Something went wrong" not in answer.message
        if said:
            assert answer.data is None and said in answer.message, answer


def test_malformed_requests_are_answered(shared):
    bodies = [b"", b"{", b"[]", b"null", b"[" * 100_000, b"\xff\xfe", b'{"data": 1}', b'{"data": [[[[]]]]}']
    bodies += [b'{"data": [], "fn_index": -1}', b'{"data": [], "fn_index": 99999}']
    for route in (f"{API}/queue/join", f"{API}/call/search", f"{API}/component_server", f"{API}/cancel"):
        for body in bodies:
            answer = shared.web.post(route, content=body, headers={"content-type": "application/json"})
            assert answer.status_code >= 400 or "event_id" in answer.text or "success" in answer.text, (route, body[:20], answer.status_code)
            assert "Traceback" not in answer.text
    assert shared.web.get("").status_code == 200


@pytest.mark.parametrize(
    "data",
    [
        [None, "x", 0.5, 10**9, None], [None, "x", 0.5, -5, None], [None, "x", 7, 1, None], [None, "x" * 600, 0.5, 1, None],
        [None, "x", 0.5, 1, 10**9], [None, {"a": 1}, 0.5, 1, None], [None, "x", "much", 1, None], [], [None] * 40, [None, "x", 0.5, 1e308, None],
    ],
)  # fmt: skip
def test_unlikely_values_are_refused_with_a_sentence(shared, data):
    answer = shared.call("search", data)
    if answer.data is not None:
        assert len(answer.data[0]["matches"]) <= 100
    assert "Traceback" not in answer.message


def test_words_are_shown_as_words(studio, shared):
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    found(shared, words=evil)
    strip = next(one for one in shared.handlers() if one.get("api_name") == "earlier")
    shown = json.dumps(shared.call(strip["id"], []).data)
    assert "onerror" in shown and "<img src=x" not in shown and "<script>" not in shown


# floods


def test_a_flood_is_refused_politely_and_leaves_the_memory_as_it_was(studio):
    server = studio("shared")
    process = _process_at(server.url)
    crowd = [visitor(server) for _ in range(8)]
    number = _number(crowd[0], "generate")

    def ask(i: int) -> tuple[int, str]:
        body = {"data": [None, f"flood {i}", 0.5, 1.0, 1, None, None, ""], "fn_index": number, "session_hash": f"flood{i:06d}"}
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
        answers = somebody.together("generate", [([None, "x", 0.5, 1.0, 1, None, None, ""], None)] * 4)
        assert [a for a in answers if a.data] and any("requests of yours" in a.message for a in answers)


# who asks, and from where


def test_locally_other_names_for_this_machine_and_other_pages_are_refused(studio):
    server = studio("local")
    port = urlsplit(server.url).port
    rebound = Stranger(server.url, host=f"evil.example:{port}")
    assert rebound.web.get("").status_code == 421 and rebound.web.post(f"{API}/upload").status_code == 421
    for origin in ("http://evil.example", "null", f"http://127.0.0.1:{port + 1}", f"http://evil.example:{port}"):
        other = Stranger(server.url, origin=origin)
        assert other.upload(wav()).status_code == 403 and other.web.get("config").status_code == 403, origin
    same = Stranger(server.url, origin=server.url.rstrip("/"))
    assert same.upload(wav()).status_code == 200
    assert Stranger(server.url, host=f"localhost:{port}").web.get("").status_code == 200


def test_with_a_login_other_sites_cannot_use_it(studio):
    server = studio("auth")
    inside = visitor(server, "auth")
    inside.web.headers["origin"] = "https://evil.example"
    assert inside.upload(wav()).status_code == 403 and inside.web.get("config").status_code == 403
    inside.web.headers["x-forwarded-host"] = "evil.example"
    assert inside.web.get("config").status_code == 403


@pytest.mark.parametrize("exposure", STARTS)
def test_pages_carry_what_browsers_need_to_be_careful(studio, exposure):
    headers = visitor(studio(exposure), exposure).web.get("").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert ("x-frame-options" in headers) == ("content-security-policy" in headers) == (exposure != "space")


def test_a_connection_that_says_nothing_is_no_trouble(studio, shared):
    address = urlsplit(studio("shared").url)
    with ExitStack() as held:
        for _ in range(50):
            held.enter_context(socket.create_connection((address.hostname, address.port))).sendall(b"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\n")
        assert shared.web.get("").status_code == 200


def _number(somebody: Stranger, name: str) -> int:
    return next(one["id"] for one in somebody.handlers() if one.get("api_name") == name)


def _process_at(url: str) -> psutil.Process:
    port = urlsplit(url).port
    return next(psutil.Process(one.pid) for one in psutil.net_connections("tcp") if one.laddr and one.laddr.port == port and one.status == "LISTEN")


