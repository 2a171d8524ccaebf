"""Every effect measured on sounds whose properties are known."""

import sys

import numpy as np
import pytest

from clvap.audio import Clip
from clvap.data.effects import EFFECTS, AugmentError, Range, bounded, named, randomised
from tests.sounds import knocks, noise, tone


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def loudest_hz(clip: Clip) -> float:
    """Frequency of the strongest partial."""
    sound = clip.mono()
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 4 * len(sound)))
    return float(np.argmax(spectrum) * clip.sample_rate_hz / (4 * len(sound)))


def band_db(clip: Clip, low_hz: float, high_hz: float) -> float:
    """Energy between two frequencies, in dB."""
    spectrum = np.abs(np.fft.rfft(clip.mono())) ** 2
    hertz = np.fft.rfftfreq(clip.samples.shape[1], 1 / clip.sample_rate_hz)
    return float(10 * np.log10(spectrum[(hertz >= low_hz) & (hertz < high_hz)].sum() + 1e-12))


def click(seconds: float = 1.0) -> Clip:
    """One sample of 0.8 after 0.1 s."""
    samples = np.zeros((1, int(seconds * 44_100)), np.float32)
    samples[0, 4_410] = 0.8
    return Clip(samples)


@pytest.mark.parametrize("semitones", [-5, 3, 7])
def test_pitch_shift_moves_the_pitch_and_keeps_the_length(semitones):
    clip = tone(440, 1.5)
    shifted = EFFECTS["pitch_shift"](clip, rng(), semitones=semitones)
    assert 12 * np.log2(loudest_hz(shifted) / 440) == pytest.approx(semitones, abs=0.05)
    assert shifted.samples.shape == clip.samples.shape


@pytest.mark.parametrize("factor", [0.7, 1.4])
def test_time_stretch_changes_the_length_and_keeps_the_pitch(factor):
    stretched = EFFECTS["time_stretch"](tone(440, 1.5), rng(), factor=factor)
    assert stretched.duration_s == pytest.approx(1.5 * factor, rel=0.01)
    assert 12 * np.log2(loudest_hz(stretched) / 440) == pytest.approx(0, abs=0.05)


def test_speed_changes_both():
    faster = EFFECTS["speed"](tone(440, 1.5), rng(), ratio=1.25)
    assert faster.duration_s == pytest.approx(1.2, rel=0.01)
    assert loudest_hz(faster) == pytest.approx(550, rel=0.005)


@pytest.mark.parametrize("snr_db", [10, 30])
def test_noise_lies_as_far_below_the_sound_as_asked(snr_db):
    clip = tone(440, 1.0)
    added = EFFECTS["noise"](clip, rng(), snr_db=snr_db, colour=0.0).samples - clip.samples
    assert 20 * np.log10(clip.samples.std() / added.std()) == pytest.approx(snr_db, abs=0.5)


def test_coloured_noise_is_darker():
    quiet = Clip(tone(5_000, 1.0).samples * 0.5)
    white, brown = (Clip(EFFECTS["noise"](quiet, rng(), snr_db=10, colour=colour).samples - quiet.samples) for colour in (0.0, 1.0))
    assert band_db(white, 50, 500) - band_db(white, 8_000, 16_000) < -5
    assert band_db(brown, 50, 500) - band_db(brown, 8_000, 16_000) > 10


def test_echo_repeats_the_sound_after_its_delay():
    echoed = EFFECTS["echo"](click(), rng(), delay_s=0.25, feedback=0.5, mix=0.4).samples[0]
    peaks = np.flatnonzero(np.abs(echoed) > 0.02)
    first, second, third = 4_410, 4_410 + 11_025, 4_410 + 22_050
    assert {first, second, third} <= set(peaks.tolist())
    assert abs(echoed[third]) == pytest.approx(0.5 * abs(echoed[second]), rel=0.05)
    assert len(echoed) > 44_100


@pytest.mark.parametrize("name", ["reverb", "room"])
def test_a_space_leaves_a_decaying_tail_where_there_was_silence(name):
    wet = EFFECTS[name](click(), rng()).samples[0]
    early, late = (np.sqrt((wet[4_410 + a : 4_410 + b] ** 2).mean()) for a, b in ((400, 2_400), (12_000, 14_000)))
    assert np.abs(wet[:4_400]).max() < 1e-3, "nothing before the sound"
    assert early > 1e-4 and late < early


