import numpy as np
import pytest

from clvap import contours
from clvap.audio import Clip
from tests.sounds import knocks, noise, tone


def test_a_tone_has_its_level_its_pitch_and_its_brightness():
    curves = contours.extract(tone(220.0, level=0.5))
    middle = slice(5, -5)
    assert np.median(curves.loudness_db[middle]) == pytest.approx(-9.03, abs=0.3)
    assert np.median(curves.pitch[middle]) == pytest.approx(57.0, abs=0.1)
    assert np.median(curves.brightness[middle]) == pytest.approx(57.0, abs=1.0)


def test_noise_has_no_pitch_and_is_bright():
    curves = contours.extract(noise())
    assert (curves.pitch > 0).mean() < 0.1
    assert np.median(curves.brightness) > 115


def test_loudness_peaks_where_the_knocks_are():
    curves = contours.extract(knocks((0.5, 1.5)))
    loud = np.flatnonzero(curves.loudness_db > curves.loudness_db.max() - 6) / contours.RATE_HZ
    assert set(np.round(loud, 1)) <= {0.5, 0.6, 1.5, 1.6}
    assert {0.5, 1.5} <= set(np.round(loud, 1))


@pytest.mark.parametrize("snr_db", [10, 20, 30])
def test_curves_of_a_gesture_are_those_of_a_quiet_room(snr_db):
    voice = np.concatenate([tone(300.0, 0.5).samples, tone(300.0, 0.5, level=0.0).samples, tone(900.0, 0.5).samples], axis=1)
    quiet = contours.extract(Clip(voice))
    room = noise(2.5, level=0.35 * 10 ** (-snr_db / 20)).samples
    noisy = np.pad(voice, ((0, 0), (22_050, 22_050))) + room
    alone, told = (contours.extract(Clip(noisy[:, 22_050:-22_050], room=before)) for before in (None, noisy[0, :22_050]))
    pause, spoken = slice(25, 40), [*range(3, 18), *range(47, 62)]
    assert alone.loudness_db[pause].max() > -12 - snr_db
    assert told.loudness_db[pause].max() < -30 - snr_db
    assert np.abs(told.loudness_db - quiet.loudness_db)[spoken].max() < 1
    assert np.abs(told.brightness - quiet.brightness)[spoken].max() < 0.5 * np.abs(alone.brightness - quiet.brightness)[spoken].max()


def test_frame_count_and_order_of_the_stack():
    curves = contours.extract(tone(seconds=2.0))
    assert len(curves.pitch) == int(np.ceil(2 * contours.RATE_HZ))
    again = contours.Contours.from_stacked(curves.stacked())
    assert np.array_equal(again.pitch, curves.pitch)


def test_a_few_samples_are_enough_for_one_frame():
    assert contours.extract(Clip(np.ones((2, 5), np.float32))).stacked().shape == (3, 1)


def test_stretching_keeps_the_ends():
    assert np.allclose(contours.resample_curve(np.array([0.0, 1.0]), 5), [0, 0.25, 0.5, 0.75, 1])
