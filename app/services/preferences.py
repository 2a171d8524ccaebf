"""What the user of this machine chose for their exports and their captions, remembered over restarts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic, TypeVar

from app.services.errors import RequestError
from app.services.files import write_json
from generation.export.names import DEFAULT_CREATOR


@dataclass(frozen=True)
class ExportPreferences:
    """creator: the CreatorID of proposed names; folder: where exports are also written, "" for nowhere."""

    creator: str = DEFAULT_CREATOR
    folder: str = ""

    @property
    def place(self) -> Path | None:
        """The folder as a path, None for nowhere."""
        return Path(self.folder) if self.folder else None


@dataclass(frozen=True)
class CaptionPreferences:
    """The language model captions are asked of. price: for a million tokens, in and out, as it was typed"""

    address: str = "https://router.huggingface.co/v1"
    model: str = "meta-llama/Llama-3.1-70B-Instruct"
    price: str = ""


Chosen = TypeVar("Chosen", ExportPreferences, CaptionPreferences)


class Preferences(Generic[Chosen]):
    """Preferences of one kind in a file; one that is missing or broken is as if nothing was chosen."""

    def __init__(self, kind: type[Chosen], file: Path) -> None:
        self._kind, self._file = kind, file

    def read(self) -> Chosen:
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            return self._kind(**{name: str(value) for name, value in kept.items()})
        except (OSError, ValueError, TypeError, AttributeError):
            return self._kind()

    def write(self, chosen: Chosen) -> None:
        """Raises RequestError where the disk refuses."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_json(self._file, asdict(chosen))
        except OSError as error:
            raise RequestError(f"{self._file}: could not be written ({error.strerror}); free some disk space") from error
