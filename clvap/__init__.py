"""CLVAP: Contrastive Language + Voice & Audio Pretraining. Heavy parts load on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clvap.embedder import Embedder
    from clvap.query import Query

__all__ = ["Embedder", "Query"]
_HOMES = {"Embedder": "clvap.embedder", "Query": "clvap.query"}


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'clvap' has no attribute {name!r}")
