"""Exports as a service: what is known of a sound, whose it is, what is in the archive, where it goes."""

import csv
import io
import struct
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
import soundfile

from app.services.access import Forbidden
from app.services.errors import RequestError
from app.services.export import Exported, ExportRequest, Item, Step
from app.services.history import Candidates, KeptMatch
from clvap.audio import AudioError, write
from clvap.progress import Cancelled
from generation.export import licences
from generation.export.formats import ExportSettings
from tests.app.conftest import Bench, bench
from tests.fakes import tone


def a_take(made: Bench, owner="local", words="laser zap", voice=None, seed=41, **kept) -> Path:
    """A take in a new entry of an owner's history, its hits the library's first two sounds."""
    history, rows = made.studio.history, list(made.library.rows.values())[:2]
    matches = tuple(KeptMatch(str(row.path), row.name, row.caption, row.category, 0.9, row.duration_s) for row in rows)
    entry = history.begin(owner, words, 0.5, voice)
    entry = history.keep_matches(entry, Candidates({}, matches))
    entry = history.keep_take(entry, tone(0.5), 0.7, seed, 1.0, **kept)
    return entry.file(entry.takes[-1])


def exported(made: Bench, *items, owner="local", **settings) -> Exported:
    wanted = tuple(item if isinstance(item, Item) else Item(item) for item in items)
    return made.studio.exports.export(ExportRequest(owner, wanted, ExportSettings(**settings)))


def ixml(path: Path) -> dict[str, str]:
    data = path.read_bytes()
    at = data.index(b"iXML")
    size = struct.unpack_from("<I", data, at + 4)[0]
    return {one.tag: one.text for one in ElementTree.fromstring(data[at + 8 : at + 8 + size]).find("USER")}


def test_a_take_says_how_it_was_made(filled):
    take = a_take(filled, model="sfx-mini", parent="tone_0")
    (proposal,) = filled.studio.exports.proposed("local", [take])
    assert proposal.name == "LASRGun_Laser Zap 01_CLVAP_SFXMINI"
    made = exported(filled, take)
    assert made.path.name == f"{proposal.name}.wav" and made.count == 1 and made.size_bytes == made.path.stat().st_size and made.left_out == ()
    told = ixml(made.path)
    assert (told["PROMPT"], told["SEED"], told["MODEL"], told["SOURCE"], told["LICENSE"]) == ("laser zap", "41", "sfx-mini", "tone_0", "sfx-mini: CC-BY-4.0")
    assert told["CATID"] == "LASRGun" and told["KEYWORDS"] == "laser, zap" and told["DESCRIPTION"] == "laser zap, made to words"
    assert soundfile.info(str(made.path)).samplerate == 48_000


def test_a_take_without_words_is_named_by_what_it_is_like(filled):
    take = a_take(filled, words="", voice=tone(), seed=None, performed=True, parent="tone_1")
    (proposal,) = filled.studio.exports.proposed("local", [take])
    assert "Number 1 01" in proposal.name and proposal.name.startswith("ALRM")  # of the library's tone_1, an ALARM
    told = ixml(exported(filled, take).path)
    assert told["DESCRIPTION"] == "tone_1, performed to a voice" and "SEED" not in told and "PROMPT" not in told


def test_a_library_sound_keeps_a_name_of_the_system_and_says_its_licence(filled, tmp_path):
    folder = tmp_path / "pack"
    write(folder / "DOORWood_Barn Door_JDOE_FARM.wav", tone())
    write(folder / "thud 3.wav", tone(0.3))
    (folder / "captions.csv").write_text("path,caption,category,licence\nthud 3.wav,a dull thud,WOOD,http://creativecommons.org/licenses/by/4.0/\n")
    (folder / "License.txt").write_text("do as you like")
    filled.library.index(folder)
    filled.studio._models.library()
    paths = [folder / "DOORWood_Barn Door_JDOE_FARM.wav", folder / "thud 3.wav"]
    first, second = filled.studio.exports.proposed("local", paths)
    assert first.name == "DOORWood_Barn Door_JDOE_FARM" and second.name.startswith("WOOD") and "Dull Thud" in second.name
    made = [exported(filled, path).path for path in paths]
    assert ixml(made[0])["LICENSE"] == "see License.txt of pack" and ixml(made[1])["LICENSE"] == "CC-BY-4.0"
    assert licences.of_model("sfx-mini") == "CC-BY-4.0" and licences.of_model("never heard of") == ""


