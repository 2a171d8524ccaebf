"""The whole starter library as one table of effects. What a sound is made of is told by the family modules."""

from __future__ import annotations

from functools import lru_cache

from generation.procedural import (
    air,
    bells,
    birds,
    breakage,
    creatures,
    designed,
    impacts,
    insects,
    interface,
    machines,
    nature,
    people,
    scifi,
    vehicles,
    weapons,
)
from generation.procedural.kinds import Effect, Kind, effects

FAMILIES = (
    air, impacts, breakage, designed, scifi, nature, weapons, creatures, birds, insects, vehicles, machines, bells, interface, people,
)  # fmt: skip
KINDS: tuple[Kind, ...] = tuple(kind for family in FAMILIES for kind in family.KINDS)


@lru_cache(maxsize=1)
def catalog() -> tuple[Effect, ...]:
    """Every effect, always in the same order and under the same name."""
    return tuple(effect for kind in KINDS for effect in effects(kind))
