"""The model card: what it says comes from the files of the model, and nothing private gets onto it."""

import json
from collections import Counter
from pathlib import Path

import pytest
import yaml

from clvap import __main__ as cli
from clvap import card
from clvap.checkpoints import SHIPPED, ModelError
from clvap.console import BAD_INPUT
from clvap.model import Clvap
from tests.clvap.tiny import tiny_config

RECIPE = """
name: mine
run: /home/somebody/runs/mine
out: /home/somebody/models/mine
esc50: /home/somebody/data/esc50
yamnet: ../teachers/yamnet.tflite
manifests: [{path: /home/somebody/data/doors.csv, name: my-doors}]
folds: [1, 2]
seed: 4
extra: ~/secret/place.txt
model: {audio: {}, voice: {}, text: {}}
stages:
  - {name: warm-up, steps: 30, learning_rate: 1.0e-3, trainable: [fusion], losses: {query/audio: 1.0}}
"""
FIGURES = {
    "model": "mine",
    "sounds": 398,
    "results": {
        "words": {"clvap vector": {"recall_1": 0.5, "mrr": 0.25}, "random": {"recall_1": 0.0625}},
        "loose + words": {"clvap search": {"recall_1": 0.125, "mrr": 0.75}},
    },
}


@pytest.fixture
def model(tmp_path) -> Path:
    folder = tmp_path / "mine"
    Clvap(tiny_config()).save(folder)
    lines = ["sound,licence,attribution", "a.wav,CC0-1.0,", "b.wav,CC-BY-4.0,Ann", "c.wav,CC0-1.0,", "d.wav,BSD-3-Clause,Freedoom"]
    (folder / "credits.csv").write_text("\n".join(lines))
    return folder


@pytest.fixture
def about(tmp_path) -> tuple[Path, Path]:
    figures, recipe = tmp_path / "figures.json", tmp_path / "recipe.yaml"
    figures.write_text(json.dumps(FIGURES))
    recipe.write_text(RECIPE)
    return figures, recipe


def parts(written: str) -> tuple[dict, str]:
    _, header, body = written.split("---\n", 2)
    return yaml.safe_load(header), body


def test_a_card_of_a_model_with_figures_and_recipe(model, about, capsys):
    figures, recipe = about
    assert cli.main(["card", str(model), "--figures", str(figures), "--recipe", str(recipe)]) == 0
    assert capsys.readouterr().out.strip() == str(model / "README.md")
    header, body = parts((model / "README.md").read_text())
    assert (header["license"], header["library_name"], header["datasets"]) == ("cc-by-4.0", "clvap", ["esc50", "my-doors"])
    assert "vocal-imitation" in header["tags"]
    assert "| CC0-1.0 | 2 |" in body and "| CC-BY-4.0 | 1 |" in body
    assert "| words | clvap vector | 0.500 | 0.250 |" in body and "| words | random | 0.062 |  |" in body and "| query | system | R@1 | MRR |" in body
    assert "model: mine; sounds: 398" in body
    assert "| warm-up | 30 | 0.001 | fusion | query/audio 1.0 |" in body and "- seed: 4" in body and "YAMNet (Apache-2.0)" in body
    assert "Intended use and limits" in body and "cross attention" in body
    assert "put it into NOTICE.md" in body
    assert "somebody" not in body and "secret" not in body


def test_the_figures_are_read_as_they_come_without_facts_around_them(model, tmp_path):
    (tmp_path / "bare.json").write_text(json.dumps(FIGURES["results"]))
    assert "| loose + words | clvap search | 0.125 | 0.750 |" in card.text(card.gather(model, tmp_path / "bare.json"))


def test_recipes_stand_in_the_order_they_were_trained_in(model, about, tmp_path):
    _, recipe = about
    (tmp_path / "further.yaml").write_text("name: tiny\nstages: [{name: longer, steps: 40}]\n")
    several = card.text(card.gather(model, recipes=[recipe, tmp_path / "further.yaml"]))
    assert several.index("### recipe.yaml") < several.index("| warm-up | 30 |") < several.index("### further.yaml") < several.index("| longer | 40 |")


def test_numbers_of_weights_are_those_of_the_model(model):
    facts = card.gather(model)
    counted = Clvap(tiny_config()).state_dict()
    assert sum(facts.parameters.values()) == sum(value.numel() for value in counted.values())
    assert facts.parameters["text"] == sum(value.numel() for key, value in counted.items() if key.startswith("text."))


def test_notes_and_notice_are_taken_in(model):
    (model / "NOTES.md").write_text("## Story\n\nIt rained.")
    (model / "NOTICE.md").write_text("Copyright Freedoom")
    body = card.text(card.gather(model))
    assert "It rained." in body and body.rstrip().endswith("Copyright Freedoom") and "is missing here" not in body


def test_a_card_written_by_hand_is_left_alone(model, capsys):
    (model / "README.md").write_text("# my own words")
    assert cli.main(["card", str(model)]) == BAD_INPUT
    assert "--overwrite" in capsys.readouterr().err and (model / "README.md").read_text() == "# my own words"
    assert cli.main(["card", str(model), "--overwrite"]) == 0
    assert cli.main(["card", str(model), "--name", "again", "--licence", "mit", "--json"]) == 0
    header, body = parts((model / "README.md").read_text())
    assert "# again" in body and header["license"] == "mit"
    assert "None were measured" in body


@pytest.mark.parametrize(
    ("sounds", "weights"),
    [
        (["CC0-1.0", "CC-BY-3.0", "BSD-3-Clause", "public-domain"], "cc-by-4.0"),
        (["CC0-1.0", "CC-BY-SA-4.0"], "cc-by-sa-4.0"),
        (["CC-BY-NC-3.0", "CC0-1.0"], "cc-by-nc-4.0"),
        (["CC-BY-NC-3.0", "CC-BY-SA-4.0"], "cc-by-nc-sa-4.0"),
        (["CC0-1.0", "unknown"], "other"),
        (["CC-Sampling+-1.0"], "other"),
        ([], "other"),
    ],
)
def test_the_strictest_licence_of_the_sounds_is_that_of_the_weights(sounds, weights):
    assert card.weights_licence(Counter(sounds)) == weights


def test_the_shipped_model_has_a_card_to_be_made(tmp_path):
    header, body = parts(card.text(card.gather(SHIPPED / "clvap-mini")))
    assert header["license"] == "cc-by-4.0" and "# clvap-mini" in body and " M parameters" in body


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "config.json").unlink(), "config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "config.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b""), "model.safetensors"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\xff" * 64), "header is too long"),
        (lambda folder: (folder / "credits.csv").write_text("a,b\n1,2"), "no column licence"),
    ],
)
def test_a_spoiled_folder_is_told(model, capsys, spoil, said):
    spoil(model)
    assert cli.main(["card", str(model)]) == BAD_INPUT
    out, err = capsys.readouterr()
    assert said in err and err.count("\n") == 1 and out == "" and not (model / "README.md").exists()


@pytest.mark.parametrize(("content", "said"), [("{", "cannot be read"), ("[1]", "no names"), ('{"a": 1}', "no figures"), ('{"a": {"b": {}}}', "no figures")])
def test_figures_that_are_none_are_told(model, tmp_path, content, said):
    (tmp_path / "figures.json").write_text(content)
    with pytest.raises(ModelError, match=said):
        card.gather(model, tmp_path / "figures.json")
