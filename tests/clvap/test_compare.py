import csv
import json
from pathlib import Path

import pytest
import yaml

from clvap import audio, compare
from clvap.checkpoints import RecipeError
from clvap.recipe import Recipe
from tests.clvap.training import CLIPS, prepared, write_recipe, write_sounds


@pytest.fixture
def comparison(tmp_path):
    """Two recipes over the same sounds and four share-alike effects to measure them by."""
    write_sounds(tmp_path / "sounds")
    first = write_recipe(tmp_path, "first")
    prepared(first)
    words = [{"name": "words", "steps": 4, "trainable": ["audio", "fusion", "kinds"], "losses": {"text/audio": 1.0}, "batch_size": 4}]
    bank = str(Recipe.load(first).bank_folder)
    write_recipe(tmp_path, "second", run=str(tmp_path / "run-2"), out=str(tmp_path / "out-2"), stages=words, bank=bank)
    with open(tmp_path / "sfx.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "pack", "caption", "keywords", "duration_s", "channels", "licence", "attribution"])
        for i, clip in enumerate(CLIPS[:4]):
            audio.write(tmp_path / f"{i}.wav", clip)
            writer.writerow([f"{i}.wav", "x", f"dog {i // 2}", "dog", 1, 1, "CC-BY-SA-4.0", ""])
    path = tmp_path / "comparison.yaml"
    path.write_text(yaml.safe_dump({
        "title": "Both", "out": str(tmp_path / "docs" / "both.md"), "protocol": {"packs": str(tmp_path), "seed": 0, "families": ["augment"]},
        "entries": [{"title": "voices", "recipe": "first.yaml"}, {"title": "words", "recipe": "second.yaml", "without": "voice", "says": "no voice"}],
    }))  # fmt: skip
    return path


def test_recipes_are_trained_measured_and_set_side_by_side(comparison, tmp_path):
    table = compare.run(comparison)
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in table.read_text().splitlines() if line.startswith("| ")}
    measured = json.loads((tmp_path / "docs" / "both.json").read_text())
    assert measured["voices"]["scores"].keys() == {"words", "augment", "augment + words"} and measured["words"]["scores"].keys() == {"words"}
    assert f"{measured['voices']['scores']['augment']['recall_1']:.3f}" in lines["voices"] and lines["words"].count("|  |") >= 1
    assert (tmp_path / "docs" / "both.png").stat().st_size > 1_000
    assert "no voice" in table.read_text()


def test_what_is_measured_is_not_measured_again(comparison, tmp_path, monkeypatch):
    compare.run(comparison)
    monkeypatch.setattr(compare, "train", lambda *_: pytest.fail("trained again"))
    compare.run(comparison)


def test_a_wrong_key_is_named(comparison):
    comparison.write_text(comparison.read_text() + "\nrow: 1\n")
    with pytest.raises(RecipeError, match="row"):
        compare.run(comparison)


@pytest.mark.parametrize("name", ["fusions", "encoders", "ablation"])
def test_the_shipped_comparisons_load(name):
    loaded = compare.Comparison.load(Path("assets/recipes/compare") / f"{name}.yaml")
    assert all(Recipe.load(entry.recipe).stages for entry in loaded.entries)
