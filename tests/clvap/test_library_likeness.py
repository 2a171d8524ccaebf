import time

import numpy as np
import pytest

from clvap.contours import Contours
from clvap.library import likeness, words

RNG = np.random.default_rng(3)
TIME = np.linspace(0, 1, 100)


def sound(loudness=None, brightness=None, pitch=None) -> likeness.Summary:
    given = ((loudness, -20), (brightness, 90), (pitch, 0))
    curves = (np.full(100, level) if curve is None else curve for curve, level in given)
    return likeness.summarise(Contours(*(np.asarray(curve, np.float32) for curve in curves)))


def compare(query: likeness.Summary, *others: likeness.Summary) -> likeness.Likeness:
    return likeness.compare(query, np.stack([other.curves for other in others]), np.array([other.active_s for other in others]))


def beats(*at: float, width: float = 0.03) -> np.ndarray:
    """Loudness in dB of short knocks at the given moments of 0 to 1."""
    return np.maximum(-5 - 600 * np.min([np.abs(TIME - moment) for moment in at], axis=0).clip(width) + 600 * width, -60)


DECAY, SWELL = -5 - 40 * TIME, -45 + 40 * TIME


def test_a_sound_is_like_itself():
    one = sound(beats(0.1, 0.5, 0.9), 80 + 20 * TIME, 60 + 5 * np.sin(9 * TIME))
    alike = compare(one, one)
    assert alike.loudness[0] == pytest.approx(1, abs=1e-3)
    assert alike.timbre[0] == pytest.approx(1, abs=1e-3)
    assert alike.pitch[0] == pytest.approx(1, abs=1e-3)


def test_loudness_prefers_the_same_shape_at_any_level():
    alike = compare(sound(DECAY), sound(DECAY - 12), sound(SWELL), sound(beats(0.2, 0.8)), sound())
    assert alike.loudness[0] > 0.95
    assert alike.loudness[0] > alike.loudness[1:].max() + 0.3


def test_rhythm_is_recognised_with_loose_timing():
    alike = compare(sound(beats(0.1, 0.35, 0.9)), sound(beats(0.1, 0.42, 0.87)), sound(beats(0.1, 0.7, 0.9)), sound(beats(0.5)))
    assert alike.loudness[0] > 0.9
    assert alike.loudness[0] > alike.loudness[1:].max() + 0.1


def test_length_counts():
    long = likeness.Summary(sound(DECAY).curves, 30.0)
    alike = compare(sound(DECAY), sound(DECAY), long)
    assert alike.loudness[0] > alike.loudness[1] > 0.4


def test_brightness_follows_direction_then_height():
    rising, falling = 70 + 30 * TIME, 100 - 30 * TIME
    alike = compare(sound(brightness=rising), sound(brightness=rising + 10), sound(brightness=rising + 40), sound(brightness=falling))
    assert alike.timbre[0] > alike.timbre[1] > alike.timbre[2] + 0.1


def test_pitch_compares_melodies_not_registers_and_only_pitched_sounds():
    melody = 60 + 7 * np.sin(6 * TIME)
    alike = compare(sound(pitch=melody), sound(pitch=melody - 19), sound(pitch=120 - melody), sound())
    assert alike.pitch[0] > 0.95
    assert alike.pitch[0] > alike.pitch[1] + 0.5
    assert np.isnan(alike.pitch[2])


def test_summary_spans_only_what_is_audible():
    margins = [(-80.0, DECAY), (40.0, TIME * 9), (0.0, TIME)]
    padded = likeness.summarise(Contours(*(np.pad(curve, 50, constant_values=margin) for margin, curve in margins)))
    assert padded.active_s == pytest.approx(sound(DECAY).active_s, rel=0.02)
    assert np.abs(padded.curves[0] - sound(DECAY).curves[0]).max() < 1


@pytest.mark.parametrize("frames", [1, 2, 7, 64, 5_000])
def test_curves_of_any_length_are_finite_and_within_bounds(frames):
    odd = likeness.summarise(Contours(*(RNG.uniform(low, high, frames).astype(np.float32) for low, high in ((-80, 0), (20, 130), (0, 90)))))
    silent = likeness.summarise(Contours(np.full(frames, -80.0), np.zeros(frames), np.zeros(frames)))
    for query in (odd, silent):
        alike = compare(query, odd, silent, sound(DECAY))
        for part in (alike.loudness, alike.timbre):
            assert np.isfinite(part).all() and (part >= 0).all() and (part <= 1.001).all()


def test_alignment_equals_the_textbook_recursion():
    query, other = RNG.random(64), RNG.random(64)
    cost = np.abs(query[:, None] - other[None]) + 2 * np.abs(np.gradient(query)[:, None] - np.gradient(other)[None])
    total = np.full((65, 65), np.inf)
    total[0, 0] = 0
    for i in range(64):
        for j in range(max(0, i - likeness._BAND), min(64, i + likeness._BAND + 1)):
            total[i + 1, j + 1] = cost[i, j] + min(total[i, j], min(total[i, j + 1], total[i + 1, j]) + likeness._WARP_COST)
    path = likeness.align(query, other[None])
    steps = path.weight[:, 0] > 0
    i, j = path.query[steps, 0], path.candidate[steps, 0]
    alone = (np.diff(i) == 0) | (np.diff(j) == 0)
    assert cost[i, j].sum() + likeness._WARP_COST * alone.sum() == pytest.approx(total[64, 64], rel=1e-4)
    assert (i[-1], j[-1]) == (0, 0)


def test_two_hundred_candidates_take_little_time():
    query, curves = sound(beats(0.3, 0.6)), np.stack([sound(-30 + 20 * RNG.random(100)).curves for _ in range(200)])
    began = time.process_time()
    likeness.compare(query, curves, np.ones(200))
    assert time.process_time() - began < 0.2  # some 20 ms on a free core


def test_words_cover_endings_and_ignore_filling():
    said = words.coverage("a dog barking", ["two dogs bark", "doghouse", "barking up the tree", ""])
    assert said == [1.0, 0.0, 0.5, 0.0]
    assert words.coverage("the", ["the"]) == [0.0]
    assert words.coverage("explosions", ["explosion far"]) == [1.0]
    assert words.coverage("car", ["carpet"]) == [0.0]


def test_timing_is_sure_of_the_same_event_and_of_no_other():
    one = sound(beats(0.1, 0.45, 0.9))
    again = sound(np.maximum(beats(0.1, 0.45, 0.9) - 9 + np.random.default_rng(1).normal(0, 1, 100), -60))
    alike = compare(one, again, sound(beats(0.2, 0.55, 0.8)), sound(DECAY), sound())
    assert alike.timing[0] > 0.4
    assert alike.timing[1:].max() < 0.05


def test_timing_says_nothing_of_what_does_not_move():
    assert compare(sound(), sound(), sound(DECAY)).timing.max() == 0
