"""Captions written beside the sounds of a folder: every scan of it reads them, and no table of the user's own is lost."""

import csv
import errno
from pathlib import Path

import pytest

from app.services.access import Forbidden
from app.services.errors import RequestError
from app.services.jobs import Jobs
from app.services.training import Training
from app.settings import Settings
from clvap.audio import write
from clvap.data.datasets import folder as reader
from clvap.library.scan import scan
from tests.fakes import tone


@pytest.fixture
def pack(tmp_path) -> Path:
    folder = tmp_path / "My Pack"
    for number in range(3):
        write(folder / "Bells" / f"Bell_{number}.wav", tone(0.3, 300.0 + 50 * number))
        write(folder / "Drum Loops" / f"Break_{number}.wav", tone(0.3, 100.0 + 20 * number))
    write(folder / "phone.wav", tone(0.5, rate=8_000))
    return folder


def service(tmp_path, **settings) -> Training:
    workspace = tmp_path / "workspace"
    return Training(Settings(workspace=workspace, **settings), Jobs(workspace / "jobs", "tests.work"), lambda: (tmp_path / "My Pack",), lambda: None)


def told(folder: Path) -> dict[str, str]:
    """Captions of a folder by file, as the library reads them."""
    return {Path(sound.path).relative_to(folder).as_posix(): sound.caption for sound in scan(folder).sounds}


def test_mended_captions_go_with_the_folder(tmp_path, pack):
    training = service(tmp_path)
    seen = training.look(str(pack))
    training.mend(seen.key, "Bells/Bell_1.wav", 'a "church" bell, =far; \u00fcber')
    training.replace(seen.key, "loops", "beat")
    written = training.write_captions(seen.key)
    assert (written.sidecars.captions, written.sidecars.tables, written.sidecars.kept) == (6, ("captions.csv",), ())
    assert not any(row.mended for row in written.pack.rows) and not (tmp_path / "workspace" / "packs" / seen.key / "captions.csv").exists()
    moved = pack.rename(tmp_path / "Elsewhere")
    assert told(moved)["Bells/Bell_1.wav"] == 'a "church" bell, =far; \u00fcber' and told(moved)["Drum Loops/Break_0.wav"] == "drum beat break"
    assert {row.captions[0] for row in reader.read(moved)} >= {'a "church" bell, =far; \u00fcber', "drum beat break"}
    with open(moved / "captions.csv", newline="", encoding="utf-8") as file:
        assert {row["category"] for row in csv.DictReader(file)} == {"Bells", "Drum Loops"}


def test_a_table_of_ones_own_is_kept_and_what_it_says_of_other_sounds_stays(tmp_path, pack):
    own = b"path,caption,category,who\r\nBells/Bell_0.wav,the own,BELL,me\r\nphone.wav,a telephone,PHONE,me\r\n"
    (pack / "captions.csv").write_bytes(own)
    training = service(tmp_path)
    seen = training.look(str(pack))
    training.mend(seen.key, "Bells/Bell_1.wav", "a church bell")
    assert training.write_captions(seen.key).sidecars.kept == ("captions.csv.bak",)
    assert (pack / "captions.csv.bak").read_bytes() == own
    assert told(pack) | {"Bells/Bell_0.wav": "the own", "Bells/Bell_1.wav": "a church bell", "phone.wav": "a telephone"} == told(pack)
    again = training.write_captions(seen.key).sidecars
    assert again.tables == again.kept == () and len(list(pack.glob("captions*"))) == 2
    training.mend(seen.key, "Bells/Bell_2.wav", "a bicycle bell")
    assert training.write_captions(seen.key).sidecars.kept == ("captions.csv.bak2",)
    assert told(pack)["phone.wav"] == "a telephone" and "a church bell" in (pack / "captions.csv.bak2").read_text()


def test_tables_further_down_and_in_capitals_are_written_where_they_speak(tmp_path, pack):
    (pack / "Bells" / "captions.csv").write_text("path,caption\nBell_0.wav,from below\n")
    (pack / "Drum Loops" / "captions.csv").write_text("path,caption\nBreak_0.wav,left alone\n")
    (pack / "Captions.CSV").write_text("path,caption\nphone.wav,a telephone\n")
    training = service(tmp_path)
    seen = training.look(str(pack))
    training.mend(seen.key, "Bells/Bell_0.wav", "a church bell")
    assert training.write_captions(seen.key).sidecars.kept == ("Bells/captions.csv.bak",)
    assert told(pack)["Bells/Bell_0.wav"] == "a church bell" and told(pack)["Drum Loops/Break_0.wav"] == "left alone"
    assert not list((pack / "Drum Loops").glob("*.bak")) and not any(row.mended for row in training.look(str(pack)).rows)
    write(pack / "Clap.wav", tone(0.3))
    seen = training.look(str(pack))
    training.mend(seen.key, "Clap.wav", "hands clapping")
    assert training.write_captions(seen.key).sidecars.kept == ("Captions.CSV.bak",)
    assert told(pack)["Clap.wav"] == "hands clapping" and told(pack)["phone.wav"] == "a telephone" and not (pack / "Captions.CSV").exists()


def test_what_the_disk_refuses_leaves_everything_as_it_was(tmp_path, pack, monkeypatch):
    (pack / "captions.csv").write_text("path,caption\nBells/Bell_0.wav,the own\n")
    training = service(tmp_path)
    seen = training.look(str(pack))
    training.mend(seen.key, "Bells/Bell_1.wav", "a church bell")

    def refused(path, content):
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr("app.services.training.sidecars.write_whole", refused)
        with pytest.raises(RequestError, match=r"My Pack: cannot be written \(Read-only file system\); change its permissions"):
            training.write_captions(seen.key)
    assert (pack / "captions.csv").read_text() == "path,caption\nBells/Bell_0.wav,the own\n"
    assert training.pack(seen.key).rows[1].mended and training.look(str(pack)).rows[1].caption == "a church bell"
    (pack / "captions.csv").unlink()
    (pack / "captions.csv").mkdir()
    with pytest.raises(RequestError, match="cannot be written"):
        training.write_captions(seen.key)


def test_only_on_ones_own_machine(tmp_path, pack):
    outside = service(tmp_path, host="0.0.0.0", auth=("me", "secret"))
    seen = outside.look(outside.folders()[0][1])
    with pytest.raises(Forbidden, match="name a folder"):
        outside.write_captions(seen.key)
    assert not (pack / "captions.csv").exists()
    with pytest.raises(RequestError, match="there is no nowhere"):
        outside.mend(seen.key, "nowhere.wav", "x")
