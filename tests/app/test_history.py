import json

import pytest

from app.services.history import History, KeptMatch, KeptPart
from tests.fakes import tone

MATCH = KeptMatch("/sounds/a.wav", "a", "a bell", "BELL", 0.8, 1.2)


def one(history: History, owner: str = "local", words: str = "bell"):
    entry = history.begin(owner, words, 0.5, tone())
    entry = history.keep_matches(entry, (MATCH,))
    return history.keep_take(entry, tone(0.4), 0.7, 11, 0.4)


def test_an_entry_outlives_the_studio(tmp_path):
    made = one(History(tmp_path))
    found = History(tmp_path).list("local")
    assert found == [made] and found[0].gesture.is_file() and found[0].matches == (MATCH,) and found[0].takes[0].seed == 11


def test_newest_first_and_bounded(tmp_path):
    history = History(tmp_path)
    made = [one(history, words=str(i)) for i in range(4)]
    assert [entry.id for entry in history.list("local", limit=3)] == [entry.id for entry in reversed(made)][:3]


def test_others_never_see_it(tmp_path):
    history = History(tmp_path)
    entry = one(history, owner="page:1")
    assert history.list("page:2") == [] and history.find("page:2", entry.id) is None and history.find("page:1", entry.id) == entry


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: (folder / "meta.json").write_text("{"),
        lambda folder: (folder / "meta.json").unlink(),
        lambda folder: (folder / "meta.json").write_text("[]"),
        lambda folder: (folder / "meta.json").write_text(json.dumps({"matches": [], "takes": []})),
        lambda folder: (folder / "gesture.wav").unlink(),
        lambda folder: next((folder / "takes").glob("*.wav")).unlink(),
    ],
)
def test_a_broken_entry_is_skipped(tmp_path, harm):
    history = History(tmp_path)
    good, bad = one(history), one(history)
    harm(bad.folder)
    assert history.list("local") == [good]


def test_a_kill_while_an_entry_is_begun_leaves_none(tmp_path, monkeypatch):
    monkeypatch.setattr("app.services.history._write_meta", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        History(tmp_path).begin("local", "bell", 0.5, tone())
    monkeypatch.undo()
    assert History(tmp_path).list("local") == []


@pytest.mark.parametrize("name", ["", "..", ".", "../other", ".hidden", "/etc"])
def test_an_id_is_a_name_and_never_a_path(tmp_path, name):
    history = History(tmp_path / "history")
    one(history)
    assert history.find("local", name) is None


def test_words_alone_have_no_gesture(tmp_path):
    entry = History(tmp_path).begin("local", "rain", 1.0, None)
    assert entry.gesture is None and History(tmp_path).list("local") == [entry]


def test_the_part_used_is_kept_and_entries_from_before_have_none(tmp_path):
    history = History(tmp_path)
    entry = history.begin("local", "bell", 0.5, tone(), KeptPart(2, 0.1, 0.4, 0.6))
    assert History(tmp_path).list("local") == [entry] and entry.part.number == 2
    meta = json.loads((entry.folder / "meta.json").read_text())
    del meta["part"]
    (entry.folder / "meta.json").write_text(json.dumps(meta))
    assert History(tmp_path).list("local")[0].part is None


def test_where_a_take_comes_from_is_kept_and_entries_from_before_say_nothing(tmp_path):
    history = History(tmp_path)
    entry = history.keep_take(one(history), tone(0.4), 0.6, None, 0.1, parent="door", performed=True)
    assert History(tmp_path).list("local") == [entry] and (entry.takes[1].parent, entry.takes[1].performed) == ("door", True)
    meta = json.loads((entry.folder / "meta.json").read_text())
    for take in meta["takes"]:
        del take["parent"], take["performed"]
    (entry.folder / "meta.json").write_text(json.dumps(meta))
    assert [(take.parent, take.performed) for take in History(tmp_path).list("local")[0].takes] == [(None, False)] * 2


def test_takes_added_to_an_entry_by_two_at_once_are_all_kept(tmp_path):
    history = History(tmp_path)
    stale = history.begin("local", "bell", 0.5, tone())
    history.keep_take(stale, tone(0.4), 0.6, None, 0.1, parent="door", performed=True)
    history.keep_take(stale, tone(0.4), 0.7, 11, 0.4)
    kept = history.keep_matches(stale, (MATCH,))
    assert [take.performed for take in kept.takes] == [True, False] and len({take.file for take in kept.takes}) == 2
