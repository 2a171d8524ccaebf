"""What can be asked of a performance."""

from __future__ import annotations

from dataclasses import dataclass, fields

from generation.request import RequestError

LONGEST_S = 120.0
"""How much of a long sound is worth reading: a gesture lasts half a minute at most, and uses three times its length."""


@dataclass(frozen=True)
class Amounts:
    """How far each aspect of a sound is drawn to the gesture's, 0 (left as it is) to 1 (all the way)."""

    timing: float = 1.0
    loudness: float = 0.7
    brightness: float = 0.5
    pitch: float = 0.5

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value <= 1:
                raise RequestError(f"{field.name} {value} is outside 0 to 1")
