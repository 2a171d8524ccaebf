"""What the user of this machine chose for their exports, remembered over restarts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from app.services.errors import RequestError
from app.services.files import write_json
from generation.export.names import DEFAULT_CREATOR


@dataclass(frozen=True)
class ExportPreferences:
    """creator: the CreatorID of proposed names; folder: where exports are also written, None for nowhere."""

    creator: str = DEFAULT_CREATOR
    folder: Path | None = None


class Preferences:
    """The preferences in a file; one that is missing or broken is as if nothing was chosen."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> ExportPreferences:
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            return ExportPreferences(str(kept["creator"]), Path(kept["folder"]) if kept["folder"] else None)
        except (OSError, ValueError, KeyError, TypeError):
            return ExportPreferences()

    def write(self, chosen: ExportPreferences) -> None:
        """Raises RequestError where the disk refuses."""
        kept = {"creator": chosen.creator, "folder": str(chosen.folder) if chosen.folder else ""}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_json(self._file, kept)
        except OSError as error:
            raise RequestError(f"{self._file}: could not be written ({error.strerror}); free some disk space") from error
