import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from app.services.errors import RequestError
from app.services.history import Candidates, History, KeptMatch, KeptPart
from tests.fakes import tone
from tests.histories import many

MATCH = KeptMatch("/sounds/a.wav", "a", "a bell", "BELL", 0.8, 1.2)
FOUND = Candidates({"overall": 1.0}, (MATCH,))


def one(history: History, owner: str = "local", words: str = "bell"):
    entry = history.begin(owner, words, 0.5, tone())
    entry = history.keep_matches(entry, FOUND)
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
    monkeypatch.setattr("app.services.history.write_entry", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
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
    kept = history.keep_matches(stale, FOUND)
    assert [take.performed for take in kept.takes] == [True, False] and len({take.file for take in kept.takes}) == 2


def test_a_star_is_kept_and_taken_back(tmp_path):
    history = History(tmp_path)
    entry = one(history)
    take = entry.file(entry.takes[0])
    assert not entry.starred
    for sound in (take, Path(MATCH.path)):
        history.star("local", entry.id, sound)
    kept = History(tmp_path).list("local", starred=True)[0]
    assert kept.takes[0].favourite and kept.stars == (MATCH,)
    for sound in (take, Path(MATCH.path)):
        history.star("local", entry.id, sound)
    assert history.list("local", starred=True) == [] and not history.find("local", entry.id).takes[0].favourite
    for owner, sound in (("page:2", take), ("local", tmp_path / "other.wav")):
        with pytest.raises(RequestError, match="not there any more"):
            history.star(owner, entry.id, sound)


def test_entries_from_before_favourites_and_models_are_read(tmp_path):
    history = History(tmp_path)
    entry = one(history)
    meta = json.loads((entry.folder / "meta.json").read_text())
    for name in ("made", "loudness", "stars", "alike", "emphasis"):
        del meta[name]
    for name in ("model", "favourite"):
        del meta["takes"][0][name]
    del meta["matches"][0]["aspects"]
    (entry.folder / "meta.json").write_text(json.dumps(meta))
    (entry.folder / "found.json").unlink()
    old = history.find("local", entry.id)
    assert old.takes[0].model is None and not old.starred
    with pytest.raises(RequestError, match="press Make it again"):
        history.reorder("local", entry.id, None, lambda found: found.matches)
    assert history.keep_take(old, tone(), 0.5, 12, 0.1).takes[1].number == 2


def test_words_find_what_was_typed_starred_and_made_from(tmp_path):
    history = History(tmp_path)
    bell, rain = one(history, words="Church bell"), one(history, words="rain")
    history.keep_take(rain, tone(), 0.5, 12, 0.1, parent="Thunder 01")
    history.star("local", bell.id, Path(MATCH.path))
    found = {words: [entry.words for entry in history.list("local", words=words)] for words in ("bell church", "thunder", "RAIN", "a bell", "snow", " ")}
    assert found == {
        "bell church": ["Church bell"], "thunder": ["rain"], "RAIN": ["rain"], "a bell": ["Church bell"], "snow": [], " ": ["rain", "Church bell"],
    }  # fmt: skip


def test_a_deleted_take_comes_back_in_its_place_and_its_number_is_never_given_again(tmp_path):
    history = History(tmp_path)
    entry = history.keep_take(one(history), tone(0.5), 0.6, 12, 0.1)
    first, second = entry.takes
    key = history.delete("local", entry.id, entry.file(second))
    assert history.find("local", entry.id).takes == (first,) and not entry.file(second).exists()
    entry = history.keep_take(entry, tone(0.5), 0.6, 13, 0.1)
    assert [take.number for take in entry.takes] == [1, 3]
    with pytest.raises(RequestError, match="too long ago"):
        history.restore("page:2", key)
    assert [take.number for take in history.restore("local", key).takes] == [1, 2, 3] and entry.file(second).is_file()
    with pytest.raises(RequestError, match="too long ago"):
        history.restore("local", key)


def test_a_deleted_entry_comes_back_whole(tmp_path):
    history = History(tmp_path)
    entry = one(history)
    key = history.delete("local", entry.id)
    assert history.list("local") == [] and history.find("local", entry.id) is None
    with pytest.raises(RequestError):
        history.delete("local", entry.id)
    with pytest.raises(RequestError):
        history.restore("page:2", key)
    assert history.restore("local", key) == entry and history.list("local") == [entry]
    with pytest.raises(RequestError):
        history.delete("page:2", entry.id)


@pytest.mark.parametrize("key", ["", "..", ".", "../other", "/etc", "unknown"])
def test_a_key_of_the_trash_is_a_name_and_never_a_path(tmp_path, key):
    history = History(tmp_path)
    history.delete("local", one(history).id)
    with pytest.raises(RequestError):
        history.restore("local", key)


def test_the_trash_is_emptied_of_what_is_older_than_a_day(tmp_path):
    history = History(tmp_path)
    old, new = one(history), one(history)
    keys = [history.delete("local", entry.id) for entry in (old, new)]
    os.utime(tmp_path / ".trash" / keys[0], (0, 0))
    History(tmp_path).trash.empty()
    assert [path.name for path in (tmp_path / ".trash").iterdir()] == [keys[1]] and history.restore("local", keys[1]) == new


def test_old_entries_of_strangers_are_cleared(tmp_path):
    history = History(tmp_path)
    mine, theirs = one(history), one(history, owner="page:1")
    history.clear("page:", before_s=theirs.time_s)
    assert history.find("page:1", theirs.id) == theirs
    history.clear("page:", before_s=theirs.time_s + 1)
    assert history.list("page:1") == [] and history.list("local") == [mine]


def test_what_is_alike_takes_the_place_of_the_hits_and_gives_it_back(tmp_path):
    history, other = History(tmp_path), replace(MATCH, path="/sounds/b.wav", name="b")
    entry = one(history)
    shown = history.keep_alike("local", entry.id, "Take 1", Candidates({"overall": 1.0}, (other,)))
    assert shown.hits == (other,) and shown.matches == (MATCH,) and shown.alike.name == "Take 1"
    history.star("local", entry.id, Path(other.path))
    kept = History(tmp_path).find("local", entry.id)
    assert kept.hits == (other,) and kept.stars == (other,)
    back = history.drop_alike("local", entry.id)
    assert back.hits == (MATCH,) and back.stars == (other,) and back.alike is None


def test_one_page_of_thousands_reads_no_more_than_it_shows(tmp_path, monkeypatch):
    from app.services import entries

    many(tmp_path, 2_000, MATCH)
    read, really = [], entries.read_entry
    for module in ("history", "history_lines"):
        monkeypatch.setattr(f"app.services.{module}.read_entry", lambda folder: read.append(folder) or really(folder))
    history = History(tmp_path)
    page = history.list("local", 25)
    assert [entry.words for entry in page] == [f"gesture {number}" for number in range(1_999, 1_974, -1)] and len(read) == 50
    assert len(history.list("local", 25, before=page[-1].id)) == 25 and len(read) == 100
    assert history.list("local", 25, "gesture 3 ") and history.list("page:2") == []  # by now all have been gone through
    read.clear()
    began = time.process_time()
    assert [entry.words for entry in history.list("local", 25, "77 gesture", starred=True)] == [f"gesture {n}" for n in (1776, 1772, 776, 772)]
    assert len(history.list("local", 600, starred=True)) == 500 and history.list("local", 25, "snow") == []
    assert len(read) == 504 and time.process_time() - began < 5


def test_what_changed_on_disk_is_listed_as_it_is_now(tmp_path):
    history, other = History(tmp_path), History(tmp_path)
    first, second = one(history, words="first"), one(history, words="second")
    assert [entry.id for entry in other.list("local", words="second")] == [second.id]
    history.star("local", first.id, Path(MATCH.path))
    assert [entry.id for entry in other.list("local", starred=True)] == [first.id]
    shutil.rmtree(first.folder)
    assert other.list("local", starred=True) == [] and other.list("local", before=second.id) == []
