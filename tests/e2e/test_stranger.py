"""A running studio, visited by somebody who knows the protocol and means no good: each cell of docs/exposure.md, the login, others' things."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from app.services.access import Action, allowed
from app.settings import Settings
from tests.e2e.exposures import STARTS, found, visitor
from tests.e2e.stranger import API, Stranger, wav

ENDPOINTS = {
    Action.NAME_PATHS: ("/index", {"folder": "/etc"}),
    Action.NAME_ADDRESSES: ("/more_captions_cost", {"pack": "", "count": 1, "address": "http://127.0.0.1:9/v1", "model": "x"}),
    Action.EDIT_LIBRARY: ("/describe", {"sound": "", "caption": "x", "category": "x"}),
    Action.TRAIN: ("/finetune", {"folder": "/etc"}),
    Action.MANAGE_MODELS: ("/use_model", {"kind": "generator", "location": "/etc"}),
    Action.SEE_JOBS: ("/jobs", {"kind": ""}),
}
TABS = {Action.TRAIN: "Train CLVAP", Action.MANAGE_MODELS: "Models"}


# every cell of the table


@pytest.mark.parametrize("exposure", STARTS)
def test_everybody_may_imitate_and_keeps_it(exposed, exposure):
    somebody = visitor(exposed(exposure), exposure)
    made = somebody.call("imitate", [somebody.uploaded(wav()), "bell", 0.5, 3, 1.0, 1, 7, None, "", True, None])
    assert len(made.data[0]["matches"]) == 3 and len(made.data[0]["takes"]) == 1
    take = made.data[0]["takes"][0]
    assert somebody.web.get(f"sound/{take['sound']}?save=1").status_code == 200
    assert [line["words"] for line in somebody.call("history", ["bell", False, 5, ""]).data[0]] == ["bell"]


@pytest.mark.parametrize("exposure", STARTS)
@pytest.mark.parametrize("action", ENDPOINTS)
def test_what_a_visitor_may_not_do_is_not_there(exposed, exposure, action):
    server = exposed(exposure)
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
def test_the_microphone_of_the_machine_is_for_who_sits_there(exposed, exposure):
    parts = visitor(exposed(exposure), exposure).config()["components"]
    assert any(part["props"].get("elem_id") == "local-microphone" for part in parts) == (exposure == "local")


def test_who_may_train_may_not_look_around(exposed):
    """The password lets a visitor train on the library's folders, which it knows by name; nothing else is told or touched."""
    server = exposed("auth")
    inside = visitor(server, "auth")
    folders = inside.call("training_folders", []).data[0]
    assert [one["name"] for one in folders] == ["starter"] and str(server.workspace) not in json.dumps(folders)
    for folder in ("/etc", str(server.workspace / "starter"), "../starter", "~"):
        refused = inside.call("finetune", [folder, "finetune-sfx-mini-lora", None, None, None, None, False, None])
        assert refused.data is None and "may not name a folder" in refused.message, (folder, refused)
    known = folders[0]["folder"]
    for wanted in ({"start": "/etc"}, {"recipe": "../../../etc/passwd"}, {"recipe": "clvap-mini"}, {"length": 1e12}, {"length": -1}, {"minutes": 1e9}):
        values = {"recipe": "finetune-sfx-mini-lora", "start": None, "length": None, "minutes": None} | wanted
        refused = inside.call("finetune", [known, values["recipe"], values["start"], values["length"], None, None, False, values["minutes"]])
        assert refused.data is None and "Something went wrong" not in refused.message, (wanted, refused)
    for run in ("..", "../..", "/etc", ""):
        assert inside.call("run_stop", ["finetune", run]).data is None and inside.call("run", ["finetune", run]).data == [{}]
        for name, data in (("run_name", ["finetune", run, "mine"]), ("run_delete", ["finetune", run]), ("run_undelete", [run])):
            assert inside.call(name, data).data is None, (name, run)


