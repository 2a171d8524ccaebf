import json
import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from clvap.checkpoints import ModelError
from clvap.contours import extract
from clvap.progress import Cancelled
from generation import GenerateRequest, Generator, backends, ranking
from generation.checkpoints import locate
from generation.conditioning import CONTROLS_KEY, TOKENS_KEY
from generation.controls import absent, from_contours
from generation.interrupt import asked_between
from generation.request import AS_MADE, Follow, Ground, Pull, RequestError
from generation.samplers import Sampling
from generation.sampling import Start, hear, sample
from tests.generation import tiny
from tests.sounds import knocks, noise, tone


def alike(one, two):
    """Whether two takes are the same but for their phase, which turns on the last bit of a magnitude, and that on the batch's size."""
    return np.abs(extract(one).loudness_db - extract(two).loudness_db).mean() < 0.5


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    return Generator.from_pretrained(tiny.saved(tmp_path_factory.mktemp("tiny")), "cpu", tiny.FakeEmbedder())


def request(**changes) -> GenerateRequest:
    return GenerateRequest(**({"query": tiny.query(), "seconds": 0.5, "variations": 2, "seed": 5} | changes))


def test_takes_are_finished_sounds_best_first(generator, capsys):
    seen, heard = [], []
    takes = generator.generate(request(variations=3), lambda done, total, what: seen.append((done, total)), heard.append)
    assert sorted(take.seed for take in takes) == [5, 6, 7] and [take.seed for take in heard] == [5, 6, 7]
    assert [take.score for take in takes] == sorted((take.score for take in takes), reverse=True)
    assert all(take.clip.duration_s == pytest.approx(0.5, abs=0.01) and take.clip.peak <= 0.9 for take in takes)
    assert seen[0] == (0, 12) and seen[-1] == (12, 12) and [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert capsys.readouterr().out == ""


def test_a_seed_gives_the_same_take_whatever_is_made_beside_it(generator):
    both = {take.seed: take.clip for take in generator.generate(request())}
    alone = generator.generate(request(variations=1, seed=6))[0].clip
    assert alike(both[6], alone) and not alike(both[5], both[6])


def test_cancel_stops_between_steps(generator):
    steps = []

    def progress(done, total, what):
        steps.append(done)
        if done == 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        generator.generate(request(steps=10), progress)
    assert steps == [0, 2, 4]


def test_cancel_stops_within_a_step(generator):
    asked, calls = [], 0

    def ask():
        asked.append(calls)
        if len(asked) == 2:
            raise Cancelled

    def count(*_):
        nonlocal calls
        calls += 1

    layers = generator._backend.model.model.model.transformer.layers
    handles = [layer.register_forward_pre_hook(count) for layer in layers]
    try:
        with pytest.raises(Cancelled), asked_between(layers, ask, every_s=0.0):
            generator.generate(request(variations=1))
    finally:
        for handle in handles:
            handle.remove()
    assert asked == [1, 2] and len(layers) == 2  # the second block of the first step never ran
    assert not any(layer._forward_pre_hooks for layer in layers)


@pytest.mark.parametrize(
    "other",
    [
        {"query": tiny.query(seed=9)},
        {"init": tone(seconds=0.5)},
        {"guidance": 6.0},
        {"query": tiny.query(contours=extract(knocks((0.1,), 0.5)))},
        {"negative": "thunder"},
        {"sampler": "pingpong"},
        {"seconds_total": 2.0},
        {"steps": 5},
    ],
)
def test_what_is_asked_changes_what_is_made(generator, other):
    plain, changed = (generator.generate(request(variations=1, pull=AS_MADE, **more))[0].clip.samples for more in ({}, other))
    assert np.abs(plain - changed).max() > 0.01


def test_a_control_can_be_switched_off(generator):
    asked = request(query=tiny.query(contours=extract(knocks((0.1,), 0.5))), variations=1, pull=AS_MADE)
    off = replace(asked, follow=Follow(0, 0, 0))
    without = replace(off, query=tiny.query())
    made = [generator.generate(one)[0].clip.samples for one in (asked, off, without)]
    assert np.abs(made[0] - made[1]).max() > 0.01
    assert np.abs(made[1] - made[2]).max() < 1e-4


def test_the_amount_of_a_control_lies_between_off_and_on(generator):
    asked = request(query=tiny.query(contours=extract(knocks((0.1,), 0.5))), variations=1, pull=AS_MADE)
    off, half, on = (generator.generate(replace(asked, follow=Follow(amount, 0, 0)))[0].clip.samples for amount in (0.0, 0.5, 1.0))
    assert 0 < np.abs(half - off).mean() < np.abs(on - off).mean() and np.abs(half - on).mean() < np.abs(on - off).mean()


def test_guidance_compares_with_no_curves_where_a_model_hears_some():
    model = tiny.model()
    curves = from_contours(extract(knocks((0.1,), 0.5))).cut(0, 8)
    positive = {TOKENS_KEY: tiny.query(), CONTROLS_KEY: curves, "seconds_total": 0.5}
    nothing = {**positive, TOKENS_KEY: None}
    seen = []
    whole = model.model.forward

    def network(x, t, **heard):
        seen.append(heard)
        return whole(x, t, **heard)

    model.model.forward = network

    def made(negative, guidance):
        heard = hear(model, positive, negative, "cpu")
        return sample(model, Start([3]), heard, 8, Sampling(sampler="euler", steps=2, guidance=guidance), lambda *_: None)

    with_curves, without = (made({**nothing, CONTROLS_KEY: one}, 3.0) for one in (curves, absent(8)))
    assert seen[-1]["input_concat_cond"][0].any() and not seen[-1]["input_concat_cond"][1].any()
    del model.model.forward
    model.input_concat_ids = ["curves"]  # by another name, so that the engine guides
    model.conditioner.conditioners["curves"] = model.conditioner.conditioners.pop(CONTROLS_KEY)
    positive["curves"], nothing["curves"] = curves, curves
    engines = made(nothing, 3.0)
    assert torch.allclose(with_curves, engines, atol=1e-5)  # compared with the same curves it is the engine's guidance
    assert (without - engines).abs().max() > 0.01


def test_guidance_counts_the_words_more_than_the_curves(tmp_path):
    asked = request(query=tiny.query(contours=extract(knocks((0.1,), 0.5))), follow=Follow(1.0, 0.5, 0.0))
    prompt = backends.load(tiny.saved(tmp_path), "cpu").prompt(asked, 8, tiny.FakeEmbedder)
    heard, compared = prompt.positive[CONTROLS_KEY], prompt.negative[CONTROLS_KEY]
    assert heard.given == (1.0, 0.5, 0.0) and np.array_equal(heard.values, compared.values)
    assert 0 < compared.given[0] < 1 and 0 < compared.given[1] < 0.5 and compared.given[2] == 0
    assert prompt.positive[TOKENS_KEY] is asked.query and prompt.negative[TOKENS_KEY] is None


def test_one_take_is_grounded_and_says_on_what(generator):
    ground = Ground(knocks((0.1, 0.3), 0.5), "door.wav", 1.0)
    takes = generator.generate(request(variations=3, ground=ground, pull=AS_MADE))
    parents = {take.seed: take.parent for take in takes}
    assert parents == {5: "door.wav", 6: None, 7: None}
    wanted = extract(ground.clip).loudness_db

    def likeness(take):
        made = extract(take.clip).loudness_db
        return np.corrcoef(wanted[: len(made)], made[: len(wanted)])[0, 1]

    by_seed = {take.seed: likeness(take) for take in takes}
    assert by_seed[5] > 0.9 > max(by_seed[6], by_seed[7])
    plain = {take.seed: take.clip for take in generator.generate(request(variations=3, pull=AS_MADE))}
    assert all(alike(plain[take.seed], take.clip) for take in takes if take.parent is None)


def test_a_seed_sound_wins_over_a_ground(generator):
    start = request(init=tone(300, 0.5))
    with_ground, without = (generator.generate(replace(start, ground=ground)) for ground in (Ground(knocks((0.1,), 0.5), "door.wav"), None))
    assert [take.parent for take in with_ground] == [None, None]
    assert all(np.array_equal(one.clip.samples, two.clip.samples) for one, two in zip(with_ground, without, strict=True))


def test_the_best_of_many_are_kept_and_a_grounded_one_with_them(generator):
    every = {take.seed: take.score for take in generator.generate(request(variations=6))}
    heard, said = [], []
    best = generator.generate(request(variations=2, best_of=3), lambda done, total, what: said.append(what), heard.append)
    assert [max(seeds, key=every.get) for seeds in ((5, 6, 7), (8, 9, 10))] == [take.seed for take in heard]
    assert sorted(take.seed for take in best) == sorted(take.seed for take in heard) and best[0].seed == max(every, key=every.get)
    assert list(dict.fromkeys(said)) == ["Making", "Choosing take 1 of 2", "Choosing take 2 of 2"]
    grounded = generator.generate(request(variations=2, best_of=3, ground=Ground(noise(0.5), "hiss", 0.5)))
    assert {take.seed < 8: take.parent for take in grounded} == {True: "hiss", False: None}


def test_a_named_seed_is_made_and_no_better_one_unless_asked(generator):
    assert generator.sampling.best_of == 2
    assert [take.seed for take in generator.generate(request(variations=1, seed=6))] == [6]
    drawn = []
    generator.generate(request(variations=1, seed=None), lambda done, total, what: drawn.append(total))
    assert drawn[-1] == 2 * 3 + 2


def test_what_was_made_when_it_is_stopped_is_kept(generator):
    heard, choosing = [], []

    def progress(done, total, what):
        choosing.append(what) if what == "Choosing take 2 of 2" else None
        if len(choosing) == 2:  # one of three candidates of the second take is made
            raise Cancelled

    with pytest.raises(Cancelled):
        generator.generate(request(best_of=3), progress, heard.append)
    assert len(heard) == 2 and heard[1].seed == 8


def test_a_candidate_is_chosen_by_likeness_and_by_how_it_follows():
    one, other = np.eye(2)
    vectors = np.stack([one, other])
    assert ranking.choose([0.5, 0.6], vectors) == 1 and ranking.choose([0.5, 0.6], vectors, [other]) == 0
    assert ranking.choose([0.5, 0.6], np.stack([other, other]), [other]) == 1  # where all are taken, the best
    assert ranking.merit(0.5, None) == 0.5 < ranking.merit(0.5, 0.9)


def test_duplicates_go_down_the_order():
    one, like_one, other = np.array([1.0, 0.0]), np.array([0.999, 0.0447]), np.array([0.6, 0.8])
    vectors = np.stack([other, like_one, one])
    assert ranking.order([0.2, 0.8, 0.9], vectors) == [2, 0, 1]
    assert ranking.order([0.2, 0.8, 0.9], vectors, same=1.1) == [2, 1, 0]


@pytest.mark.parametrize("failure", [torch.OutOfMemoryError("no room"), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to")])
def test_too_many_takes_for_the_memory_are_made_in_smaller_batches(generator, monkeypatch, failure):
    model, sizes = generator._backend.model.model, []
    plain, forward = generator.generate(request(variations=4)), type(model).forward

    def limited(self, x, *args, **kwargs):
        sizes.append(len(x))
        if len(x) > limit:
            raise failure
        return forward(self, x, *args, **kwargs)

    monkeypatch.setattr(type(model), "forward", limited)
    limit, told = 2, []  # a take and what guidance compares it with
    takes = generator.generate(request(variations=4), lambda done, total, what: told.append((done, total)))
    assert set(sizes) == {8, 4, 2} and told[-1] == (16, 16)
    assert all(alike(one.clip, two.clip) for one, two in zip(plain, takes, strict=True))
    limit = 0
    with pytest.raises(ModelError, match=r"not enough memory for one take of 0\.5 s"):
        generator.generate(request(variations=4))


def test_another_error_is_not_taken_for_missing_memory(generator, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(type(generator._backend.model.model), "forward", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        generator.generate(request())


def test_half_made_takes_can_be_seen(generator):
    seen = []
    generator.generate(request(steps=13, best_of=2), on_preview=seen.append)
    assert [preview.take for preview in seen] == [0, 1] * 6
    assert all(preview.levels.shape == (8, 11) and preview.levels.min() >= 0 and preview.levels.max() == 1 for preview in seen)


@pytest.mark.parametrize(
    "wrong",
    [
        {"seconds": 0.0},
        {"seconds": float("nan")},
        {"variations": 0},
        {"seed": -1},
        {"init_strength": 2.0},
        {"steps": 0},
        {"guidance": -1.0},
        {"best_of": 0},
        {"best_of": 33},
        {"seconds_start": -1.0},
        {"seconds_start": 3.0, "seconds_total": 2.0},
        {"adapter_strength": 1.5},
    ],
)
def test_impossible_requests_say_so(wrong):
    with pytest.raises(RequestError):
        request(**wrong)


def test_too_long_is_refused(generator):
    with pytest.raises(RequestError, match="at most 2 s"):
        generator.generate(request(seconds=9.0))


def test_another_clvap_is_noticed(tmp_path, caplog):
    folder = tiny.saved(tmp_path, clvap_fingerprint="trained-with")
    with caplog.at_level(logging.WARNING):
        Generator.from_pretrained(folder, "cpu", tiny.FakeEmbedder())
    assert "trained-with" in caplog.text


def test_unknown_and_incomplete_models_say_what_to_do(tmp_path):
    with pytest.raises(ModelError, match="sfx-mini"):
        locate("no-such-generator")
    (tmp_path / "model_config.json").write_text("{}")
    with pytest.raises(ModelError, match="is missing"):
        locate(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text(json.dumps({"kind": "something"}))
    with pytest.raises(ModelError, match="does not describe"):
        Generator.from_pretrained(other, "cpu", tiny.FakeEmbedder())


def test_a_take_is_drawn_to_the_gestures_loudness(generator):
    gesture = extract(knocks((0.1, 0.6), 1.0))
    asked = request(query=tiny.query(contours=gesture), seconds=1.0, variations=1)

    def likeness(**changes):
        clip = generator.generate(replace(asked, **changes))[0].clip
        return np.corrcoef(extract(clip).loudness_db, gesture.loudness_db)[0, 1]

    assert likeness() > max(likeness(pull=AS_MADE), likeness(follow=Follow(loudness=0.0))) + 0.2


def test_a_curve_followed_by_half_is_drawn_by_half():
    asked = request(follow=Follow(loudness=0.5, brightness=0.0), pull=Pull(0.8, 0.6))
    assert asked.pulled == Pull(0.4, 0.0)
