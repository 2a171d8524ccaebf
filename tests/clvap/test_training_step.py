from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from clvap import train
from clvap.recipe import Stage
from clvap.training.batches import Batch
from clvap.training.guard import TrainingError, check_gradient, check_losses
from clvap.training.state import fresh, set_modes
from clvap.training.step import backward, encode, still_statistics, train_step
from tests.clvap.training import FUSED, prepared, still, write_recipe, write_sounds

TRAINABLE = ("voice", "text", "audio_projection", "fusion", "query_projection", "log_temperature", "teacher", "kinds")
LOSSES = {**FUSED, "text/text": 0.5, "teacher/voice": 0.5, "kind/audio": 0.3, "kind/voice": 0.2}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    folder = tmp_path_factory.mktemp("step")
    write_sounds(folder / "sounds")
    return prepared(write_recipe(folder, passes=1))[0]


def drawn(recipe, rows: int = 8) -> Batch:
    """A batch of random sounds."""
    torch.manual_seed(3)
    config = recipe.model.features
    heard = lambda: torch.randn(rows, config.frames, config.mel_bands)  # noqa: E731
    kinds = torch.eye(3)[torch.arange(rows) % 3]
    targets = torch.eye(rows) * 0.6 + 0.4 * (kinds @ kinds.T) / 2
    ids = torch.randint(5, 300, (rows, 4))
    said = torch.randint(5, 300, (rows // 2, 2, 3))
    return Batch(heard(), heard(), ids, torch.ones_like(ids), targets, targets, kinds, kinds, torch.randn(rows, 1_024), said, torch.ones_like(said))


def gradients(recipe, stage: Stage, precision: str = "float32"):
    net = train._network(recipe, 3)
    state = fresh(net, replace(recipe, stages=(stage,), yamnet=Path("yamnet.tflite"), wordnet=Path("wordnet")), 0)
    set_modes(net)
    for tower in (net.model.audio, net.model.voice):
        for part in tower.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eval()
    found = backward(state, drawn(recipe), stage, train.ALONE, precision, seed=5)
    return {name: value.item() for name, value in found.items()}, {name: p.grad for name, p in net.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("accumulate", [2, 4])
def test_a_batch_in_parts_has_the_losses_and_gradients_of_the_whole(recipe, accumulate):
    recipe = replace(recipe, model=still(recipe.model))
    stage = Stage("s", 1, TRAINABLE, LOSSES)
    (whole, one), (parts, other) = gradients(recipe, stage), gradients(recipe, replace(stage, accumulate=accumulate))
    assert parts == pytest.approx(whole, abs=1e-5)
    assert one.keys() == other.keys() and "model.log_temperature" in one
    assert all(torch.allclose(one[name], other[name], atol=1e-5) for name in one)


def test_dropout_is_drawn_alike_in_both_passes_over_the_parts(recipe, monkeypatch):
    seen = []
    monkeypatch.setattr("clvap.training.step.encode", lambda *given: seen.append(encode(*given)) or seen[-1])
    gradients(recipe, Stage("s", 1, TRAINABLE, LOSSES, accumulate=2))
    first, again = seen[:2], seen[2:]
    assert all(torch.allclose(a.queries["query/audio"], b.queries["query/audio"]) for a, b in zip(first, again, strict=True))
    assert recipe.model.dropout > 0


def test_half_precision_computes_nearly_the_same(recipe):
    recipe = replace(recipe, model=still(recipe.model))
    stage = Stage("s", 1, TRAINABLE, LOSSES)
    (whole, one), (half, other) = gradients(recipe, stage), gradients(recipe, stage, "bfloat16")
    assert half == pytest.approx(whole, rel=0.05) and half != whole
    assert all(gradient.dtype == torch.float32 for gradient in other.values()) and one.keys() == other.keys()


def test_float16_takes_smaller_scales_until_a_step_fits_and_stops_where_none_does(recipe):
    stage = Stage("s", 10, ("fusion", "query_projection"), {"voice/audio": 1.0})
    net = train._network(replace(recipe, model=still(recipe.model)), 3)
    state = fresh(net, replace(recipe, stages=(stage,), precision="float16"), 0)
    set_modes(net)
    state.scaler.load_state_dict({**state.scaler.state_dict(), "scale": 2.0**40})
    before = net.model.fusion.voice_in[0].weight.clone()
    tried = []
    while torch.equal(before, net.model.fusion.voice_in[0].weight) and len(tried) < 40:
        tried.append(state.scaler.state_dict()["scale"])
        train_step(state, drawn(recipe), stage, precision="float16")
    assert 1 < len(tried) < 40 and tried == sorted(tried, reverse=True)
    state.scaler.load_state_dict({**state.scaler.state_dict(), "scale": 1.0})
    with torch.no_grad():
        net.model.fusion.voice_in[0].weight[:] = 1e30
    with pytest.raises(TrainingError, match=r"stage s, step 0"):
        train_step(state, drawn(recipe), stage, precision="float16")


def test_statistics_stay_still_while_vectors_are_only_looked_at():
    norm = nn.BatchNorm2d(3)
    x = torch.randn(4, 3, 5, 5) + 2
    with still_statistics(norm):
        looked = norm(x)
    assert torch.equal(norm.running_mean, torch.zeros(3)) and norm.num_batches_tracked == 0
    assert torch.equal(looked, norm(x)) and norm.num_batches_tracked == 1


def test_a_loss_or_gradient_that_cannot_teach_says_which_and_why():
    net, sound = nn.Linear(2, 2), {"audio": torch.zeros(2)}
    check_losses({"query/audio": 1.0, "kind/audio": 0.0}, sound, net, "here")
    with pytest.raises(TrainingError, match=r"here: the loss query/audio is nan; the batch's audio hold.*bank"):
        check_losses({"text/audio": 1.0, "query/audio": float("nan")}, {"audio": torch.full((2,), float("inf"))}, net, "here")
    with pytest.raises(TrainingError, match=r"text/audio is inf.*learning rate"):
        check_losses({"text/audio": float("inf")}, sound, net, "here")
    with pytest.raises(TrainingError, match=r"text/audio is 0.*one kind"):
        check_losses({"text/audio": 0.0}, sound, net, "here")
    check_gradient(0.1, sound, net, ("fusion",), "here")
    with pytest.raises(TrainingError, match=r"reaches fusion, voice"):
        check_gradient(0.0, sound, net, ("fusion", "voice"), "here")
    nn.init.constant_(net.weight, float("nan"))
    with pytest.raises(TrainingError, match=r"1 weights are no longer numbers, first weight"):
        check_gradient(float("inf"), sound, net, ("fusion",), "here")
