import numpy as np
import pytest
import torch

from clvap import audio
from clvap.activity import Activity, events, pick
from clvap.audio import SAMPLE_RATE_HZ, AudioError, Clip
from clvap.embedder import Embedder
from clvap.model import Clvap
from tests.clvap.tiny import HTSAT, tiny_config
from tests.sounds import knocks, noise, tone

WHOOP, HISS, BEEP = tone(300, 0.6), noise(0.5), tone(800, 0.4, level=0.3)
THREE = ((0.5, WHOOP), (1.6, HISS), (2.6, BEEP))


def placed(parts, seconds: float, room_db: float | None = None) -> Clip:
    """Sounds at their times, over white noise of that level."""
    samples = np.zeros(int(seconds * SAMPLE_RATE_HZ), np.float32)
    for at_s, part in parts:
        start = int(at_s * SAMPLE_RATE_HZ)
        samples[start : start + part.samples.shape[1]] += part.samples[0]
    if room_db is not None:
        samples += np.random.default_rng(0).standard_normal(len(samples)).astype(np.float32) * 10 ** (room_db / 20)
    return Clip(samples[None])


def click(seconds: float = 0.01) -> Clip:
    return noise(seconds, level=0.4)


@pytest.mark.parametrize("room_db", [None, -70, -50, -35, -25])
def test_three_gestures_are_found_with_their_times_in_any_room(room_db):
    found = events(placed(THREE, 3.5, room_db))
    assert len(found) == 3
    for event, (start_s, part) in zip(found, THREE, strict=True):
        assert event.start_s == pytest.approx(start_s, abs=0.07) and event.end_s == pytest.approx(start_s + part.duration_s, abs=0.07)
        assert event.start_s <= start_s + 0.01 and event.end_s >= start_s + part.duration_s - 0.01  # nothing of it is cut off
    assert max(event.strength for event in found) == 1 and found[2].strength == pytest.approx(0.6, abs=0.05)


