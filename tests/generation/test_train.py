import copy

import numpy as np
import pytest
import torch

from clvap import audio
from generation import model as sfx
from generation import spectrum, train_autoencoder, train_diffusion
from generation.analysis import mel_filters
from generation.autoencoder import AutoencoderConfig
from generation.latents import encode
from generation.queries import embed
from generation.sounds import Sound, collect, esc50
from generation.train import Schedule, TrainingError, apply, checkpoint, resume
from tests.generation import tiny
from tests.sounds import knocks, noise, tone

SCHEDULE = Schedule(steps=10, batch=2, learning_rate=1e-3, warmup=1)
PHRASES = [["a tone", "a beep"], ["hiss"], ["knocking"]]


@pytest.fixture
def sounds(tmp_path):
    made = []
    for name, clip in (("tone", tone()), ("noise", noise()), ("knocks", knocks((0.2, 0.9)))):
        path = audio.write(tmp_path / f"{name}.wav", clip)
        made.append(Sound(str(path), name, name, "sfx"))
    return collect(made, tmp_path / "sounds")


def autoencoder_step(state, sounds):
    waves = torch.from_numpy(train_autoencoder.crop_batch(sounds, state.rng, 2, 4))
    bands, weight = mel_filters(20, spectrum.BINS), train_autoencoder.bin_weights()
    train_autoencoder.train_step(state, waves, SCHEDULE, train_autoencoder.WEIGHTS, bands, weight, "test")


def diffusion_state():
    return train_diffusion.start(tiny.config(), SCHEDULE)


@pytest.fixture
def examples(sounds, tmp_path):
    latents = encode(diffusion_state().model.pretransform.model, sounds, tmp_path / "latents", variants=2)
    queries = embed(tiny.FakeEmbedder(), sounds, PHRASES, tmp_path / "queries", length=6)
    windows = train_diffusion.Windows((16, 24), (0.5, 0.5))
    return train_diffusion.Examples(latents, queries, ["sfx"] * 3, {"sfx": 1.0}, windows, train_diffusion.Dropout())


def test_a_decoder_step_learns_everywhere_but_in_the_scale_of_the_latents(sounds):
    calibration = train_autoencoder.crop_batch(sounds, np.random.default_rng(0), 4, 4)
    state = train_autoencoder.start(AutoencoderConfig(**tiny.AUTOENCODER), SCHEDULE, calibration)
    before = copy.deepcopy(state.model.state_dict())
    autoencoder_step(state, sounds)
    autoencoder_step(state, sounds)
    still = {name.rpartition(".")[2] for name, value in state.model.state_dict().items() if torch.equal(before[name], value)}
    assert still == {"mean", "deviation"} and state.step == 2 and set(state.losses) == set(train_autoencoder.WEIGHTS)


def test_a_diffusion_step_trains_conditioning_and_leaves_the_autoencoder(examples):
    state = diffusion_state()
    before = copy.deepcopy(state.model.state_dict())
    for _ in range(3):
        train_diffusion.train_step(state, examples, SCHEDULE)
    moved = {name for name, value in state.model.state_dict().items() if not torch.equal(before[name], value)}
    assert not any(name.startswith("pretransform") for name in moved)
    assert any(name.startswith("conditioner.conditioners.clvap") for name in moved)
    assert any(name.startswith("model.model.transformer.layers.1") for name in moved)


def test_training_resumes_exactly(examples, tmp_path):
    straight = diffusion_state()
    for _ in range(2):
        train_diffusion.train_step(straight, examples, SCHEDULE)
    path = checkpoint(straight, tmp_path / "last.pt")
    train_diffusion.train_step(straight, examples, SCHEDULE)
    resumed = train_diffusion.start(tiny.config(), Schedule(steps=10, batch=2, learning_rate=1e-3, warmup=1, seed=99))
    assert resume(resumed, path) and resumed.step == 2
    train_diffusion.train_step(resumed, examples, SCHEDULE)
    for name, value in straight.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
    for name, value in straight.averaged.state_dict().items():
        assert torch.equal(value, resumed.averaged.state_dict()[name]), name