def test_the_gesture_itself_can_be_had(filled):
    take = a_take(filled, voice=tone())
    made = exported(filled, take.parent.parent / "gesture.wav", format="flac")
    assert made.path.suffix == ".flac" and made.path.name.startswith("VOXMisc")


def test_names_can_be_edited_and_never_leave_the_folder(filled):
    take = a_take(filled)
    for given, kept in (("../../../boo", "boo.wav"), ("WOODImpt_My Knock_ME_X", "WOODImpt_My Knock_ME_X.wav"), ("", "Untitled.wav"), ("CON", "_CON.wav")):
        made = exported(filled, Item(take, given))
        assert made.path.name == kept and made.path.parent.parent == filled.studio.settings.workspace / "exports"
    assert ixml(exported(filled, Item(take, "WOODImpt_My Knock_ME_X")).path)["SHORTID"] == "ME"


def test_several_come_in_an_archive_with_a_table(filled):
    takes = [a_take(filled, words="=cmd|'/c calc'!A0"), a_take(filled), a_take(filled)]
    made = exported(filled, *takes, *[Item(takes[0], "Same")] * 2, loop="crossfade", normalise="loudness")
    assert made.path.suffix == ".zip" and made.count == 5
    with zipfile.ZipFile(made.path) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(names) == len({name.lower() for name in names}) == 6 and {"Same.wav", "Same_2.wav", "export.csv"} < set(names)
        assert all("/" not in name and "\\" not in name for name in names)
        rows = list(csv.DictReader(io.StringIO(archive.read("export.csv").decode("utf-8-sig"))))
        for row in rows:
            header = soundfile.info(io.BytesIO(archive.read(row["FILENAME"])))
            assert header.samplerate == int(row["SAMPLERATE"]) == 48_000 and header.frames == int(row["LOOPEND"]) and row["BITDEPTH"] == "24"
    assert rows[0]["PROMPT"].startswith("'=cmd") and rows[0]["DESCRIPTION"].startswith("'=cmd")
    assert float(rows[0]["LUFS"]) == pytest.approx(-23, abs=0.1) and float(rows[0]["TRUEPEAK"]) < 0  # numbers stay numbers
    assert sorted(path.name for path in made.path.parent.iterdir()) == [made.path.name]


