"""Figures of a generator on a folder of sounds, by the search model alone: no collection and no other judge is needed.

Some of the sounds are imitated and asked for by gesture, words and both; takes are compared with the gesture and with the real sounds,
less the one that was imitated. The search model that judges also conditions the takes, so its verdict on kinds is a kind one: read it
beside that on real sounds, and from one model of generation to another. What was fine-tuned on the folder has heard these sounds.
N sounds, D dimensions of the search model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from clvap.data.rows import Row
from clvap.ledger import Ledger
from clvap.progress import Progress, silent
from generation.measures import frechet
from generation.measures.estimate import Estimate, estimate, known
from generation.measures.following import Followed, followed
from generation.measures.judge import Embedded, nearest_classes
from generation.measures.questions import Asked, questions_of
from generation.measures.takes import WAYS, Studio, Way
from generation.request import RequestError

if TYPE_CHECKING:
    from clvap import Embedder
    from generation import Generator

_TOGETHER = 16


@dataclass(frozen=True)
class FolderEvaluation:
    """What to measure.

    source: a folder, whose folders are the kinds, or a table of sounds
    generator, clvap: names or folders
    adapter, loras: files that go with the generator
    questions: sounds that are imitated; takes: of each, for each way of asking
    best_of: candidates that a take is the best of; None: as many as the page makes
    most: sounds in all, drawn at random
    seed: of sounds, gestures and takes
    """

    source: Path
    generator: str = "sfx-mini"
    clvap: str = "clvap-mini"
    adapter: Path | None = None
    loras: tuple[Path, ...] = ()
    device: str = "auto"
    questions: int = 48
    takes: int = 2
    most: int = 400
    seed: int = 0
    best_of: int | None = None

    def __post_init__(self) -> None:
        if min(self.questions, self.takes) < 1:
            raise RequestError(f"{self.questions} questions, {self.takes} takes; use 1 or more of each")

    def quick(self) -> FolderEvaluation:
        """The same of the first take that comes, over in about two minutes with sfx-mini on two cores, and with wide errors."""
        return replace(self, questions=12, takes=2, most=120, best_of=1)


@dataclass(frozen=True)
class Answered:
    """The takes to one question.

    vectors: of the takes as shown, N times D numbers
    loudness, brightness: correlation with the gesture, as shown; None where there is nothing to follow
    loudness_raw, brightness_raw: the same as the model made them
    seconds: of compute; sound_s: seconds of sound
    """

    vectors: list[list[float]]
    loudness: float | None
    brightness: float | None
    loudness_raw: float | None
    brightness_raw: float | None
    seconds: float
    sound_s: float


@dataclass(frozen=True)
class FolderFigures:
    """A way of asking, measured.

    kind: share of takes whose nearest real sound is of the kind asked for; None where there is one kind alone
    distance: Frechet distance to the real sounds, None for too few
    loudness, brightness, loudness_raw, brightness_raw: see `Answered`
    compute_s_per_s: seconds of compute a second of sound
    """

    kind: Estimate | None = None
    distance: frechet.Ratio | None = None
    loudness: Estimate | None = None
    brightness: Estimate | None = None
    loudness_raw: Estimate | None = None
    brightness_raw: Estimate | None = None
    compute_s_per_s: float | None = None


def run(evaluation: FolderEvaluation, progress: Progress = silent, kept: Path | None = None) -> dict[str, Any]:
    """All figures as one JSON object.

    kept: folder of what was measured so far, which is not measured again if models, sounds and questions are the same
    """
    from clvap import Embedder
    from clvap.evaluate import rows_of
    from generation import Generator
    from generation.extras import Extras

    progress(0, 0, "Choosing sounds")
    kind = "folder" if evaluation.source.is_dir() else "manifest"
    rows = rows_of({kind: str(evaluation.source), "most": evaluation.most, "seed": evaluation.seed})
    progress(0, 0, "Loading the models")
    embedder = Embedder.from_pretrained(evaluation.clvap, evaluation.device)
    extras = Extras(adapter=evaluation.adapter, loras=dict.fromkeys(evaluation.loras, 1.0))
    generator = Generator.from_pretrained(evaluation.generator, evaluation.device, embedder, extras)
    return measured(evaluation, rows, generator, embedder, weights(evaluation), progress, kept)


def measured(
    evaluation: FolderEvaluation, rows: Sequence[Row], generator: Generator, embedder: Embedder, fingerprint: str = "", progress: Progress = silent,
    kept: Path | None = None,
) -> dict[str, Any]:  # fmt: skip
    """As `run`, of models that are loaded; fingerprint: of the generator's weights."""
    from clvap.evaluate import digest

    at_work = Studio(generator, embedder, evaluation.seed, evaluation.best_of)
    about = {
        "generator": str(evaluation.generator), "generator_fingerprint": fingerprint, "clvap": str(evaluation.clvap), "clvap_fingerprint": embedder.fingerprint,
        "digest": digest(rows), "seed": evaluation.seed, "takes_a_question": evaluation.takes,
        "best_of": at_work.best_of,
    }  # fmt: skip
    ledger = Ledger(kept, about | {"asked_for": evaluation.questions})
    progress(0, 0, "Imitating sounds")
    asked = questions_of(rows, evaluation.questions, evaluation.seed)
    real = heard(embedder, rows, progress)
    total, answers = len(WAYS) * len(asked), {}
    for name, way in WAYS.items():
        answers[name] = []
        for number, one in enumerate(asked):
            tell = partial(_tell, progress, sum(map(len, answers.values())), total, f"takes to {name}")
            measure = partial(_answer, at_work, one, number, way, evaluation.takes, tell)
            answers[name].append(Answered(**ledger.once(f"{name} {number}", measure)))
    sounds = _references(asked, real) | {name: figures(asked, found, real, evaluation.seed) for name, found in answers.items()}
    return about | {
        "source": str(evaluation.source), "sounds_heard": len(rows), "kinds": len(set(real.classes)), "questions": len(asked),
        "threads": torch.get_num_threads(), "sounds": {name: asdict(one) for name, one in sounds.items()},
    }  # fmt: skip


