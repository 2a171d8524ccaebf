from functools import lru_cache

import numpy as np
import pytest
from scipy.signal import welch

from clvap.audio import SAMPLE_RATE_HZ, Clip, trim, write
from clvap.console import BAD_INPUT
from clvap.contours import extract, resample_curve
from clvap.data import vocalize_picture
from clvap.data.augment import augmented
from clvap.data.vocalize import FAMILIES, Imitator, imitate
from clvap.data.vocalize_evidence import Kept, gliding, hissing, knocking, measure
from tests.sounds import knocks, noise, tone


@pytest.mark.parametrize("family", FAMILIES)
def test_rhythm_survives_when_timing_is_kept(family):
    source = trim(knocks((0.0, 0.6, 1.2), seconds=1.5))
    voice = imitate(source, np.random.default_rng(0), family, loose=0.0)
    ours, theirs = (resample_curve(np.maximum(c.loudness_db - c.loudness_db.max(), -40), 64) for c in (extract(voice), extract(source)))
    assert np.isfinite(voice.samples).all()
    assert voice.peak == pytest.approx(0.7, abs=0.01)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.5


@pytest.mark.parametrize("family", FAMILIES)
def test_a_click_is_imitated_too(family):
    click = Clip(noise().samples[:, :1764])
    assert np.abs(imitate(click, np.random.default_rng(0), family, loose=0.0).samples).max() > 0.1


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


SPEAKERS = range(8)
KEPT = {  # how far a timing-true imitation follows: loudness of knocks, brightness of a moving hiss, pitch of a glide; None: it does not
    "vowel": (0.7, 0.5, 0.75),
    "fricative": (0.7, 0.9, None),
    "vocoder": (0.7, 0.9, 0.4),
    "hum": (0.7, None, 0.85),
    "consonants": (0.65, 0.85, None),
    "mixed": (0.65, 0.5, None),
    "rhythm": (0.6, None, None),
    "whisper": (0.7, 0.9, None),
}
FOLLOWED, NOT_FOLLOWED = ("loudness", "brightness", "pitch"), 0.6


@lru_cache
def imitations(make, family: str, loose: float = 0.0) -> tuple[Clip, ...]:
    """One by each of eight speakers."""
    imitator = Imitator(make())
    return tuple(imitator.draw(np.random.default_rng(speaker), family, loose) for speaker in SPEAKERS)


@lru_cache
def kept(make, family: str, loose: float = 0.0) -> tuple[Kept, ...]:
    source = Imitator(make()).source
    return tuple(measure(source, voice) for voice in imitations(make, family, loose))


def middle(values) -> float:
    """Median, where nothing to compare counts as nothing kept."""
    return float(np.median([value or 0.0 for value in values]))


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_mouth_keeps_is_kept_and_the_rest_is_not(family):
    for name, make, least in zip(FOLLOWED, (knocking, hissing, gliding), KEPT[family], strict=True):
        followed = middle(getattr(one, name) for one in kept(make, family))
        assert followed > least if least is not None else followed < NOT_FOLLOWED, (name, followed)


@pytest.mark.parametrize("family", FAMILIES)
def test_onset_times_are_kept_where_timing_is_true_and_not_where_it_is_loose(family):
    assert middle(one.onsets for one in kept(knocking, family)) > 0.9
    assert middle(one.onsets for one in kept(knocking, family, 1.0)) < 0.8
    true, loose = ([voice.duration_s for voice in imitations(knocking, family, loose)] for loose in (0.0, 1.0))
    assert np.ptp(true) < 0.05 and np.ptp(loose) > 0.4


@pytest.mark.parametrize("family", FAMILIES)
def test_the_fine_spectrum_is_not_kept(family):
    for make in (knocking, gliding, hissing):
        assert abs(middle(one.spectrum for one in kept(make, family))) < 0.3
    glide = gliding()
    recorded = Clip(glide.samples + noise(glide.duration_s, 0.003).samples[:, : glide.samples.shape[1]])
    assert measure(glide, recorded).spectrum > 0.8  # the same sound with a hiss over it would be told


@pytest.mark.parametrize("family", ["vowel", "hum"])
def test_the_pitch_is_the_speakers_own(family):
    def octave_higher() -> Clip:
        return gliding(500)

    low, high = ([np.median((pitch := extract(voice).pitch)[pitch > 0]) for voice in imitations(make, family)] for make in (gliding, octave_higher))
    np.testing.assert_allclose(low, high, atol=1.5)
    assert np.ptp(low) > 5


@pytest.mark.parametrize("family", FAMILIES)
def test_no_two_speakers_sound_alike(family):
    levels = []
    for voice in imitations(hissing, family):
        frequency, power = welch(voice.mono(), SAMPLE_RATE_HZ, nperseg=2_048)
        level = 10 * np.log10([power[(frequency >= low) & (frequency < 1.5 * low)].mean() for low in 150 * 1.5 ** np.arange(10)])
        levels.append(level - level.mean())
    assert np.std(levels, axis=0).mean() > 1.2  # dB; one speaker who breathes twice differs by 0.4


def test_an_imitation_of_another_sound_is_told_from_one_of_this():
    wrong = (("loudness", knocking, gliding, "vowel"), ("brightness", hissing, gliding, "fricative"), ("pitch", gliding, hissing, "hum"))
    for name, make, other, family in wrong:
        source = Imitator(make()).source
        assert middle(getattr(measure(source, voice), name) for voice in imitations(other, family)) < 0.5


def test_the_picture_shows_every_family(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert vocalize_picture.main([str(tmp_path / "families.png"), str(write(tmp_path / "knocks.wav", knocks((0.1, 0.5))))]) == 0
    assert (tmp_path / "families.png").read_bytes().startswith(b"\x89PNG") and "families.png" in capsys.readouterr().out
    assert vocalize_picture.main([str(tmp_path / "families.png"), "/nowhere.wav"]) == BAD_INPUT
    assert "no such file" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        vocalize_picture.main([str(tmp_path / "families.png"), "--loose", "2"])
    assert stopped.value.code == BAD_INPUT and "from 0 to 1" in capsys.readouterr().err
