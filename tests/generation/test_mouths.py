import numpy as np
import pytest

from clvap import audio
from clvap.audio import Clip
from generation.examples import Examples, Stored
from generation.latents import drawn_variants, encode
from generation.mouths import listen
from generation.sounds import Sound, collect
from generation.windows import Dropout, Windows
from tests.generation import tiny
from tests.sounds import knocks, noise


@pytest.fixture
def sounds(tmp_path):
    late = Clip(np.pad(noise().samples * np.linspace(1, 0.02, noise().samples.shape[1]), ((0, 0), (20_000, 0))).astype(np.float32))
    quiet_before = Clip(late.samples + 3e-3 * np.random.default_rng(0).standard_normal(late.samples.shape).astype(np.float32))
    made = [("knocks", knocks((0.2, 0.9))), ("late", quiet_before)]
    return collect([Sound(str(audio.write(tmp_path / f"{name}.wav", clip)), name, name, "sfx") for name, clip in made], tmp_path / "sounds")


@pytest.fixture
def latents(sounds, tmp_path):
    return encode(tiny.model().pretransform.model, sounds, tmp_path / "latents", variants=2)


@pytest.fixture
def mouths(sounds, latents, tmp_path):
    return listen(sounds, drawn_variants(2, 2), latents, tmp_path / "mouths", count=3)


def test_a_mouth_keeps_when_a_sound_is_loud_at_every_speed(latents, mouths):
    for item in latents.items:
        own = latents.controls(item)
        drawn = [mouths.draw(item, np.random.default_rng(seed)) for seed in range(6)]
        assert all(curves.shape == own.shape for curves in drawn)
        together = [np.corrcoef(own[0], curves[0])[0, 1] for curves in drawn]
        assert np.mean(together) > 0.6, item
        assert any(not np.array_equal(curves, drawn[0]) for curves in drawn)


def test_imitations_are_made_once_and_a_lost_shard_comes_back_the_same(sounds, latents, mouths, tmp_path):
    before = mouths._curves
    [shard] = (tmp_path / "mouths").glob("*.npy")
    written = shard.stat().st_mtime_ns
    listen(sounds, drawn_variants(2, 2), latents, tmp_path / "mouths", count=3)
    assert shard.stat().st_mtime_ns == written
    shard.unlink()
    again = listen(sounds, drawn_variants(2, 2), latents, tmp_path / "mouths", count=3)
    assert np.array_equal(before, again._curves)


def test_a_sound_too_short_to_imitate_keeps_its_own_curves(tmp_path):
    click = Sound(str(audio.write(tmp_path / "click.wav", knocks((0.0,)).cut(0, 0.002))), "click", "click", "sfx")
    sounds = collect([click], tmp_path / "sounds")
    latents = encode(tiny.model().pretransform.model, sounds, tmp_path / "latents", variants=1)
    mouths = listen(sounds, drawn_variants(1, 1), latents, tmp_path / "mouths", count=1)
    assert np.isfinite(mouths.draw(latents.items[0], np.random.default_rng(0))).all()


def test_a_window_takes_the_curves_of_a_mouth_as_often_as_asked(latents, mouths):
    def drawn(own_curves):
        examples = Examples(Stored(latents, None, mouths), ["sfx"] * 2, ["a", "b"], {"sfx": 1.0}, tiny.DIFFUSION, Dropout(own_curves=own_curves), Windows())
        rng = np.random.default_rng(0)
        item = latents.items[0]
        return [np.array_equal(examples._curves(item, rng), latents.controls(item)) for _ in range(40)]

    assert all(drawn(0.0)) and not any(drawn(1.0)) and 5 < sum(drawn(0.5)) < 35
