"""Every kind of bad recording gets one sentence that says what to do, and leaves history and server as they were."""

import numpy as np
import pytest
import soundfile

from app.services.requests import ImitateRequest
from app.services.studio import Begun
from clvap.audio import AudioError, Clip, write
from tests.fakes import tone


def silence(path):
    soundfile.write(str(path), np.zeros(44_100, np.float32), 44_100)


def too_short(path):
    write(path, tone(0.02))


def not_numbers(path):
    samples = tone(1.0).samples.copy()
    samples[0, ::3] = np.nan
    soundfile.write(str(path), samples.T, 44_100, subtype="FLOAT")


def text_named_wav(path):
    path.write_text("these are words, not samples\n" * 50)


def empty(path):
    path.touch()


def no_samples(path):
    soundfile.write(str(path), np.zeros((0, 1), np.float32), 44_100)


def two_hours(path):
    soundfile.write(str(path), np.zeros(7_200 * 1_000, np.int16) + 1_000, 1_000, subtype="PCM_U8")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (silence, "only silence was heard; check that the microphone"),
        (too_short, "0.02 s of sound; record at least 0.1 s"),
        (not_numbers, "are not numbers; export it again"),
        (text_named_wav, "not a sound file that can be read; use WAV"),
        (empty, "not a sound file that can be read; use WAV"),
        (no_samples, "nothing was recorded; press Record"),
        (two_hours, "7200 s is too long for a gesture; keep it under 30 s"),
        (lambda path: None, "no such file"),
    ],
)
def test_a_bad_recording_says_what_to_do(filled, tmp_path, make, said):
    path = tmp_path / "take.wav"
    make(path)
    with pytest.raises(AudioError, match=said):
        list(filled.studio.imitate(ImitateRequest(path, "bell")))
    assert filled.studio.history.list("") == [] and filled.generator.requests == []


def test_seven_channels_are_heard_as_one(filled, tmp_path):
    write(tmp_path / "seven.wav", Clip(np.tile(tone(0.8).samples, (7, 1))))
    begun = next(filled.studio.imitate(ImitateRequest(tmp_path / "seven.wav")))
    assert isinstance(begun, Begun) and begun.gesture.clip.samples.shape[0] == 1


def test_a_few_bad_samples_are_forgiven(filled, tmp_path):
    samples = tone(0.8).samples.copy()
    samples[0, 100:110] = np.inf
    soundfile.write(str(tmp_path / "v.wav"), samples.T, 44_100, subtype="FLOAT")
    begun = next(filled.studio.imitate(ImitateRequest(tmp_path / "v.wav")))
    assert np.isfinite(begun.gesture.clip.samples).all()