def test_a_room_keeps_the_direct_sound_and_its_distance():
    near, far = (EFFECTS["room"](Clip(click().samples / 4), rng(), direct_db=db, decay_s=0.3, damping=0.3).samples[0] for db in (14, 0))
    direct = near[4_410] ** 2, far[4_410] ** 2
    tails = (near[4_420:] ** 2).sum(), (far[4_420:] ** 2).sum()
    assert 10 * np.log10(direct[0] / tails[0]) == pytest.approx(14, abs=0.5)
    assert 10 * np.log10(direct[1] / tails[1]) == pytest.approx(0, abs=0.5)


def test_distortion_adds_harmonics_and_keeps_the_level():
    clip = tone(440, 1.0)
    driven = EFFECTS["distortion"](clip, rng(), drive_db=24)
    assert band_db(driven, 1_300, 1_340) > band_db(clip, 1_300, 1_340) + 30
    assert driven.peak == pytest.approx(clip.peak, rel=0.01)


def test_a_microphone_cuts_both_ends_of_the_band():
    clip = noise(1.0, level=0.1)
    heard = EFFECTS["microphone"](clip, rng(), low_hz=300, high_hz=3_500, presence_db=0, presence_hz=1_500, ratio=1)
    middle = band_db(heard, 900, 2_500) - band_db(clip, 900, 2_500)
    assert middle - (band_db(heard, 30, 100) - band_db(clip, 30, 100)) > 6
    assert middle - (band_db(heard, 12_000, 18_000) - band_db(clip, 12_000, 18_000)) > 6


@pytest.mark.parametrize("rate", [44_100, 96_000])
def test_a_codec_loses_the_top_and_little_else(rate):
    clip = Clip(noise(1.0, level=0.1).samples, rate)
    coded = EFFECTS["codec"](clip, rng(), vbr_quality=9.5)
    assert abs(band_db(coded, 300, 3_000) - band_db(clip, 300, 3_000)) < 2
    assert band_db(clip, 17_000, 20_000) - band_db(coded, 17_000, 20_000) > 20


@pytest.mark.parametrize("name", EFFECTS)
@pytest.mark.parametrize(
    "clip",
    [tone(440, 0.4), Clip(np.tile(noise(0.3).samples, (2, 1)), 22_050), Clip(np.zeros((1, 200), np.float32)), Clip(noise(0.02).samples, 8_000)],
    ids=["tone", "stereo", "silence", "20 ms at 8 kHz"],
)
def test_every_effect_is_a_pure_function_of_clip_and_seed(name, clip):
    before = clip.samples.copy()
    once, again, other = (EFFECTS[name](clip, rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(once.samples, again.samples)
    assert clip.peak == 0 or once.samples.shape != other.samples.shape or not np.array_equal(once.samples, other.samples)
    assert np.array_equal(clip.samples, before)
    assert once.samples.dtype == np.float32 and once.samples.shape[0] == clip.samples.shape[0] and once.samples.shape[1] > 0
    assert once.sample_rate_hz == clip.sample_rate_hz
    assert np.isfinite(once.samples).all() and once.peak <= 1


def test_drawn_settings_stay_in_their_range():
    for range_ in (Range(-7, 7), Range(60, 350, log=True)):
        drawn = [range_.draw(rng(seed)) for seed in range(200)]
        assert min(drawn) >= range_.low and max(drawn) <= range_.high
        assert max(drawn) - min(drawn) > 0.8 * (range_.high - range_.low)
    assert np.median([Range(60, 350, log=True).draw(rng(seed)) for seed in range(400)]) == pytest.approx((60 * 350) ** 0.5, rel=0.15)


def test_a_chain_draws_how_many_and_in_which_order():
    heard: list[list[str]] = []

    def step(name: str):
        return lambda clip, rng: heard[-1].append(name) or clip

    for seed in range(60):
        heard.append([])
        randomised(tone(seconds=0.1), rng(seed), [step(name) for name in "abcd"], most=2)
    assert {len(names) for names in heard} == {1, 2}
    assert ["a", "b"] in heard and ["b", "a"] in heard
    assert all(len(set(names)) == len(names) for names in heard)


def test_what_is_not_finite_or_too_loud_is_made_good():
    made = bounded(Clip(np.array([[np.nan, np.inf, 4.0, -2.0]], np.float32)))
    assert made.samples.tolist() == [[0.0, 0.0, pytest.approx(0.98), pytest.approx(-0.49)]]
    assert np.array_equal(bounded(knocks((0.1,))).samples, knocks((0.1,)).samples)


def test_an_effect_that_does_not_exist():
    with pytest.raises(AugmentError, match="no effect wobble; use some of pitch_shift"):
        named(["echo", "wobble"])


def test_without_pedalboard_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pedalboard", None)
    with pytest.raises(AugmentError, match="pip install pedalboard"):
        EFFECTS["reverb"](tone(seconds=0.1), rng())
