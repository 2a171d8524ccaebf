import os
from pathlib import Path

import pytest

from clvap.data import folder_captions, ucs
from clvap.library.scan import LibraryError, scan

ROOT = Path("/packs")


def put(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("Drums/Loops/BreakBeat_Full_170bpm_03.wav", "drums loops break beat full, 170 BPM"),
        ("Trumpet Loop, 99 BPM, Gm Stack Full.wav", "trumpet loop stack full, 99 BPM, Gm"),
        ("BPM128/SynthLead_Am.wav", "synth lead, 128 BPM, Am"),
        ("DOORWood_Barn Door Creak_JDOE_FARM.wav", "door wood barn creak"),
        ("UI_click_01.wav", "ui click"),
        ("123456__some-user__dog-barking-02.wav", "dog barking"),
        ("Samples/01 Kicks/Kick 808 24bit 48kHz v2.wav", "kicks 808"),
        ("door/doors_wood.wav", "door wood"),
        ("04.wav", "packs"),
        ("Bass/B_C.wav", "bass"),
        ("雨/激しい雨 02.wav", "雨 激しい雨"),
    ],
)
def test_captions_come_from_folders_and_names(path, said):
    assert folder_captions.caption(ROOT / path, ROOT) == said


def test_a_caption_is_never_empty():
    assert folder_captions.caption(Path("/1/02.wav"), Path("/1"))


def test_the_category_is_the_cat_id_or_the_first_folder():
    assert folder_captions.category(ROOT / "a/b/DOORWood_Creak_ME.wav", ROOT) == "DOORWood"
    assert folder_captions.category(ROOT / "a/b/creak.wav", ROOT) == "a"
    assert folder_captions.category(ROOT / "creak.wav", ROOT) == "packs"


def test_names_that_only_resemble_ucs_are_not_ucs():
    assert ucs.parse("UI_click") is None
    assert ucs.parse("WOODCRACK_big") is None
    assert ucs.parse("GUNAuto") is None
    assert ucs.parse("GUNAuto_Burst_ME").category == "gun"


def test_scan_finds_sounds_of_any_case_sorted_and_leaves_hidden_ones_out(tmp_path):
    put(tmp_path, "b/two.WAV", "a/one.Flac", "a/notes.pdf", ".hidden/three.wav", "a/._one.wav", "four.aiff")
    found = scan(tmp_path)
    assert [Path(sound.path).name for sound in found.sounds] == ["one.Flac", "two.WAV", "four.aiff"]
    assert found.skipped == []


def test_links_are_followed_once_and_loops_end(tmp_path):
    put(tmp_path, "pack/a.wav", "other/b.wav")
    (tmp_path / "pack/loop").symlink_to(tmp_path)
    (tmp_path / "library").mkdir()
    (tmp_path / "library/link").symlink_to(tmp_path / "other")
    assert len(scan(tmp_path).sounds) == 2
    assert [Path(sound.path).name for sound in scan(tmp_path / "library").sounds] == ["b.wav"]


def test_a_table_a_text_file_and_names_describe_in_that_order(tmp_path):
    put(tmp_path, "caves/a.wav", "caves/b.wav", "caves/c_deep.wav")
    (tmp_path / "caves/captions.csv").write_text("\ufeffpath,caption,category\na.wav,a  heavy\tdoor,DOOR\n", encoding="utf-8")
    (tmp_path / "caves/a.txt").write_text("not this")
    (tmp_path / "caves/b.txt").write_text("rain on\na roof\n")
    a, b, c = scan(tmp_path).sounds
    assert (a.caption, a.category) == ("a heavy door", "DOOR")
    assert (b.caption, b.category) == ("rain on a roof", "caves")
    assert c.caption == "caves deep"


def test_a_table_without_paths_is_listed_and_names_are_used(tmp_path):
    put(tmp_path, "loud_bang.wav")
    (tmp_path / "captions.csv").write_text("file;text\n1;2\n")
    found = scan(tmp_path)
    assert found.sounds[0].caption == "loud bang"
    assert "path,caption,category" in found.skipped[0].reason


def test_what_cannot_be_opened_is_listed(tmp_path):
    put(tmp_path, "a.wav")
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    put(tmp_path, "bad.wav")
    os.rename(tmp_path / "bad.wav", os.fsencode(tmp_path) + b"/b\xff.wav")
    found = scan(tmp_path)
    assert len(found.sounds) == 1
    assert len(found.skipped) == 3 and all(one.reason and one.path.encode() for one in found.skipped)


def test_a_missing_folder_says_so(tmp_path):
    with pytest.raises(LibraryError, match="no such folder"):
        scan(tmp_path / "nowhere")
    put(tmp_path, "a.wav")
    with pytest.raises(LibraryError, match="not a folder"):
        scan(tmp_path / "a.wav")
