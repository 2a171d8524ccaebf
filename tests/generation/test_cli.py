import json
from pathlib import Path

import pytest

from clvap import audio
from generation.cli import main
from generation.commands import generate as command
from tests.generation import tiny
from tests.sounds import tone


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["generate"], "--voice FILE"),
        (["generate", "--text", "  "], "--voice FILE"),
        (["generate", "--voice", "/no/such/file.wav"], "no such file"),
        (["generate", "--text", "rain", "--gesture", "1"], "needs a recording"),
        (["generate", "--text", "rain", "--inpaint", "0.1:0.4"], "--start-from FILE"),
        (["train", "/no/such/recipe.yaml"], "recipe.yaml"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(arguments, said, capsys):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and said in printed.err and len(printed.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate", "--text", "rain", "--balance", "3"],
        ["generate", "--variations", "many"],
        ["dance"],
        ["generate", "--follow", "speed=1"],
        ["generate", "--follow", "pitch=7"],
        ["generate", "--inpaint", "now:later"],
    ],
)
def test_bad_arguments_are_one_line_and_exit_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2 and len(capsys.readouterr().err.strip().splitlines()) == 1


def test_words_of_the_command_line_become_numbers():
    assert command.amounts("loudness=0.5,pitch=0") == {"loudness": 0.5, "pitch": 0.0} and command.span("0.4:1.2") == (0.4, 1.2)
    assert command.file_and_number("a/door.wav:0.7") == (Path("a/door.wav"), 0.7)
    assert command.file_and_number("C:/door.wav") == (Path("C:/door.wav"), None) and command.file_and_number("x.wav") == (Path("x.wav"), None)


def test_takes_are_made_as_asked(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("clvap.Embedder.from_pretrained", lambda *_: tiny.FakeEmbedder())
    model = tiny.saved(tmp_path / "tiny")
    capsys.readouterr()  # the engine greets when it is first imported
    door = audio.write(tmp_path / "door.wav", tone(seconds=0.8))
    common = ["generate", "--generator", str(model), "--text", "a dog", "--seed", "3", "--variations", "2", "--out", str(tmp_path / "takes"), "--json"]

    def takes(*more: str) -> list[dict]:
        assert main([*common, *more]) == 0
        return json.loads(capsys.readouterr().out)["takes"]

    every = takes(
        "--seconds",
        "0.5",
        "--negative",
        "thunder",
        "--sampler",
        "euler",
        "--steps",
        "3",
        "--follow",
        "pitch=0.5",
        "--best-of",
        "3",
        "--ground",
        f"{door}:0.6",
    )
    assert [take["parent"] for take in every].count("door.wav") == 1 and all(Path(take["path"]).is_file() for take in every)
    patched = audio.read(takes("--start-from", str(door), "--inpaint", "0.3:0.5")[0]["path"]).samples
    original = audio.read(door).samples
    assert patched.shape == original.shape and (patched[:, :13_000] == original[:, :13_000]).all() and (patched != original).any()


def test_models_are_listed_as_one_json_object(capsys):
    assert main(["models", "--json"]) == 0
    names = [row["name"] for row in json.loads(capsys.readouterr().out)["models"]]
    assert names == ["sfx-mini", "stable-audio-open-1.0", "stable-audio-open-small"]


def test_a_recipe_of_an_unknown_kind_is_refused(tmp_path, capsys):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("kind: painting\n")
    assert main(["train", str(recipe)]) == 2
    assert "painting" in capsys.readouterr().err