@pytest.mark.parametrize("exposure", STARTS)
def test_paths_of_the_machine_are_seen_on_it_alone(exposed, exposure):
    server = exposed(exposure)
    somebody = visitor(server, exposure)
    answer, page = found(somebody), somebody.web.get("").text
    told = [json.dumps(somebody.config()), page, somebody.web.get(f"{API}/info").text]
    assert not any(str(server.workspace) in text for text in told)
    assert ("source" in answer["matches"][0]) == (exposure == "local")
    files = {match["path"]["path"] if isinstance(match["path"], dict) else match["path"] for match in answer["matches"]}
    assert all(Path(file).is_relative_to(server.workspace / "uploads") for file in files)  # copies, not the library's own files


# the login


PUBLIC = ["", "login_check", "theme.css", "favicon.ico", "robots.txt", f"{API}/app_id", f"{API}/user"]


def test_without_the_login_nothing_answers(exposed):
    server = exposed("auth")
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


def test_the_page_to_log_in_is_there_and_tells_nothing(exposed):
    outside = Stranger(exposed("auth").url)
    page = outside.web.get("")
    assert page.status_code == 200 and "auth_required" in page.text and "elem_id" not in page.text
    assert outside.web.post("login", data={"username": "me", "password": "guess"}).status_code == 400
    assert outside.web.get("config").status_code == 401


def test_the_password_is_not_guessed_quickly(exposed):
    url, tries = exposed("auth").url, 24
    began = time.monotonic()
    with ThreadPoolExecutor(tries) as pool:
        answers = list(pool.map(lambda i: httpx.post(f"{url}login", data={"username": "me", "password": str(i)}, timeout=60).status_code, range(tries)))
    assert set(answers) == {400, 429} and answers.count(400) <= 2 * (time.monotonic() - began) + 1


@pytest.mark.parametrize("cookie", ["access-token-{id}=", "access-token-{id}=None", "access-token-{id}=me", "a=\x01;;=", "access-token-x=y"])
def test_a_made_up_cookie_does_not_help(exposed, cookie):
    outside = Stranger(exposed("auth").url)
    outside.web.headers["cookie"] = cookie.format(id="x")
    assert outside.web.get(f"{API}/info").status_code == 401


def test_those_who_know_the_password_share_a_history_and_others_have_none_of_it(exposed):
    server = exposed("auth")
    first, second = visitor(server, "auth"), visitor(server, "auth")
    found(first, words="between us")
    assert [line["words"] for line in second.call("history", ["between us", False, 5, ""]).data[0]] == ["between us"]


# another visitor's things


def test_a_history_is_of_one_page(exposed, stranger):
    entry = found(stranger, words="mine alone")["entry"]
    other = visitor(exposed("shared"))
    assert other.call("history", ["", False, 100, ""]).data[0] == []
    asked = [("entry", [entry]), ("delete", [entry, ""]), ("undelete", [entry]), ("rerank", [entry, *[0.5] * 5]), ("favourite", [entry, "x"])]
    for name, data in [*asked, ("redo", [entry, "x", 0.1, 0.4, 1, None, None])]:
        refused = other.call(name, data)
        assert refused.data is None and refused.message.startswith(("This entry is not", "This sound is not", "This was deleted")), (name, refused)
    assert stranger.call("entry", [entry]).data[0]["words"] == "mine alone"


@pytest.mark.parametrize("session", ["", "x", "../../etc", "a" * 500, "page:local", 7, ["a"], {"a": "b"}])
def test_a_made_up_page_is_refused(stranger, session):
    """Also because an empty one ends the thread of gradio's queue."""
    for route in ("queue/join", "call/history", "run/search", "component_server"):
        asked = stranger.web.post(f"{API}/{route}", json={"data": [None, "left here", 0.5, 1, None], "session_hash": session, "fn_index": 0})
        assert asked.status_code == 400 and asked.text == "This is no page of the studio."


