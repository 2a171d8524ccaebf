import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clvap.audio import Clip, write
from clvap.library import Library, LibraryError
from clvap.progress import Cancelled
from tests.fakes import FakeEmbedder, tone


class CountingEmbedder(FakeEmbedder):
    """Counts what it is given, and fails where it is told to."""

    def __init__(self, fingerprint: str = "fake", refuses_hertz: bool = False) -> None:
        self.fingerprint = fingerprint
        self.batches: list[int] = []
        self.refuses = refuses_hertz

    def embed_audio(self, sounds):
        self.batches.append(len(sounds))
        if self.refuses and any(sound.duration_s > 1 for sound in sounds):
            raise RuntimeError("too long for me")
        return super().embed_audio(sounds)


def fill(folder: Path, count: int, seconds: float = 0.2) -> None:
    for i in range(count):
        write(folder / f"tone_{i:03}.wav", tone(seconds + i / 1000, 200.0 + 10 * i))


@pytest.fixture
def sounds(tmp_path) -> Path:
    fill(tmp_path / "sounds", 5)
    return tmp_path / "sounds"


@pytest.fixture
def library(tmp_path) -> Library:
    return Library.open(tmp_path / "library", CountingEmbedder())


def paths(library: Library) -> list[str]:
    return sorted(library._store.column("path"))


def test_unchanged_files_are_not_read_again_and_changed_ones_are(library, sounds):
    first = library.index(sounds)
    assert (first.indexed, first.unchanged, first.skipped) == (5, 0, [])
    write(sounds / "tone_001.wav", tone(0.9))
    (sounds / "tone_002.wav").unlink()
    fill(sounds / "more", 2, seconds=0.5)
    seen = sum(library.embedder.batches)
    second = library.index(sounds)
    assert (second.indexed, second.unchanged, second.removed) == (3, 3, 1)
    assert sum(library.embedder.batches) - seen == 3
    assert library.count() == len(set(paths(library))) == 6
    assert library.row(sounds / "tone_001.wav").duration_s == pytest.approx(0.9, abs=0.01)
    assert library.row(sounds / "tone_002.wav") is None


def test_the_room_before_and_after_a_sound_is_not_part_of_its_shape(library, tmp_path):
    swelling = Clip(tone(0.5).samples[:, ::-1].copy())
    room = np.random.default_rng(0).normal(0, swelling.peak / 150, (1, 44_100)).astype(np.float32)
    write(tmp_path / "s/alone.wav", swelling)
    write(tmp_path / "s/in a room.wav", Clip(np.concatenate([room, swelling.samples, room], axis=1)))
    library.index(tmp_path / "s")
    alone, in_a_room = (library.contours(tmp_path / f"s/{name}.wav").loudness_db for name in ("alone", "in a room"))
    assert np.corrcoef(alone, in_a_room)[0, 1] > 0.7


def test_moved_and_touched_files_keep_what_was_heard(library, sounds):
    library.index(sounds)
    seen = sum(library.embedder.batches)
    (sounds / "tone_000.wav").rename(sounds / "low hum.wav")
    os.utime(sounds / "tone_001.wav", (1, 1))
    report = library.index(sounds)
    assert (report.indexed, report.unchanged) == (0, 5)
    assert sum(library.embedder.batches) == seen
    assert library.row(sounds / "low hum.wav").caption == "low hum"
    assert library.row(sounds / "tone_000.wav") is None


def test_files_that_trade_names_keep_their_own_sound(library, tmp_path):
    write(tmp_path / "s/a.wav", tone(0.2, 300))
    write(tmp_path / "s/b.wav", tone(0.2, 600))
    library.index(tmp_path / "s")
    (tmp_path / "s/a.wav").rename(tmp_path / "s/c")
    (tmp_path / "s/b.wav").rename(tmp_path / "s/a.wav")
    (tmp_path / "s/c").rename(tmp_path / "s/b.wav")
    for name in "ab":
        os.utime(tmp_path / f"s/{name}.wav", (5, 5))
    library.index(tmp_path / "s")
    fresh = Library.open(tmp_path / "fresh", CountingEmbedder())
    fresh.index(tmp_path / "s")
    for name in "ab":
        both = [one.contours(tmp_path / f"s/{name}.wav").pitch for one in (library, fresh)]
        assert np.array_equal(*both)


