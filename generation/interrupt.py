"""Stopping inside a network call: one call of a large model takes seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def asked_between(layers: Iterable[nn.Module], ask: Callable[[], None], every_s: float = 0.2) -> Iterator[None]:
    """Within it, `ask` is called before a layer runs where `every_s` seconds went by since the last time; what it raises stops the call."""
    last = time.monotonic()

    def before(module: nn.Module, inputs: tuple) -> None:
        nonlocal last
        if time.monotonic() - last >= every_s:
            last = time.monotonic()
            ask()

    handles = [layer.register_forward_pre_hook(before) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
