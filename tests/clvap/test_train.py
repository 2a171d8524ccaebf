import itertools
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml

from clvap import train
from clvap.checkpoints import ModelError, RecipeError
from clvap.data import bank
from clvap.data.rows import Row
from clvap.embedder import Embedder
from clvap.model import Clvap
from clvap.progress import Cancelled
from clvap.recipe import Stage
from clvap.text import tokenize
from clvap.training.batches import Data, mixed
from clvap.training.guard import TrainingError
from clvap.training.state import CHECKPOINT, fresh, set_modes
from clvap.training.step import Trained, train_step
from tests.clvap.tiny import tiny_tokenizer
from tests.clvap.training import FUSED, WHOLE, logged, prepared, still, write_recipe, write_sounds, write_wordnet
from tests.sounds import tone

STAGES = [
    {
        "name": "sounds", "steps": 3, "batch_size": 4, "mix": 0.5, "trainable": ["audio", "audio_projection", "fusion", "query_projection", "kinds"],
        "losses": {"text/audio": 1.0, "kind/audio": 1.0},
    },
    {
        "name": "imitations", "steps": 4, "batch_size": 4, "copy_audio_to_voice": True, "losses": {"query/audio": 1.0, "voice/audio": 1.0},
        "trainable": ["audio", "voice", "audio_projection", "fusion", "query_projection", "log_temperature"],
    },
]  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Six sounds and their bank."""
    folder = tmp_path_factory.mktemp("training")
    write_sounds(folder / "sounds")
    prepared(write_recipe(folder))
    return folder


@pytest.fixture
def write(made, tmp_path):
    """Writes a recipe over these sounds and that bank."""
    return lambda **changes: write_recipe(tmp_path, **{"starter": str(made / "sounds"), "bank": str(made / "run" / "bank"), "stages": STAGES, **changes})


@pytest.fixture
def recipe(write):
    return prepared(write())[0]


@pytest.fixture
def rows(write):
    return prepared(write())[1]


def data_of(recipe, rows, net, stage):
    data = Data(rows, recipe, train._tokenizer(recipe, rows, train.ALONE))
    data.begin(recipe, stage, net.model.text)
    return data


def test_a_recipe_trains_to_a_model_that_loads(recipe, rows):
    train.fit(recipe, rows)
    embedder = Embedder.from_pretrained(recipe.out, device="cpu")
    assert embedder.embed_query(tone(), "dog barking").shape == (8,)
    assert {(row["stage"], row["loss"]) for row in logged(recipe)} >= {("sounds", "text/audio"), ("imitations", "query/audio")}
    assert (recipe.run / "curves.png").stat().st_size > 5_000
    assert "0.wav" in (recipe.out / "credits.csv").read_text()


@pytest.mark.parametrize("fusion", ["early", "late", "cross_attention"])
def test_every_fusion_learns(write, fusion):
    model = {**yaml.safe_load(write().read_text())["model"], "fusion": fusion, "width": 8}
    stage = {"name": "all", "steps": 30, "trainable": WHOLE, "losses": FUSED, "batch_size": 4, "learning_rate": 3e-3}
    recipe, rows = prepared(write(model=model, stages=[stage]))
    net = train._network(recipe, 3)
    state = fresh(net, recipe, 0)
    set_modes(net)
    batch = data_of(recipe, rows, net, recipe.stages[0]).batch(0, 0, recipe.stages[0])
    values = []
    for state.step in range(30):
        values.append(sum(train_step(state, batch, recipe.stages[0]).values()))
    assert values[-1] < 0.8 * values[0]


def test_a_clap_is_a_recipe_of_words_alone_and_a_model_can_be_trained_further(write, tmp_path):
    clap = {"name": "clap", "steps": 3, "trainable": ["audio", "text", "audio_projection", "fusion", "query_projection"], "losses": {"text/audio": 1.0}}
    recipe, rows = prepared(write(stages=[{**clap, "batch_size": 4, "learning_rate": 1e-2}], bank=None, ema=0.0))
    assert bank.available(recipe.bank_folder)[0].voice.shape == (6, 0)  # no imitation is made that nobody hears
    train.fit(recipe, rows)
    untrained = train._network(recipe, 3).model.state_dict()
    trained = Clvap.from_folder(recipe.out).state_dict()
    changed = {key.split(".")[0] for key, value in trained.items() if not torch.allclose(value, untrained[key], atol=1e-3)}
    assert {"audio", "text"} <= changed and "voice" not in changed

    further = replace(recipe, start=recipe.out, stages=(replace(recipe.stages[0], learning_rate=0.0),), run=tmp_path / "further", bank=recipe.bank_folder)
    train.fit(replace(further, out=tmp_path / "further" / "model"), rows)
    again = Clvap.from_folder(tmp_path / "further" / "model").state_dict()
    assert all(torch.equal(trained[key], again[key]) for key in trained if "running_" not in key and "num_batches" not in key)
    assert (tmp_path / "further" / "model" / "vocab.json").read_bytes() == (recipe.out / "vocab.json").read_bytes()


def test_parts_of_a_model_start_another(write, tmp_path):
    torch.manual_seed(1)
    recipe, _ = prepared(write())
    tiny_tokenizer(tmp_path / "start")
    Clvap(recipe.model).save(tmp_path / "start", torch.float32)
    given = Clvap.from_folder(tmp_path / "start").state_dict()
    begun = train._network(replace(recipe, start=tmp_path / "start", start_parts=("text", "audio")), 3).model.state_dict()
    equal = {key.split(".")[0] for key in begun if begun[key].is_floating_point() and begun[key].numel() > 100 and torch.equal(begun[key], given[key])}
    assert equal == {"text", "audio"}
    with pytest.raises(ModelError, match="start_parts"):
        train._network(replace(recipe, start=tmp_path / "start", model=replace(recipe.model, width=32)), 3)
    with pytest.raises(ModelError, match="audiotower"):
        train._network(replace(recipe, start=tmp_path / "start", start_parts=("audiotower",)), 3)


def test_a_deeper_tower_starts_as_if_it_were_not(write, tmp_path):
    recipe, _ = prepared(write())
    tiny_tokenizer(tmp_path / "start")
    begun = Clvap(recipe.model).eval()
    begun.save(tmp_path / "start", torch.float32)
    depths = recipe.model.voice["depths"]
    deeper = replace(recipe.model, voice={**recipe.model.voice, "depths": [depths[0], depths[1] + 2]})
    net = train._network(replace(recipe, start=tmp_path / "start", model=deeper), 3).model.eval()
    assert len(list(net.voice.parameters())) > len(list(begun.voice.parameters()))
    heard = torch.rand(2, *bank.available(recipe.bank_folder)[0].audio.shape[1:])
    assert torch.allclose(net.voice(heard), begun.voice(heard), atol=1e-6)


def test_what_is_written_keeps_a_share_of_what_it_started_from(write, tmp_path):
    recipe, rows = prepared(write(ema=0.0))
    tiny_tokenizer(tmp_path / "start")
    torch.manual_seed(1)
    Clvap(recipe.model).save(tmp_path / "start", torch.float32)
    further = replace(recipe, start=tmp_path / "start")
    first, trained, half = (
        Clvap.from_folder(folder).state_dict()["query_projection.0.weight"]
        for folder in (tmp_path / "start", train.fit(further, rows), train.fit(replace(further, keeps=0.5, out=tmp_path / "half"), rows))
    )
    assert not torch.allclose(first, trained, atol=1e-3) and torch.allclose(half, (first + trained) / 2, atol=2e-3)


def test_a_stopped_run_resumes_to_the_same_weights_and_curve(write, monkeypatch, tmp_path):
    recipe, rows = prepared(write(validation={"every": 2, "share": 0.5}, stages=[{**stage, "batch_size": 2} for stage in STAGES]))
    whole = replace(recipe, run=tmp_path / "whole", out=tmp_path / "whole" / "model")
    train.fit(whole, rows)

    class Stopped(Exception):
        pass

    first = recipe.stages[0].steps

    def stop(done, total, what=""):
        if (what.startswith("sounds") and done == 1 and not stops) or (what.startswith("imitations") and done == first + 3 and len(stops) == 1):
            stops.append(what)  # the first before any checkpoint
            raise Stopped

    stops = []
    for _ in range(2):
        with pytest.raises(Stopped):
            train.fit(recipe, rows, stop)
        with open(recipe.run / "log.csv", "a") as file:
            file.write("imitations,3,query/aud")  # a line that the kill cut off
    train.fit(recipe, rows)
    assert (whole.run / "log.csv").read_text() == (recipe.run / "log.csv").read_text()
    assert (whole.out / "model.safetensors").read_bytes() == (recipe.out / "model.safetensors").read_bytes()


def test_a_run_of_minutes_ends_by_the_time_it_was_trained_over_all_its_starts(write, monkeypatch, tmp_path):
    now = itertools.count(step=6.0)  # at every look at the clock: when a stage begins, and after a step
    monkeypatch.setattr(train, "time", SimpleNamespace(perf_counter=lambda: next(now)))
    rare = {"minutes": 1.4, "log_every": 100, "checkpoint_every": 100, "validation": {"every": 100, "share": 0.5}}
    recipe, rows = prepared(write(stages=[{**stage, "batch_size": 2} for stage in STAGES], **rare))
    assert [recipe.seconds(stage) for stage in recipe.stages] == pytest.approx([36, 48])
    whole, told = replace(recipe, run=tmp_path / "whole", out=tmp_path / "whole" / "model"), []
    train.fit(whole, rows, lambda *so_far: told.append(so_far))
    assert [done for done, _, what in told if "minutes" in what] == [6 * step for step in range(1, 15)]
    assert told[4][1] == 84 and told[4][2].endswith("0.5 of 1.4 minutes")

    def stop(done, total, what=""):
        if done == 66:
            raise Cancelled

    with pytest.raises(Cancelled):
        train.fit(recipe, rows, stop)
    train.fit(recipe, rows)
    steps = {(line["stage"], int(line["step"])) for line in logged(recipe)}
    assert steps == {("sounds", step) for step in range(1, 7)} | {("imitations", step) for step in range(1, 9)}
    assert (whole.run / "log.csv").read_text() == (recipe.run / "log.csv").read_text()
    assert (whole.out / "model.safetensors").read_bytes() == (recipe.out / "model.safetensors").read_bytes()
    assert train.estimated(recipe).training_s == pytest.approx(84, rel=0.2)


def test_frozen_parts_stay_and_text_states_are_those_of_the_frozen_tower(recipe, rows):
    net = train._network(recipe, 3)
    stage = replace(recipe.stages[1], trainable=("fusion", "query_projection", "voice"), frozen=("voice.net",), losses=FUSED)
    recipe = replace(recipe, stages=(stage,))
    state = fresh(net, recipe, 0)
    set_modes(net)
    before = {key: value.clone() for key, value in net.model.state_dict().items()}
    data = data_of(recipe, rows, net, stage)
    assert torch.allclose(data.text[:2], net.model.text.eval()(data.ids[:2], data.text_mask[:2]))
    train_step(state, data.batch(0, 0, stage), stage)
    changed = {key.split(".")[0] for key, value in net.model.state_dict().items() if not torch.equal(value, before[key])}
    assert changed == {"fusion", "query_projection"}


def test_a_voice_tower_learns_to_hear_through_microphones_what_it_hears_without(recipe, rows):
    stage = Stage("microphones", 40, ("voice",), {"clean/voice": 1.0}, learning_rate=5e-3, batch_size=4, microphones=1.0)
    recipe = replace(recipe, stages=(stage,), model=still(recipe.model))
    net = train._network(recipe, 3)
    data, state = data_of(recipe, rows, net, stage), fresh(net, recipe, 0)
    set_modes(net)
    before = {name: value.clone() for name, value in net.clean.state_dict().items()}
    net.model.audio.forward = None  # no loss needs the sounds
    batch = data.batch(0, 0, stage)
    assert not torch.equal(batch.voice, batch.clean)
    first = train_step(state, batch, stage)["clean/voice"]
    for _ in range(39):
        last = train_step(state, batch, stage)["clean/voice"]
    assert 0 < last < 0.8 * first
    assert all(torch.equal(value, before[name]) for name, value in net.clean.state_dict().items())


def test_a_stage_keeps_to_the_voice_tower_as_the_stage_before_left_it(recipe, rows):
    still_stage = Stage("microphones", 1, ("voice",), {"clean/voice": 1.0}, learning_rate=0.0, batch_size=4, microphones=1.0)
    recipe = replace(recipe, stages=(recipe.stages[1], still_stage), checkpoint_every=1)
    first = train._network(recipe, 3).clean
    train.fit(recipe, rows)
    saved = torch.load(recipe.run / CHECKPOINT, weights_only=True)["net"]
    learnt = [name for name, value in first.named_parameters() if not torch.equal(value, saved[f"clean.{name}"])]
    assert learnt and all(torch.equal(saved[f"clean.{name}"], saved[f"model.voice.{name}"]) for name in learnt)


def test_a_name_that_no_part_has_and_a_batch_too_large_are_refused(write):
    recipe, rows = prepared(write(stages=[{**STAGES[0], "trainable": ["audiotower"]}]))
    with pytest.raises(RecipeError, match=r"audiotower.*audio, audio_projection"):
        train.fit(recipe, rows)
    recipe, rows = prepared(write(stages=[{**STAGES[0], "batch_size": 8}]))
    with pytest.raises(RecipeError, match="6 rows to draw from"):
        train.fit(recipe, rows)
    recipe, rows = prepared(write(stages=[{**STAGES[0], "trainable": ["voice"]}]))
    with pytest.raises(TrainingError, match=r"gradient is 0.*no checkpoint"):
        train.fit(recipe, rows)
    with pytest.raises(RecipeError, match="GPU"):
        train.check(replace(recipe, precision="float16"), train.ALONE)
    with pytest.raises(RecipeError, match="multiple of 1 processes x accumulate 3"):
        train.check(replace(recipe, stages=(replace(recipe.stages[0], accumulate=3),)), train.ALONE)


def test_a_broken_loss_stops_with_a_reason_and_the_last_checkpoint_stays(recipe, rows):
    recipe = replace(recipe, stages=(replace(recipe.stages[0], steps=8, learning_rate=1e38),), checkpoint_every=1)
    with pytest.raises(TrainingError, match=r"stage sounds, step \d: the (loss \S+/audio|gradient) is (nan|inf).*checkpoint.pt is untouched") as stopped:
        train.fit(recipe, rows)
    assert "learning rate" in str(stopped.value)
    saved = torch.load(recipe.run / CHECKPOINT, weights_only=True)
    assert saved["step"] == int(str(stopped.value).split("step ")[1].split(":")[0])
    healed = replace(recipe, stages=(replace(recipe.stages[0], steps=8, learning_rate=1e-4),))
    shutil.rmtree(recipe.run)
    train.fit(healed, rows)


def test_a_stage_ends_when_validation_no_longer_improves_and_its_best_weights_ship(write):
    stage = {**STAGES[0], "steps": 50, "batch_size": 2, "learning_rate": 0.0}
    recipe, rows = prepared(write(stages=[stage], validation={"every": 2, "share": 0.5, "patience": 2}))
    train.fit(recipe, rows)
    lines = logged(recipe)
    assert max(int(line["step"]) for line in lines) == 6  # the first look at 2, then two without a better figure
    assert {line["loss"] for line in lines} >= {"validation/text/R@1", "validation/text/MRR", "validation/text/P@1 other"}
    saved = torch.load(recipe.run / CHECKPOINT, weights_only=True)
    assert (saved["best_step"], saved["waited"], saved["finished"]) == (2, 2, True)
    assert [path.name for path in recipe.run.glob("best-*.pt")] == ["best-0-2.pt"]
    best = torch.load(recipe.run / "best-0-2.pt", weights_only=True)["ema"]
    shipped = Clvap.from_folder(recipe.out).state_dict()
    key = next(key for key in shipped if "running_mean" in key and key.startswith("audio"))
    close = lambda weights: torch.allclose(shipped[key], weights[f"module.model.{key}"], atol=1e-3)  # noqa: E731
    assert close(best) and not close(saved["ema"])


def test_two_trainings_do_not_share_a_run(write):
    path = write()
    recipe, _ = prepared(path)
    with train._alone_in(recipe.run), pytest.raises(TrainingError, match="another process"):
        train.run(path)


def test_the_bank_is_not_made_twice_and_not_used_for_other_rows(made, recipe, rows):
    before = (recipe.bank_folder / "pass-0" / "audio.npy").stat().st_mtime_ns
    train.make_bank(recipe, rows, train.silent)
    assert (recipe.bank_folder / "pass-0" / "audio.npy").stat().st_mtime_ns == before
    with pytest.raises(RecipeError, match="other rows"):
        train.claim_bank(recipe.bank_folder, rows[:5])


def test_two_processes_make_the_same_bank(made, recipe, rows, tmp_path):
    train.make_bank(replace(recipe, bank=tmp_path / "bank", passes=1), rows, train.silent, workers=2)
    one, two = (bank.available(folder)[0] for folder in (recipe.bank_folder, tmp_path / "bank"))
    assert all(np.array_equal(getattr(one, name), getattr(two, name)) for name in ("audio", "voice", "teacher"))


def test_a_recorded_imitation_is_heard_as_the_first(made, tmp_path):
    sound, recording = made / "sounds" / "0.wav", made / "sounds" / "3.wav"
    row = Row(sound, ("tone",), "a/tone", "0", "CC0-1.0", imitation=recording)
    features = prepared(write_recipe(made))[0].model.features
    bank.build([row], tmp_path / "bank", 1, features, None)
    voice = bank.available(tmp_path / "bank")[0].voice[0]
    heard = features(train.bank.read_gesture(recording)).numpy()
    assert np.allclose(voice[0], heard, atol=1e-2) and not np.allclose(voice[1], heard, atol=1e-1)


def test_a_mixed_sound_belongs_to_both_by_their_amplitudes(recipe, rows):
    net = Trained(Clvap(recipe.model), 3)
    data = data_of(recipe, rows, net, recipe.stages[1])
    plain = data.batch(0, 0, recipe.stages[1])
    even = mixed(plain, data.of_audio, torch.zeros(4))
    assert torch.allclose(even.audio_kinds, (plain.audio_kinds + plain.audio_kinds.roll(1, dims=0)) / 2)
    assert torch.allclose(even.targets[:, 2], (plain.targets[:, 2] + plain.targets[:, 1]) / 2)
    assert torch.equal(even.voice_kinds, plain.voice_kinds) and torch.equal(even.voice, plain.voice)
    quiet = mixed(plain, data.of_audio, torch.full((4,), -90.0))
    assert torch.allclose(quiet.audio_kinds, plain.audio_kinds, atol=1e-3)


def test_a_stage_draws_from_its_shares_and_from_sounds_as_they_are(recipe, rows):
    net = Trained(Clvap(recipe.model), 3)
    relabelled = [replace(row, label=f"{'left' if i < 3 else 'right'}/{row.label}") for i, row in enumerate(rows)]
    stage = replace(recipe.stages[0], shares={"left": 1.0}, batch_size=3, augmented=False, mix=0.0)
    data = Data(relabelled, recipe, train._tokenizer(recipe, rows, train.ALONE))
    data.begin(recipe, stage, net.model.text)
    assert (data.weights > 0).tolist() == [True] * 3 + [False] * 3
    with pytest.raises(RecipeError, match=r"nowhere.*left, right"):
        data.begin(recipe, replace(stage, shares={"nowhere": 1.0}), net.model.text)


def test_without_imitations_the_voice_tower_hears_the_sounds_themselves(recipe, rows, made):
    net = Trained(Clvap(recipe.model), 3)
    stage = replace(recipe.stages[1], imitated=0.0)
    data = data_of(recipe, rows, net, stage)
    data.of_voice = data.of_audio = type("Same", (), dict.fromkeys(("varied", "through_microphones", "in_rooms"), lambda self, heard, rng: heard))()
    first = data.passes[0]
    data.passes = [first]
    batch = data.batch(0, 1, stage)
    assert torch.equal(batch.voice, batch.audio)
    assert not torch.equal(data.batch(0, 1, replace(stage, imitated=1.0)).voice, batch.audio)


def test_the_model_of_a_recipe_that_starts_from_one_need_not_be_spelled_out(write, tmp_path):
    recipe, _ = prepared(write())
    recipe.model.save(tmp_path / "start")
    assert prepared(write(model=None, start=str(tmp_path / "start")))[0].model == recipe.model
    with pytest.raises(RecipeError, match="start"):
        train.check(prepared(write(start=str(tmp_path / "nowhere")))[0], train.ALONE)


def test_texts_that_mean_the_same_come_closer(write, tmp_path):
    stage = {"name": "words", "steps": 60, "trainable": ["text", "fusion", "query_projection"], "losses": {"text/text": 1.0}, "batch_size": 6}
    recipe, rows = prepared(write(stages=[{**stage, "learning_rate": 5e-3}], wordnet=str(write_wordnet(tmp_path / "wordnet")), ema=0.0))
    data = data_of(recipe, rows, train._network(recipe, 3), recipe.stages[0])
    assert ("dog1", "hound1") in data.meanings and ("dog1", "a barking animal 1") in data.meanings

    @torch.no_grad()
    def nearer(model):
        """By how much texts of one meaning are more alike than others."""
        model.eval()
        words = [torch.stack([model.query_vectors(model.fuse(model.text(*one), one[1], None))[0] for one in pairs]) for pairs in told]
        likeness = words[0] @ words[1].T
        return float(likeness.diagonal().mean() - likeness.mean())

    told = [[tokenize(data.tokenizer, [f"{text}{i}"]) for i in range(4)] for text in ("dog", "hound")]
    before, trained = nearer(train._network(recipe, 3).model), nearer(Clvap.from_folder(train.fit(recipe, rows)))
    assert trained > 5 * max(before, 0.002)
    with pytest.raises(RecipeError, match="2 x processes"):
        train.check(replace(recipe, stages=(replace(recipe.stages[0], batch_size=5),)), train.ALONE)


def test_an_estimate_measures_every_stage_and_leaves_the_run_alone(write):
    recipe = prepared(write())[0]
    told = train.estimated(recipe)
    assert told.steps == 7 and told.training_s > 0 and told.bank_s == 0 and 0 < told.needed < told.available
    assert not recipe.run.exists() or not any(recipe.run.iterdir())


def test_weights_so_far_become_a_model_while_the_run_goes_on(tmp_path, write):
    path = write(checkpoint_every=1)
    recipe, rows = prepared(path)
    with pytest.raises(TrainingError, match="nothing kept yet"):
        train.export_so_far(recipe)

    def stop(done, total, what=""):
        if done == 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        train.fit(recipe, rows, stop)
    assert not recipe.out.exists() and Clvap.from_folder(train.export_so_far(recipe)).config == recipe.model
    train.fit(recipe, rows)
    assert [int(line["step"]) for line in logged(recipe) if line["stage"] == "imitations" and line["loss"] == "query/audio"] == [1, 2, 3, 4]
