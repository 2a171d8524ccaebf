"""A table of everyday sound words: which replace each other, and which give a class away without naming it."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from clvap.library.words import coverage

TABLE = Path(__file__).resolve().parents[2] / "assets" / "captions" / "synonyms.yaml"
_HISSING = ("s", "x", "z", "ch", "sh")
_UNEVEN = {"man": "men", "woman": "women", "child": "children", "knife": "knives", "leaf": "leaves"}


@dataclass(frozen=True)
class Synonyms:
    """The table in its two uses.

    replaceable: a word or phrase as it stands in captions, to what may stand there instead
    implied: a word to those that say the same of a sound, replacements among them
    qualities: words that tell how it sounds, not what sounds
    """

    replaceable: dict[str, tuple[str, ...]]
    implied: dict[str, tuple[str, ...]]
    qualities: frozenset[str]

    @staticmethod
    @cache
    def load(path: Path = TABLE) -> Synonyms:
        """Read a table with the keys things (nouns), doings (-ing forms), qualities, implied."""
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
        groups = [*table["things"], *([_plural(word) for word in group] for group in table["things"]), *table["doings"], *table["qualities"]]
        replaceable = {word: tuple(other for other in group if other != word) for group in groups for word in group if len(group) > 1}
        implied = dict(replaceable)
        for word, others in table["implied"].items():
            implied[word] = (*implied.get(word, ()), *others)
        return Synonyms(replaceable, implied, frozenset(word for group in table["qualities"] for word in group))

    def replaced(self, text: str, rng: random.Random) -> str | None:
        """The text with some of its known words replaced, at least one; None where it holds none. The longest phrase wins."""
        found = list(self._pattern().finditer(text))
        if not found:
            return None
        chosen = rng.sample(found, rng.randint(1, len(found)))
        for match in sorted(chosen, key=lambda one: -one.start()):
            text = text[: match.start()] + rng.choice(self.replaceable[match[0].lower()]) + text[match.end() :]
        return re.sub(r"\ban? (?=([aeio])|[bcdfgjklmnpqrstvwxyz])", lambda one: "an " if one[1] else "a ", text)

    def names(self, text: str, word: str) -> bool:
        """Whether a text holds the word, a form of it, or one that implies it."""
        singular = word.removesuffix("s")
        said = {word, singular, *self.implied.get(word, ()), *self.implied.get(singular, ())}
        return any(coverage(one, [text])[0] == 1 for one in said)

    def _pattern(self) -> re.Pattern:
        return _any_of(tuple(sorted(self.replaceable, key=len, reverse=True)))


@cache
def _any_of(phrases: tuple[str, ...]) -> re.Pattern:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, phrases))})\b", re.IGNORECASE)


def _plural(noun: str) -> str:
    """The plural of a noun or a noun phrase; of "herd of cows" the first word's."""
    head, of, rest = noun.partition(" of ")
    before, space, last = head.rpartition(" ")
    if last in _UNEVEN:
        last = _UNEVEN[last]
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        last = f"{last[:-1]}ies"
    else:
        last += "es" if last.endswith(_HISSING) else "s"
    return before + space + last + of + rest