def test_what_cannot_be_written_is_left_out_and_told(filled, tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_text("no")
    take = a_take(filled)
    made = exported(filled, take, broken)
    assert made.count == 1 and "broken.wav" in made.left_out[0]
    with pytest.raises(AudioError, match="not a sound file"):
        exported(filled, broken)
    with pytest.raises(ValueError, match="not a sound file"):
        exported(filled, broken, broken)
    broken.unlink()
    with pytest.raises(RequestError, match="the file is gone"):
        exported(filled, take, broken)
    assert len(list((filled.studio.settings.workspace / "exports").iterdir())) == 1


def test_only_ones_own_sounds_can_be_had(tmp_path):
    made = bench(tmp_path / "workspace", host="0.0.0.0")
    mine, theirs = a_take(made, owner="page:me"), a_take(made, owner="page:them", voice=tone())
    secret = write(tmp_path / "secret.wav", tone())
    sound = write(tmp_path / "sounds" / "tone.wav", tone())
    made.library.index(tmp_path / "sounds")
    made.studio._models.library()
    assert exported(made, mine, sound, owner="page:me").count == 2
    history = made.studio.settings.workspace / "history"
    strange = (theirs, theirs.parent.parent / "gesture.wav", secret, history / "meta.json", mine.parent.parent / "meta.json", history,
               mine.parent / ".." / ".." / theirs.parent.parent.name / "takes" / theirs.name, made.studio.settings.workspace / "export.json",
               Path("/etc/passwd"), Path("relative.wav"))  # fmt: skip
    for path in strange:
        for act in (lambda path=path: exported(made, path, owner="page:me"), lambda path=path: made.studio.exports.proposed("page:me", [path])):
            with pytest.raises(RequestError, match="not there any more"):
                act()
    with pytest.raises(RequestError, match="not there any more"):
        exported(made, mine, theirs, owner="page:me")
    with pytest.raises(Forbidden):
        made.studio.exports.prefer("ME", str(tmp_path))
    with pytest.raises(RequestError, match="at most 60"):
        exported(made, *[mine] * 61, owner="page:me")


def test_nothing_is_explained(filled):
    with pytest.raises(RequestError, match="Nothing to export yet"):
        exported(filled)


def test_a_chosen_folder_gets_the_files_too_and_is_remembered(filled, tmp_path):
    folder = tmp_path / "session"
    folder.mkdir()
    assert filled.studio.exports.prefer("J. Doe", f" {folder} ").creator == "JDoe"
    again = bench(filled.studio.settings.workspace, filled.library).studio
    assert again.exports.preferences().place == folder
    take = a_take(filled)
    (folder / "LASRGun_Laser Zap 01_JDoe_NONE.wav").write_text("mine")
    made = exported(filled, take)
    assert made.folder == folder and made.path.name == "LASRGun_Laser Zap 01_JDoe_NONE.wav"
    exported(filled, take, Item(take, "Other"))
    assert {path.name for path in folder.iterdir()} == {
        "LASRGun_Laser Zap 01_JDoe_NONE.wav", "LASRGun_Laser Zap 01_JDoe_NONE_2.wav", "LASRGun_Laser Zap 01_JDoe_NONE_3.wav", "Other.wav", "export.csv",
    }  # fmt: skip
    assert (folder / "LASRGun_Laser Zap 01_JDoe_NONE.wav").read_text() == "mine"
    assert soundfile.info(str(folder / "Other.wav")).frames
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert (made := exported(filled, take)).count == 1 and made.folder is None and "could not be written to" in made.left_out[0]
    for wrong in ("/nowhere/at/all", "relative", str(take)):
        with pytest.raises(RequestError, match="no such folder"):
            filled.studio.exports.prefer("ME", wrong)
    assert filled.studio.exports.prefer("", "").place is None
    (filled.studio.settings.workspace / "export.json").write_text("[1")
    assert filled.studio.exports.preferences().creator == "CLVAP"


def test_steps_are_told_and_an_export_that_is_stopped_leaves_nothing(filled):
    takes = [a_take(filled) for _ in range(3)]
    request = ExportRequest("local", tuple(Item(take) for take in takes))
    told = list(filled.studio.exports.steps(request))
    assert [(step.done, step.total) for step in told[:-1]] == [(0, 3), (1, 3), (2, 3)] and isinstance(told[-1], Exported)
    exports = filled.studio.settings.workspace / "exports"
    before = set(exports.iterdir())
    stopped = filled.studio.exports.steps(request)
    assert isinstance(next(stopped), Step)
    stopped.close()

    def enough(done, total, what=""):
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        filled.studio.exports.export(request, enough)
    assert set(exports.iterdir()) == before


def test_old_exports_go(filled):
    made = exported(filled, a_take(filled))
    filled.studio.exports.tidy()
    assert made.path.exists()
    filled.studio.exports.tidy(made.path.parent.stat().st_mtime + 86_500)
    assert not made.path.parent.exists()


def test_before_the_library_is_open_ones_own_finds_are_known(tmp_path):
    made = bench(tmp_path / "workspace", host="0.0.0.0")
    sound = write(tmp_path / "sounds" / "tone.wav", tone())
    made.library.index(tmp_path / "sounds")
    a_take(made, owner="page:me")
    assert exported(made, sound, owner="page:me").count == 1
    with pytest.raises(RequestError):
        exported(made, sound, owner="page:them")
