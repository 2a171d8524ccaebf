"""Histories as they lie on disk after months of use, written at once."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from app.services.entries import KeptMatch


def many(folder: Path, count: int, star: KeptMatch) -> None:
    """So many entries of words alone, "gesture 0" the oldest; in every fourth `star` is a favourite."""
    for number in range(count):
        place = folder / f"20260101-{number // 3600:02}{number // 60 % 60:02}{number % 60:02}-000-{number:06x}"
        place.mkdir(parents=True)
        stars = [asdict(star)] if number % 4 == 0 else []
        meta = {"time_s": number, "owner": "local", "words": f"gesture {number}", "balance": 0.5, "has_gesture": False, "matches": [], "takes": []}
        (place / "meta.json").write_text(json.dumps(meta | {"stars": stars}))
