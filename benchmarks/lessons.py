"""What favourites teach a search: `python -m benchmarks.lessons RECIPE [--families ...] [--others N]`, RECIPE as for `python -m clvap evaluate`.

Every sound is asked for as if its idea had been asked for once before, in another imitation of the same family, and another sound of its kind taken then
(where there are two more of its kind, of other recordings).
Printed are shares of first hits of the right kind, the source's own takes and the sound that was taken before removed, without that lesson and with it.
Then what lessons that have nothing to do with a question cost: the very sound and its kind as the first hit, after a number of others of other kinds.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import yaml

from clvap import Embedder, Query
from clvap.audio import read
from clvap.data.rows import Row
from clvap.evaluate import imitation, indexed, rows_of
from clvap.library import Lesson, Library

_FAMILIES = ["unseen", "unseen loose"]


@dataclass(frozen=True)
class Figures:
    """Shares of first hits, over all questions of a family; `_after` with lessons.

    kind: of the right kind, once such a sound was taken for the same idea
    other_kind, other_very: of the right kind and the very sound, after lessons of other kinds alone
    """

    kind: float
    kind_after: float
    other_kind: float
    other_kind_after: float
    other_very: float
    other_very_after: float


class _Bench:
    """A library and what was taken in it: for every sound another one of its kind."""

    def __init__(self, rows: list[Row], library: Library, others: int, rng: np.random.Generator) -> None:
        self._library, self._rng, self._others = library, rng, others
        self._labels, self._sources = (np.array([getattr(row, key) for row in rows]) for key in ("label", "source"))
        self._paths = {int(match.path.stem): str(match.path) for match in library.browse(k=len(rows)).matches}
        choices = {number: self._others_of_its_kind(number) for number in range(len(rows))}
        self._taken = {number: int(rng.choice(others)) for number, others in choices.items() if len(set(self._sources[others])) > 1}

    def figures(self, queries: Sequence[Query], before: Sequence[Query]) -> Figures:
        """Of questions, one a sound, and of those that were asked for the same ideas before."""
        lessons = {number: Lesson(before[number].vector, self._paths[taken]) for number, taken in self._taken.items()}
        learned, misled = [], []
        for number, query in enumerate(queries):
            elsewhere = [other for other in lessons if self._labels[other] != self._labels[number]]
            unrelated = [lessons[other] for other in self._rng.choice(elsewhere, self._others, replace=False)]
            plain, other = self._found(query), self._found(query, unrelated)
            misled.append([self._kind(number, plain), self._kind(number, other), plain[0] == number, other[0] == number])
            if number in lessons:
                gone = {self._taken[number]}
                learned.append([self._kind(number, found, gone) for found in (plain, self._found(query, [lessons[number]]))])
        return Figures(*np.mean(learned, axis=0).round(3).tolist(), *np.mean(misled, axis=0).round(3).tolist())

    def _others_of_its_kind(self, number: int) -> np.ndarray:
        return np.flatnonzero((self._labels == self._labels[number]) & (self._sources != self._sources[number]))

    def _found(self, query: Query, lessons: Sequence[Lesson] = ()) -> list[int]:
        return [int(match.path.stem) for match in self._library.search(query, k=len(self._labels), lessons=lessons)]

    def _kind(self, number: int, found: Sequence[int], gone: set[int] = frozenset()) -> bool:
        """Whether the first hit is of a sound's kind, that sound's recording and what is gone left out."""
        first = next(one for one in found if self._sources[one] != self._sources[number] and one not in gone)
        return bool(self._labels[first] == self._labels[number])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line a family, and one with words."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lessons", description="What favourites teach a search.")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--families", nargs="*", default=_FAMILIES)
    parser.add_argument("--others", type=int, default=20, help="lessons of other kinds (20)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the figures here, as JSON")
    parsed = parser.parse_args(arguments)
    config = yaml.safe_load(parsed.recipe.read_text())
    rows, rng, embedder = rows_of(config), np.random.default_rng(config["seed"]), Embedder.from_pretrained(config["model"])
    clips, words, told = [read(row.path) for row in rows], [str(rng.choice(row.captions)) for row in rows], {}
    with TemporaryDirectory() as folder:
        bench = _Bench(rows, indexed(rows, Path(folder), embedder), parsed.others, rng)
        for family in parsed.families:
            now, before = ([imitation(clip, family, rng) for clip in clips] for _ in range(2))
            for kind, texts in ((family, [None] * len(rows)), (f"{family} + words", words)):
                asked, earlier = ([embedder.query(voice, text) for voice, text in zip(voices, texts, strict=True)] for voices in (now, before))
                one = bench.figures(asked, earlier)
                told[kind] = asdict(one)
                print(
                    f"{kind:22} kind {one.kind:.3f} -> {one.kind_after:.3f}   after {parsed.others} of other kinds: "
                    f"kind {one.other_kind:.3f} -> {one.other_kind_after:.3f}, very sound {one.other_very:.3f} -> {one.other_very_after:.3f}",
                    flush=True,
                )
    if parsed.out is not None:
        parsed.out.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
