"""How much may be asked for, and by how many."""

import math
import os
import threading
import time

import pytest

from app.services.errors import RequestError
from app.services.generate import Ended
from app.services.history import History
from app.services.housekeeping import Housekeeping
from app.services.limits import Busy, Limits, Turnstile
from app.services.requests import ImitateRequest
from app.settings import Settings
from clvap.audio import write
from tests.app.conftest import bench
from tests.fakes import FakeGenerator, tone


def outside(tmp_path) -> Limits:
    return Limits.of(Settings(workspace=tmp_path, in_space=True))


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"words": "a" * 501}, "501 letters for the words"),
        ({"avoid": "a" * 501}, "what to avoid"),
        ({"hits": 101}, "101 for hits"),
        ({"hits": -1}, "-1 for hits"),
        ({"variations": 7}, "7 for takes"),
        ({"seconds": 48.0}, "48.0 for seconds"),
        ({"seconds": math.nan}, "nan for seconds"),
        ({"seconds": "6"}, "6 for seconds"),
        ({"steps": 101}, "101 for steps"),
        ({"steps": 0}, "0 for steps"),
        ({"seed": 2**63}, "for seed"),
        ({"guidance": math.inf}, "inf for guidance"),
        ({"start_strength": math.nan}, "for how strongly"),
        ({"shortest_s": math.nan}, "nan for shortest"),
    ],
)
def test_too_much_and_what_is_no_number_is_refused(tmp_path, wanted, said):
    with pytest.raises(RequestError, match=said):
        outside(tmp_path).check(ImitateRequest(None, **{"words": "rain"} | wanted))


def test_ones_own_machine_may_be_asked_for_more(tmp_path):
    Limits.of(Settings(workspace=tmp_path)).check(ImitateRequest(None, "a" * 501, hits=101, variations=7, seconds=48.0, steps=101))


def test_one_visitor_does_not_keep_the_others_out(tmp_path):
    turnstile = Turnstile(Limits(in_flight=2, in_line=3))
    with turnstile.passing("a"), turnstile.passing("a"):
        with pytest.raises(Busy, match="2 requests of yours"), turnstile.passing("a"):
            pass
        with turnstile.passing("b"), pytest.raises(Busy, match="come back in a minute"), turnstile.passing("c"):
            pass
    with turnstile.passing("a"), turnstile.passing("c"):
        pass


def test_visitors_do_not_fill_the_disk(tmp_path, monkeypatch):
    limits = outside(tmp_path)
    with Turnstile(limits, tmp_path / "not" / "there").passing("page:one"):
        pass
    monkeypatch.setattr("app.services.limits.free_bytes", lambda folder: limits.free_bytes - 1)
    with pytest.raises(Busy, match="disk of this studio is full"), Turnstile(limits, tmp_path).passing("page:one"):
        pass
    with Turnstile(Limits(), tmp_path).passing("local"):
        pass


def test_the_studio_lets_so_many_in_and_frees_their_places(tmp_path):
    gate = threading.Event()
    made = bench(tmp_path, generator=FakeGenerator(gate=gate), in_space=True)
    made.studio.library.fill_at_start()
    presses = [made.studio.imitate(ImitateRequest(None, "rain", owner="page:one", variations=1)) for _ in range(3)]
    for press in presses[:2]:
        next(press)
    with pytest.raises(Busy, match="2 requests of yours"):
        next(presses[2])
    presses[0].close()
    gate.set()
    assert isinstance(list(presses[1])[-1], Ended)
    assert isinstance(list(made.studio.imitate(ImitateRequest(None, "rain", owner="page:one", variations=1)))[-1], Ended)


def test_what_nobody_comes_back_for_is_deleted(tmp_path):
    history, uploads = History(tmp_path / "history"), tmp_path / "uploads"
    owners = ("page:stranger", "user:me", "local")
    entries = [history.begin(owner, "rain", 0.5, None) for owner in owners]
    old, new = write(uploads / "a" / "old.wav", tone()), write(uploads / "b" / "new.wav", tone())
    for path in (old, old.parent):
        os.utime(path, (0, 0))
    Housekeeping(uploads, history, outside(tmp_path)).tidy()
    assert not old.exists() and new.exists() and all(entry.folder.exists() for entry in entries)
    Housekeeping(uploads, history, outside(tmp_path)).tidy(time.time() + 2 * 86_400)
    assert [entry.folder.exists() for entry in entries] == [False, True, True]
    assert list(uploads.rglob("*.wav")) == []


def test_where_the_disk_is_nearly_full_strangers_things_go_sooner(tmp_path, monkeypatch):
    history = History(tmp_path / "history")
    entry = history.begin("page:stranger", "rain", 0.5, None)
    keeping = Housekeeping(tmp_path / "uploads", history, outside(tmp_path))
    keeping.tidy(time.time() + 2 * 3_600)
    assert entry.folder.exists()
    monkeypatch.setattr("app.services.housekeeping.free_bytes", lambda folder: 0)
    keeping.tidy(time.time() + 2 * 3_600)
    assert not entry.folder.exists()
