import numpy as np
import pytest
import torch

from clvap.audio import Clip
from clvap.encoders.frontends import BYOL_A, CLAP, Waveform
from clvap.features import LogMel
from clvap.training.variation import variation
from tests.sounds import noise, tone

FRONT_ENDS = {"log-mel": LogMel(), "clap": CLAP, "byol-a": BYOL_A, "waveform": Waveform(16_000, 2.0)}


@pytest.mark.parametrize("name", ["log-mel", "clap", "byol-a"])
@pytest.mark.parametrize("gain_db", [-9.0, 0.0, 9.0])
def test_mixed_spectrograms_are_those_of_the_mixed_sound(name, gain_db):
    features = FRONT_ENDS[name]
    first, second = (clip.mono() / np.abs(clip.mono()).max() for clip in (tone(440, 1.0), noise(1.0)))
    both = first + second * 10 ** (gain_db / 20)
    real = features(Clip(both[None].astype(np.float32)))
    how = variation(features)
    made = how.mixed(*(features(Clip(one[None]))[None] for one in (first, second)), torch.tensor([gain_db]))[0]
    level = lambda spectrum: spectrum[5:40] - spectrum[5:40].max()  # noqa: E731  the mixture is at another level than the louder sound
    apart_db = how.unit_db * (level(real) - level(made)).abs()
    assert apart_db.median() < 1 and apart_db.quantile(0.9) < 4


def test_mixed_waves_are_their_sum():
    features = FRONT_ENDS["waveform"]
    first, second = (features(clip)[None] for clip in (tone(440, 1.0), noise(1.0)))
    mixed = variation(features).mixed(first, second, torch.tensor([6.0]))
    assert torch.allclose(mixed, first * 10 ** (-6 / 20) + second, atol=1e-6)


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_a_sound_is_heard_otherwise_within_its_range_and_alike_for_one_seed(name):
    features = FRONT_ENDS[name]
    plain = torch.stack([features(noise(1.0)), features(tone(300, 1.0))])
    one, two, other = (variation(features).varied(plain.clone(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, two) and not torch.equal(one, other)
    assert one.shape == plain.shape and torch.isfinite(one).all()
    if name != "waveform":
        assert one.min() >= variation(features).floor


def test_silence_stays_silence():
    features = LogMel()
    silence = features(Clip(np.zeros((1, 44_100), np.float32)))[None]
    assert torch.equal(variation(features).varied(silence.clone(), np.random.default_rng(0)), silence)


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_a_room_adds_noise_under_the_sound_and_alike_for_one_seed(name):
    features = FRONT_ENDS[name]
    how, plain = variation(features), features(tone(440, 1.0))
    one, two, other = (how.in_rooms(plain.clone()[None], np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    assert torch.equal(one, two) and not torch.equal(one, other) and torch.isfinite(one).all()
    power = lambda heard: heard.double() ** 2 if name == "waveform" else (heard.double() * how.unit_db / 10 * np.log(10)).exp().sum(dim=1)  # noqa: E731
    sounding, added_db = power(plain) > 1e-4 * power(plain).max(), []
    for seed in range(20):
        noisy = how.in_rooms(plain.clone()[None], np.random.default_rng(seed))[0]
        added = power(noisy - plain) if name == "waveform" else power(noisy) - power(plain)
        added_db.append(10 * np.log10(float(added[sounding].mean() / power(plain)[sounding].mean())))
    assert -43 < min(added_db) < -25 and -20 < max(added_db) < -3


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_silence_has_no_room(name):
    silence = FRONT_ENDS[name](Clip(np.zeros((1, 44_100), np.float32)))
    assert torch.allclose(variation(FRONT_ENDS[name]).in_rooms(silence.clone()[None], np.random.default_rng(0))[0], silence, atol=1e-4)


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_a_poor_microphone_changes_what_is_heard_but_not_how_loud_and_alike_for_one_seed(name):
    features = FRONT_ENDS[name]
    how, plain = variation(features), features(noise(1.0))
    one, two, other = (how.through_microphones(plain.clone()[None], np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    assert torch.equal(one, two) and not torch.allclose(one, other, atol=1e-3) and torch.isfinite(one).all()
    loudest = lambda heard: heard.abs().max() if name == "waveform" else heard.max()  # noqa: E731
    assert torch.allclose(loudest(one), loudest(plain), atol=1e-3)
    silence = features(Clip(np.zeros((1, 44_100), np.float32)))
    assert torch.allclose(how.through_microphones(silence.clone()[None], np.random.default_rng(0))[0], silence, atol=1e-4)