def test_a_page_without_a_name_is_nobodys(exposed, stranger):
    for _ in range(2):
        asked = stranger.web.post(f"{API}/call/search", json={"data": [None, "nameless", 0.5, 1, None]})
        stranger.web.get(f"{API}/call/search/{asked.json()['event_id']}")
    asked = stranger.web.post(f"{API}/call/history", json={"data": ["", False, 100, ""]})
    assert "nameless" not in stranger.web.get(f"{API}/call/history/{asked.json()['event_id']}").text


def test_the_private_handlers_give_nothing_away(exposed, stranger):
    """Handlers of the page, called with forged events: another's entry, a path for a token, a path for an upload."""
    server = exposed("shared")
    entry = found(visitor(server), words="not yours")["entry"]
    secret = server.workspace / "history" / entry / "meta.json"
    assert secret.exists()
    named = {"entry": entry, "key": entry, "token": str(secret), "tokens": json.dumps([str(secret)]), "name": "x", "part": "9999999", "folder": "/etc"}
    events = [named | {"act": act} for act in ("open", "perform", "export", "delete", "star")] + [None]
    for handler in stranger.handlers():
        if handler.get("api_visibility") != "private" or not handler["backend_fn"]:
            continue
        answers = stranger.together(handler["id"], [([str(secret)] * len(handler["inputs"]), event) for event in events])
        for event, answer in zip(events, answers, strict=True):
            told = (json.dumps(answer.data) + answer.message).replace(str(secret), "")  # what was asked may be said again
            assert "not yours" not in told and "root:" not in told and str(server.workspace) not in told, (handler["id"], event, told[:400])
    assert secret.exists()


def test_the_queue_cannot_be_gone_around(stranger):
    for name in ("search", "generate", "imitate", "export"):
        for route in ("run", "api"):
            assert stranger.web.post(f"{API}/{route}/{name}", json={"data": [None, "x", 0.5, 1, None]}).status_code == 404, (route, name)


def test_a_state_cannot_be_put_in_from_outside(exposed, stranger):
    """The recording of a page is kept by the server; a path sent in its place is not looked at."""
    target = exposed("shared").workspace / "starter" / "tone_0.wav"
    press = next(one for one in stranger.handlers() if one.get("api_name", "").startswith("_press"))
    answer = stranger.call(press["id"], [str(target)] * len(press["inputs"]))
    assert "tone_0" not in json.dumps(answer.data)


# who asks, and from where


def test_locally_other_names_for_this_machine_and_other_pages_are_refused(exposed):
    server = exposed("local")
    port = urlsplit(server.url).port
    rebound = Stranger(server.url, host=f"evil.example:{port}")
    assert rebound.web.get("").status_code == 421 and rebound.web.post(f"{API}/upload").status_code == 421
    for origin in ("http://evil.example", "null", f"http://127.0.0.1:{port + 1}", f"http://evil.example:{port}"):
        other = Stranger(server.url, origin=origin)
        assert other.upload(wav()).status_code == 403 and other.web.get("config").status_code == 403, origin
    same = Stranger(server.url, origin=server.url.rstrip("/"))
    assert same.upload(wav()).status_code == 200
    assert Stranger(server.url, host=f"localhost:{port}").web.get("").status_code == 200


def test_with_a_login_other_sites_cannot_use_it(exposed):
    server = exposed("auth")
    inside = visitor(server, "auth")
    inside.web.headers["origin"] = "https://evil.example"
    assert inside.upload(wav()).status_code == 403 and inside.web.get("config").status_code == 403
    inside.web.headers["x-forwarded-host"] = "evil.example"
    assert inside.web.get("config").status_code == 403


@pytest.mark.parametrize("exposure", STARTS)
def test_pages_carry_what_browsers_need_to_be_careful(exposed, exposure):
    headers = visitor(exposed(exposure), exposure).web.get("").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert ("x-frame-options" in headers) == ("content-security-policy" in headers) == (exposure != "space")


def test_a_connection_that_says_nothing_is_no_trouble(exposed, stranger):
    address = urlsplit(exposed("shared").url)
    with ExitStack() as held:
        for _ in range(50):
            held.enter_context(socket.create_connection((address.hostname, address.port))).sendall(b"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\n")
        assert stranger.web.get("").status_code == 200
