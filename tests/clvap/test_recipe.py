from pathlib import Path

import pytest

from clvap.checkpoints import RecipeError
from clvap.recipe import Recipe
from clvap.recipe_file import read
from tests.clvap.training import write_recipe


def changed(folder: Path, text: str) -> Path:
    """A recipe that extends the tiny one."""
    write_recipe(folder, "base")
    path = folder / "changed.yaml"
    path.write_text(f"extends: base.yaml\n{text}")
    return path


def test_the_shipped_recipe_loads_and_a_wrong_key_is_named(tmp_path):
    shipped = Path("assets/recipes/clvap-mini.yaml")
    assert Recipe.load(shipped).name == "clvap-mini"
    (tmp_path / "wrong.yaml").write_text(shipped.read_text() + "\nlearning_rat: 1\n")
    with pytest.raises(RecipeError, match="learning_rat"):
        Recipe.load(tmp_path / "wrong.yaml")


@pytest.mark.parametrize(
    "name",
    ["clvap-mini", "clvap-mini-further", "clvap-mini-mouths", "clvap-report", "clap-clotho", "clap-clotho-further", "train-folder", "train-folder-whole"],
)
def test_every_training_recipe_loads(name):
    recipe = Recipe.load(Path("assets/recipes") / f"{name}.yaml")
    assert recipe.hears_voices == (not name.startswith("clap"))


def test_a_recipe_extends_another_key_by_key_with_lists_whole_and_null_for_none(tmp_path):
    stages = "stages: [{name: only, steps: 7, trainable: [fusion], losses: {query/audio: 2}, batch_size: 4}]\n"
    path = changed(tmp_path, f"passes: 9\nlog_every: null\nmodel: {{fusion: early, text: {{num_hidden_layers: 3}}}}\n{stages}")
    recipe, base = Recipe.load(path), Recipe.load(tmp_path / "base.yaml")
    assert (recipe.passes, recipe.log_every, recipe.model.fusion) == (9, 10, "early")
    assert recipe.model.text == {**base.model.text, "num_hidden_layers": 3} and recipe.model.audio == base.model.audio
    assert [stage.name for stage in recipe.stages] == ["only"]
    (tmp_path / "third.yaml").write_text("extends: changed.yaml\nseed: 3\n")
    assert (Recipe.load(tmp_path / "third.yaml").seed, Recipe.load(tmp_path / "third.yaml").passes) == (3, 9)


def test_a_tower_of_another_kind_shares_no_keys_with_the_one_it_replaces(tmp_path):
    values = read(changed(tmp_path, "model: {audio: {kind: panns, num_mel_bins: 16}}\n"))
    assert values["model"]["audio"] == {"kind": "panns", "num_mel_bins": 16}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("extends: changed.yaml\n", "extends itself"),
        ("precision: float8\n", "float8.*bfloat16"),
        ("loggers: [mlflow]\n", "mlflow.*tensorboard"),
        ("loggers: tensorboard\n", r"\[tensorboard\]"),
        ("starter: null\n", "no data"),
        ("validation: {metric: R@10}\n", "R@5"),
        ("validation: {metrics: MRR}\n", "metrics"),
        ("start_parts: [text]\n", "without start"),
        ("keeps: 0.5\n", "keeps 0.5"),
        ("imitations: 0\n", "imitations 0"),
        ("manifests: [{path: a.csv}, {path: b/a.csv}]\n", "name of its own"),
        ("model: {fusion: middle}\n", "middle.*cross_attention"),
        ("stages: [{name: s, steps: 1, trainable: [audio], losses: {teacher/audio: 1}}]\n", "yamnet"),
        ("stages: [{name: s, steps: 1, trainable: [text], losses: {text/text: 1}}]\n", "wordnet"),
        ("stages: [{name: s, steps: 1, trainable: [audio], losses: {audio/audio: 1}}]\n", "audio/audio.*text/audio"),
        ("stages: [{name: s, steps: 1, trainable: audio, losses: {text/audio: 1}}]\n", "write a list"),
        ("stages: [{steps: 1}]\n", "stage|trainable|missing"),
        ("- a list\n", "YAML"),
    ],
)
def test_a_recipe_that_cannot_be_followed_says_which_key_and_what_to_do(tmp_path, text, said):
    path = changed(tmp_path, text)
    if text.startswith(("extends", "-")):
        path.write_text(text)
    with pytest.raises(RecipeError, match=said):
        Recipe.load(path)


def test_a_recipe_that_is_not_there_is_named(tmp_path):
    (tmp_path / "lost.yaml").write_text("extends: nowhere.yaml\n")
    with pytest.raises(RecipeError, match=r"lost.yaml: nowhere.yaml cannot be read"):
        Recipe.load(tmp_path / "lost.yaml")
