"""A training run small enough for a test: six sounds, a bank, a recipe as a YAML file."""

from __future__ import annotations

import csv
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import yaml

from clvap import audio, train
from clvap.config import ClvapConfig
from clvap.data.rows import Row
from clvap.progress import silent
from clvap.recipe import Recipe
from clvap.training.rows import rows_of
from tests.clvap.tiny import tiny_config
from tests.sounds import knocks, noise, tone

CLIPS = (tone(200), tone(900), noise(0.5), noise(1.5), knocks((0.1,)), knocks((0.1, 0.7)))
FUSED = {"query/audio": 1.0, "voice/audio": 1.0, "text/audio": 1.0}
WHOLE = ["audio", "voice", "text", "audio_projection", "fusion", "query_projection", "log_temperature", "kinds"]


def still(config: ClvapConfig) -> ClvapConfig:
    """A config without dropout."""
    off = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return replace(config, dropout=0.0, audio={**config.audio, **off}, voice={**config.voice, **off}, text={**config.text, **off})


def write_sounds(folder: Path) -> Path:
    """Six sounds of three kinds as a captioned folder."""
    for i, clip in enumerate(CLIPS):
        audio.write(folder / f"{i}.wav", clip)
    with open(folder / "captions.csv", "w", newline="") as file:
        csv.writer(file).writerows([["path", "caption", "category"], *([f"{i}.wav", f"dog barking {i // 2}", "test"] for i in range(6))])
    return folder


def write_wordnet(folder: Path) -> Path:
    """WordNet with four nouns."""
    line = '0000000{0} 03 n 02 dog{0} 0 hound{0} 0 000 | a barking animal {0}; "an example"'
    folder.mkdir()
    (folder / "data.noun").write_text("  1 a licence\n" + "\n".join(line.format(i) for i in range(4)))
    (folder / "data.verb").write_text("")
    return folder


def write_recipe(folder: Path, name: str = "recipe", **changes: Any) -> Path:
    """A recipe over the sounds of `folder`, with other values for some keys; None takes a key out."""
    values = {
        "name": "tiny", "run": str(folder / "run"), "out": str(folder / "out"), "starter": str(folder / "sounds"), "passes": 2, "log_every": 1,
        "checkpoint_every": 2, "device": "cpu", "model": asdict(tiny_config()),
        "stages": [{"name": "all", "steps": 4, "trainable": WHOLE, "losses": FUSED, "batch_size": 4}],
    }  # fmt: skip
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in (values | changes).items() if value is not None}, sort_keys=False))
    return path


def prepared(path: Path) -> tuple[Recipe, list[Row]]:
    """A recipe and its rows, its bank made in this process."""
    recipe = Recipe.load(path)
    rows = rows_of(recipe)
    if not recipe.bank:
        train.make_bank(recipe, rows, silent, workers=1)
    return recipe, rows


def logged(recipe: Recipe) -> list[dict[str, str]]:
    """The lines of a run's log."""
    with open(recipe.run / "log.csv", newline="") as file:
        return list(csv.DictReader(file))
