from dataclasses import replace

import numpy as np
import pytest

from clvap.audio import Clip
from clvap.contours import extract
from generation import GenerateRequest, Generator
from generation.backends import gesture_curves
from generation.controls import absent, from_contours
from generation.inpainting import FADE_S, channels, patched
from generation.plan import latent_span
from generation.request import AS_MADE, Follow, Inpaint, RequestError
from tests.generation import tiny
from tests.sounds import knocks, noise, tone

RATE_HZ = 44_100 / 2048


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    return Generator.from_pretrained(tiny.saved(tmp_path_factory.mktemp("tiny")), "cpu", tiny.FakeEmbedder())


def stereo(clip: Clip) -> Clip:
    return Clip(np.concatenate([clip.samples, -0.5 * clip.samples]))


def test_outside_the_span_the_sound_is_itself_and_inside_it_is_new(generator):
    sound = stereo(tone(300, 1.2, 0.4))
    takes = generator.generate(GenerateRequest(tiny.query(), 1.2, 2, 3, inpaint=Inpaint(sound, 0.4, 0.8)))
    start, stop = int(0.4 * 44_100), int(0.8 * 44_100) + 1
    for take in takes:
        made = take.clip.samples
        assert made.shape == sound.samples.shape and take.clip.peak <= 0.9
        assert np.array_equal(made[:, :start], sound.samples[:, :start]) and np.array_equal(made[:, stop:], sound.samples[:, stop:])
        middle = slice(start + int(FADE_S * 44_100), stop - int(FADE_S * 44_100))
        assert np.abs(made[:, middle] - sound.samples[:, middle]).max() > 0.05
    assert np.abs(takes[0].clip.samples - takes[1].clip.samples).max() > 0.01


def test_nothing_clicks_where_the_new_part_begins():
    sound, made = tone(200, 1.0, 0.5), Clip(0.9 * np.ones((1, 44_100), np.float32))
    whole = patched(made, Inpaint(sound, 0.3, 0.6), 1.0).samples[0]
    assert np.abs(np.diff(whole)).max() < 0.05
    assert whole[int(0.45 * 44_100)] == pytest.approx(0.5, abs=0.01)  # at the sound's own level


def test_a_span_that_reaches_an_end_is_new_up_to_it():
    sound, made = tone(200, 1.0, 0.5), Clip(0.9 * np.ones((1, 44_100), np.float32))
    whole = patched(made, Inpaint(sound, 0.0, 1.0), 1.0).samples[0]
    assert np.allclose(whole, 0.5, atol=0.01)


@pytest.mark.parametrize("span", [(-0.1, 0.2), (0.5, 0.4), (0.2, 3.0), (0.3, 0.3)])
def test_a_span_outside_the_sound_is_refused(span):
    with pytest.raises(RequestError, match="mark a part"):
        Inpaint(tone(seconds=1.0), *span)


def test_a_span_past_the_take_is_refused():
    with pytest.raises(RequestError, match="ask for a longer take"):
        GenerateRequest(tiny.query(), 0.5, inpaint=Inpaint(tone(seconds=1.0), 0.2, 0.9))


def test_the_gesture_is_drawn_over_the_span_between_the_sounds_own_curves():
    sound, gesture = noise(2.0), tiny.query(contours=extract(knocks((0.1,), 0.5)))
    inpaint = Inpaint(sound, 0.5, 1.0)
    asked = GenerateRequest(gesture, 2.0, inpaint=inpaint, follow=Follow(1.0, 0.5, 0.0))
    curves, own = gesture_curves(asked, 48, RATE_HZ), from_contours(extract(sound)).cut(0, 48)
    start, stop = latent_span(inpaint, RATE_HZ, 48)
    assert curves.given == (1.0, 0.5, 0.0) and (start, stop) == (10, 22)
    assert np.array_equal(curves.values[:, :start], own.values[:, :start]) and np.array_equal(curves.values[:, stop:], own.values[:, stop:])
    assert curves.values[0, start:stop].min() < -0.5 < own.values[0, start:stop].min()


def test_the_gesture_of_the_whole_sound_counts_where_the_span_lies():
    gesture = extract(knocks((0.1, 0.7), 1.0))
    asked = GenerateRequest(tiny.query(contours=gesture), 2.0, inpaint=Inpaint(noise(2.0), 1.0, 1.7, in_place=True))
    start, stop = latent_span(asked.inpaint, RATE_HZ, 48)
    whole = gesture_curves(replace(asked, inpaint=None), 48, RATE_HZ)
    curves, own = gesture_curves(asked, 48, RATE_HZ), from_contours(extract(asked.inpaint.clip)).cut(0, 48)
    assert np.array_equal(curves.values[:, start:stop], whole.values[:, start:stop]) and np.array_equal(curves.values[:, :start], own.values[:, :start])


def test_a_span_in_place_is_drawn_to_the_gesture_and_the_rest_is_left_alone(generator):
    sound, gesture = noise(1.5), extract(knocks((0.2, 0.9), 1.5))
    asked = GenerateRequest(tiny.query(contours=gesture), 1.5, 1, 3, inpaint=Inpaint(sound, 0.6, 1.4, in_place=True))

    def likeness(**changes):
        made = generator.generate(replace(asked, **changes))[0].clip
        assert np.array_equal(made.samples[:, : int(0.6 * 44_100)], sound.samples[:, : int(0.6 * 44_100)])
        span = slice(28, 58)  # frames of contours
        return np.corrcoef(extract(made).loudness_db[span], gesture.loudness_db[span])[0, 1]

    assert likeness() > likeness(pull=AS_MADE) + 0.2


def test_nothing_to_follow_is_no_control():
    voice = tiny.query(contours=extract(tone(seconds=0.5)))
    for asked in (GenerateRequest(tiny.query(), 1.0), GenerateRequest(voice, 1.0, follow=Follow(0, 0, 0))):
        curves = gesture_curves(asked, 32, RATE_HZ)
        assert np.array_equal(curves.stacked(), absent(32).stacked())


def test_channels_are_folded_and_repeated():
    two = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert channels(two, 1).tolist() == [[2.0, 3.0]] and channels(two[:1], 2).tolist() == [[1.0, 2.0]] * 2
