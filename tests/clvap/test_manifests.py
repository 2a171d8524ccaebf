import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from clvap.audio import write
from clvap.data import licences, manifests
from clvap.data.manifests import ManifestError, Row
from tests.sounds import tone


@pytest.fixture
def sounds(tmp_path) -> Path:
    """A folder with a.wav, b.wav, mouth.wav and an empty none.wav."""
    for name in ("a.wav", "b.wav", "voices/mouth.wav"):
        write(tmp_path / name, tone(seconds=0.1))
    (tmp_path / "none.wav").touch()
    return tmp_path


def written(folder: Path, text: str, name: str = "m.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_a_csv_with_one_caption_a_row(sounds):
    path = written(sounds, "\ufeffpath,caption,imitation,category,licence,split\na.wav,a tone,voices/mouth.wav,TONE,CC0-1.0,train\nb.wav,Another Tone,,,,\n")
    a, b = manifests.read(path)
    assert a == Row(sounds / "a.wav", ("a tone",), "TONE", "a.wav", "CC0-1.0", "", sounds / "voices/mouth.wav", "train")
    assert (b.label, b.source, b.licence, b.imitation) == ("another tone", "b.wav", "unknown", None)


def test_several_captions_in_csv_and_in_json_lines(sounds):
    path = written(sounds, 'path,captions\na.wav,a tone | a beep\nb.wav,"[""a | b"", ""c""]"\n')
    assert [row.captions for row in manifests.read(path)] == [("a tone", "a beep"), ("a | b", "c")]
    lines = [{"path": "a.wav", "captions": ["a | b", "c"]}, {"path": "voices\\mouth.wav", "caption": "d", "licence": "https://creativecommons.org/licenses/by/4.0/"}]
    a, mouth = manifests.read(written(sounds, "\n".join(map(json.dumps, lines)) + "\n\n", "m.jsonl"))
    assert a.captions == ("a | b", "c")
    assert mouth.path == sounds / "voices/mouth.wav" and mouth.licence == "CC-BY-4.0"


@pytest.mark.parametrize("name", ["m.csv", "m.jsonl"])
def test_what_is_written_is_read_again(sounds, name):
    rows = [
        Row(sounds / "a.wav", ("tone, high", 'said "beep"'), "TONE", "src", "CC-BY-4.0", "Ann\u00e9", sounds / "voices/mouth.wav", "train"),
        Row(sounds / "b.wav", ("a | b", "[c]"), "x", "y", "unknown"),
        Row(sounds / "b.wav", ("[c]",), "x", "y", "unknown"),
    ]
    path = manifests.write(rows, sounds / name)
    assert manifests.read(path) == rows
    assert "voices/mouth.wav" in path.read_text() and str(sounds) not in path.read_text()
    moved = sounds.with_name(f"{sounds.name}-moved")
    os.rename(sounds, moved)
    assert manifests.read(moved / name)[0].imitation == moved / "voices/mouth.wav"


def test_the_columns_that_are_there_and_those_that_are_needed(sounds):
    with pytest.raises(ManifestError, match=r"no column path; needs path, has file, text"):
        manifests.read(written(sounds, "file,text\na.wav,x\n"))
    with pytest.raises(ManifestError, match=r"needs path and one of these, has path, text"):
        manifests.read(written(sounds, "path,text\na.wav,x\n"))
    with pytest.raises(ManifestError, match=r"line 2 has no path; it has file, caption"):
        manifests.read(written(sounds, '{"path": "a.wav", "caption": "x"}\n{"file": "a", "caption": "x"}\n', "m.jsonl"))


def test_all_empty_captions_are_named_by_line(sounds):
    with pytest.raises(ManifestError, match=r"no caption on lines 3, 5;"):
        manifests.read(written(sounds, "path,caption\na.wav,x\nb.wav,\na.wav,x\nb.wav, \n"))
    with pytest.raises(ManifestError, match=r"no caption on line 1;"):
        manifests.read(written(sounds, '{"path": "a.wav", "captions": ["", " "]}\n', "m.jsonl"))


def test_missing_and_empty_sound_files_are_counted_together(sounds):
    lines = "".join(f"gone{i}.wav,x,\n" for i in range(7))
    path = written(sounds, f"path,caption,imitation\n{lines}a.wav,x,never.wav\nnone.wav,x,\n")
    with pytest.raises(ManifestError) as error:
        manifests.read(path)
    said = str(error.value)
    assert "8 of 10 sound files are missing" in said
    assert "gone0.wav, gone1.wav, gone2.wav, gone3.wav, gone4.wav and 3 more" in said
    assert "1 of 10 sound files are empty (0 bytes): none.wav" in said
    assert len(manifests.read(path, check_audio=False)) == 9


def test_an_unknown_licence_only_warns(sounds):
    with pytest.warns(UserWarning, match="WTFPL"):
        assert manifests.read(written(sounds, "path,caption,licence\na.wav,x,WTFPL\n"))[0].licence == "WTFPL"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("m.csv", b"", "no column path"),
        ("m.csv", b"path,caption\n", "no rows"),
        ("m.csv", b"path,caption\n,x\n", "no path on line 2"),
        ("m.csv", b"path,caption\na\xff\x00.wav,\xc3\x28\n", "UTF-8"),
        ("m.jsonl", b"{path: 1}\n", "line 1 is not JSON"),
        ("m.jsonl", b"[1]\n", "line 1 is no JSON object"),
    ],
)
def test_what_is_no_manifest(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ManifestError, match=said):
        manifests.read(tmp_path / name)


def test_a_manifest_that_is_not_there(tmp_path):
    for name in ("m.csv", "m.jsonl"):
        with pytest.raises(ManifestError, match="no such file"):
            manifests.read(tmp_path / name)
    with pytest.raises(ManifestError, match="could not be written"):
        manifests.write([], "/proc/nowhere/m.csv")


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("http://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://creativecommons.org/licenses/by-nc/3.0/", "CC-BY-NC-3.0"),
        ("http://creativecommons.org/licenses/sampling+/1.0/", "CC-Sampling+-1.0"),
        ("CC-BY-4.0", "CC-BY-4.0"),
        (" ", "unknown"),
    ],
)
def test_licences_by_address(written, name):
    assert licences.spdx(written) == name


def test_rows_by_licence():
    row = Row(Path("a.wav"), ("x",), "x", "x", "CC0-1.0")
    rows = [row, replace(row, licence="CC-BY-SA-4.0"), replace(row, licence="CC-BY-NC-3.0")]
    assert [len(licences.selected(rows, name)) for name in ("permissive", "share-alike", "all")] == [1, 2, 3]
    with pytest.raises(ManifestError, match=r"none of 1 rows is permissive; they are CC-BY-NC-3\.0"):
        licences.selected(rows[2:], "permissive")
    with pytest.raises(ManifestError, match="use one of all"):
        licences.selected(rows, "free")
