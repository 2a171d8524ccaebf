import json
from pathlib import Path

import numpy as np
import pytest
import torch

from clvap import audio, evaluate, peers
from clvap.data.manifests import Row
from clvap.embedder import Embedder
from clvap.ledger import Ledger
from clvap.model import Clvap
from clvap.progress import Cancelled
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


def test_what_nothing_is_asked_about_can_still_be_found():
    similarity = np.array([[0.1, 0.9, 0.5, 0.0], [0.0, 0.1, 0.9, 0.5]])
    scores = evaluate.score(similarity, LABELS, SOURCES)
    assert (scores.recall_1, scores.mrr, scores.precision_1, scores.precision_1_other) == (0, pytest.approx(1 / 3), 0.5, 0)


def test_sounds_of_the_class_that_are_not_among_ten_count_against_the_average_precision():
    labels, similarity = np.array(["dog"] * 4 + ["rain"] * 12), np.tile(np.arange(16.0), (16, 1))
    similarity[np.arange(16), np.arange(16)] = 99  # everything finds itself, and then rain
    expected = [1 / 4] * 4 + [1.0] * 12
    assert evaluate.score(similarity, labels, labels).map_10 == pytest.approx(np.mean(expected))


@pytest.fixture
def embedder(tmp_path):
    tokenizer = tiny_tokenizer(tmp_path)
    torch.manual_seed(0)
    return Embedder(Clvap(tiny_config()), tokenizer, fingerprint="tiny")


@pytest.fixture
def rows(tmp_path):
    clips = tone(300), tone(1_500), noise(0.8), knocks((0.1, 0.5))
    return [Row(audio.write(tmp_path / f"{i}.wav", clip), ("dog barking",), LABELS[i], SOURCES[i], "CC0-1.0") for i, clip in enumerate(clips)]


def test_every_system_is_scored_on_words_voices_and_both(embedder, rows):
    results = evaluate.evaluate(embedder, rows, 0, ["augment"])
    assert results.keys() == {"any", "words", "augment", "augment + words"}
    assert results["augment"].keys() == {"mfcc", "envelope", "clvap vector", "clvap search"}
    assert results["augment"]["envelope"].recall_5 == 1
    json.dumps({kind: {name: vars(scores) for name, scores in systems.items()} for kind, systems in results.items()})
    hidden = evaluate.evaluate(embedder, rows[3:], 0, ["augment"], among=rows[:3])
    assert hidden["augment"].keys() == results["augment"].keys() and hidden["augment"]["envelope"].recall_1 == 1


def test_one_that_was_stopped_goes_on_to_the_figures_of_one_that_was_not(embedder, rows, tmp_path):
    families, kept = ["loose", "augment"], tmp_path / "kept"
    whole = evaluate.evaluate(embedder, rows, 3, families, searched=False)
    told: list[tuple[int, int, str]] = []

    def stop(done: int, total: int, what: str = "") -> None:
        told.append((done, total, what))
        if what == "augment":
            raise Cancelled

    with pytest.raises(Cancelled):
        evaluate.evaluate(embedder, rows, 3, families, searched=False, progress=stop, kept=kept)
    stopped_at, told = told[-1][0], []
    again = evaluate.evaluate(embedder, rows, 3, families, searched=False, progress=lambda *step: told.append(step), kept=kept)
    assert again == whole
    assert {what for _, _, what in told} == {"imitations: augment", "augment", "augment + words"} and told[0][:2] == (16, 28) and stopped_at == 20


def test_what_was_kept_of_other_questions_does_not_count(embedder, rows, tmp_path):
    kept = tmp_path / "kept"
    first = evaluate.evaluate(embedder, rows, 3, ["augment"], searched=False, kept=kept)
    assert evaluate.evaluate(embedder, rows, 4, ["augment"], searched=False, kept=kept) == evaluate.evaluate(embedder, rows, 4, ["augment"], searched=False)
    assert evaluate.evaluate(embedder, rows[:3], 3, ["augment"], searched=False, kept=kept)["words"] != first["words"]


def test_half_an_entry_is_none(tmp_path):
    ledger = Ledger(tmp_path / "kept", {"seed": 1})
    assert ledger.once("voice + words 3", lambda: {"value": 0.1 + 0.2, "pair": (1, None)}) == {"value": 0.1 + 0.2, "pair": [1, None]}
    again = Ledger(tmp_path / "kept", {"seed": 1})
    assert "voice + words 3" in again and again.once("voice + words 3", lambda: 0)["value"] == 0.1 + 0.2
    next((tmp_path / "kept").glob("voice*")).write_text('{"value": 0.')
    assert again.once("voice + words 3", lambda: 5) == 5
    assert Ledger(None, {}).once("x", lambda: 7) == 7


YAMNET = Path("../shared/data/yamnet/yamnet.tflite")


@pytest.mark.skipif(not YAMNET.exists(), reason="YAMNet is in ../shared/data, which is not here")
def test_yamnet_finds_a_sound_by_its_copy_and_by_words():
    pytest.importorskip("ai_edge_litert")
    clips = [tone(440, 2.0), noise(2.0), knocks((0.1, 0.5, 0.9, 1.3))]
    judge = peers.YamnetSearch(YAMNET, clips)
    assert (judge.by_voice(clips).argmax(axis=1) == np.arange(3)).all()
    assert judge.by_words(["knocking on a door"])[0].argmax() == 2
    assert judge.by_both(clips[2:], ["knocking on a door"])[0].argmax() == 2


def test_a_telephone_passes_the_middle_of_a_voice():
    passed = {hz: evaluate.by_telephone(tone(hz, 1.0)).samples.std() / tone(hz, 1.0).samples.std() for hz in (100, 1_000, 8_000)}
    assert passed[1_000] == pytest.approx(1, abs=0.05) and passed[100] < 0.05 and passed[8_000] < 0.05


def test_a_noisy_room_is_heard_before_during_and_after_the_voice():
    voice = tone(440.0, 1.0, level=0.5)
    noisy = evaluate.in_noisy_room(voice, np.random.default_rng(0)).samples[0]
    before, during, after = noisy[:22_050], noisy[22_050:-22_050] - voice.samples[0], noisy[-22_050:]
    level_db = [20 * np.log10(part.std() / voice.samples.std()) for part in (before, during, after)]
    assert level_db == pytest.approx([-15] * 3, abs=1.5) and len(during) == 44_100
