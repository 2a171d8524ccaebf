"""What fine-tuning does: `python -m benchmarks.finetune [RECIPE ...] [--data DIR] [--out FILE]`.

Runs each recipe (by default LoRA and all weights of sfx-mini, on a pack it was not trained on) and compares the model before and after: loss on
held-out folders, and the Frechet distance of takes, one to the words of every held-out file, to those files. The distance of the pack's other files to them
says how near one can come.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clvap import Embedder, audio
from clvap.console import Spoken
from clvap.data.yamnet import Yamnet
from clvap.model import fingerprint
from generation import GenerateRequest, Generator, checkpoints
from generation.extras import Extras
from generation.finetune import run
from generation.finetune.data import stored
from generation.finetune.job import prepared
from generation.finetune.recipe import Recipe
from generation.finetune.store import Item
from generation.measures.frechet import components, distance
from generation.request import MIN_SECONDS

if TYPE_CHECKING:
    from clvap.audio import Clip

RECIPES = (Path("assets/recipes/finetune-sfx-mini-lora.yaml"), Path("assets/recipes/finetune-sfx-mini-full.yaml"))


@dataclass(frozen=True)
class Figures:
    """One fine-tuning.

    loss_before, loss_after: on held-out folders, after being the best one
    frechet_before, frechet_after: of takes to the held-out files; frechet_pack: of as many of the pack's other files
    takes: how many; minutes: of the fine-tuning, encoding and validation included, of this call alone
    """

    kind: str
    loss_before: float
    loss_after: float
    frechet_before: float
    frechet_after: float
    frechet_pack: float
    takes: int
    minutes: float


def measure(recipe: Recipe, yamnet: Yamnet) -> Figures:
    """Fine-tune, from where it stopped, and measure."""
    started = time.perf_counter()
    out = run.finetune(recipe, Spoken())
    minutes = (time.perf_counter() - started) / 60
    data = stored(prepared(recipe))
    held_out, trained = ([data.store.items[number] for number in numbers] for numbers in (data.held_out, data.trained))
    embedder = Embedder.from_pretrained(recipe.clvap, "cpu")
    tuned = Generator.from_pretrained(out, "cpu", embedder) if recipe.kind == "full" else _with(recipe, out, embedder)
    base = Generator.from_pretrained(recipe.start, "cpu", embedder)
    real, others = (_embedded(yamnet, [audio.read(item.path, base.max_seconds) for item in items]) for items in (held_out, trained))
    space = components(others)
    at = [space.transform(vectors) for vectors in (real, *(_embedded(yamnet, takes(one, embedder, held_out)) for one in (base, tuned)), others)]
    pack = np.random.default_rng(0).permutation(at[3])[: len(real)]
    losses = _losses(recipe.run / "log.csv")
    before, after, near = (round(distance(one, at[0]), 4) for one in (at[1], at[2], pack))
    return Figures(recipe.kind, losses[0], min(losses), before, after, near, len(held_out), round(minutes, 1))


def of_its_start(recipe: Recipe) -> Recipe:
    """The recipe in a run folder of the weights it starts from, so that the run of an earlier model is not taken for this one's."""
    return replace(recipe, run=recipe.run / fingerprint(checkpoints.locate(recipe.start)))


def takes(generator: Generator, embedder: Embedder, items: Sequence[Item]) -> list[Clip]:
    """A take to the words of every file, as long as it."""
    made = []
    for number, item in enumerate(items):
        seconds = float(np.clip(audio.info(item.path).duration_s, MIN_SECONDS, generator.max_seconds))
        made.append(generator.generate(GenerateRequest(embedder.query(text=item.caption), seconds, 1, number))[0].clip)
    return made


def _with(recipe: Recipe, out: Path, embedder: Embedder) -> Generator:
    extras = Extras(loras={out: 1.0}) if recipe.kind == "lora" else Extras(adapter=out)
    return Generator.from_pretrained(recipe.start, "cpu", embedder, extras)


def _embedded(yamnet: Yamnet, clips: Sequence[Clip]) -> np.ndarray:
    return np.stack([yamnet.embed(clip) for clip in clips])


def _losses(log: Path) -> list[float]:
    with open(log, newline="", encoding="utf-8") as file:
        return [float(row["value"]) for row in csv.DictReader(file) if row["loss"] == "validation/loss"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line a recipe, and write all figures as JSON where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finetune", description="Fine-tuning, before and after.")
    parser.add_argument("recipes", nargs="*", type=Path, default=RECIPES, metavar="RECIPE")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with yamnet")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the figures here, as JSON")
    parsed = parser.parse_args(arguments)
    yamnet = Yamnet(parsed.data / "yamnet" / "yamnet.tflite")
    figures = []
    for path in parsed.recipes:
        one = measure(of_its_start(Recipe.load(path)), yamnet)
        figures.append(asdict(one))
        print(
            f"{one.kind:8} loss {one.loss_before:.4f} -> {one.loss_after:.4f}   Frechet {one.frechet_before:.4f} -> {one.frechet_after:.4f} "
            f"(pack to itself {one.frechet_pack:.4f}, {one.takes} takes)   {one.minutes:.1f} minutes"
        )
    if parsed.out is not None:
        parsed.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
