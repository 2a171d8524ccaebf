import math

import numpy as np
import pytest
import torch

from clvap.audio import SAMPLE_RATE_HZ
from generation import pitch, spectrum
from generation.analysis import RATIO, Analysis, Outline
from generation.autoencoder import AutoencoderConfig, Spectrogram, pretransform, render
from tests.generation import tiny
from tests.sounds import knocks, noise, tone

LENGTH = 16 * RATIO


def wave(clip) -> torch.Tensor:
    return torch.from_numpy(np.resize(clip.mono(), LENGTH))[None]


def test_a_wave_survives_its_spectrum():
    original = wave(noise())
    assert torch.allclose(spectrum.istft(spectrum.stft(original)), original, atol=1e-5)


def test_a_full_scale_sine_has_magnitude_one():
    assert spectrum.stft(wave(tone(46 * SAMPLE_RATE_HZ / spectrum.WINDOW, level=1.0))).abs().max().item() == pytest.approx(1.0, abs=0.05)


def test_the_phase_of_a_tone_is_rebuilt():
    target = spectrum.log_magnitude(wave(tone(700)))
    rebuilt = spectrum.griffin_lim(target.exp(), spectrum.tonal_phase(target), 16)
    error = (spectrum.stft(rebuilt).abs() - target.exp()).norm() / target.exp().norm()
    assert error < 0.05


def test_noise_keeps_its_grain_and_its_level():
    original = wave(noise(level=0.1))
    flat = torch.full((1, LENGTH // spectrum.HOP, spectrum.BINS), float(spectrum.log_magnitude(original).median()))
    rebuilt = render(Spectrogram(flat, torch.full_like(flat, math.log(0.49))), iterations=4)
    assert rebuilt.std().item() == pytest.approx(original.std().item(), rel=0.15)
    assert spectrum.log_magnitude(rebuilt).std() > 0.5


@pytest.mark.parametrize("frequency_hz", [220, 440, 1_500])
def test_pitch_of_a_tone(frequency_hz):
    time_s = torch.arange(LENGTH) / SAMPLE_RATE_HZ
    harmonic = sum(torch.sin(2 * math.pi * frequency_hz * k * time_s) / k for k in range(1, 8))
    tracked = pitch.track(spectrum.log_magnitude(0.3 * harmonic[None]))
    middle = tracked.octaves[0, 4:-4].median().item()
    assert pitch.MIDDLE_HZ * 2**middle == pytest.approx(frequency_hz, rel=0.03)
    assert tracked.strength[0, 4:-4].mean() > 0.6


def test_noise_is_less_pitched_than_a_tone():
    assert pitch.track(spectrum.log_magnitude(wave(noise()))).strength.mean() < 0.5


def test_the_comb_stands_on_the_harmonics():
    octaves = torch.zeros(1, 1)
    gain = pitch.comb(octaves)[0, 0]
    bins_per_harmonic = pitch.MIDDLE_HZ * spectrum.WINDOW / SAMPLE_RATE_HZ
    assert gain[round(3 * bins_per_harmonic)] > -0.3 and gain[round(3.5 * bins_per_harmonic)] == -4.0


def test_the_outline_of_latents_is_near_the_spectrum_they_came_from():
    analysis, outline = Analysis(96, 6), Outline(96, 6)
    for clip in (noise(), tone(700), knocks((0.1, 0.35))):
        target = spectrum.log_magnitude(wave(clip))
        guessed = outline(analysis.measured(wave(clip), target))
        loud = target > target.max() - 4
        assert guessed.shape == target.shape and (guessed - target)[loud].abs().mean() < 1.5
        assert np.corrcoef(guessed.exp().sum(-1)[0], target.exp().sum(-1)[0])[0, 1] > 0.7 or target.exp().sum(-1).std() < 0.1 * target.exp().sum()


def test_latents_have_zero_mean_and_unit_deviation_over_the_sounds_they_were_fitted_to():
    waves = torch.cat([wave(clip) for clip in (noise(), tone(300), tone(2_000), knocks((0.1, 0.35)))])
    analysis = Analysis(8, 2)
    analysis.fit(waves)
    heard = analysis(waves[:, None])[:, :16]
    assert heard.mean((0, 2)).abs().max() < 1e-3 and (heard.std((0, 2)) - 1).abs().max() < 0.02


def test_the_engine_encodes_and_decodes():
    coder = pretransform(AutoencoderConfig(**tiny.AUTOENCODER))
    latents = coder.encode(wave(noise())[None])
    assert latents.shape == (1, 20, 16) and coder.encoded_channels == 20
    decoded = coder.decode(latents)
    assert decoded.shape == (1, 1, LENGTH) and torch.isfinite(decoded).all()


def test_decoding_does_not_depend_on_the_random_state():
    coder = pretransform(AutoencoderConfig(**tiny.AUTOENCODER))
    latents = torch.randn(1, 20, 16)
    first = coder.decode(latents)
    torch.manual_seed(123)
    assert torch.equal(first, coder.decode(latents))


def test_a_wave_changes_as_its_latents_do_and_keeps_what_they_do_not_hold():
    coder, sound = pretransform(AutoencoderConfig(**tiny.AUTOENCODER)), wave(noise())
    changed, latents = coder.model.decoder.changed, coder.encode(sound[None])
    quieter = latents.clone()
    quieter[:, :16, 8:] -= 1
    assert (changed(sound, latents, latents) - sound).abs().max() < 1e-3 < (coder.decode(latents)[:, 0] - sound).abs().max()
    lowered = changed(sound, latents, quieter)
    before, after = (lowered[:, part].std() / sound[:, part].std() for part in (slice(0, 6 * RATIO), slice(10 * RATIO, None)))
    assert abs(before - 1) < 0.1 and after < 0.8
    assert changed(torch.zeros_like(sound), latents - 20, latents).std() > 0  # what it lacks is decoded
