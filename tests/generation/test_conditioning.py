import numpy as np
import torch

from clvap.contours import Contours, extract
from generation import controls
from generation.conditioning import CONTROLS_KEY, TOKENS_KEY, ClvapConditioner
from generation.controls import Controls, ControlsConditioner, absent, dropped, from_contours, median_filter, roughened, stretched
from tests.generation import tiny
from tests.sounds import knocks, tone


def conditioner() -> ClvapConditioner:
    torch.manual_seed(0)
    return ClvapConditioner(token_width=12, dimension=10, output_dim=16, length=6)


def test_queries_of_any_length_give_one_shape():
    sequence, mask = conditioner()([tiny.query(tokens=2), tiny.query(tokens=9), None])
    assert sequence.shape == (3, 7, 16) and mask.shape == (3, 7)


def test_no_query_and_missing_tokens_are_learned_not_zero():
    one = conditioner()
    sequence, _ = one([tiny.query(tokens=2), None])
    assert torch.equal(sequence[0, 3], one.no_token) and torch.equal(sequence[1, 0], one.no_point)
    sequence.sum().backward()
    assert one.no_token.grad.abs().sum() > 0 and one.no_point.grad.abs().sum() > 0


def test_attaching_does_not_touch_the_engines_shared_lists():
    first, second = tiny.model(), tiny.model()
    assert first.cross_attn_cond_ids == second.cross_attn_cond_ids == [TOKENS_KEY, "seconds_total"]
    assert first.input_concat_ids == second.input_concat_ids == [CONTROLS_KEY]


def test_loudness_follows_the_knocks_and_level_does_not_matter():
    clip = knocks((0.3, 1.2))
    loud, quiet = (from_contours(extract(type(clip)(clip.samples * gain))).values[0] for gain in (1.0, 0.7))
    assert np.allclose(loud, quiet, atol=0.05)
    assert loud.max() == 1.0 or loud.max() > 0.8
    assert loud[int(0.8 * 21.53)] < -0.9


def test_pitch_is_movement_about_its_middle():
    glide = np.concatenate([np.full(20, 60.0), np.full(20, 72.0)]).astype(np.float32)
    values = from_contours(Contours(np.zeros(40, np.float32), glide, glide)).values
    assert values[2, -1] - values[2, 0] == np.float32(0.5) and (values[3] == 1).all()


def test_a_control_that_is_not_given_is_silent_and_says_so():
    stacked = Controls(np.ones((4, 5), np.float32), (1.0, 0.0, 0.0)).stacked()
    assert stacked.shape == (controls.CHANNELS, 5)
    assert (stacked[0] == 1).all() and not stacked[1:4].any()
    assert stacked[4:].tolist() == [[1.0] * 5, [0.0] * 5, [0.0] * 5]


def test_an_amount_lies_between_a_control_that_is_not_given_and_one_that_is():
    curves = from_contours(extract(tone(seconds=0.5)))
    off, half, on = (Controls(curves.values, (amount, amount, amount)).stacked() for amount in (0.0, 0.5, 1.0))
    assert np.allclose(half, (off + on) / 2) and on[4:].min() == 1 and not off.any()


def test_cutting_past_the_end_is_silence():
    cut = Controls(np.ones((4, 5), np.float32)).cut(3, 4).values
    assert cut[0].tolist() == [1, 1, -1, -1] and cut[1].tolist() == [1, 1, 0, 0]


def test_stretching_keeps_the_ends():
    ramp = Controls(np.tile(np.linspace(0, 1, 10, dtype=np.float32), (4, 1)))
    assert stretched(ramp, 25).values[0, [0, -1]].tolist() == [0.0, 1.0]


def test_median_filter_removes_a_spike_and_keeps_a_step():
    curve = np.array([0, 0, 0, 9, 0, 0, 5, 5, 5, 5], np.float32)
    assert median_filter(curve, 3).tolist() == [0, 0, 0, 0, 0, 0, 5, 5, 5, 5]


def test_roughening_stays_in_range_and_dropout_drops():
    rng = np.random.default_rng(0)
    curves = from_contours(extract(tone()))
    assert np.abs(roughened(curves, rng).values[0]).max() <= 1
    assert dropped(curves, rng, 1.0, 0.0).given == (0.0, 0.0, 0.0)
    assert dropped(curves, rng, 0.0, 0.0).given == (1.0, 1.0, 1.0)


def test_the_conditioner_stacks_a_batch():
    batch, mask = ControlsConditioner()([absent(8), from_contours(extract(tone())).cut(0, 8)])
    assert batch.shape == (2, 7, 8) and mask.shape == (2, 8) and not batch[0].any() and batch[1].any()
