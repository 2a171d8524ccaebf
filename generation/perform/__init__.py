"""Shaping a finished sound by a gesture, without a network: its timing, pitch, brightness and loudness, each by an amount. Parts load on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generation.perform.amounts import LONGEST_S, Amounts
    from generation.perform.level import finished, held, true_peak
    from generation.perform.shaping import drawn, perform

__all__ = ["LONGEST_S", "Amounts", "drawn", "finished", "held", "perform", "true_peak"]
_HOMES = {
    "Amounts": "amounts", "LONGEST_S": "amounts", "finished": "level", "held": "level", "true_peak": "level",
    "drawn": "shaping", "perform": "shaping",
}  # fmt: skip


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
