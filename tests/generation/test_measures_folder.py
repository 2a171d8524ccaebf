"""A generator measured on a folder: the questions, the figures, and going on where it stopped."""

import numpy as np
import pytest

from clvap.audio import AudioError, write
from clvap.evaluate import rows_of
from clvap.progress import Cancelled
from generation.cli import main
from generation.measures import folder
from generation.measures.folder import Answered, FolderEvaluation, figures, measured
from generation.measures.judge import Embedded
from generation.measures.questions import Asked, questions_of
from generation.measures.table import folder_table
from generation.measures.takes import WAYS
from generation.request import RequestError
from tests.fakes import FakeEmbedder, FakeGenerator
from tests.sounds import knocks, noise, tone

KINDS = {
    "bells": lambda n: tone(400 + 60 * n, 0.5 + 0.02 * n),
    "rain": lambda n: noise(1.2 + 0.02 * n, seed=n),
    "doors": lambda n: knocks((0.1, 0.6), 1.8, seed=n),
}


@pytest.fixture
def sounds(tmp_path):
    """Five sounds of each of three kinds, which a fake embedder tells by their lengths."""
    for kind, make in KINDS.items():
        for number in range(5):
            write(tmp_path / "pack" / kind / f"{kind} {number}.wav", make(number))
    return tmp_path / "pack"


@pytest.fixture
def rows(sounds):
    return rows_of({"folder": str(sounds), "seed": 0})


def test_questions_are_of_all_kinds_and_leave_one_of_each_to_compare_with(rows):
    asked = questions_of(rows, 6, seed=0)
    assert sorted(one.category for one in asked) == sorted([*KINDS, *KINDS]) and len({one.source for one in asked}) == 6
    assert all(0 < one.voice.duration_s <= 4 and one.category in one.text for one in asked)
    again = questions_of(rows, 4, seed=0)
    assert [one.source for one in again] == [one.source for one in asked[:4]] and np.array_equal(again[0].voice.samples, asked[0].voice.samples)
    assert [one.source for one in questions_of(rows, 6, seed=1)] != [one.source for one in asked]
    assert len(questions_of(rows, 100, seed=0)) == 7
    with pytest.raises(AudioError, match="two or more sounds of a kind"):
        questions_of([row for number, row in enumerate(rows) if number % 5 == 0], 6, seed=0)


def asked_about(category: str, source: str) -> Asked:
    return Asked(knocks((0.1,), 0.5), category, category, source)


def answered(*vectors, **changes) -> Answered:
    usual = {"loudness": 0.5, "brightness": None, "loudness_raw": 0.2, "brightness_raw": None, "seconds": 1.0, "sound_s": 2.0}
    return Answered(**usual | changes, vectors=[list(map(float, vector)) for vector in vectors])


def test_the_nearest_real_sound_tells_the_kind_and_is_never_the_one_imitated():
    real = Embedded(np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], np.float32), ["a", "a", "b", "b"], [frozenset({name}) for name in "wxyz"])
    asked = [asked_about("a", "w"), asked_about("b", "y")]
    found = figures(asked, [answered([1, 0], [0, 1]), answered([0, 1], [0.2, 1])], real, seed=0)
    assert found.kind.mean == 0.75 and found.distance is None and found.brightness is None and found.compute_s_per_s == 0.5
    assert (found.loudness.mean, found.loudness_raw.mean) == (0.5, 0.2)
    left = Embedded(real.vectors[:3], ["a", "a", "b"], real.sources[:3])
    assert figures([asked_about("b", "y")], [answered([0, 1])], left, seed=0).kind.mean == 0  # no other of its kind is there
    alike = Embedded(real.vectors, ["a"] * 4, real.sources)
    assert figures(asked[:1], [answered([1, 0])], alike, seed=0).kind is None


def test_all_figures_are_there_and_make_a_table(rows, sounds):
    told: list[tuple[int, int, str]] = []
    evaluation = FolderEvaluation(sounds, questions=6, takes=2, best_of=1)
    result = measured(evaluation, rows, FakeGenerator(), FakeEmbedder(), "abc", lambda *step: told.append(step))
    assert (result["questions"], result["sounds_heard"], result["kinds"], result["generator_fingerprint"]) == (6, 15, 3, "abc")
    found = result["sounds"]
    assert list(found) == ["chance", "real sounds", *WAYS]
    assert found["chance"]["kind"]["mean"] == pytest.approx(4 / 14, abs=1e-3) and found["real sounds"]["kind"]["mean"] == 1
    assert found["voice"]["loudness"]["n"] == 6 and found["words"]["loudness"] is None and found["voice"]["compute_s_per_s"] > 0
    assert {(total, what) for _, total, what in told if total} == {(24, f"takes to {way}") for way in WAYS} and max(done for done, _, _ in told) == 23
    lines = folder_table(result).splitlines()
    assert [name for name in found if not any(line.startswith(name + "  ") for line in lines)] == []


def test_one_that_was_stopped_goes_on_to_the_figures_of_one_that_was_not(rows, sounds, tmp_path):
    evaluation, kept = FolderEvaluation(sounds, questions=6, takes=2, best_of=1), tmp_path / "kept"

    def result(**options) -> tuple[dict, int]:
        generator = FakeGenerator()
        return measured(evaluation, rows, generator, FakeEmbedder(), **options), len(generator.requests)

    def stop(done: int, total: int, what: str = "") -> None:
        if done == 15:
            raise Cancelled

    whole, asked_for = result()
    with pytest.raises(Cancelled):
        result(progress=stop, kept=kept)
    again, asked_after = result(kept=kept)
    assert again == whole and asked_for == 24 and asked_after == 9
    assert result(kept=kept) == (whole, 0)
    other = measured(evaluation, rows, FakeGenerator(), FakeEmbedder(), "other weights", kept=kept)
    assert other["sounds"] == whole["sounds"] and other["generator_fingerprint"] == "other weights"


def test_weights_and_what_goes_with_them_have_a_fingerprint(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text("{}")
    (tmp_path / "model/model.safetensors").write_bytes(b"weights")
    (tmp_path / "pack.safetensors").write_bytes(b"lora")
    plain = folder.weights(FolderEvaluation(tmp_path, str(tmp_path / "model")))
    tuned = folder.weights(FolderEvaluation(tmp_path, str(tmp_path / "model"), loras=(tmp_path / "pack.safetensors",)))
    assert len(plain) == 12 and plain != tuned


def test_what_cannot_be_measured_is_one_line_and_exit_2(tmp_path, capsys):
    with pytest.raises(RequestError, match="use 1 or more"):
        FolderEvaluation(tmp_path, takes=0)
    write(tmp_path / "few" / "one.wav", tone(seconds=1.0))
    assert main(["evaluate", "--folder", str(tmp_path / "few")]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and "needs 8 or more" in printed.err.splitlines()[-1]