def test_a_new_caption_is_taken_without_hearing_again(library, sounds):
    library.index(sounds)
    (sounds / "captions.csv").write_text("path,caption,category\ntone_000.wav,a soft hum,HUM\n")
    report = library.index(sounds)
    assert (report.indexed, report.unchanged) == (0, 5)
    assert library.row(sounds / "tone_000.wav").caption == "a soft hum"
    assert library.categories() == {"HUM": 1, "sounds": 4}


def test_broken_files_are_listed_with_reasons_and_never_fatal(library, sounds):
    (sounds / "text.wav").write_text("hello")
    (sounds / "empty.wav").write_bytes(b"")
    soundfile.write(str(sounds / "nothing.wav"), np.zeros((0, 1)), 44_100)
    soundfile.write(str(sounds / "silence.flac"), np.zeros(44_100), 44_100)
    soundfile.write(str(sounds / "nan.wav"), np.full(9_999, np.nan), 44_100, subtype="FLOAT")
    soundfile.write(str(sounds / "seven.wav"), np.random.default_rng(0).normal(0, 0.1, (9_999, 7)), 22_050)
    soundfile.write(str(sounds / "short.wav"), np.ones(441) * 0.5, 22_050)
    report = library.index(sounds)
    assert report.indexed == 7
    assert sorted(Path(one.path).name for one in report.skipped) == ["empty.wav", "nan.wav", "nothing.wav", "silence.flac", "text.wav"]
    assert all(len(one.reason) > 10 for one in report.skipped)
    assert library.skipped() == report.skipped
    assert library.row(sounds / "seven.wav").channels == 7


def test_only_the_head_of_a_long_file_is_read(library, tmp_path):
    path = tmp_path / "s/long.wav"
    path.parent.mkdir()
    with soundfile.SoundFile(str(path), "w", 8_000, 1, subtype="PCM_U8") as file:
        for _ in range(120):
            file.write(np.random.default_rng(0).normal(0, 0.1, 8_000 * 60))
    began = time.perf_counter()
    library.index(path.parent)
    assert library.row(path).duration_s == pytest.approx(7_200)
    assert time.perf_counter() - began < 20


def test_one_sound_the_model_refuses_does_not_take_its_batch_along(tmp_path, sounds):
    write(sounds / "long.wav", tone(1.5))
    library = Library.open(tmp_path / "library", CountingEmbedder(refuses_hertz=True))
    report = library.index(sounds)
    assert report.indexed == 5
    assert "too long for me" in report.skipped[0].reason


def test_a_model_that_always_fails_is_an_error(tmp_path):
    write(tmp_path / "s/long.wav", tone(1.5))
    with pytest.raises(RuntimeError, match="too long"):
        Library.open(tmp_path / "library", CountingEmbedder(refuses_hertz=True)).index(tmp_path / "s")


def test_cancelling_keeps_the_work_so_far(library, tmp_path):
    fill(tmp_path / "s", 60, seconds=0.1)

    def stop_at_forty(done: int, total: int, what: str = "") -> None:
        if done == 40:
            raise Cancelled

    with pytest.raises(Cancelled):
        library.index(tmp_path / "s", stop_at_forty)
    assert library.count() == 40
    report = library.index(tmp_path / "s")
    assert (report.indexed, report.unchanged) == (20, 40)


