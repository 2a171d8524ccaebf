"""Captions without a language model: synonyms put in place and a frame around the phrase. Adds nothing that the caption does not say."""

from __future__ import annotations

import random

from clvap.captions.synonyms import Synonyms

FRAMES = (
    "sound of {}", "recording of {}", "{} sound effect", "the noise of {}", "audio of {}", "a sound clip of {}", "{}, sound effect",
    "one can hear {}", "the sound is {}", "sample of {}",
)  # fmt: skip
_TRIES = 8


def variations(caption: str, count: int, seed: int, synonyms: Synonyms, taken: set[str] | None = None) -> list[str]:
    """Up to `count` different captions of the same content, the same for the same seed and caption; none is in `taken` (lower case)."""
    rng = random.Random(f"{seed}/{caption}")
    said = {caption.lower(), *(taken or ())}
    made: list[str] = []
    for _ in range(_TRIES * count):
        if len(made) == count:
            break
        plain = synonyms.replaced(caption, rng)
        one = plain if plain and rng.random() < 0.5 else rng.choice(FRAMES).format(plain or caption)
        if one.lower() not in said:
            said.add(one.lower())
            made.append(one)
    return made
