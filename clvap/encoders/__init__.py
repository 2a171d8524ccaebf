"""Encoders by name, for the voice tower or the audio tower. B batch, L states, W width.

Each is a module with `width`, `forward(heard) -> (B, L, W)` states in the order of time, `pool(states) -> (B, W)` the vector of the
whole sound, `published_config(source)` and `load_published(source)` for the weights that its authors gave out.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clvap.checkpoints import ModelError

if TYPE_CHECKING:
    from torch import nn

DEFAULT = "htsat"
_CLASSES = {
    "htsat": "clvap.encoders.htsat.HtsatEncoder",
    "panns": "clvap.encoders.panns.PannsEncoder",
    "byol-a": "clvap.encoders.byol_a.ByolAEncoder",
    "encodec": "clvap.encoders.codecs.EncodecEncoder",
    "dac": "clvap.encoders.codecs.DacEncoder",
}
KINDS = tuple(_CLASSES)
HEARS_WAVEFORMS = ("encodec", "dac")


def build(config: dict[str, Any]) -> nn.Module:
    """A tower from its config: `kind` (htsat where it is absent), what the encoder's class documents, and optionally `front_end`, what it
    hears, and `labels`, the names of its classes. Raises ModelError for an unknown kind."""
    return _class(config.get("kind", DEFAULT))({key: value for key, value in config.items() if key not in ("kind", "front_end", "labels")})


def published_config(kind: str, source: str | Path) -> dict[str, Any]:
    """The tower's config, front end included, that fits a published checkpoint: a file, a folder or an id on the hub."""
    return _class(kind).published_config(source)


def from_published(kind: str, source: str | Path) -> nn.Module:
    """An encoder with a published checkpoint's weights. Raises ModelError for a checkpoint that is not there or does not fit."""
    encoder = build(published_config(kind, source))
    encoder.load_published(source)
    return encoder.eval()


def _class(kind: str) -> type:
    if kind not in _CLASSES:
        raise ModelError(f"encoder {kind!r}: use one of {', '.join(KINDS)}")
    module, _, name = _CLASSES[kind].rpartition(".")
    return getattr(import_module(module), name)
