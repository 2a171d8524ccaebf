import numpy as np
import pytest
import soundfile

from app.services.sounds import Sounds, outline
from clvap.audio import AudioError, Clip, info, write
from tests.fakes import tone


def test_only_files_with_a_token_are_known(tmp_path):
    sounds = Sounds(tmp_path / "previews")
    path = write(tmp_path / "a.wav", tone())
    token = sounds.token(path)
    assert sounds.path(token) == path and sounds.token(path) == token and len(token) >= 32
    assert sounds.path("a" * 32) is None and sounds.path(str(path)) is None


def test_tokens_cannot_be_foretold(tmp_path):
    assert Sounds(tmp_path).token(tmp_path / "a.wav") != Sounds(tmp_path).token(tmp_path / "a.wav")


def test_what_browsers_play_is_served_as_it_is(tmp_path):
    sounds = Sounds(tmp_path / "previews")
    for name in ("a.wav", "a.flac"):
        path = write(tmp_path / name, tone())
        assert sounds.playable(path) == path


@pytest.mark.parametrize(("name", "subtype"), [("a.aiff", "PCM_24"), ("b.aif", "PCM_16"), ("c.wav", "MS_ADPCM"), ("d.wav", "DOUBLE")])
def test_what_they_do_not_play_becomes_wav_once(tmp_path, name, subtype):
    sounds = Sounds(tmp_path / "previews")
    path = tmp_path / name
    soundfile.write(str(path), tone(0.5).samples.T, 44_100, subtype=subtype, format="WAV" if name.endswith("wav") else "AIFF")
    copy = sounds.playable(path)
    assert copy.suffix == ".wav" and copy != path and info(copy).duration_s == pytest.approx(0.5, abs=0.1)
    stamp = copy.stat().st_mtime_ns
    assert sounds.playable(path) == copy and copy.stat().st_mtime_ns == stamp
    assert [file.name for file in (tmp_path / "previews").iterdir()] == [copy.name]


def test_a_file_that_is_gone_says_so(tmp_path):
    with pytest.raises(AudioError, match=r"gone|cannot be read"):
        Sounds(tmp_path).playable(tmp_path / "gone.aiff")
    with pytest.raises(AudioError, match="index its folder again"):
        outline(tmp_path / "gone.wav")


def test_an_outline_shows_where_the_sound_is(tmp_path):
    samples = np.zeros((2, 44_100), np.float32)
    samples[1, 22_050:] = 0.25
    peaks = outline(write(tmp_path / "late.wav", Clip(samples)), bins=10)
    assert peaks.shape == (10,) and np.allclose(peaks[:5], 0) and np.allclose(peaks[5:], 1)


def test_a_long_file_is_sampled_not_read_whole(tmp_path, monkeypatch):
    path = tmp_path / "long.wav"
    soundfile.write(str(path), np.tile(np.float32([0.5, -0.5]), 400_000), 8_000)
    read = []
    original = soundfile.SoundFile.read
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda self, frames=-1, **kw: read.append(frames) or original(self, frames, **kw))
    assert np.allclose(outline(path), 1) and -1 not in read and sum(read) < 800_000 / 2


def test_a_file_shorter_than_the_picture_still_has_one(tmp_path):
    assert outline(write(tmp_path / "tiny.wav", Clip(np.ones((1, 7), np.float32)))).max() == 1
