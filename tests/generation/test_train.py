import copy
import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

from clvap import audio
from clvap.checkpoints import ModelError
from generation import model as sfx
from generation import spectrum, train_autoencoder, train_diffusion
from generation.analysis import mel_filters
from generation.autoencoder import AutoencoderConfig
from generation.examples import Examples, batches
from generation.latents import encode
from generation.queries import embed
from generation.sounds import Sound, collect, esc50
from generation.train import Schedule, TrainingError, apply, checkpoint, resume
from generation.windows import Dropout, Windows
from tests.generation import tiny
from tests.sounds import knocks, noise, tone

SCHEDULE = Schedule(steps=10, batch=2, learning_rate=1e-3, warmup=1, device="cpu")
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


def diffusion_step(state, examples, schedule=SCHEDULE):
    train_diffusion.train_step(state, next(batches(examples, schedule, state.step)), schedule)


@pytest.fixture
def examples(sounds, tmp_path):
    latents = encode(diffusion_state().model.pretransform.model, sounds, tmp_path / "latents", variants=2)
    queries = embed(tiny.FakeEmbedder(), sounds, PHRASES, tmp_path / "queries", length=6)
    windows = Windows((16, 24), (0.5, 0.5))
    kinds = ["tone", "noise", "noise"]
    return Examples(latents, queries, ["sfx"] * 3, kinds, {"sfx": 1.0}, tiny.DIFFUSION, Dropout(own_query=0.5), windows)


def test_a_decoder_step_learns_everywhere_but_in_the_scale_of_the_latents(sounds):
    calibration = train_autoencoder.crop_batch(sounds, np.random.default_rng(0), 4, 4)
    state = train_autoencoder.start(AutoencoderConfig(**tiny.AUTOENCODER), SCHEDULE, calibration)
    before = copy.deepcopy(state.model.state_dict())
    autoencoder_step(state, sounds)
    autoencoder_step(state, sounds)
    still = {name.rpartition(".")[2] for name, value in state.model.state_dict().items() if torch.equal(before[name], value)}
    assert still == {"mean", "deviation"} and state.step == 2 and set(state.losses) == set(train_autoencoder.WEIGHTS)


def test_levels_of_noise_are_drawn_about_their_mean(examples):
    many = next(batches(examples, SCHEDULE, 0))._replace(latents=torch.zeros(4000, 1, 1))
    times, noise = train_diffusion.drawn(many, 0, train_diffusion.Levels(2.0, 0.5))
    odds = torch.logit(times)
    assert abs(odds.mean() - 2) < 0.05 and abs(odds.std() - 0.5) < 0.05 and noise.shape == many.latents.shape


def test_a_diffusion_step_trains_conditioning_and_leaves_the_autoencoder(examples):
    state = diffusion_state()
    before = copy.deepcopy(state.model.state_dict())
    for _ in range(3):
        diffusion_step(state, examples)
    moved = {name for name, value in state.model.state_dict().items() if not torch.equal(before[name], value)}
    assert not any(name.startswith("pretransform") for name in moved)
    assert any(name.startswith("conditioner.conditioners.clvap") for name in moved)
    assert any(name.startswith("model.model.transformer.layers.1") for name in moved)


def test_training_resumes_exactly(examples, tmp_path):
    straight = diffusion_state()
    for _ in range(2):
        diffusion_step(straight, examples)
    path = checkpoint(straight, tmp_path / "last.pt")
    diffusion_step(straight, examples)
    resumed = train_diffusion.start(tiny.config(), replace(SCHEDULE, seed=99))
    assert resume(resumed, path) and resumed.step == 2
    diffusion_step(resumed, examples)
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


