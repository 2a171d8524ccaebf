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


def test_frame_count_and_order_of_the_stack():
    curves = contours.extract(tone(seconds=2.0))
    assert len(curves.pitch) == int(np.ceil(2 * contours.RATE_HZ))
    again = contours.Contours.from_stacked(curves.stacked())
    assert np.array_equal(again.pitch, curves.pitch)


def test_a_few_samples_are_enough_for_one_frame():
    assert contours.extract(Clip(np.ones((2, 5), np.float32))).stacked().shape == (3, 1)


def test_stretching_keeps_the_ends():
    assert np.allclose(contours.resample_curve(np.array([0.0, 1.0]), 5), [0, 0.25, 0.5, 0.75, 1])
