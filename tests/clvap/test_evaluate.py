import json
from pathlib import Path

import numpy as np
import pytest
import torch

from clvap import audio, evaluate, peers
from clvap.data.manifests import Row
from clvap.embedder import Embedder
from clvap.model import Clvap
from tests.clvap.tiny import tiny_config, tiny_tokenizer
from tests.sounds import knocks, noise, tone

LABELS, SOURCES = np.array(["dog", "dog", "rain", "rain"]), np.array(["a", "a", "b", "c"])


def test_a_perfect_order_scores_one_but_for_the_class_with_no_other_source():
    scores = evaluate.score(np.eye(4) + 0.5 * (LABELS[:, None] == LABELS[None, :]), LABELS, SOURCES)
    assert (scores.recall_1, scores.recall_5, scores.mrr, scores.precision_1, scores.map_10) == (1, 1, 1, 1, 1)
    assert scores.precision_1_other == 0.5  # both dogs are one recording, so without it no dog is left


def test_a_known_order_scores_as_counted_by_hand():
    similarity = np.array([[0.1, 0.9, 0.5, 0.0], [0.0, 0.1, 0.9, 0.5], [0.9, 0.0, 0.5, 0.1], [0.1, 0.2, 0.9, 0.5]])
    scores = evaluate.score(similarity, LABELS, SOURCES)
    assert scores.recall_1 == 0
    assert scores.mrr == pytest.approx((1 / 3 + 1 / 3 + 1 / 2 + 1 / 2) / 4)
    assert scores.precision_1 == 0.5
    assert scores.precision_1_other == 0.25


def test_every_system_is_scored_on_words_voices_and_both(tmp_path):
    tokenizer = tiny_tokenizer(tmp_path)
    torch.manual_seed(0)
    embedder = Embedder(Clvap(tiny_config()), tokenizer, fingerprint="tiny")
    clips = tone(300), tone(1_500), noise(0.8), knocks((0.1, 0.5))
    rows = [Row(audio.write(tmp_path / f"{i}.wav", clip), ("dog barking",), LABELS[i], SOURCES[i], "CC0-1.0") for i, clip in enumerate(clips)]
    results = evaluate.evaluate(embedder, rows, 0, ["augment"])
    assert results.keys() == {"any", "words", "augment", "augment + words"}
    assert results["augment"].keys() == {"mfcc", "envelope", "clvap vector", "clvap search"}
    assert results["augment"]["envelope"].recall_5 == 1
    json.dumps({kind: {name: vars(scores) for name, scores in systems.items()} for kind, systems in results.items()})


YAMNET = Path("../shared/data/yamnet/yamnet.tflite")


@pytest.mark.skipif(not YAMNET.exists(), reason="YAMNet is in ../shared/data, which is not here")
def test_yamnet_finds_a_sound_by_its_copy_and_by_words():
    pytest.importorskip("ai_edge_litert")
    clips = [tone(440, 2.0), noise(2.0), knocks((0.1, 0.5, 0.9, 1.3))]
    judge = peers.YamnetSearch(YAMNET, clips)
    assert (judge.by_voice(clips).argmax(axis=1) == np.arange(3)).all()
    assert judge.by_words(["knocking on a door"])[0].argmax() == 2
    assert judge.by_both(clips[2:], ["knocking on a door"])[0].argmax() == 2
