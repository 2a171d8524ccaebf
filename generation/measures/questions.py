"""What generators are asked: gestures and words, of clips they were not trained on or of one's own sounds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from clvap.audio import AudioError, Clip, read
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
    text: of ESC-50 a phrase kept back from training, which never names the class; of one's own sounds their caption
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
    from clvap.evaluate import usable

    rng, phrases = np.random.default_rng(seed), esc50_captions("evaluate")
    by_class: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_class[category(row)].append(row)
    asked = []
    for name, clips in sorted(by_class.items()):
        for number in rng.permutation(len(clips))[: gestures if name in ESC10 else 1]:
            clip = read(clips[number].path)
            voice = usable(lambda clip=clip: imitate(clip, rng)).cut(0, LONGEST_S)
            asked.append(Asked(voice, phrases[name][int(rng.integers(len(phrases[name])))], name, clips[number].source))
    return asked


def questions_of(rows: Sequence[Row], count: int, seed: int) -> list[Asked]:
    """Loose imitations of at most `count` of the rows with their captions, from as many kinds as there are; half of the rows at most.

    One sound of each kind is left out, to compare with. Raises AudioError where nothing can be imitated.
    """
    from clvap.evaluate import imitation

    asked: list[Asked] = []
    for number in _by_turns(rows, seed):
        if len(asked) >= min(count, len(rows) // 2):
            break
        row, rng = rows[number], np.random.default_rng([seed, number])
        with suppress(AudioError):
            voice = imitation(read(row.path), "loose", rng).cut(0, LONGEST_S)
            asked.append(Asked(voice, str(rng.choice(row.captions)), row.label, row.source))
    if not asked:
        raise AudioError(f"none of {len(rows)} sounds can be imitated; choose a folder with two or more sounds of a kind")
    return asked


def _by_turns(rows: Sequence[Row], seed: int) -> Iterator[int]:
    """Numbers of the rows, one of each kind and then the next of each, all in random order, but for the last of each kind."""
    by_kind: dict[str, list[int]] = defaultdict(list)
    for number in np.random.default_rng(seed).permutation(len(rows)):
        by_kind[rows[number].label].append(int(number))
    for turn in range(max(map(len, by_kind.values())) - 1):
        yield from (numbers[turn] for numbers in by_kind.values() if turn < len(numbers) - 1)
