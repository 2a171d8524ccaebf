import numpy as np
import pytest

from clvap.audio import trim
from clvap.contours import extract, resample_curve
from clvap.data.augment import augmented
from clvap.data.vocalize import FAMILIES, imitate
from tests.sounds import knocks, noise, tone


@pytest.mark.parametrize("family", FAMILIES)
def test_rhythm_survives_when_timing_is_kept(family):
    source = trim(knocks((0.0, 0.6, 1.2), seconds=1.5))
    voice = imitate(source, np.random.default_rng(0), family, loose=0.0)
    ours, theirs = (resample_curve(np.maximum(c.loudness_db - c.loudness_db.max(), -40), 64) for c in (extract(voice), extract(source)))
    assert np.isfinite(voice.samples).all()
    assert voice.peak == pytest.approx(0.7, abs=0.01)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.5


def test_a_hummed_tone_keeps_going_up():
    rising = tone(200).samples[:, :20_000], tone(300).samples[:, :20_000], tone(400).samples[:, :20_000]
    source = type(tone())(np.concatenate(rising, axis=1))
    pitch = extract(imitate(source, np.random.default_rng(1), "hum", loose=0.0)).pitch
    thirds = [np.median(part[part > 0]) for part in np.array_split(pitch, 3)]
    assert thirds[0] < thirds[1] < thirds[2]


def test_a_hiss_is_imitated_brighter_than_a_rumble():
    rng = np.random.default_rng(2)
    hiss, rumble = noise(), type(noise())(np.cumsum(noise().samples, axis=1) * 0.01)
    bright, dark = (np.median(extract(imitate(clip, rng, "fricative", loose=0.0)).brightness) for clip in (hiss, rumble))
    assert bright > dark + 6


def test_a_seed_repeats_and_another_differs():
    first, again, other = (imitate(tone(), np.random.default_rng(seed)).samples for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.allclose(first, other)


def test_augmented_sound_is_bounded():
    for seed in range(5):
        clip = augmented(noise(seconds=8), np.random.default_rng(seed), seconds=5)
        assert clip.duration_s <= 5.01
        assert np.isfinite(clip.samples).all()
