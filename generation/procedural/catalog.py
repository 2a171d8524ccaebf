"""The whole starter library as one table of effects. What a sound is made of is told by the family modules."""

from __future__ import annotations

from functools import lru_cache

from generation.procedural import air, creatures, designed, impacts, machines, nature, scifi, vehicles, weapons
from generation.procedural.kinds import Effect, Kind, effects

KINDS: tuple[Kind, ...] = (*air.KINDS, *impacts.KINDS, *designed.KINDS, *scifi.KINDS, *nature.KINDS, *weapons.KINDS, *creatures.KINDS, *vehicles.KINDS, *machines.KINDS)


@lru_cache(maxsize=1)
def catalog() -> tuple[Effect, ...]:
    """Every effect, always in the same order and under the same name."""
    return tuple(effect for kind in KINDS for effect in effects(kind))