def test_queries_of_a_model_since_trained_on_are_made_anew(sounds, tmp_path, monkeypatch):
    class Further(tiny.FakeEmbedder):
        fingerprint = "further"

    recipe = {"run": str(tmp_path / "run"), "clvap": str(tmp_path / "nowhere"), "data": {}, "model": {"tokens": 6}}
    with pytest.raises(ModelError, match="nowhere"):
        train_diffusion._queries(recipe, sounds)
    train_diffusion.stored_queries(recipe, sounds, tiny.FakeEmbedder())
    assert train_diffusion._queries(recipe, sounds).fingerprint == "fake"  # where the model is not, what it made is used
    monkeypatch.setattr("clvap.Embedder.from_pretrained", lambda *_: Further())
    assert train_diffusion._queries(recipe, sounds).fingerprint == "further"


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
    diffusion_step(state, examples, replace(SCHEDULE, precision="bfloat16"))
    assert state.step == 1 and np.isfinite(state.losses["diffusion/velocity"])
    assert {parameter.dtype for parameter in state.model.parameters()} == {torch.float32}


def test_batches_drawn_ahead_are_those_of_their_steps(examples):
    here, ahead = (list(batches(examples, replace(SCHEDULE, steps=5, workers=workers), 2)) for workers in (0, 2))
    assert len(here) == len(ahead) == 3
    for one, other in zip(here, ahead, strict=True):
        assert one.name == other.name and torch.equal(one.latents, other.latents) and torch.equal(one.queries.tokens, other.queries.tokens)


def test_a_query_may_be_that_of_another_sound_of_the_kind(examples):
    drawn = {item.sound: set() for item in examples._latents.items}
    rng = np.random.default_rng(0)
    for item in examples._latents.items * 40:
        query = examples._query(item, rng)
        drawn[item.sound] |= {query.vector.tobytes()} if query else set()
    assert drawn[1] == drawn[2] != drawn[0]


def test_a_recipe_trains_and_watches_sounds_that_it_does_not_train_on(tmp_path):
    data = tmp_path / "data"
    rows = [("a.wav", tone(), 1, "CC0-1.0"), ("b.wav", noise(), 2, "CC-BY-3.0"), ("c.wav", knocks((0.2, 0.9)), 3, "CC-BY-NC-3.0")]
    for name, clip, _, _ in rows:
        audio.write(data / "esc50" / name, clip)
    write_table(data / "esc50" / "esc50.csv", ["filename", "fold", "category", "licence"], [(name, fold, "dog", licence) for name, _, fold, licence in rows])
    write_table(data / "sfx" / "sfx.csv", ["path", "caption", "pack", "licence"], [])
    start = sfx.save(tiny.model(), tiny.config(), tmp_path / "start", torch.float32)
    recipe = {
        "run": str(tmp_path / "run"),
        "start": str(start),
        "out": str(tmp_path / "out"),
        "clvap": "clvap-mini",
        "data": {"folder": str(data), "variants": 2, "without_queries": True, "shares": {"esc50": 1.0}},
        "model": vars(tiny.DIFFUSION) | {"depth": 3},
        "sampling": {"steps": 5, "guidance": 2.5, "best_of": 3},
        "held_out": 2,
        "snapshots": 2,
        "schedule": vars(SCHEDULE) | {"steps": 4},
    }
    before, _ = sfx.load(start)
    prepared = train_diffusion.prepare(recipe)
    grown, as_it_was = (train_diffusion.held_out_loss(model, prepared.held_out, SCHEDULE) for model in (prepared.state.model, before))
    assert grown == pytest.approx(as_it_was, rel=1e-5)  # a block more starts as if it were not there
    out = train_diffusion.train(recipe)
    _, config = sfx.load(out)
    assert (config.diffusion.depth, config.steps, config.guidance, config.best_of) == (3, 5, 2.5, 3)
    assert (tmp_path / "run" / "step-2" / "model.safetensors").is_file()
    with open(tmp_path / "run" / "held-out.csv", newline="", encoding="utf-8") as file:
        watched = list(csv.DictReader(file))
    assert [row["step"] for row in watched] == ["2", "4"] and watched[0] != watched[1]

    half = train_diffusion.export(recipe | {"keeps": 0.5, "out": str(tmp_path / "half")})
    first, last, between = (dict(sfx.load(folder)[0].named_parameters()) for folder in (start, out, half))
    assert any(not torch.equal(first[name], last[name]) for name in first)
    for name, weight in between.items():
        assert torch.allclose(weight, (first[name] + last[name]) / 2 if name in first else last[name], atol=2e-3), name


def write_table(path, columns, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
