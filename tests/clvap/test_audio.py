from dataclasses import replace

import numpy as np
import pytest
import soundfile

from clvap import audio, contours
from clvap.audio import AudioError, Clip
from tests.sounds import knocks, noise, tone


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".aiff"])
def test_what_is_written_is_read(tmp_path, suffix):
    subtype = "VORBIS" if suffix == ".ogg" else "PCM_16"
    path = audio.write(tmp_path / f"tone{suffix}", tone(seconds=0.5), subtype)
    clip = audio.read(path)
    assert clip.sample_rate_hz == 44_100
    assert clip.duration_s == pytest.approx(0.5, abs=0.01)
    assert clip.peak == pytest.approx(0.5, abs=0.05)
    assert audio.info(path).channels == 1


def test_seven_channels_are_mixed(tmp_path):
    path = audio.write(tmp_path / "seven.wav", Clip(np.repeat(tone().samples, 7, axis=0)))
    assert audio.read_gesture(path).samples.shape[0] == 1


def test_gesture_is_trimmed_and_level():
    spoken = audio.gesture(knocks((1.0,), seconds=3.0))
    assert spoken.duration_s < 0.3
    assert spoken.peak == pytest.approx(0.7)


def test_room_noise_is_trimmed_but_a_steady_sound_is_not():
    room = noise(seconds=3.0, level=0.004).samples
    spoken = audio.gesture(Clip(knocks((1.0,), seconds=3.0).samples + room))
    assert spoken.duration_s < 0.4
    assert audio.trim(noise(seconds=2.0)).duration_s == pytest.approx(2.0, abs=0.05)


def test_a_gesture_brings_the_room_it_was_made_in():
    hiss, voice = noise(seconds=3.0, level=0.004).samples, knocks((1.0,), seconds=3.0).samples
    spoken = audio.gesture(Clip(voice + hiss))
    gain = 0.7 / np.abs(voice + hiss).max()
    assert spoken.room.std() == pytest.approx(0.004 * gain, rel=0.1) and len(spoken.room) > 0.9 * 44_100
    assert np.allclose(audio.gesture(spoken).room, spoken.room, rtol=0.01)  # there is nothing more to cut
    assert audio.gesture(tone()).room is None
    assert audio.gesture(knocks((1.0,), seconds=3.0)).room is None  # digital silence is no room


def test_a_loud_room_is_told_by_both_ends():
    fan = noise(seconds=3.0, level=0.02, seed=1).samples
    hum = tone(220.0, 1.0, level=0.15).samples
    spoken = audio.gesture(Clip(fan + np.pad(hum, ((0, 0), (44_100, 44_100)))))
    assert spoken.duration_s == pytest.approx(1.06, abs=0.05) and len(spoken.room) > 0.9 * 44_100
    swelling = Clip(noise(seconds=3.0, seed=1).samples * np.linspace(0.2, 1, 3 * 44_100, dtype=np.float32))
    assert audio.gesture(swelling).duration_s == pytest.approx(3.0, abs=0.05)


def test_the_click_that_ends_a_recording_is_no_part_of_it():
    voice = np.pad(tone(300.0, 0.8).samples, ((0, 0), (22_050, 33_075)))
    click = np.zeros_like(voice)
    click[:, -6_000:-4_500] = noise(0.1, level=0.03).samples[:, :1_500]
    assert audio.trim(Clip(voice + click)).duration_s > 1.2
    assert audio.gesture(Clip(voice + click)).duration_s == pytest.approx(0.86, abs=0.05)
    two = Clip(knocks((0.1, 0.5), seconds=0.6).samples)  # cut tight, and as loud as the other
    assert audio.gesture(two).duration_s > 0.45


@pytest.mark.parametrize("sample_rate_hz", [16_000, 48_000])
def test_breath_on_the_microphone_and_mains_are_no_part_of_a_gesture(sample_rate_hz):
    sound = np.concatenate([np.zeros(sample_rate_hz // 2), tone(200.0, 1.0, 0.3).at_rate(sample_rate_hz).mono(), np.zeros(sample_rate_hz // 2)])
    time_s = np.arange(len(sound)) / sample_rate_hz
    pop = np.where(time_s < 0.2, 0.9 * np.sin(2 * np.pi * 20 * time_s) * np.sin(np.pi * time_s / 0.2) ** 2, 0)
    mains = 0.02 * np.sin(2 * np.pi * 50 * time_s)
    heard, alone = (audio.gesture(Clip(one[None].astype(np.float32), sample_rate_hz)) for one in (sound + pop + mains, sound))
    assert heard.duration_s == pytest.approx(alone.duration_s, abs=0.05) and heard.duration_s < 1.2
    assert np.abs(heard.samples).max() == pytest.approx(0.7, abs=0.01)
    louder = Clip(heard.samples + 2 * tone(50.0, heard.duration_s).samples[:, : heard.samples.shape[1]], by_mouth=True)
    levels = [contours.extract(one).loudness_db for one in (heard, louder, replace(louder, by_mouth=False))]
    assert np.abs(levels[1] - levels[0])[5:-5].max() < 0.5 < np.abs(levels[2] - levels[0])[5:-5].max()


def test_gesture_of_another_rate_arrives_at_44100():
    halved = Clip(tone().samples[:, ::2], 22_050)
    assert audio.gesture(halved).sample_rate_hz == 44_100


NANS = np.full((1, 44_100), np.nan, np.float32)


@pytest.mark.parametrize(
    ("clip", "says"),
    [
        (Clip(np.zeros((1, 44_100), np.float32)), "silence"),
        (tone(seconds=0.02), "record at least"),
        (Clip(NANS), "not numbers"),
        (Clip(np.zeros((1, 0), np.float32)), "press Record"),
        (noise(seconds=31), "too long"),
    ],
    ids=["silence", "20 ms", "NaN", "empty", "too long"],
)
def test_unusable_gestures_say_what_to_do(clip, says):
    with pytest.raises(AudioError, match=says):
        audio.gesture(clip)


def test_a_few_invalid_samples_are_mended():
    samples = tone().samples.copy()
    samples[0, 100] = np.nan
    assert np.isfinite(audio.gesture(Clip(samples)).samples).all()


def test_text_named_wav_is_refused(tmp_path):
    path = tmp_path / "poem.wav"
    path.write_text("not a sound")
    with pytest.raises(AudioError, match="not a sound file"):
        audio.read(path)
    with pytest.raises(AudioError, match="no such file"):
        audio.read(tmp_path / "missing.wav")


def test_two_hours_are_refused_by_the_header_alone(tmp_path):
    path = tmp_path / "long.wav"
    frames = 2 * 3_600 * 8_000
    header = b"RIFF" + (36 + frames).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    header += (1).to_bytes(2, "little") * 2 + (8_000).to_bytes(4, "little") * 2 + (1).to_bytes(2, "little") + (8).to_bytes(2, "little")
    with open(path, "wb") as file:
        file.write(header + b"data" + frames.to_bytes(4, "little"))
        file.truncate(44 + frames)
    with pytest.raises(AudioError, match="too long"):
        audio.read_gesture(path)
    assert audio.read(path, max_duration_s=5).duration_s == pytest.approx(5)


def test_a_small_file_cannot_fill_the_memory(tmp_path):
    path = tmp_path / "wide.flac"
    soundfile.write(str(path), np.zeros((131_070, 8)), 655_350)
    with pytest.raises(AudioError, match="8 channels at 655,350 Hz are too much"):
        audio.read_gesture(path)
