"""The models and the library's table, each loaded once, when first needed, whichever thread asks first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from app.settings import Settings
from clvap.workspace import library_folder
from generation.keeper import IDLE_S, Keeper

if TYPE_CHECKING:
    from clvap import Embedder
    from clvap.library import Library
    from generation import Generator

T = TypeVar("T")


class Lazy(Generic[T]):
    """A value made on first use. A failed try is not remembered, so that a repaired model folder works without a restart."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._value: T | None = None

    @property
    def ready(self) -> bool:
        return self._value is not None

    def __call__(self) -> T:
        with self._lock:
            if self._value is None:
                self._value = self._make()
            return self._value


class Lent(Generic[T]):
    """A value made on first use and lent to one at a time; one that nobody uses for `idle_s` seconds gives its memory back."""

    def __init__(self, make: Callable[[], T], idle_s: float = IDLE_S) -> None:
        self._keeper: Keeper[T] = Keeper(lambda _: make(), idle_s, _free_memory)

    @property
    def ready(self) -> bool:
        return self._keeper.name is not None

    def __call__(self) -> AbstractContextManager[T]:
        return self._keeper.using("the one")


@dataclass(frozen=True)
class Models:
    """embedder, library: call one to have it, loaded if need be; raises ModelError where it cannot be. generator: the same as a context."""

    embedder: Lazy[Embedder]
    library: Lazy[Library]
    generator: Lent[Generator]

    @staticmethod
    def from_settings(settings: Settings) -> Models:
        """The real ones. Their packages (torch and all) are imported in the first call, never with this module."""

        def load_embedder() -> Embedder:
            from clvap import Embedder

            return Embedder.from_pretrained(settings.clvap, device=settings.device)

        def open_library() -> Library:
            from clvap.library import Library

            return Library.open(library_folder(settings.workspace), embedder())

        def load_generator() -> Generator:
            from generation import Generator

            return Generator.from_pretrained(settings.generator, device=settings.device, embedder=embedder())

        embedder = Lazy(load_embedder)
        return Models(embedder, Lazy(open_library), Lent(load_generator))


def _free_memory() -> None:
    from generation import memory

    memory.free()
