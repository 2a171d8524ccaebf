"""New sounds from a gesture and words. Heavy parts load on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generation.generator import Generator
    from generation.request import GenerateRequest, Take

__all__ = ["GenerateRequest", "Generator", "Take"]
_HOMES = {"Generator": "generation.generator", "GenerateRequest": "generation.request", "Take": "generation.request"}


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'generation' has no attribute {name!r}")
