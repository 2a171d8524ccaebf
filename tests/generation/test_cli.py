import json

import pytest

from generation.cli import main


@pytest.mark.parametrize(("arguments", "said"), [
    (["generate"], "--voice FILE"),
    (["generate", "--text", "  "], "--voice FILE"),
    (["generate", "--voice", "/no/such/file.wav"], "no such file"),
    (["train", "/no/such/recipe.yaml"], "recipe.yaml"),
])
def test_bad_input_is_one_line_and_exit_2(arguments, said, capsys):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and said in printed.err and len(printed.err.strip().splitlines()) == 1


@pytest.mark.parametrize("arguments", [["generate", "--text", "rain", "--balance", "3"], ["generate", "--variations", "many"], ["dance"]])
def test_bad_arguments_are_one_line_and_exit_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2 and len(capsys.readouterr().err.strip().splitlines()) == 1


def test_models_are_listed_as_one_json_object(capsys):
    assert main(["models", "--json"]) == 0
    names = [row["name"] for row in json.loads(capsys.readouterr().out)["models"]]
    assert names == ["sfx-mini", "stable-audio-open-1.0", "stable-audio-open-small"]


def test_a_recipe_of_an_unknown_kind_is_refused(tmp_path, capsys):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("kind: painting\n")
    assert main(["train", str(recipe)]) == 2
    assert "painting" in capsys.readouterr().err