def test_a_recording_that_opens_with_digital_silence_is_split_by_its_room():
    room = placed(THREE, 3.5, -32)
    opened = Clip(np.concatenate([np.zeros((1, SAMPLE_RATE_HZ // 2), np.float32), room.samples], axis=1))
    assert len(events(opened)) == 3


@pytest.mark.parametrize(("gap_s", "gestures"), [(0.1, 1), (0.2, 1), (0.3, 2), (0.6, 2)])
def test_a_pause_separates_from_a_quarter_of_a_second(gap_s, gestures):
    for room_db in (None, -40):
        assert len(events(placed(((0.4, WHOOP), (1.0 + gap_s, WHOOP)), 2.5, room_db))) == gestures


def test_quick_knocks_are_one_rhythm_and_two_rhythms_are_two():
    one = events(knocks((0.5, 0.7, 0.9, 1.1)))
    assert len(one) == 1 and one[0].start_s == pytest.approx(0.5, abs=0.06) and one[0].end_s == pytest.approx(1.17, abs=0.08)
    assert len(events(knocks((0.2, 0.4, 0.6, 1.2, 1.4), seconds=2))) == 2


def test_one_long_sound_stays_one():
    time_s = np.arange(4 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    siren = 0.5 * np.sin(2 * np.pi * 500 * time_s) * (0.25 + 0.75 * np.sin(2 * np.pi * 0.8 * time_s) ** 2)
    for clip in (tone(300, 4), noise(3), Clip(siren[None].astype(np.float32))):
        assert [(event.start_s, event.end_s) for event in events(clip)] == [(0, pytest.approx(clip.duration_s, abs=0.01))]


def test_silence_and_clicks_are_no_gestures():
    assert events(Clip(np.zeros((1, SAMPLE_RATE_HZ), np.float32))) == []
    assert events(Clip(np.full((1, SAMPLE_RATE_HZ), 0.2, np.float32))) == []  # a constant is silence too
    assert events(Clip(np.zeros((1, 0), np.float32))) == []
    assert events(placed(((0.3, click()),), 1)) == []
    found = events(placed(((0.2, click()), (0.8, WHOOP), (1.9, click())), 2.2, -55))
    assert len(found) == 1 and found[0].start_s == pytest.approx(0.8, abs=0.07)


def test_a_sound_far_weaker_than_the_others_is_no_gesture():
    assert len(events(placed(((0.3, WHOOP), (1.4, tone(300, 0.6, level=0.1))), 2.3, -70))) == 2
    assert len(events(placed(((0.3, WHOOP), (1.4, tone(300, 0.1, level=0.018))), 2.3, -70))) == 1


@pytest.mark.parametrize("part", [*THREE, (0.0, click(0.08))])
def test_a_gesture_cut_out_can_be_used_as_one(part):
    recording = placed((part,), 3.5)
    event = events(recording)[0]
    assert audio.gesture(recording.cut(event.start_s, event.end_s)).duration_s == pytest.approx(part[1].duration_s, abs=0.12)


def test_the_rate_and_the_channels_do_not_matter():
    recording = placed(THREE, 3.5, -50)
    stereo = Clip(np.repeat(recording.samples, 2, axis=0)).at_rate(16_000)
    for one, other in zip(events(recording), events(stereo), strict=True):
        assert other.start_s == pytest.approx(one.start_s, abs=0.05) and other.end_s == pytest.approx(one.end_s, abs=0.05)


def test_what_the_network_hears_as_nothing_is_dropped_and_the_rest_named():
    presence = np.zeros((14, 2), np.float32)  # 0.25 s a frame
    presence[2:5, 0], presence[6:9, 1] = 0.9, 0.8  # the beep at 2.6 s is no event to it
    found = events(placed(THREE, 3.5, -50), Activity(presence, ("whoop", "hiss")))
    assert [event.label for event in found] == ["whoop", "hiss"]
    assert [event.label for event in events(placed(THREE, 3.5, -50), Activity(presence))] == [None, None]
    unsure, deaf = Activity(presence * 0.3), Activity(presence * 0.05)  # heads are seldom sure of a mouth: what counts is the rest of the recording
    assert len(events(placed(THREE, 3.5, -50), unsure)) == 2 and len(events(placed(THREE, 3.5, -50), deaf)) == 3


def test_where_one_class_gives_way_to_another_the_part_is_split():
    recording = placed(((0.5, tone(300, 1.0)), (1.5, noise(1.0))), 3.0, -50)
    presence = np.zeros((30, 2), np.float32)  # 0.1 s a frame
    presence[5:15, 0], presence[15:25, 1] = 0.9, 0.9
    assert len(events(recording)) == 1
    whoop, hiss = events(recording, Activity(presence, ("whoop", "hiss")))
    assert (whoop.label, hiss.label) == ("whoop", "hiss") and whoop.end_s == pytest.approx(1.5, abs=0.15) and hiss.start_s == pytest.approx(1.5, abs=0.15)


def test_where_one_class_goes_on_over_a_pause_the_parts_are_one():
    recording = placed(((0.5, WHOOP), (1.5, WHOOP)), 2.5, -50)
    assert len(events(recording)) == 2
    through, apart = np.full((25, 1), 0.1, np.float32), np.full((25, 1), 0.1, np.float32)
    through[5:11] = through[15:21] = apart[5:11] = apart[15:21] = 0.9
    through[11:15] = 0.3  # wavers, but stays over the lower threshold
    assert len(events(recording, Activity(through))) == 1
    assert len(events(recording, Activity(apart))) == 2


def test_activity_too_coarse_to_place_a_boundary_neither_splits_nor_joins():
    recording = placed(((0.5, WHOOP), (1.5, WHOOP)), 2.5, -50)
    assert len(events(recording, Activity(np.full((4, 1), 0.9, np.float32)))) == 2


def test_activity_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="one row a frame"):
        Activity(np.zeros(4))
    with pytest.raises(ValueError, match="1 labels for 2 classes"):
        Activity(np.zeros((4, 2)), ("one",))


def test_a_gesture_is_picked_by_its_number():
    found = events(placed(THREE, 3.5))
    assert pick(found, 2) is found[1]
    for number in (0, 4):
        with pytest.raises(AudioError, match=f"gesture {number} was asked for, but it holds 3 gestures"):
            pick(found, number, "voice.wav")
    with pytest.raises(AudioError, match="none that stands out"):
        pick([], 1)


def test_a_tower_with_a_token_semantic_head_is_asked_window_by_window():
    def embedder(**head):
        torch.manual_seed(0)
        return Embedder(Clvap(tiny_config(voice=HTSAT | head)), None)

    recording = placed(THREE, 3.5, -50)  # longer than the tiny front end hears at once
    heard = embedder(classes=3, labels=["whoop", "hiss", "beep"]).activity(recording)
    assert heard.presence.shape[1] == 3 and ((heard.presence >= 0) & (heard.presence <= 1)).all()
    window = embedder(classes=3).activity(recording.cut(0, 2.56))
    assert len(heard.presence) == pytest.approx(len(window.presence) * 3.5 / 2.56, abs=1)
    np.testing.assert_allclose(heard.presence[: len(window.presence)], window.presence, atol=1e-5)
    assert {event.label for event in embedder(classes=3, labels=["whoop", "hiss", "beep"]).gestures(recording)} <= {"whoop", "hiss", "beep"}
    assert embedder().activity(recording) is None and embedder().gestures(recording) == events(recording)
