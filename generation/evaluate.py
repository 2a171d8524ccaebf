"""Figures of a generator on gestures and words it was not trained on, beside real sound, its autoencoder, Griffin-Lim and library hits.

Gestures are imitations of ESC-50 fold 4, or, to choose settings by, of clips of folds 1 to 3 that their licence keeps out of training; words are
the phrases kept back from training, which never name the class. The library of hits is of the same clips, less the recording that was imitated: no
sound the judge has learned from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from clvap.audio import Clip, read, trim
from clvap.data.manifests import esc50, untrained
from clvap.data.rows import Row
from clvap.data.yamnet import Yamnet
from clvap.progress import Progress, silent
from generation.measures.estimate import Estimate, estimate, known
from generation.measures.fidelity import Answer, Bench, Fidelity
from generation.measures.following import followed
from generation.measures.judge import ESC10, category
from generation.measures.questions import Asked, questions
from generation.measures.rebuilding import MelGriffinLim, spectral_distance
from generation.measures.takes import WAYS, Made, Studio, grounded, hits, performed, unperformed
from generation.perform import finished
from generation.request import MAX_VARIATIONS, RequestError

if TYPE_CHECKING:
    from clvap import Embedder
    from generation import Generator

_TRAINING_FOLDS, _HELD_OUT_FOLD = (1, 2, 3), (4,)


@dataclass(frozen=True)
class Evaluation:
    """What to measure.

    data: folder with esc50 and yamnet
    generator, clvap: names or folders
    gestures: imitations of each ESC-10 class; every other class is asked once
    classes: `esc10`, or `all` for these ten and all fifty
    takes: sounds a question, of which the best is judged apart
    best_of: candidates that each of these is the best of; None: as many as the page makes
    untrained: ask of the clips that their licence keeps out of training, so that what is chosen by the answers was not chosen by fold 4
    rebuilt: clips of each ESC-10 class that go through the autoencoder; a quarter as many of every other class
    seed: of gestures and takes
    sheet: where to draw spectrograms, None for nowhere
    """

    data: Path
    generator: str = "sfx-mini"
    clvap: str = "clvap-mini"
    gestures: int = 3
    classes: str = "all"
    takes: int = 4
    rebuilt: int = 8
    seed: int = 0
    sheet: Path | None = None
    best_of: int | None = None
    untrained: bool = False

    def __post_init__(self) -> None:
        if self.classes not in ("esc10", "all"):
            raise RequestError(f"classes {self.classes!r} are not known; use esc10 or all")
        if min(self.gestures, self.takes, self.rebuilt) < 1:
            raise RequestError(f"{self.gestures} gestures, {self.takes} takes, {self.rebuilt} rebuilt clips; use 1 or more of each")
        if self.best_of is not None and not 1 <= self.best_of <= MAX_VARIATIONS // self.takes:
            raise RequestError(f"the best of {self.best_of} with {self.takes} takes a question; use a best of 1 to {MAX_VARIATIONS // self.takes}")

    @property
    def scopes(self) -> tuple[str, ...]:
        """Sets of classes that figures are given for."""
        return ("esc10",) if self.classes == "esc10" else ("esc10", "all")

    def quick(self) -> Evaluation:
        """The same, over in a minute or two and with wide errors."""
        return replace(self, gestures=1, classes="esc10", takes=2, rebuilt=2)


@dataclass(frozen=True)
class Figures:
    """A kind of sound, measured.

    fidelity: by scope
    loudness, brightness: correlation of the gesture's curve and the sound's, as the page shows it; None without a gesture
    loudness_raw, brightness_raw: the same as the model made it
    nearest_training: cosine to the training sound most like it
    compute_s_per_s: seconds of compute a second of sound, a question's takes in one batch; None where no model was asked
    """

    fidelity: dict[str, Fidelity]
    nearest_training: Estimate | None = None
    loudness: Estimate | None = None
    loudness_raw: Estimate | None = None
    brightness: Estimate | None = None
    brightness_raw: Estimate | None = None
    compute_s_per_s: float | None = None


def run(evaluation: Evaluation, progress: Progress = silent) -> dict[str, Any]:
    """All figures as one JSON object; `table` makes them readable."""
    from clvap import Embedder
    from generation import Generator
    from generation.sheet import draw

    yamnet = ears(evaluation)  # first, since what is missing should be said before models are loaded
    embedder = Embedder.from_pretrained(evaluation.clvap, "cpu")
    generator = Generator.from_pretrained(evaluation.generator, "cpu", embedder)
    if evaluation.sheet is not None:
        draw(generator, embedder, evaluation.data, evaluation.sheet, evaluation.seed)
    return measured(evaluation, generator, embedder, yamnet, progress)


def ears(evaluation: Evaluation) -> Yamnet:
    """What listens. Raises RequestError where it or the sounds are missing."""
    files = evaluation.data / "esc50" / "esc50.csv", evaluation.data / "yamnet" / "yamnet.tflite"
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise RequestError(f"no {' and no '.join(missing)}; give --data the folder that holds esc50 and yamnet")
    return Yamnet(files[1])


def measured(evaluation: Evaluation, generator: Generator, embedder: Embedder, yamnet: Yamnet, progress: Progress = silent) -> dict[str, Any]:
    """As `run`, of models that are loaded."""
    sounds_of = evaluation.data / "esc50"
    clips = untrained(sounds_of, _TRAINING_FOLDS) if evaluation.untrained else esc50(sounds_of, _HELD_OUT_FOLD)
    rows = [row for row in clips if evaluation.classes == "all" or category(row) in ESC10]
    bench = Bench.of_rows(yamnet, esc50(sounds_of, _TRAINING_FOLDS), rows, evaluation.scopes, evaluation.seed, progress)
    asked, studio = questions(rows, evaluation.gestures, evaluation.seed), Studio(generator, embedder, evaluation.seed, evaluation.best_of)
    sounds: dict[str, Figures] = {"real": Figures(bench.real(), bench.nearest_of_real())}
    result: dict[str, Any] = about(evaluation, asked, bench, studio.best_of) | {"autoencoder": rebuilding(evaluation, generator, yamnet, bench, rows, progress)}

    def add(name: str, made_for: Callable[[int, Asked], Made], gesture: bool = True) -> list[Made]:
        made = []
        for number, one in enumerate(asked):
            made.append(made_for(number, one))
            progress(number + 1, len(asked), name)
        sounds[name] = figures(bench, yamnet, asked, made, gesture)
        return made

    from_noise = {name: add(name, lambda n, one, way=way: studio.takes(one, n, way, evaluation.takes), way.voice) for name, way in WAYS.items()}
    found = hits(embedder, rows, asked)
    add("best hit", lambda n, one: unperformed(found[n]))
    add("best hit, performed", lambda n, one: performed(found[n], one))
    first = add("grounded take", lambda n, one: grounded(studio, found[n], one, n))
    name, way = next(iter(WAYS.items()))
    add(f"{name}, one take grounded", lambda n, one: studio.page(one, way, first[n], from_noise[name][n]))
    return result | {"sounds": {name: asdict(one) for name, one in sounds.items()}}


def about(evaluation: Evaluation, asked: Sequence[Asked], bench: Bench, best_of: int) -> dict[str, Any]:
    """What the figures are of."""
    return {
        "generator": str(evaluation.generator), "clvap": str(evaluation.clvap), "seed": evaluation.seed,
        "gestures": f"imitations of ESC-50 {'folds 1 to 3, clips not trained on' if evaluation.untrained else 'fold 4, permissive clips'}",
        "judge": f"YAMNet and ridge regression on {len(bench.training)} permissive clips of ESC-50 folds 1 to 3",
        "questions": len(asked), "takes_a_question": evaluation.takes, "best_of": best_of, "classes": len({one.category for one in asked}),
        "chance": bench.chance, "threads": torch.get_num_threads(),
    }  # fmt: skip


def rebuilding(evaluation: Evaluation, generator: Generator, yamnet: Yamnet, bench: Bench, rows: Sequence[Row], progress: Progress) -> dict[str, Any]:
    """The autoencoder, and Griffin-Lim from as many values a second: distance to the original, and what the judge makes of both."""
    plain = MelGriffinLim(generator.values_per_s)
    ways: dict[str, Callable[[Clip], Clip]] = {"autoencoder": generator.reconstructed, "griffin_lim": plain.rebuilt}
    chosen = _some(rows, evaluation.rebuilt)
    distances, answers = ({name: [] for name in ways} for _ in range(2))
    for number, row in enumerate(chosen):
        clip = trim(read(row.path))
        clip = finished(Clip(clip.mono()[None], clip.sample_rate_hz), clip.duration_s)
        for name, way in ways.items():
            rebuilt = way(clip)
            distances[name].append(spectral_distance(clip, rebuilt))
            answers[name].append(Answer(yamnet.embed(rebuilt)[None], category(row), frozenset({row.source})))
        progress(number + 1, len(chosen), "autoencoder")
    classes = [category(row) for row in chosen]
    settings = f"{plain.bands} mel bands, hop {plain.hop}, window {plain.window}, {plain.iterations} iterations"
    return {"values_per_s": round(plain.values_per_s, 1), "griffin_lim_settings": settings} | {
        name: {"stft_distance": asdict(estimate(distances[name], classes)), "fidelity": {k: asdict(v) for k, v in bench.fidelity(answers[name]).items()}}
        for name in ways
    }


def figures(bench: Bench, yamnet: Yamnet, asked: Sequence[Asked], made: Sequence[Made], gesture: bool) -> Figures:
    """What was made for each question, measured; `gesture` says whether there was one to follow."""
    answers = [
        Answer(np.stack([yamnet.embed(clip) for clip in one.shown]), question.category, one.sources | {question.source})
        for question, one in zip(asked, made, strict=True)
    ]
    seconds, sound_s = sum(sum(one.seconds) for one in made), sum(clip.duration_s for one in made for clip in one.raw)
    fidelity, copies, spent = bench.fidelity(answers), bench.nearest_training(answers), round(seconds / sound_s, 3) if seconds else None
    if not gesture:
        return Figures(fidelity, copies, compute_s_per_s=spent)
    loudness, brightness = _followed(asked, [one.shown for one in made])
    loudness_raw, brightness_raw = _followed(asked, [one.raw for one in made])
    return Figures(fidelity, copies, loudness, loudness_raw, brightness, brightness_raw, spent)


def _followed(asked: Sequence[Asked], sounds: Sequence[Sequence[Clip]]) -> tuple[Estimate, Estimate | None]:
    """Loudness and brightness correlation with the gesture, the mean of a question's sounds."""
    found, classes = [followed(question.contours, clips) for question, clips in zip(asked, sounds, strict=True)], [question.category for question in asked]
    return estimate([one.loudness for one in found], classes), known([one.brightness for one in found], classes)


def _some(rows: Sequence[Row], each: int) -> list[Row]:
    """The first rows of each class: `each` of ESC-10, a quarter of that of the others, at least one."""
    kept: dict[str, list[Row]] = {}
    for row in rows:
        of_class = kept.setdefault(category(row), [])
        if len(of_class) < (each if category(row) in ESC10 else max(each // 4, 1)):
            of_class.append(row)
    return [row for of_class in kept.values() for row in of_class]
