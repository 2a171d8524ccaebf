"""What the sounds of ESC-50 are called: phrases to train on, and phrases kept back that never name the class."""

from __future__ import annotations

from pathlib import Path

import yaml

_ESC50 = Path(__file__).resolve().parent.parent.parent / "assets" / "captions" / "esc50.yaml"


def esc50_captions(part: str = "train") -> dict[str, list[str]]:
    """Phrases of each ESC-50 class; `part` is "train" or "evaluate"."""
    classes = yaml.safe_load(_ESC50.read_text())
    return {name: phrases[part] for name, phrases in classes.items()}
