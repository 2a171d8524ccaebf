"""Captions of manifests and folders through the command line, a model served on the loopback interface."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clvap import __main__ as cli
from clvap.captions import CaptionError
from clvap.captions import run as caption_run
from clvap.captions.answers import Answers, key
from clvap.captions.endpoint import Answer, Chat, Endpoint
from clvap.captions.judge import Judge
from clvap.captions.rewrite import Estimate, Rewriter, Settings, Subject
from clvap.captions.synonyms import Synonyms
from clvap.console import BAD_INPUT
from clvap.data import manifests
from tests.clvap.chat_server import chat_server, fails, good, says

DOG, RAIN = Subject("dog barking", "dog"), Subject("rain on a roof", "rain")


@pytest.fixture
def server():
    with chat_server() as server:
        yield server


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("CLVAP_WORKSPACE", str(tmp_path / "workspace"))


@pytest.fixture
def table(tmp_path) -> Path:
    path = tmp_path / "sounds.csv"
    lines = "path,caption,category,licence,split", "a.wav,dog barking,dog,CC0-1.0,train", "b.wav,dog barking,dog,CC-BY-4.0,test", "c.wav,rain on a roof,rain,,"
    path.write_text("\n".join(lines))
    return path


def rewriter(server, tmp_path, **settings) -> Rewriter:
    chat = Chat(Endpoint(server.url, "llama", tries=3), wait=lambda seconds: None)
    return Rewriter(Judge(Synonyms.load()), Settings(**settings), chat, Answers(tmp_path / "answers.sqlite"))


def said(capsys) -> dict:
    return json.loads(capsys.readouterr().out)


def test_a_manifest_gets_captions_of_a_model_once_a_caption_and_never_twice(server, table, tmp_path, capsys):
    asking = ["caption", str(table), str(tmp_path / "out.jsonl"), "--endpoint", server.url, "--model", "llama", "--price-per-million", "1", "2", "--json"]
    assert cli.main(asking) == 0
    first = said(capsys)
    assert (first["sounds"], first["captions"], first["requests"], first["kept"], first["templates"]) == (3, 6, 2, 0, 0)
    assert (first["tokens_in"], first["tokens_out"]) == (200, 40) and first["price"] == pytest.approx((200 * 1 + 40 * 2) / 1e6)
    rows = manifests.read(tmp_path / "out.jsonl", check_audio=False)
    assert [row.path for row in rows] == [row.path for row in manifests.read(table, check_audio=False)]
    assert rows[0].captions == ("dog barking", "dog barking take a", "dog barking take b", "dog barking take c") == rows[1].captions
    assert [(row.label, row.licence, row.split) for row in rows] == [("dog", "CC0-1.0", "train"), ("dog", "CC-BY-4.0", "test"), ("rain", "unknown", "")]
    assert len(server.asked) == 2 and all(one["model"] == "llama" for one in server.asked)

    assert cli.main(asking) == 0
    again = said(capsys)
    assert (again["requests"], again["kept"], again["captions"]) == (0, 2, 6) and len(server.asked) == 2
    assert cli.main([*asking, "--temperature", "0.1"]) == 0
    assert len(server.asked) == 4


def test_a_killed_run_goes_on_where_it_was(server, tmp_path):
    table, out, total = tmp_path / "many.csv", tmp_path / "out.csv", 12
    table.write_text("path,caption,category\n" + "".join(f"{i}.wav,dog barking number {i},dog\n" for i in range(total)))

    def slow(handler, asked):
        time.sleep(0.15)
        says(good(asked))(handler, asked)

    server.usual = slow
    command = [sys.executable, "-m", "clvap", "caption", str(table), str(out), "--endpoint", server.url, "--workers", "1"]
    running = subprocess.Popen(command, cwd=Path(cli.__file__).parents[1], env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while len(server.asked) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    asked = len(server.asked)
    assert 4 <= asked < total and not out.exists()
    subprocess.run(command, cwd=Path(cli.__file__).parents[1], env=os.environ, check=True, capture_output=True)
    assert total <= len(server.asked) <= total + 1  # the request on its way at the kill is asked again
    assert all(len(row.captions) == 4 for row in manifests.read(out, check_audio=False))


def test_refused_answers_are_asked_for_once_more_and_then_made_from_templates(server, tmp_path):
    server.usual = says("I'm sorry, I cannot do that.")
    report = rewriter(server, tmp_path).rewrite([DOG])
    assert len(server.asked) == 2 and report.rejected == {"refusal": 2} and report.templates == 3
    assert len(report.captions[DOG]) == 3
    assert "refused as: refusal" in server.asked[1]["messages"][-1]["content"]
    assert server.asked[0]["seed"] != server.asked[1]["seed"]


def test_good_answers_among_bad_ones_are_kept(server, tmp_path):
    server.script = [says('["a hound woofing", "a cat meowing", "Dog barking."]'), says('["a puppy yaps at the gate", "a hound woofing"]')]
    report = rewriter(server, tmp_path).rewrite([DOG])
    assert report.captions[DOG][:2] == ["a hound woofing", "a puppy yaps at the gate"] and report.templates == 1
    assert report.rejected == {"another sound": 1, "a copy": 2}
    assert "Write 2 new captions" in server.asked[1]["messages"][-1]["content"]


@pytest.mark.parametrize("nonsense", [None, "", "{{{{", "<html><body>dog</body></html>", '[["dog barking"', "lorem ipsum " * 100, 17])
def test_nonsense_never_becomes_a_caption(server, tmp_path, nonsense):
    server.usual = says(nonsense)
    report = rewriter(server, tmp_path).rewrite([DOG])
    assert report.templates == 3 and sum(report.rejected.values()) == 2
    assert all("dog" in one or "hound" in one or "canine" in one for one in report.captions[DOG])


def test_an_endpoint_that_fails_for_good_stops_the_run_and_keeps_what_was_answered(server, tmp_path, table, capsys):
    server.script = [says(good({"messages": [{"content": "Caption: dog barking\nWrite 3"}]}))]
    server.usual = fails(401)
    asking = ["caption", str(table), str(tmp_path / "out.csv"), "--endpoint", server.url, "--workers", "1"]
    assert cli.main(asking) == BAD_INPUT
    assert "--token-env" in capsys.readouterr().err and not (tmp_path / "out.csv").exists()
    server.usual = lambda handler, asked: says(good(asked))(handler, asked)
    assert cli.main([*asking, "--json"]) == 0
    assert said(capsys)["kept"] == 1


def test_failures_that_pass_are_counted(server, tmp_path):
    server.script = [fails(500), fails(429)]
    report = rewriter(server, tmp_path, workers=1).rewrite([DOG, RAIN])
    assert (report.requests, report.retries, report.templates) == (2, 2, 0)


def test_work_is_stopped_by_its_progress_callback(server, tmp_path):
    def stop(done, total, what=""):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rewriter(server, tmp_path, workers=1).rewrite([Subject(f"dog {i}", "dog") for i in range(50)], stop)
    assert len(server.asked) < 50


def test_the_estimate_counts_what_is_not_answered_yet_and_asks_nothing(server, tmp_path):
    asking = rewriter(server, tmp_path)
    before = asking.estimate([DOG, RAIN, DOG], [10.0])
    assert (before.requests, before.kept) == (2, 0) and not server.asked
    assert before.price == pytest.approx((before.tokens_in + before.tokens_out) * 10 / 1e6)
    asking.rewrite([DOG])
    after = asking.estimate([DOG, RAIN])
    assert (after.requests, after.kept, after.price) == (1, 1, None)
    assert 0.3 * before.tokens_in < after.tokens_in < 0.7 * before.tokens_in
    assert after.seconds < 1 < before.seconds  # now from what this server took
    assert "1 requests (1 more" in str(after)


def test_a_large_run_needs_consent(monkeypatch):
    large = Estimate(501, 0, 1, 1, 1.0, None)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(CaptionError, match="--yes"):
        caption_run.consent(large, agreed=False)
    with pytest.raises(CaptionError, match="--yes"):
        caption_run.consent(Estimate(1, 0, 1, 1, 1.0, 5.1), agreed=False)
    caption_run.consent(large, agreed=True)
    caption_run.consent(Estimate(500, 0, 1, 1, 1.0, 5.0), agreed=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    caption_run.consent(large, agreed=False, ask=lambda question: "y")
    with pytest.raises(CaptionError, match="nothing was asked"):
        caption_run.consent(large, agreed=False, ask=lambda question: "")


def test_estimate_alone_writes_nothing(server, table, tmp_path, capsys):
    assert cli.main(["caption", str(table), str(tmp_path / "out.csv"), "--endpoint", server.url, "--estimate", "--json"]) == 0
    assert said(capsys)["requests"] == 2
    assert not server.asked and not (tmp_path / "out.csv").exists()


def test_without_an_endpoint_the_same_captions_each_time(table, tmp_path, capsys):
    outs = [tmp_path / name for name in ("a.csv", "b.csv", "c.csv")]
    for out, seed in zip(outs, ("3", "3", "4"), strict=True):
        assert cli.main(["caption", str(table), str(out), "--seed", seed, "--per-caption", "2", "--json"]) == 0
        assert said(capsys)["templates"] == 4
    assert outs[0].read_bytes() == outs[1].read_bytes() != outs[2].read_bytes()


def test_a_folder_is_captioned_by_its_directories_and_sidecars(tmp_path, capsys):
    pack = tmp_path / "pack"
    (pack / "Animals/Dogs").mkdir(parents=True)
    for name in ("Animals/Dogs/BigBark_01.wav", "Animals/x9.wav", "thing.wav"):
        (pack / name).write_bytes(b"RIFF")
    (pack / "thing.txt").write_text("a rusty gate closing")
    (pack / "captions.csv").write_text("path,caption,category\nAnimals/x9.wav,a frog in a pond,frog\n")
    assert cli.main(["caption", str(pack), "--preview"]) == 0
    shown = dict(line.split(" -> ") for line in capsys.readouterr().out.splitlines())
    captions = {Path(path).name: caption for path, caption in shown.items()}
    assert captions == {"BigBark_01.wav": "animals dogs big bark", "x9.wav": "a frog in a pond", "thing.wav": "a rusty gate closing"}
    assert not list(tmp_path.glob("*.csv"))
    assert cli.main(["caption", str(pack), str(tmp_path / "out.csv"), "--per-caption", "0"]) == 0
    rows = manifests.read(tmp_path / "out.csv")
    assert {row.path.name: row.captions for row in rows} == {name: (caption,) for name, caption in captions.items()}


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["{tmp}/nothing.csv", "{tmp}/o.csv"], "check the path"),
        (["{table}"], "nowhere to write"),
        (["{tmp}/empty", "{tmp}/o.csv"], "no sound file"),
        (["{table}", "{tmp}/o.csv", "--endpoint", "localhost"], "no address"),
        (["{table}", "{tmp}/o.csv", "--per-caption", "-1"], "from 0"),
        (["{table}", "{tmp}/o.csv", "--endpoint", "http://127.0.0.1:9", "--token-env", "NO_SUCH"], "NO_SUCH is not set"),
        (["{table}", "{tmp}/o.csv", "--endpoint", "http://127.0.0.1:9", "--cache", "{table}"], "--cache"),
        (["{table}", "{tmp}/o.csv", "--price-per-million", "1", "2", "3"], "one price"),
        (["{tmp}/wrong.csv", "{tmp}/o.csv"], "caption"),
    ],
)
def test_bad_input_is_one_line(capsys, tmp_path, table, arguments, advice):
    (tmp_path / "empty").mkdir()
    (tmp_path / "wrong.csv").write_text("path,name\na.wav,b\n")
    assert cli.main(["caption", *(one.format(tmp=tmp_path, table=table) for one in arguments)]) == BAD_INPUT
    out, err = capsys.readouterr()
    assert out == "" and advice in err and err.count("\n") == 1


def test_answers_are_named_by_model_prompt_and_settings(tmp_path):
    messages = [{"role": "user", "content": "x"}]
    names = {key("a", messages, {"seed": 0}), key("b", messages, {"seed": 0}), key("a", messages, {"seed": 1}), key("a", [], {"seed": 0})}
    assert len(names) == 4
    answers = Answers(tmp_path / "new/answers.sqlite")
    answers.put("k", "a", Answer("said", 1, 2, 3.0))
    answers.close()
    assert Answers(tmp_path / "new/answers.sqlite").get("k") == Answer("said", 1, 2, 3.0)
