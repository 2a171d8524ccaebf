import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clvap import audio
from clvap.audio import AudioError
from clvap.checkpoints import RecipeError
from clvap.data.rows import Row
from clvap.recipe import Recipe, Validation
from clvap.training.rows import check, held_out, rows_of
from tests.clvap.training import write_recipe, write_sounds
from tests.sounds import tone


def manifest(folder: Path, lines: list[list[str]], columns: tuple[str, ...] = ("path", "caption", "imitation", "split")) -> Recipe:
    """A recipe over a manifest of these lines."""
    with open(folder / "mine.csv", "w", newline="") as file:
        csv.writer(file).writerows([columns, *lines])
    return Recipe.load(write_recipe(folder, starter=None, manifests=[{"path": str(folder / "mine.csv"), "share": 0.4, "name": "calls"}]))


def rows(count: int, sources: int, split: str = "") -> list[Row]:
    return [Row(Path(f"{i}.wav"), (f"sound {i}",), f"kind/{i % 3}", f"source {i % sources}", "CC0-1.0", split=split) for i in range(count)]


def test_a_manifest_is_a_collection_of_its_own_and_its_test_rows_stay_out(tmp_path):
    for name in ("a", "b", "c", "imitated"):
        audio.write(tmp_path / f"{name}.wav", tone())
    recipe = manifest(tmp_path, [["a.wav", "owl", "imitated.wav", ""], ["b.wav", "owl", "", "validation"], ["c.wav", "cow", "", "test"]])
    found = rows_of(recipe)
    assert [(row.path.name, row.label) for row in found] == [("a.wav", "calls/owl"), ("b.wav", "calls/owl")]
    assert found[0].imitation == tmp_path / "imitated.wav"
    assert recipe.stage_shares(recipe.stages[0])["calls"] == 0.4


def test_missing_files_empty_captions_and_wrong_columns_are_told_before_training(tmp_path):
    audio.write(tmp_path / "a.wav", tone())
    lines = [["a.wav", "owl", "", ""], *([f"lost-{i}.wav", "cow", "", ""] for i in range(7))]
    with pytest.raises(RecipeError, match=r"calls.*7 of 8 sound files are missing.*lost-0.wav, lost-1.wav.*and 2 more"):
        rows_of(manifest(tmp_path, lines))
    with pytest.raises(RecipeError, match=r"no caption on line.*3"):
        rows_of(manifest(tmp_path, [["a.wav", "owl", "", ""], ["a.wav", " ", "", ""]]))
    with pytest.raises(RecipeError, match=r"no column path.*has file, words"):
        rows_of(manifest(tmp_path, [["a.wav", "owl"]], ("file", "words")))
    (tmp_path / "empty.wav").touch()
    with pytest.raises(RecipeError, match=r"empty \(0 bytes\).*empty.wav"):
        rows_of(manifest(tmp_path, [["empty.wav", "owl", "", ""]]))


def test_a_folder_that_is_not_there_and_one_that_lost_its_files_are_told(tmp_path):
    sounds = write_sounds(tmp_path / "sounds")
    recipe = Recipe.load(write_recipe(tmp_path))
    (sounds / "1.wav").unlink()
    (sounds / "3.wav").write_bytes(b"")
    with pytest.raises((AudioError, RecipeError), match=r"1.wav"):
        rows_of(recipe)
    audio.write(sounds / "1.wav", tone())
    with pytest.raises((AudioError, RecipeError), match=r"3.wav"):
        rows_of(recipe)
    with pytest.raises(RecipeError, match=r"starter: .*nowhere"):
        rows_of(replace(recipe, starter=tmp_path / "nowhere"))
    with pytest.raises(RecipeError, match="no reader 'freesound'"):
        rows_of(Recipe.load(write_recipe(tmp_path, manifests=[{"path": str(sounds), "reader": "freesound"}], starter=None)))


def test_no_rows_and_rows_without_words_are_refused():
    with pytest.raises(RecipeError, match="no rows"):
        check([])
    with pytest.raises(RecipeError, match=r"2 of 3 rows have no caption: 0.wav, 1.wav"):
        check([replace(row, captions=(" ",)) if row.path.stem < "2" else row for row in rows(3, 3)])


def test_sources_are_kept_back_whole_and_the_same_ones_when_rows_are_added():
    few, many = (held_out(rows(count, count // 2), Validation(share=0.3), seed=1) for count in (400, 800))
    assert 0.2 < few.mean() < 0.4 and np.array_equal(few[:200], few[200:])
    assert np.array_equal(few[:200], many[:200]) and not np.array_equal(many, held_out(rows(800, 400), Validation(share=0.3), seed=2))
    assert not held_out(rows(4, 4), None, 0).any()


def test_rows_that_say_validation_are_the_ones_kept_back():
    kept = held_out([*rows(5, 5), *rows(3, 3, split="validation")], Validation(), seed=0)
    assert kept.tolist() == [False] * 5 + [True] * 3
    with pytest.raises(RecipeError, match="keeps back 0 of 3"):
        held_out(rows(3, 3), Validation(share=1e-9), seed=0)
