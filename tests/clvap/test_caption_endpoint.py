"""Requests to a language model over real sockets: failures that pass, failures that stay, and whom a token is sent to."""

import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from clvap.captions import CaptionError
from clvap.captions.endpoint import Chat, Endpoint, token_for
from tests.clvap.chat_server import chat_server, fails, hangs_up, raw, says, stalls

ASKED = [{"role": "user", "content": "Caption: rain\nWrite 2 new captions"}]


@pytest.fixture
def server():
    with chat_server() as server:
        yield server


def chat(server, **patience) -> tuple[Chat, list[float]]:
    waits: list[float] = []
    return Chat(Endpoint(server.url, "llama", **{"timeout_s": 5.0} | patience), wait=waits.append), waits


def test_an_answer_with_its_tokens_model_and_settings(server):
    server.script = [says("hello")]
    answer = chat(server, token="secret")[0].ask(ASKED, temperature=0.3, max_tokens=9, seed=4)
    assert (answer.text, answer.tokens_in, answer.tokens_out) == ("hello", 100, 20)
    asked = server.asked[0]
    assert (asked["at"], asked["model"], asked["messages"]) == ("/v1/chat/completions", "llama", ASKED)
    assert (asked["temperature"], asked["max_tokens"], asked["seed"]) == (0.3, 9, 4)
    assert server.tokens == ["Bearer secret"]


def test_failures_that_pass_are_tried_again_with_longer_and_longer_waits(server):
    server.script = [fails(500), fails(503), fails(502, b"<html>bad gateway</html>"), hangs_up, says("at last")]
    asking, waits = chat(server)
    assert asking.ask(ASKED).text == "at last"
    assert len(server.asked) == 5 and asking.retries == 4
    assert all(0.5 * 2**i <= wait <= 2**i for i, wait in enumerate(waits))


def test_a_server_that_stalls_is_left_after_the_time_out(server):
    server.script = [stalls, says("awake")]
    began = time.monotonic()
    assert chat(server, timeout_s=0.3)[0].ask(ASKED).text == "awake"
    assert 0.3 <= time.monotonic() - began < 5


def test_a_server_says_how_long_to_wait(server):
    at = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=30), usegmt=True)
    server.script = [fails(429, Retry_After="7"), fails(429, Retry_After=at), fails(429, Retry_After="9999"), fails(429, Retry_After="soon"), says("now")]
    asking, waits = chat(server, longest_wait_s=45)
    assert asking.ask(ASKED).text == "now"
    assert waits[0] == 7 and 25 < waits[1] <= 30 and waits[2] == 45 and 4 <= waits[3] <= 8


NONSENSE = [b"<html>login</html>", b"[]", b"{}", b'"x"', b'{"choices": "x"}', b'{"choices": [1]}', b'{"error": "loading"}', b"\xff\xfe", b""]


@pytest.mark.parametrize("body", NONSENSE)
def test_a_reply_that_is_none_is_tried_again_and_then_told(server, body):
    server.script = [raw(body, "text/html"), says("better")]
    assert chat(server)[0].ask(ASKED).text == "better"
    server.usual = raw(body)
    with pytest.raises(CaptionError, match="2 tries in a row"):
        chat(server, tries=2)[0].ask(ASKED)
    assert len(server.asked) == 4


@pytest.mark.parametrize("body", [b'{"choices": []}', b'{"choices": [{}]}', b'{"choices": [{"message": {"role": "assistant", "content": null}}]}'])
def test_an_answer_without_text_comes_back_empty(server, body):
    server.script = [raw(body)]
    assert chat(server)[0].ask(ASKED).text == ""


@pytest.mark.parametrize(("status", "advice"), [(401, "--token-env"), (403, "may not use this model"), (404, "--model"), (400, "it said")])
def test_a_refusal_is_told_at_once(server, status, advice):
    server.usual = fails(status)
    with pytest.raises(CaptionError, match=advice) as told:
        chat(server)[0].ask(ASKED)
    assert len(server.asked) == 1 and str(status) in str(told.value) and server.url in str(told.value)


def test_tries_are_bounded(server):
    server.usual = fails(500)
    asking, waits = chat(server, tries=4)
    with pytest.raises(CaptionError, match=r"answered 500, 4 tries in a row"):
        asking.ask(ASKED)
    assert len(server.asked) == 4 and len(waits) == 3


def test_no_server_at_all():
    asking = Chat(Endpoint("http://127.0.0.1:9/v1", "llama", tries=2), wait=lambda seconds: None)
    with pytest.raises(CaptionError, match=r"connection failed .*2 tries"):
        asking.ask(ASKED)


def test_nothing_is_tried_after_stop(server):
    server.usual = fails(500)
    asking = Chat(Endpoint(server.url, "llama"), wait=lambda seconds: asking.stop())
    with pytest.raises(CaptionError, match="stopped"):
        asking.ask(ASKED)
    assert len(server.asked) == 1


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x/v1", "http://", ""])
def test_an_address_that_is_none(url):
    with pytest.raises(CaptionError, match="no address"):
        Endpoint(url, "llama")


def test_a_saved_token_reaches_hugging_face_and_this_machine_alone(server, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    monkeypatch.setenv("OTHER", "sk-other")
    for trusted in ("https://router.huggingface.co/v1", "https://a.endpoints.huggingface.cloud", "http://localhost:11434/v1"):
        assert token_for(trusted) == "hf_mine"
    assert token_for("https://api.example.com/v1") is None and token_for("https://nothuggingface.co/v1") is None
    assert token_for("https://api.example.com/v1", "OTHER") == "sk-other"
    with pytest.raises(CaptionError, match="NOWHERE is not set"):
        token_for("https://api.example.com/v1", "NOWHERE")
    chat(server)[0].ask(ASKED)
    assert server.tokens == ["Bearer none"]
