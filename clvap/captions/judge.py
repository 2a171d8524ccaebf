"""What a language model answered, as captions: read out of the text, and each refused where it may not describe the sound."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clvap.captions.synonyms import Synonyms
from clvap.data import folder_captions
from clvap.library.words import tokens

LONGEST_WORDS = 24
"""More than this is cut off by the text tower, which reads 32 tokens."""
SIMILAR = 0.5
"""Cosine from which an embedder is believed. With clvap-mini on phrases of ESC-50: 69 % of the same class above it, 0.6 % of others."""
_FENCE = re.compile(r"```[a-z]*\n?(.*?)```", re.DOTALL)
_THOUGHTS = re.compile(r"<think>.*?(?:</think>|$)", re.DOTALL)
_NUMBERING = re.compile(r"^\s*(?:[-*•–]|\(?\d{1,2}[.):]|[a-c]\))\s+")
_LABEL = re.compile(r"^(?:synonym|paraphrase|extended|caption)s?(?: \d+)?\s*:\s*", re.IGNORECASE)
_REFUSAL = re.compile(
    r"\b(?:i'?m sorry|i am sorry|sorry,|i can(?:'?t|not)|i am unable|i'?m unable|as an ai|language model|i apologi[sz]e|i won'?t|cannot (?:help|assist))\b",
    re.IGNORECASE,
)
_META = re.compile(
    r"^(?:here (?:are|is)|here'?s|sure\b|certainly\b|of course\b|okay\b|below (?:are|is)|the following|let me)|"
    r"\b(?:captions?|paraphrases?|synonyms?|rewrit\w+|variations?|as requested|hope this helps|json|placeholder)\b",
    re.IGNORECASE,
)
_RUBBISH = re.compile(r"[{}\[\]<>|\\`]|https?:|\"\s*:|�")

Embed = Callable[[list[str]], np.ndarray]
"""N texts to unit vectors (N, D), such as those of `Embedder.embed_query`."""


@dataclass(frozen=True)
class Judge:
    """Decides which answers may stand beside a caption.

    embed: asked where no word of the class or of the table is found; None asks nobody
    """

    synonyms: Synonyms
    embed: Embed | None = None
    similar: float = SIMILAR

    def objection(self, answer: str, caption: str, category: str, taken: set[str]) -> str | None:
        """Why an answer may not be used, in a word or two; None where it may. `taken`: what is there already, lower case."""
        words = answer.split()
        if not any(character.isalpha() for character in answer):
            return "empty"
        if _REFUSAL.search(answer):
            return "refusal"
        if _RUBBISH.search(answer):
            return "not a caption"
        if _META.search(answer) and not _META.search(caption):
            return "about the task"
        if len(words) > LONGEST_WORDS or max(map(len, words)) > 40:
            return "too long"
        if plain(answer) == plain(caption) or plain(answer) in taken:
            return "a copy"
        return None if self._same_sound(answer, caption, category) else "another sound"

    def _same_sound(self, answer: str, caption: str, category: str) -> bool:
        words = self.class_words(caption, category)
        named = sum(self.synonyms.names(answer, word) for word in words)
        if named >= max(math.ceil(len(words) / 2), 1):
            return True
        if self.embed is None:
            return not words
        said, meant = self.embed([answer, caption])
        return float(said @ meant) >= self.similar

    def class_words(self, caption: str, category: str) -> list[str]:
        """The words that say what sounds: the category's where the caption bears them out, else the caption's own without mere qualities."""
        named = [word for word in _words(kind(category, caption)) if self.synonyms.names(caption, word)]
        return named or [word for word in _words(caption) if word not in self.synonyms.qualities] or _words(caption)


def phrases(text: str) -> list[str]:
    """The single captions in an answer: of a JSON list or an object of lists, else of its lines, numbering and quotes taken off.

    A text that begins as JSON and is none comes back as one phrase, for the judge to refuse.
    """
    text = _THOUGHTS.sub("", text)
    fenced = _FENCE.search(text)
    body = (fenced[1] if fenced else text).strip()
    start = min((at for at in (body.find("["), body.find("{")) if at >= 0), default=-1)
    if start >= 0:
        try:
            return _strings(json.JSONDecoder().raw_decode(body[start:])[0])
        except (ValueError, RecursionError):
            return [body]
    lines = (_tidy(line) for line in body.splitlines())
    return [line for line in lines if line] or [""]


def kind(category: str, caption: str) -> str:
    """What a row's label says beyond its caption: its last part, such as dog of esc50/dog; empty where that is the caption again."""
    last = category.rpartition("/")[2]
    return "" if plain(last) == plain(caption) else last


def plain(caption: str) -> str:
    """A caption for comparing: lower case, words alone."""
    return " ".join(re.findall(r"[^\W_]+", caption.lower()))


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [_tidy(value)]
    if isinstance(value, dict):
        value = list(value.values())
    return [one for part in value for one in _strings(part)] if isinstance(value, list) else []


def _tidy(line: str) -> str:
    line = _LABEL.sub("", _NUMBERING.sub("", line)).strip()
    return " ".join(line.strip("\"'“”*").rstrip(".,;").strip("\"'“”").split())


def _words(name: str) -> list[str]:
    """A caption, a class name such as door_wood_knock, or a CatID such as DOORWood, as words that mean something."""
    return [word for word in dict.fromkeys(tokens(" ".join(folder_captions.words(name)))) if not word.isdigit()]
