"""WordNet 3.0 (Fellbaum 1998) as pairs of texts that mean the same, read from Debian's wordnet-base."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

from clvap.checkpoints import RecipeError

_LONGEST_GLOSS = 14  # words


@dataclass(frozen=True)
class Synset:
    """Words that mean one thing, and what that is."""

    lemmas: tuple[str, ...]
    gloss: str


def synsets(folder: Path, part: str) -> list[Synset]:
    """All synsets of a part of speech ("noun", "verb" or "adj"), proper names left out. Raises RecipeError where WordNet is not there."""
    try:
        lines = (folder / f"data.{part}").read_text().splitlines()
    except OSError as error:
        raise RecipeError(f"{folder}: no WordNet here; install Debian's wordnet-base or name its folder in the recipe") from error
    return [_synset(line) for line in lines if not line.startswith("  ")]


def same_meaning(folder: Path) -> list[tuple[str, str]]:
    """Pairs of texts: two words of a synset, or a word and its gloss; in the files' order."""
    pairs: list[tuple[str, str]] = []
    for part in ("noun", "verb"):
        for synset in synsets(folder, part):
            pairs += permutations(synset.lemmas[:4], 2)
            if synset.lemmas and synset.gloss.count(" ") < _LONGEST_GLOSS:
                pairs.append((synset.lemmas[0], synset.gloss))
    return pairs


def _synset(line: str) -> Synset:
    fields, gloss = line.split(" | ", 1)
    columns = fields.split()
    words = [columns[4 + 2 * i].split("(")[0].replace("_", " ") for i in range(int(columns[3], 16))]
    return Synset(tuple(dict.fromkeys(word for word in words if word.islower())), gloss.split(";")[0].strip())
