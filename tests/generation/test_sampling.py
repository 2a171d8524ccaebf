import json
import logging
from dataclasses import replace

import numpy as np
import pytest

from clvap.checkpoints import ModelError
from clvap.contours import extract
from clvap.progress import Cancelled
from generation import GenerateRequest, Generator
from generation.checkpoints import locate
from generation.perform import finished, follow_loudness
from generation.request import RequestError
from tests.generation import tiny
from tests.sounds import knocks, noise, tone


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
    assert seen[0] == (0, 6) and seen[-1] == (6, 6) and [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert capsys.readouterr().out == ""


def test_a_seed_gives_the_same_take_whatever_is_made_beside_it(generator):
    both = {take.seed: take.clip.samples for take in generator.generate(request())}
    alone = generator.generate(request(variations=1, seed=6))[0].clip.samples
    assert np.corrcoef(both[6][0], alone[0])[0, 1] > 0.999
    assert not np.allclose(both[5], both[6], atol=1e-3)


def test_cancel_stops_within_a_step(generator):
    steps = []

    def progress(done, total, what):
        steps.append(done)
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        generator.generate(request(steps=10), progress)
    assert steps == [0, 1, 2]


@pytest.mark.parametrize("other", [
    {"query": tiny.query(seed=9)}, {"init": tone(seconds=0.5)}, {"guidance": 6.0}, {"query": tiny.query(contours=extract(knocks((0.1,), 0.5)))},
])
def test_what_is_asked_changes_what_is_made(generator, other):
    plain, changed = (generator.generate(request(variations=1, loudness_pull=0.0, **more))[0].clip.samples for more in ({}, other))
    assert np.abs(plain - changed).max() > 0.01


def test_a_control_can_be_switched_off(generator):
    asked = request(query=tiny.query(contours=extract(knocks((0.1,), 0.5))), variations=1, loudness_pull=0.0)
    off = replace(asked, follow_loudness=False, follow_brightness=False, follow_pitch=False)
    without = replace(off, query=tiny.query())
    made = [generator.generate(one)[0].clip.samples for one in (asked, off, without)]
    assert np.abs(made[0] - made[1]).max() > 0.01
    assert np.abs(made[1] - made[2]).max() < 1e-4


def test_a_start_sound_with_full_strength_stays(generator):
    start = tone(300, 0.5)
    model = generator._backend.model
    kept = generator._sample(request(init=start, init_strength=1.0, variations=1), [1], 3, lambda _: None)
    assert float((kept - generator._encode(start, kept.shape[-1])).abs().mean() / kept.abs().mean()) < 0.2
    assert model.pretransform.model.training is False


@pytest.mark.parametrize("wrong", [{"seconds": 0.0}, {"seconds": float("nan")}, {"variations": 0}, {"seed": -1}, {"init_strength": 2.0}, {"steps": 0}])
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


def test_a_take_is_drawn_to_the_gestures_loudness():
    gesture = extract(knocks((0.3, 1.2)))
    flat = noise(2.0)

    def likeness(clip):
        return np.corrcoef(extract(clip).loudness_db, gesture.loudness_db)[0, 1]

    half, full = (likeness(follow_loudness(flat, gesture, amount)) for amount in (0.5, 1.0))
    assert likeness(flat) < 0.3 < half <= full + 0.01 and full > 0.9
    assert follow_loudness(flat, gesture, 0.0) is flat


def test_finishing_cuts_fades_and_keeps_the_peak():
    done = finished(noise(1.0, level=3.0), 0.4)
    assert done.duration_s == pytest.approx(0.4) and done.peak == pytest.approx(0.89, abs=0.01)
    assert abs(done.samples[0, 0]) < 1e-3 and abs(done.samples[0, -1]) < 1e-3
