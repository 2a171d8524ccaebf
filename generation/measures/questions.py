"""What generators are asked: gestures and words they were not trained on, and the ways of asking."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clvap.audio import Clip, gesture, read
from clvap.contours import Contours, extract
from clvap.data.captions import esc50_captions
from clvap.data.rows import Row
from clvap.data.vocalize import imitate
from generation.measures.judge import ESC10, category

LONGEST_S = 4.0


@dataclass(frozen=True)
class Asked:
    """One gesture with words.

    voice: the imitation, at most 4 s
    text: a phrase kept back from training, which never names the class
    category: the class it stands for
    source: the recording that was imitated
    """

    voice: Clip
    text: str
    category: str
    source: str

    @property
    def contours(self) -> Contours:
        return extract(self.voice)


def questions(rows: Sequence[Row], gestures: int, seed: int) -> list[Asked]:
    """Gestures of clips of held-out rows with held-out words: `gestures` for each ESC-10 class, one for every other class."""
    rng, phrases = np.random.default_rng(seed), esc50_captions("evaluate")
    by_class: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_class[category(row)].append(row)
    asked = []
    for name, clips in sorted(by_class.items()):
        for number in rng.permutation(len(clips))[: gestures if name in ESC10 else 1]:
            voice = gesture(imitate(read(clips[number].path), rng)).cut(0, LONGEST_S)
            asked.append(Asked(voice, phrases[name][int(rng.integers(len(phrases[name])))], name, clips[number].source))
    return asked
