"""Which models the studio works with, remembered in the workspace over restarts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from app.services.errors import RequestError
from app.services.files import write_json
from app.settings import DEFAULT_CLVAP, DEFAULT_GENERATOR, Settings


@dataclass(frozen=True)
class Choice:
    """Models by name or place.

    clvap, generator: as `--clvap` and `--generator` take them
    adapter: file of a CLVAP adapter for the generator, None for the one in its folder, if any
    adapter_strength: 1 as trained, 0 as if there were none
    loras: LoRA files for the generator, each with its strength
    linked: folders and files elsewhere that the user added
    """

    clvap: str = DEFAULT_CLVAP
    generator: str = DEFAULT_GENERATOR
    adapter: str | None = None
    adapter_strength: float = 1.0
    loras: tuple[tuple[str, float], ...] = ()
    linked: tuple[str, ...] = ()


class Chosen:
    """The choice, for any thread."""

    def __init__(self, path: Path | None = None, choice: Choice | None = None) -> None:
        """path: file it is kept in, None for memory alone; choice: to start with"""
        self._path, self._choice = path, choice or Choice()
        self._lock = threading.RLock()

    @classmethod
    def of(cls, settings: Settings) -> Chosen:
        """As last chosen in the workspace, but for what the command line names."""
        path = settings.workspace / "models.json"
        usual = Choice(settings.clvap, settings.generator)
        kept = _read(path, usual)
        named = {kind: getattr(settings, kind) for kind in settings.named}
        if named.get("generator", kept.generator) != kept.generator:
            kept = replace(kept, adapter=None, adapter_strength=1.0, loras=())  # they belong to the other generator
        return cls(path, replace(kept, **named))

    def now(self) -> Choice:
        return self._choice

    def keep(self, choice: Choice) -> None:
        """From now on this. Raises RequestError where the disk refuses."""
        with self._lock:
            self._choice = choice
            if self._path is not None:
                _write(self._path, choice)

    @contextmanager
    def trying(self, choice: Choice) -> Iterator[None]:
        """This within the block; kept if the block ends well, taken back if it raises."""
        with self._lock:
            before, self._choice = self._choice, choice
            try:
                yield
                self.keep(choice)
            except BaseException:
                self._choice = before
                raise


def _read(path: Path, usual: Choice) -> Choice:
    """A file that is not there, or that somebody broke, counts as nothing chosen."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        loras = tuple((str(file), float(strength)) for file, strength in values.pop("loras", ()))
        linked = tuple(str(place) for place in values.pop("linked", ()))
        return replace(usual, **values, loras=loras, linked=linked)
    except (OSError, ValueError, TypeError, AttributeError):
        return usual


def _write(path: Path, choice: Choice) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, asdict(choice))
    except OSError as error:
        raise RequestError(f"{path}: could not be written ({error.strerror}); free some disk space") from error
