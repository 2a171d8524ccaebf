"""What a long measuring has found so far, kept in a folder, so that it goes on where it stopped. Knows nothing of what is measured."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from clvap.files import whole

_ABOUT = "about.json"


class Ledger:
    """Entries by name. What is read back is what was written, to the last bit of every number."""

    def __init__(self, folder: Path | None, about: Mapping[str, Any]) -> None:
        """folder: None keeps nothing; about: what is measured, entries about anything else are thrown away"""
        self._folder = folder
        if folder is None:
            return
        if _read(folder / _ABOUT) != json.loads(json.dumps(about)):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _write(folder / _ABOUT, about)

    def __contains__(self, name: str) -> bool:
        return self._folder is not None and self._file(name).is_file()

    def once(self, name: str, measure: Callable[[], Any]) -> Any:
        """What `measure` gives, asked only where the entry is not there: something JSON can say, lists in place of tuples."""
        found = _read(self._file(name)) if self._folder is not None else None
        if found is not None:
            return found
        measured = measure()
        if self._folder is not None:
            _write(self._file(name), measured)
        return json.loads(json.dumps(measured))

    def _file(self, name: str) -> Path:
        return self._folder / f"{name.replace(' ', '_')}.json"


def _read(path: Path) -> Any:
    """None where there is nothing, or half of something."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _write(path: Path, content: Any) -> None:
    """Whole or not at all."""
    with whole(path) as partial:
        partial.write_text(json.dumps(content), encoding="utf-8")
