import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import RobertaConfig

from clvap import audio, train
from clvap.data import bank, manifests
from clvap.embedder import Embedder
from clvap.recipe import Recipe, Stage
from clvap.text import TextTower
from tests.clvap.tiny import TEXT, tiny_config, tiny_tokenizer
from tests.sounds import knocks, noise, tone

STAGES = (
    Stage("sounds", 3, ("audio", "audio_projection", "fusion", "query_projection", "kinds"), {"text/audio": 1.0, "kind/audio": 1.0}, batch_size=4, mix=0.5),
    Stage(
        "imitations", 4, ("audio", "voice", "audio_projection", "fusion", "query_projection", "log_temperature"),
        {"query/audio": 1.0, "voice/audio": 1.0}, batch_size=4, copy_audio_to_voice=True,
    ),
)


@pytest.fixture
def recipe(tmp_path) -> Recipe:
    """A recipe on six sounds with captions, its bank made."""
    sounds = tmp_path / "sounds"
    for i, clip in enumerate([tone(200), tone(900), noise(0.5), noise(1.5), knocks((0.1,)), knocks((0.1, 0.7))]):
        audio.write(sounds / f"{i}.wav", clip)
    with open(sounds / "captions.csv", "w", newline="") as file:
        csv.writer(file).writerows([["path", "caption", "category"], *([f"{i}.wav", f"dog barking {i // 2}", "test"] for i in range(6))])
    text = tmp_path / "text"
    tiny_tokenizer(text)
    torch.manual_seed(0)
    save_file(TextTower(RobertaConfig(**TEXT)).state_dict(), text / "text.safetensors")
    recipe = Recipe("tiny", tmp_path / "run", tmp_path / "out", text, sounds, sounds, tiny_config(), STAGES, passes=2, log_every=1, checkpoint_every=2)
    bank.build(manifests.captioned_folder(sounds), recipe.run / "bank", recipe.passes, recipe.model.features, None)
    return recipe


def rows(recipe: Recipe):
    return manifests.captioned_folder(recipe.packs)


def test_a_recipe_trains_to_a_model_that_loads(recipe):
    train.fit(recipe, rows(recipe))
    embedder = Embedder.from_pretrained(recipe.out, device="cpu")
    assert embedder.embed_query(tone(), "dog barking").shape == (8,)
    with open(recipe.run / "log.csv", newline="") as file:
        assert {(row["stage"], row["loss"]) for row in csv.DictReader(file)} >= {("sounds", "text/audio"), ("imitations", "query/audio")}


def test_a_stopped_run_resumes_to_the_same_weights(recipe, tmp_path):
    whole = replace(recipe, out=tmp_path / "whole")
    train.fit(whole, rows(recipe))
    (recipe.run / "checkpoint.pt").unlink()

    class Stopped(Exception):
        pass

    def stop(state, recipe_):
        original(state, recipe_)
        if (state.stage, state.step) == (1, 2):
            raise Stopped

    original, train._checkpoint = train._checkpoint, stop
    try:
        with pytest.raises(Stopped):
            train.fit(recipe, rows(recipe))
    finally:
        train._checkpoint = original
    train.fit(recipe, rows(recipe))
    assert (tmp_path / "whole" / "model.safetensors").read_bytes() == (recipe.out / "model.safetensors").read_bytes()


def test_one_real_step_lowers_the_loss_on_its_batch(recipe):
    torch.manual_seed(0)
    net = train.Trained(train.Clvap(recipe.model), 3)
    stage = replace(STAGES[1], steps=30, learning_rate=3e-3)
    state = train._fresh(net, replace(recipe, stages=(stage,)), 0)
    batch = train.Data(rows(recipe), recipe, net.model).batch(0, 0, 4)
    values = []
    for state.step in range(30):
        values.append(sum(train.train_step(state, batch, stage).values()))
    assert values[-1] < 0.8 * values[0]


def test_frozen_parts_stay_and_a_broken_loss_stops_with_a_reason(recipe):
    net = train.Trained(train.Clvap(recipe.model), 3)
    state = train._fresh(net, recipe, 0)
    voice = {k: v.clone() for k, v in net.model.voice.state_dict().items()}
    batch = train.Data(rows(recipe), recipe, net.model).batch(0, 0, 4)
    train.train_step(state, batch, STAGES[0])
    assert all(torch.equal(v, voice[k]) for k, v in net.model.voice.state_dict().items())
    with pytest.raises(FloatingPointError, match="learning rate"):
        train.train_step(state, replace(batch, audio=batch.audio * float("nan")), STAGES[0])


def test_the_bank_is_not_made_twice(recipe):
    before = (recipe.run / "bank" / "pass-0" / "audio.npy").stat().st_mtime_ns
    bank.build(rows(recipe), recipe.run / "bank", recipe.passes, recipe.model.features, None)
    assert (recipe.run / "bank" / "pass-0" / "audio.npy").stat().st_mtime_ns == before


def test_two_processes_make_the_same_bank(recipe, tmp_path):
    bank.build(rows(recipe), tmp_path / "bank", 1, recipe.model.features, None, workers=2)
    one, two = (bank.available(folder)[0] for folder in (recipe.run / "bank", tmp_path / "bank"))
    assert all(np.array_equal(getattr(one, name), getattr(two, name)) for name in ("audio", "voice", "teacher"))


def test_a_mixed_sound_belongs_to_both_by_their_amplitudes(recipe):
    plain = train.Data(rows(recipe), recipe, train.Clvap(recipe.model)).batch(0, 0, 4)
    even = train.mixed(plain, recipe.model.features, torch.zeros(4))
    assert torch.allclose(even.audio_kinds, (plain.audio_kinds + plain.audio_kinds.roll(1, dims=0)) / 2)
    assert torch.allclose(even.targets[:, 2], (plain.targets[:, 2] + plain.targets[:, 1]) / 2)
    assert torch.equal(even.voice_kinds, plain.voice_kinds) and torch.equal(even.voice, plain.voice)
    quiet = train.mixed(plain, recipe.model.features, torch.full((4,), -90.0))
    assert torch.allclose(quiet.audio_kinds, plain.audio_kinds, atol=1e-3)


def test_the_shipped_recipe_loads_and_a_wrong_key_is_named(tmp_path):
    shipped = Path("assets/recipes/clvap-mini.yaml")
    assert Recipe.load(shipped).name == "clvap-mini"
    (tmp_path / "wrong.yaml").write_text(shipped.read_text() + "\nlearning_rat: 1\n")
    with pytest.raises(ValueError, match="learning_rat"):
        Recipe.load(tmp_path / "wrong.yaml")
