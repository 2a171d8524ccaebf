"""What may go with a generator when it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Extras:
    """What may go with a model.

    adapter: file or folder of a CLVAP adapter; None takes the one in the model's folder, where there is one
    loras: LoRA files and how far each counts
    text_encoder: folder of T5; None looks beside the model, in the local cache, on the hub
    compile: compile the transformer, on a CUDA card: the first take of a length and number of variations waits for the compiler, so it
        helps where many of one kind are made, and costs where each is another length
    """

    adapter: Path | None = None
    loras: Mapping[Path, float] | None = None
    text_encoder: Path | None = None
    compile: bool = False


NOTHING = Extras()
