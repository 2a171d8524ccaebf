"""The Library tab as HTML: every text from outside is text, whoever wrote it; who may what is in it."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from app.services.jobs import Job
from app.services.library import LibraryState
from app.services.library_map import MapState
from app.services.sounds import Sounds
from app.ui.library.folders import folder_list, left_out, progress
from app.ui.library.map_view import map_view
from app.ui.library.sound_list import Shown, choices, sound_list
from tests.fakes import FakeFolder, FakeMatch, FakeSkipped

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def job(status: str, **changes) -> Job:
    said = {"fraction": 0.5, "text": "5 of 10", "message": "", "result": {}} | changes
    return Job("id", "index", "/library", f"Indexing {EVIL}", {}, status, began_s=0.0, updated_s=0.0, **said)


@pytest.fixture
def match() -> FakeMatch:
    return FakeMatch(Path(f"/sounds/{EVIL}.wav"), 0.5, EVIL, 1.0, EVIL, EVIL)


def parsed(html: str) -> ElementTree.Element:
    return ElementTree.fromstring(re.sub(r"\b(data-\w+|download|hidden|disabled)(?=[ >])", r'\1=""', f"<r>{html}</r>"))


def test_no_text_from_outside_becomes_markup(match, tmp_path):
    sounds = Sounds(tmp_path)
    skipped = tuple(FakeSkipped(Path(f"/{EVIL}/{i}"), f"{EVIL} {i}") for i in range(30))
    state = LibraryState(count=1, folders=(FakeFolder(Path(f"/{EVIL}"), 3, skipped, 1.0),), job=job("running", text=EVIL), trouble=EVIL)
    shown = [
        sound_list(Shown(EVIL, (match,), 5, True, ("a", "b")), sounds, True, True), sound_list(Shown(EVIL, (match,)), sounds, False, False),
        choices([EVIL]), progress(state), progress(LibraryState(trouble=EVIL)), folder_list(state), left_out(state, "token"),
        map_view(MapState(trouble=EVIL), sounds), map_view(MapState(tmp_path / "x.json", 3), sounds),
        *(progress(LibraryState(job=job(status, message=EVIL))) for status in ("failed", "cancelled", "interrupted")),
        progress(LibraryState(job=job("done", result={"indexed": 9, "unchanged": 1, "removed": 2, "skipped": [{}], "seconds": 3.0}))),
    ]  # fmt: skip
    for html in shown:
        tree = parsed(html)
        assert not {"script", "img"} & {part.tag for part in tree.iter()}
        assert not [name for part in tree.iter() for name in part.attrib if name.startswith("on")]


def test_who_may_not_edit_or_see_paths_gets_neither(match, tmp_path):
    own = sound_list(Shown(sounds=(match,)), Sounds(tmp_path), True, True)
    visitors = sound_list(Shown(sounds=(match,)), Sounds(tmp_path), False, False)
    assert "data-describe" in own and "/sounds/" in own
    assert "data-describe" not in visitors and "/sounds/" not in visitors


def test_the_map_fills_in_the_card_of_the_list(tmp_path):
    """What it knows of a sound stands between braces, and nothing else does."""
    template = parsed(map_view(MapState(tmp_path / "x.json", 3), Sounds(tmp_path))).find("template")
    filled = ElementTree.tostring(template.find("article"), "unicode")
    sounds, plain = Sounds(tmp_path), FakeMatch(Path("/sounds/x.wav"), 0.5, "y", 1.0, "z", "x")
    known = {"token": sounds.token(plain.path), "name": "x", "caption": "y", "category": "z", "length": "1.0", "file": "x.wav"}
    listed = next(parsed(sound_list(Shown(sounds=(plain,)), sounds, False, False)).iter("article"))
    assert re.sub(r"\{(\w+)\}", lambda found: known[found[1]], filled) == ElementTree.tostring(listed, "unicode")


def test_reasons_that_differ_in_numbers_alone_are_one(tmp_path):
    skipped = tuple(FakeSkipped(Path("a.wav"), reason) for reason in ("only silence in 3.2 s", "broken", "only silence in 11 s"))
    tree = parsed(left_out(LibraryState(count=1, folders=(FakeFolder(tmp_path, 0, skipped),)), ""))
    assert [row.find("td").text for row in tree.iter("tr") if row.find("td") is not None] == ["2", "1"]


def test_a_finished_indexing_says_what_it_did():
    result = {"indexed": 1_200, "unchanged": 30, "removed": 2, "skipped": [{}, {}], "seconds": 40.0}
    assert "1,200 new, 30 unchanged, 2 gone, 2 left out, in 40 s, 30 files/s." in progress(LibraryState(job=job("done", result=result)))
    assert "did not work. the disk is full" in progress(LibraryState(job=job("failed", message="the disk is full")))


def test_every_category_of_the_system_and_of_the_library_is_offered():
    values = [option.attrib["value"] for option in parsed(choices(["my own", "LASRGun"])).iter("option")]
    assert values[:2] == ["my own", "LASRGun"] and "AIRHiss" in values and len(values) == len(set(values))