def test_a_killed_indexing_resumes(tmp_path):
    fill(tmp_path / "s", 150, seconds=0.1)
    code = (
        "import os, signal, sys\n"
        "from clvap.library import Library\n"
        "from tests.fakes import FakeEmbedder\n"
        "def kill(done, total, what=''):\n"
        "    if done == 140: os.kill(os.getpid(), signal.SIGKILL)\n"
        "Library.open(sys.argv[1], FakeEmbedder()).index(sys.argv[2], kill)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path / "library"), str(tmp_path / "s")], cwd=Path(__file__).parents[2], check=False)
    assert ended.returncode == -signal.SIGKILL
    library = Library.open(tmp_path / "library", FakeEmbedder())
    assert library.count() >= 64
    kept = library.count()
    report = library.index(tmp_path / "s")
    assert (report.indexed, report.unchanged) == (150 - kept, kept)
    assert len(set(paths(library))) == library.count() == 150


def test_searching_goes_on_while_indexing(library, tmp_path):
    fill(tmp_path / "s", 200, seconds=0.1)
    query, found, failures, done = library.embedder.query(text="tone 123"), [], [], threading.Event()

    def keep_searching() -> None:
        reader = Library.open(tmp_path / "library")
        while not done.is_set():
            try:
                found.append(len(reader.search(query, k=300)))
            except Exception as error:
                failures.append(error)

    searching = threading.Thread(target=keep_searching)
    searching.start()
    library.index(tmp_path / "s")
    done.set()
    searching.join()
    found.append(len(library.search(query, k=300)))
    assert failures == []
    assert found[-1] == 200 and found == sorted(found)


def test_two_cannot_index_at_once(library, tmp_path, sounds):
    def index_again(done: int, total: int, what: str = "") -> None:
        with pytest.raises(LibraryError, match="being indexed already"):
            Library.open(tmp_path / "library", CountingEmbedder()).index(sounds)

    assert library.index(sounds, index_again).indexed == 5


def test_folders_are_kept_apart_nested_and_removed(library, tmp_path, sounds):
    fill(tmp_path / "packs/inner", 3, seconds=0.4)
    library.index(sounds)
    library.index(tmp_path / "packs/inner")
    library.index(tmp_path / "packs")
    assert library.folders() == [sounds, tmp_path / "packs"]
    assert library.count() == 8
    assert library.categories() == {"inner": 3, "sounds": 5}
    library.index(tmp_path / "packs/inner")
    assert library.folders() == [sounds, tmp_path / "packs"]
    assert library.remove_folder(tmp_path / "packs") == 3
    assert library.folders() == [sounds] and library.count() == 5
    with pytest.raises(LibraryError, match="not an indexed folder"):
        library.remove_folder(tmp_path / "packs")


def test_another_model_embeds_all_folders_again(library, tmp_path, sounds):
    fill(tmp_path / "other", 2, seconds=0.4)
    library.index(sounds)
    library.index(tmp_path / "other")
    changed = Library.open(tmp_path / "library", CountingEmbedder("another"))
    with pytest.raises(LibraryError, match="another model"):
        changed.search(changed.embedder.query(text="x"))
    assert changed.index(sounds).indexed == 7
    assert len(changed.search(changed.embedder.query(text="x"))) == 7
    assert changed.index(tmp_path / "other").unchanged == 2


def test_missing_and_empty_folders_say_what_to_do(library, tmp_path):
    with pytest.raises(LibraryError, match="no such folder"):
        library.index(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(LibraryError, match="no sound files"):
        library.index(tmp_path / "empty")
    assert library.folders() == [] and library.count() == 0


def test_damaged_metadata_says_what_to_do(library, tmp_path, sounds):
    library.index(sounds)
    (tmp_path / "library/library.json").write_text(json.dumps({"embedder": 1})[:-3])
    with pytest.raises(LibraryError, match="index again"):
        Library.open(tmp_path / "library").count()


def test_sounds_are_embedded_in_batches(library, tmp_path):
    fill(tmp_path / "s", 70, seconds=0.1)
    library.index(tmp_path / "s")
    assert sorted(library.embedder.batches) == [6, *[8] * 8]
