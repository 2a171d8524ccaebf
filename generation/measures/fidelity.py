"""Whether sound is of the kind that was asked: share a judge takes for the class, and distance to real sound of the same classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from clvap.data.rows import Row
from clvap.data.yamnet import Yamnet
from clvap.progress import Progress, silent
from generation.measures import frechet
from generation.measures.estimate import Estimate, estimate
from generation.measures.judge import ESC10, Embedded, Judge, embedded, nearest


@dataclass(frozen=True)
class Answer:
    """The sounds given to one question.

    vectors: float32 (N, E), best first
    category: the class that was asked
    sources: recordings they were made from
    """

    vectors: np.ndarray
    category: str
    sources: frozenset[str]


@dataclass(frozen=True)
class Fidelity:
    """Figures of sounds within one set of classes.

    single: share whose class the judge puts first, over all sounds of an answer
    best: the same for the first sound of each answer
    in_five: share whose class is among the judge's first five
    frechet: distance to real sound, None for too few sounds
    """

    single: Estimate
    best: Estimate
    in_five: Estimate
    frechet: frechet.Ratio | None


class Bench:
    """Judges and real sound to compare with, over the ten classes of ESC-10 and over all.

    training: real sound the judges learn from; held_out: real sound the made one is compared with
    """

    def __init__(self, training: Embedded, held_out: Embedded, scopes: Iterable[str], seed: int = 0):
        classes = {"esc10": sorted(set(ESC10) & set(held_out.classes)), "all": sorted(set(held_out.classes))}
        self.training, self._seed, self._space = training, seed, frechet.components(training.vectors)
        self._real = {scope: held_out.of(classes[scope]) for scope in scopes}
        self._judges = {scope: Judge.trained(training.of(classes[scope])) for scope in scopes}

    @classmethod
    def of_rows(cls, yamnet: Yamnet, training: Sequence[Row], held_out: Sequence[Row], scopes: Iterable[str], seed: int, progress: Progress = silent) -> Bench:
        """From files."""
        return cls(embedded(yamnet, training, progress), embedded(yamnet, held_out, progress), scopes, seed)

    @property
    def chance(self) -> dict[str, float]:
        """Agreement of a guess, by scope."""
        return {scope: round(1 / len(judge.classes), 3) for scope, judge in self._judges.items()}

    def real(self) -> dict[str, Fidelity]:
        """Figures of the real sound itself: what the judge is worth."""
        return {scope: self._figures(_separate(real), scope) for scope, real in self._real.items()}

    def fidelity(self, answers: Sequence[Answer]) -> dict[str, Fidelity]:
        """Figures by scope, of the answers whose class is in it."""
        return {scope: self._figures(answers, scope) for scope in self._judges}

    def nearest_training(self, answers: Sequence[Answer]) -> Estimate:
        """Cosine of a sound to the training sound most like it: how much is a copy."""
        values = [float(nearest(answer.vectors, self.training).mean()) for answer in answers]
        return estimate(values, [answer.category for answer in answers])

    def nearest_of_real(self) -> Estimate:
        """The same of held-out real sound, which is no copy."""
        return self.nearest_training(_separate(next(reversed(self._real.values()))))

    def _figures(self, answers: Sequence[Answer], scope: str) -> Fidelity:
        judge = self._judges[scope]
        answers = [answer for answer in answers if answer.category in judge.classes]
        classes = [answer.category for answer in answers]
        places = [judge.places(answer.vectors, [answer.category] * len(answer.vectors)) for answer in answers]
        return Fidelity(
            estimate([float((place == 0).mean()) for place in places], classes),
            estimate([float(place[0] == 0) for place in places], classes),
            estimate([float((place < 5).mean()) for place in places], classes),
            frechet.ratio(_together(answers), self._real[scope], self._space, self._seed),
        )


def _together(answers: Sequence[Answer]) -> Embedded:
    rows = [(answer.category, answer.sources) for answer in answers for _ in answer.vectors]
    return Embedded(np.concatenate([answer.vectors for answer in answers]), [row[0] for row in rows], [row[1] for row in rows])


def _separate(real: Embedded) -> list[Answer]:
    return [Answer(vector[None], *about) for vector, *about in zip(real.vectors, real.classes, real.sources, strict=True)]