def heard(embedder: Embedder, rows: Sequence[Row], progress: Progress = silent) -> Embedded:
    """Real sounds as the search model hears them."""
    parts = []
    for start in range(0, len(rows), _TOGETHER):
        progress(0, 0, f"Listening to the sounds: {start} of {len(rows)}")
        parts.append(embedder.embed_audio([row.path for row in rows[start : start + _TOGETHER]]))
    return Embedded(np.concatenate(parts), [row.label for row in rows], [frozenset({row.source}) for row in rows])


def figures(asked: Sequence[Asked], found: Sequence[Answered], real: Embedded, seed: int) -> FolderFigures:
    """One way of asking; answers in the order of the questions."""
    classes, vectors = [one.category for one in asked], [np.array(one.vectors, np.float32) for one in found]
    made = [(one.category, frozenset({one.source})) for one, of_one in zip(asked, vectors, strict=True) for _ in of_one]
    takes = Embedded(np.concatenate(vectors), [one[0] for one in made], [one[1] for one in made])
    seconds, sound_s = sum(one.seconds for one in found), sum(one.sound_s for one in found)
    correlations = {name: known([getattr(one, name) for one in found], classes) for name in ("loudness", "brightness", "loudness_raw", "brightness_raw")}
    return FolderFigures(
        _kind(asked, vectors, real), frechet.ratio(takes, real, frechet.components(real.vectors), seed), **correlations,
        compute_s_per_s=round(seconds / sound_s, 3),
    )  # fmt: skip


def weights(evaluation: FolderEvaluation) -> str:
    """Twelve hex digits that change with the generator's weights and what goes with them."""
    from generation.checkpoints import ADAPTER, engine_weights, is_engine_folder, locate

    folder = locate(evaluation.generator)
    files = [engine_weights(folder) if is_engine_folder(folder) else folder / "model.safetensors", evaluation.adapter or folder / ADAPTER, *evaluation.loras]
    told = hashlib.sha256()
    for path in files:
        if not path.is_file():
            continue
        with open(path, "rb") as file:
            while part := file.read(1 << 20):
                told.update(part)
    return told.hexdigest()[:12]


def _answer(at_work: Studio, one: Asked, number: int, way: Way, takes: int, progress: Progress) -> dict[str, Any]:
    """Takes to one question, measured: an `Answered` as JSON has it."""
    made = at_work.takes(one, number, way, takes, progress=progress)
    shown, raw = (followed(one.contours, clips) if way.voice else Followed(None, None) for clips in (made.shown, made.raw))
    seconds, sound_s = sum(made.seconds), sum(clip.duration_s for clip in made.raw)
    vectors = at_work.heard(made.shown).tolist()
    return asdict(Answered(vectors, shown.loudness, shown.brightness, raw.loudness, raw.brightness, seconds, sound_s))


def _references(asked: Sequence[Asked], real: Embedded) -> Mapping[str, FolderFigures]:
    """What a guess would reach, and the real sounds that were imitated."""
    shares = [_shares(one, real) for one in asked]
    own = [real.vectors[[place for place, sources in enumerate(real.sources) if one.source in sources]] for one in asked]
    return {
        "chance": FolderFigures(known(shares, [one.category for one in asked]) if len(set(real.classes)) > 1 else None),
        "real sounds": FolderFigures(_kind(asked, own, real)),
    }


def _shares(one: Asked, real: Embedded) -> float:
    """Share of the real sounds that are of the kind asked for, less the one imitated."""
    others = [name for name, sources in zip(real.classes, real.sources, strict=True) if one.source not in sources]
    return others.count(one.category) / len(others)


def _kind(asked: Sequence[Asked], vectors: Sequence[np.ndarray], real: Embedded) -> Estimate | None:
    """Share of each question's sounds whose nearest real sound, other than the one imitated, is of the kind asked for."""
    if len(set(real.classes)) < 2:
        return None
    right = []
    for one, of_one in zip(asked, vectors, strict=True):
        others = [place for place, sources in enumerate(real.sources) if one.source not in sources]
        left = Embedded(real.vectors[others], [real.classes[place] for place in others], [real.sources[place] for place in others])
        right.append(float(np.mean([name == one.category for name in nearest_classes(of_one, left)])))
    return estimate(right, [one.category for one in asked])


def _tell(progress: Progress, done: int, total: int, what: str, *steps: Any) -> None:
    """The steps of one take count for nothing in the whole; they are where the work can be stopped."""
    progress(done, total, what)
