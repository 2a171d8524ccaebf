"""More data made by the real jobs, each in a process of its own: captions by synonyms and of a model served on the loopback interface, variants
and imitations; stopped half way, gone on with, and trained on."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from app.services.jobs import Jobs
from app.services.jobs.job import PROCESS
from app.services.training import Training, Wish
from app.services.training.language_model import LanguageModel
from app.services.work import caption
from app.settings import Settings
from clvap.audio import write
from clvap.captions import CaptionError
from clvap.data import manifests
from clvap.progress import silent
from clvap.recipe import Recipe
from clvap.training.rows import rows_of
from tests.clvap.chat_server import chat_server, fails, good, says
from tests.fakes import tone

KEY = "sk-not-for-anybody"
NAMES = ("dog bark", "door slam", "rain roof", "bell church", "car horn", "bird song", "glass break", "water drip", "cat meow", "wind howl")


@pytest.fixture
def pack(tmp_path) -> Path:
    for number, name in enumerate(NAMES):
        write(tmp_path / "Pack" / f"{name}.wav", tone(0.4, 200.0 + 40 * number))
    return tmp_path / "Pack"


@pytest.fixture
def training(tmp_path, pack, monkeypatch) -> Training:
    monkeypatch.setenv("CAPTIONS_API_KEY", KEY)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return Training(Settings(workspace=tmp_path / "workspace"), Jobs(tmp_path / "workspace" / "jobs"), lambda: (pack,), lambda: None)


@pytest.fixture
def key(training, pack) -> str:
    return training.look(str(pack)).key


@pytest.fixture
def server():
    with chat_server() as server:
        yield server


def ended(training, job):
    return training._jobs.wait(job.id, 120)


def until(true, seconds=60.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def arguments(training, key, address, folder: Path) -> dict:
    """Of a caption job, for its work in this process."""
    pack = training.pack(key)
    sounds = training._packs.manifest(training._packs.rows(pack), folder / "sounds.csv")
    return {
        "sounds": str(sounds), "out": str(folder / "out.jsonl"), "count": 2, "address": address, "model": "llama", "cache": str(folder / "answers.sqlite"),
    }  # fmt: skip


def trained_on(training, key):
    """The rows that a run started now is given; it is stopped at once."""
    run = training.start(Wish("train", key, "train-folder", length=4))
    training.stop("train", run.name)
    rows = rows_of(Recipe.load(run.folder / "recipe.yaml"))
    ended(training, run.job)
    return rows


def test_captions_by_synonyms(training, key):
    done = ended(training, training.more.captions(key, 2))
    assert done.status == "done" and done.result == {"made": 20, "plain": 20}, training._jobs.log(done.id)
    rows = training.more.rows(training.pack(key))
    assert all(len(set(row.captions)) == 3 for row in rows) and {row.captions[0] for row in rows} == set(NAMES)


@pytest.mark.slow
def test_captions_of_a_language_model_stopped_half_way_and_gone_on_with(training, key, server, tmp_path):
    half = threading.Event()

    def slow(handler, asked):
        if len(server.asked) > 6:
            half.wait(30)
        says(good(asked))(handler, asked)

    server.usual = slow
    asking = training.more.captions(key, 3, LanguageModel(server.url, "llama"))
    until(lambda: len(server.asked) > 6)
    training.more.stop(key, "caption")
    half.set()
    stopped = ended(training, asking)
    before = len(server.asked)
    assert stopped.status == "cancelled" and 6 < before <= len(NAMES) and all(len(row.captions) == 1 for row in training.more.rows(training.pack(key)))
    done = ended(training, training.more.resume(key, "caption"))
    assert done.status == "done" and done.result == {"made": 30, "plain": 0}, done.message + training._jobs.log(done.id)
    assert len(server.asked) == len(NAMES) and set(server.tokens) == {f"Bearer {KEY}"}  # nothing was asked twice
    assert training.more.cost(key, 3, LanguageModel(server.url, "llama")).estimate.requests == 0
    rows = trained_on(training, key)
    assert all(row.captions[1:] == tuple(f"{row.captions[0]} take {letter}" for letter in "abc") for row in rows)
    for file in (tmp_path / "workspace").rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (fails(401, json.dumps({"error": f"bad key {KEY}"}).encode()), "refused the key: put a valid one into the environment variable CAPTIONS_API_KEY"),
        (fails(404), "knows no llama at this address"),
        (fails(400, json.dumps({"error": f"no such parameter, {KEY}"}).encode()), "answered 400; it said: "),
        (fails(500), "answered 500. Is llama served there"),
        (says("I'm sorry, I cannot do that."), "llama answers, but nothing it says can be used as a caption (12 refusal)"),
    ],
)
def test_what_the_other_side_does_wrong_is_told_in_a_sentence(training, key, server, tmp_path, reply, said):
    server.usual = reply
    with pytest.raises(CaptionError) as told:
        caption.run(arguments(training, key, server.url, tmp_path), silent)
    assert said in str(told.value) and KEY not in str(told.value) and len(server.asked) <= 12 and not (tmp_path / "out.jsonl").exists()


def test_nobody_is_there(training, key, tmp_path):
    began = time.monotonic()
    with pytest.raises(CaptionError, match=r"127.0.0.1:9: the connection failed .* go on when it is"):
        caption.run(arguments(training, key, "http://127.0.0.1:9/v1", tmp_path), silent)
    assert time.monotonic() - began < 30


def test_a_few_bad_answers_are_made_up_for_by_synonyms(training, key, server, tmp_path):
    server.script = [says("{{{"), says("I'm sorry, I cannot do that.")]
    assert caption.run(arguments(training, key, server.url, tmp_path), silent)["made"] == 20
    assert all(len(row.captions) == 3 for row in manifests.read(tmp_path / "out.jsonl", check_audio=False))


@pytest.mark.slow
def test_the_key_is_in_no_log_even_where_the_other_side_repeats_it(training, key, server):
    server.usual = fails(400, json.dumps({"error": f"no such parameter, {KEY}"}).encode())
    failed = ended(training, training.more.captions(key, 2, LanguageModel(server.url, "llama")))
    log = training._jobs.log(failed.id, 1_000)
    assert failed.status == "failed" and "the job failed" in log and KEY not in failed.message + log


@pytest.mark.slow
def test_variants_and_imitations_killed_half_way_and_gone_on_with(training, key, tmp_path):
    made = training._packs.place(training.pack(key)) / "variants"
    job = training.more.sounds(key, 2, 1)
    until(lambda: len(list(made.glob("sounds/[!.]*.flac"))) >= 3)
    os.kill(json.loads((tmp_path / "workspace" / "jobs" / job.id / PROCESS).read_text())["pid"], signal.SIGKILL)
    assert until(lambda: (killed := training.more.jobs(key)[0]).status == "interrupted" and killed)
    before = {path: path.stat().st_mtime_ns for path in made.glob("*/[!.]*.flac")}
    assert 3 <= len(before) < 30 and not (made / "manifest.csv").exists() and len(training.more.rows(training.pack(key))) == len(NAMES)
    training.more.resume(key, "augment")
    training.more.stop(key, "augment")
    assert ended(training, job).status == "cancelled"
    training.more.resume(key, "augment")
    done = ended(training, job)
    assert done.status == "done" and done.result == {"made": 30}, done.message + training._jobs.log(done.id)
    assert {path: path.stat().st_mtime_ns for path in before} == before and len(list(made.glob("*/*.flac"))) == 30
    rows = trained_on(training, key)
    kept = {row.source for row in rows if row.split == "validation"}
    more = rows[len(NAMES) :]
    assert len(more) == 3 * (len(NAMES) - len(kept)) and not kept & {row.source for row in more}
    assert sum(row.imitation is not None for row in more) == len(NAMES) - len(kept) and all(row.path.exists() for row in more)
