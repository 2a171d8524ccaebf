"""The models and the library's table, each loaded when first needed, whichever thread asks first, and changed while the studio runs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from app.services.chosen import Choice, Chosen
from app.settings import Settings
from app.space import has_lent_gpu
from clvap.workspace import library_folder
from generation.extras import Extras
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

    def renew(self) -> None:
        """Make it anew. The earlier value serves until the new one is there, and goes on where making it fails, which is raised."""
        value = self._make()
        with self._lock:
            self._value = value


class Lent(Generic[T]):
    """A value made on first use and lent to one at a time; one that nobody uses for `idle_s` seconds gives its memory back."""

    def __init__(
        self, make: Callable[[], T], idle_s: float = IDLE_S, which: Callable[[], str] = lambda: "the one", prepare: Callable[[T], object] = lambda _: None
    ) -> None:
        """which: names what is wanted now; under another name than last time, another is made in place of the earlier. prepare: before each lending"""
        self._keeper: Keeper[T] = Keeper(lambda _: make(), idle_s, _free_memory)
        self._which, self._prepare = which, prepare

    @property
    def ready(self) -> bool:
        return self._keeper.name is not None

    @contextmanager
    def __call__(self) -> Iterator[T]:
        with self._keeper.using(self._which()) as value:
            self._prepare(value)
            yield value


@dataclass(frozen=True)
class Models:
    """embedder, library: call one to have it, loaded if need be; raises ModelError where it cannot be. generator: the same as a context.

    chosen: which ones; what changes there is loaded by `use_clvap` and `use_generator`, or at the next use
    """

    embedder: Lazy[Embedder]
    library: Lazy[Library]
    generator: Lent[Generator]
    chosen: Chosen = field(default_factory=Chosen)

    def use_clvap(self, choice: Choice) -> None:
        """Search with this choice's model from now on. Raises ModelError, with the earlier one still in use, where it cannot be loaded."""
        with self.chosen.trying(choice):
            self.embedder.renew()
        self.library.renew()  # it knows the model that it was opened with

    def use_generator(self, choice: Choice) -> None:
        """Make takes with this choice's generator, adapter and LoRAs from now on, once the takes at work are made.

        Raises ModelError where it cannot be loaded; the earlier one then comes back at the next use, since two may not fit into memory.
        """
        with self.chosen.trying(choice), self.generator():
            pass

    @staticmethod
    def from_settings(settings: Settings) -> Models:
        """The real ones. Their packages (torch and all) are imported in the first call, never with this module."""
        chosen = Chosen.of(settings)

        def load_embedder() -> Embedder:
            from clvap import Embedder

            device = "cpu" if has_lent_gpu() else settings.device  # a GPU is lent for takes alone, and this is asked at any time
            return Embedder.from_pretrained(chosen.now().clvap, device=device)

        def open_library() -> Library:
            from clvap.library import Library

            return Library.open(library_folder(settings.workspace), embedder())

        def load_generator() -> Generator:
            from generation import Generator

            choice = chosen.now()
            extras = Extras(adapter=Path(choice.adapter) if choice.adapter else None)
            return Generator.from_pretrained(choice.generator, device=settings.device, embedder=embedder(), extras=extras)

        def which_generator() -> str:
            choice = chosen.now()
            return json.dumps([choice.generator, choice.adapter, embedder().fingerprint])  # its takes are ranked by the embedder

        def tune(generator: Generator) -> None:
            generator.use_loras({Path(file): strength for file, strength in chosen.now().loras})

        embedder = Lazy(load_embedder)
        return Models(embedder, Lazy(open_library), Lent(load_generator, which=which_generator, prepare=tune), chosen)


def _free_memory() -> None:
    from generation import memory

    memory.free()
