"""Each thing between a mouth and a file, met by some of many sounds; the others are as they were. A frame is 20 ms."""

import numpy as np
import torch

from clvap.training import microphones

RATE = 50
SOUNDS = 40


def even(frames: int = 100) -> torch.Tensor:
    """Sounds (B, F, M) that last for all frames, in all bands alike."""
    return torch.ones(SOUNDS, frames, 64)


def drawn() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_far_sound_has_a_tail():
    power = even()
    power[:, 20:] = 0
    heard = microphones.echoing(power, RATE, drawn())
    tail = heard[:, 22:40].mean(dim=(1, 2))
    met = tail > 1e-4
    assert 8 < met.sum() < 24 and (tail[~met] < 1e-6).all()
    assert (heard[met, 21].mean(dim=1) > heard[met, 60].mean(dim=1)).all()


def test_a_band_is_cut_at_its_ends():
    passed = microphones.banded(even(), RATE, drawn())[:, 0].log10() * 10
    middle = passed[:, 20:30].mean(dim=1)
    assert (passed[:, -1] < middle - 30).float().mean() > 0.4 and (passed[:, 0] < middle - 6).float().mean() > 0.2
    assert passed[:, 16:32].min() > -20


def test_an_overdriven_tone_has_harmonics_and_a_flatter_level():
    power = torch.full((SOUNDS, 100, 64), 1e-9)
    power[:, :, 10] = torch.logspace(-4, 0, 100)
    heard = microphones.overdriven(power, RATE, drawn())
    met = heard[:, -1, 10 + 18] > 1e-4
    assert 4 < met.sum() < 20 and torch.allclose(heard[~met], power[~met])
    rise = (heard[:, -1].sum(dim=1) / heard[:, 0].sum(dim=1)).log10() * 10
    assert (rise[met] < 39).all() and torch.allclose(rise[~met], torch.tensor(40.0), atol=0.1)


def test_an_automatic_gain_raises_what_is_soft():
    power = even(200)
    power[:, 100:] = 0.01
    fall = microphones.levelled(power, RATE, drawn())[:, [50, 150], 0]
    fall_db = 10 * (fall[:, 0] / fall[:, 1]).log10()
    met = fall_db < 19.9
    assert 8 < met.sum() < 24 and fall_db.min() > 0 and torch.allclose(fall_db[~met], torch.tensor(20.0), atol=1e-3)


def test_a_gate_presses_down_what_is_soft_alone():
    power = even()
    power[:, 50:] = 1e-6
    heard = microphones.gated(power, RATE, drawn())
    met = heard[:, 60, 0] < 0.5e-6
    assert 4 < met.sum() < 20 and torch.allclose(heard[:, :50], power[:, :50]) and torch.allclose(heard[~met], power[~met])