def test_a_broken_loss_stops_before_the_weights(examples):
    state = diffusion_state()
    before = copy.deepcopy(state.model.state_dict())
    loss = next(state.model.model.parameters()).sum() * float("nan")
    with pytest.raises(TrainingError, match="of sounds 7"):
        apply(state, {"diffusion/velocity": loss}, train_diffusion.WEIGHTS, SCHEDULE, "of sounds 7")
    assert all(torch.equal(before[name], value) for name, value in state.model.state_dict().items())


def test_a_loss_without_weight_is_refused():
    with pytest.raises(TrainingError, match="no weight for new/loss"):
        apply(diffusion_state(), {"new/loss": torch.zeros(())}, {}, SCHEDULE, "x")


def test_latents_end_in_silence(examples):
    stored = examples._latents
    first = stored.items[0]
    assert stored.latents(first).shape == (first.length, 20) and first.length == first.content + 8
    assert (stored.controls(first)[0, first.content + 1 :] == -1).all()
    assert np.allclose(stored.latents(first)[-2, :16], stored.silence[:16], atol=0.01)


def test_queries_are_embedded_once(sounds, tmp_path):
    first = embed(tiny.FakeEmbedder(), sounds, PHRASES, tmp_path / "queries", length=6)

    class Broken(tiny.FakeEmbedder):
        def query(self, *_, **__):
            raise AssertionError("embedded again")

    again = embed(Broken(), sounds, PHRASES, tmp_path / "queries", length=6)
    one, two = (queries.draw(1, np.random.default_rng(3)) for queries in (first, again))
    assert np.array_equal(one.tokens, two.tokens) and one.tokens.shape == (4, 12)


def test_a_saved_model_loads_as_it_was(tmp_path):
    model = tiny.model()
    sfx.save(model, tiny.config(clvap_fingerprint="abc"), tmp_path, torch.float32)
    loaded, config = sfx.load(tmp_path)
    assert config == tiny.config(clvap_fingerprint="abc")
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in model.state_dict().items())


def test_only_permissive_training_folds_are_read(tmp_path):
    (tmp_path / "esc50").mkdir()
    rows = ["filename,fold,category,licence", "a.ogg,1,dog,CC0-1.0", "b.ogg,4,dog,CC0-1.0", "c.ogg,2,cat,CC-BY-NC-3.0"]
    (tmp_path / "esc50" / "esc50.csv").write_text("\n".join(rows))
    assert [sound.path.rsplit("/", 1)[1] for sound in esc50(tmp_path)] == ["a.ogg"]


def test_a_run_goes_on_from_a_model_folder(sounds, tmp_path):
    model = diffusion_state().model
    folder = sfx.save(model, tiny.config(), tmp_path / "model", torch.float32)
    first = train_diffusion.origin({"start": str(folder)})
    assert all(torch.equal(value, first.model[name]) for name, value in model.state_dict().items())
    latents = train_diffusion.stored_latents({"run": str(tmp_path / "run"), "data": {"variants": 1}}, sounds, first)
    assert len(latents.items) == 3


def test_a_new_transformer_takes_what_fits_of_an_earlier_one(sounds, tmp_path):
    earlier = {"fits": torch.ones(2), "other shape": torch.ones(3), "gone": torch.ones(1)}
    own = {"fits": torch.zeros(2), "other shape": torch.zeros(2)}
    assert train_diffusion._fitting(earlier, own).keys() == {"fits"}


def test_a_step_in_half_precision_moves_single_precision_weights(examples):
    state = diffusion_state()
    train_diffusion.train_step(state, examples, Schedule(steps=10, batch=2, learning_rate=1e-3, warmup=1, precision="bfloat16"))
    assert state.step == 1 and np.isfinite(state.losses["diffusion/velocity"])
    assert {parameter.dtype for parameter in state.model.parameters()} == {torch.float32}
