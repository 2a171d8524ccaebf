"""How much of what somebody asked for in words a caption says. Pure functions on strings."""

from __future__ import annotations

import re

_UNSAID = frozenset({
    "a", "an", "and", "at", "by", "for", "from", "in", "into", "is", "it", "like", "of", "off", "on", "or", "out", "over", "some", "that",
    "the", "then", "this", "to", "up", "very", "with",
})  # fmt: skip
_SHORTEST_STEM = 4
_LONGEST_ENDING = 3


def tokens(text: str) -> list[str]:
    """Lower-case words of a text that carry meaning, in order."""
    return [word for word in re.findall(r"[^\W_]+", text.lower()) if word not in _UNSAID]


def coverage(query: str, texts: list[str]) -> list[float]:
    """For each text, the share of the query's words it holds (0 to 1); endings such as -s, -ed and -ing are forgiven."""
    asked = list(dict.fromkeys(tokens(query)))
    if not asked:
        return [0.0] * len(texts)
    said = [set(tokens(text)) for text in texts]
    vocabulary = set().union(*said) if said else set()
    forms = [{word for word in vocabulary if _same_word(one, word)} for one in asked]
    return [sum(bool(form & words) for form in forms) / len(asked) for words in said]


def _same_word(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    if short == long:
        return True
    if len(short) < _SHORTEST_STEM and long not in (f"{short}s", f"{short}es"):
        return False
    stem = short[:-1] if short.endswith(("e", "y")) and len(short) > _SHORTEST_STEM else short
    return long.startswith(stem) and len(long) - len(stem) <= _LONGEST_ENDING + (long[len(stem) : len(stem) + 1] == stem[-1])
