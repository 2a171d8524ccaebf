"""Variants of latents: each is checked against the sound itself changed that way."""

import numpy as np
import torch

from clvap.audio import Clip
from clvap.contours import extract
from generation.analysis import PITCH_CHANNELS, RATIO, Analysis
from generation.controls import RANGE_DB, from_contours
from generation.variety import Varied, Variety
from tests.sounds import noise, tone

BANDS = 96
SILENT = 0.3  # share of the sound after which there is nothing


def analysed(wave):
    """Latents (L, C) in nats and deviations of one, and curves (4, L)."""
    latents = Analysis(BANDS, 6)(torch.from_numpy(wave)[None, None])[0].T.numpy()
    return latents, from_contours(extract(Clip(wave[None]))).values[:, : len(latents)]


def hiss(seconds=3.0):
    wave = noise(seconds).mono()
    wave = wave[: len(wave) // RATIO * RATIO].astype(np.float32)
    wave[int(len(wave) * (1 - SILENT)) :] = 0
    return wave


def vary(latents, curves, seed=0, **variety):
    varied = Varied(Variety(**variety), np.zeros(BANDS, dtype=np.float32), np.ones(BANDS, dtype=np.float32))
    return varied(latents, curves, np.random.default_rng(seed))


def levels(latents):
    return 10 * np.log10(np.exp(latents[:, :BANDS]).sum(axis=1))


def test_another_course_is_what_the_sound_has_under_that_gain():
    wave = hiss()
    latents, curves = analysed(wave)
    varied, followed = vary(latents, curves, course=1.0, course_db=6.0)
    gain_db = (followed[0] - curves[0]) * (RANGE_DB / 2)
    heard = curves[0] > -1
    assert np.ptp(gain_db[heard]) > 6
    at = (np.arange(len(wave)) + 0.5) / RATIO - 0.5
    turned = wave * 10 ** (np.interp(at, np.arange(len(gain_db)), np.where(heard, gain_db, 0)) / 20)
    again, _ = analysed(turned.astype(np.float32))
    inside = heard & np.roll(heard, 2) & np.roll(heard, -2)
    assert np.abs(levels(varied) - levels(again))[inside].mean() < 0.7 < np.abs(levels(latents) - levels(again))[inside].mean()
    assert np.isclose(followed[0].max(), curves[0].max(), atol=1e-6)


def test_silence_stays_silent_and_pitch_and_movement_stay():
    latents, curves = analysed(hiss())
    for kind in ("colour", "course", "shift"):
        varied, followed = vary(latents, curves, seed=1, **{kind: 1.0})
        assert np.abs(varied[:, :BANDS] - latents[:, :BANDS]).max() > 0.5
        assert np.allclose(varied[-6:], latents[-6:], atol=1e-3)
        assert np.array_equal(varied[:, BANDS:], latents[:, BANDS:])
        assert np.array_equal(followed[1:], curves[1:])


def test_a_colour_is_the_same_all_along_and_changes_no_level():
    latents, curves = analysed(hiss())
    varied, _ = vary(latents, curves, colour=1.0)
    loud = curves[0] > 0
    changed = (varied - latents)[loud, :BANDS]
    assert changed.std(axis=0).max() < 0.05 < changed.mean(axis=0).std()
    assert np.isclose(np.exp(varied[:, :BANDS]).sum(), np.exp(latents[:, :BANDS]).sum(), rtol=1e-3)


def test_what_has_a_pitch_keeps_its_bands():
    wave = tone(seconds=2.0).mono()
    wave = wave[: len(wave) // RATIO * RATIO].astype(np.float32)
    latents, curves = analysed(wave)
    assert curves[3].any()
    varied, _ = vary(latents, curves, shift=1.0)
    assert np.allclose(varied, latents, atol=1e-4)


def test_nothing_changes_and_nothing_is_drawn_where_nothing_is_asked():
    latents, curves = np.zeros((5, BANDS + PITCH_CHANNELS), dtype=np.float32), np.zeros((4, 5), dtype=np.float32)
    rng = np.random.default_rng(0)
    varied = Varied(Variety(), np.zeros(BANDS), np.ones(BANDS))
    assert varied(latents, curves, rng)[0] is latents
    assert rng.random() == np.random.default_rng(0).random()
