"""What the user of this machine chose for their exports and their captions, remembered over restarts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from app.services.errors import RequestError
from app.services.files import write_json
from generation.export.names import DEFAULT_CREATOR


@dataclass(frozen=True)
class ExportPreferences:
    """creator: the CreatorID of proposed names; folder: where exports are also written, None for nowhere."""

    creator: str = DEFAULT_CREATOR
    folder: Path | None = None


@dataclass(frozen=True)
class CaptionPreferences:
    """The language model captions are asked of. price: for a million tokens, in and out, as it was typed"""

    address: str = "https://router.huggingface.co/v1"
    model: str = "meta-llama/Llama-3.1-70B-Instruct"
    price: str = ""


class Preferences:
    """Those for exports in a file; one that is missing or broken is as if nothing was chosen."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> ExportPreferences:
        try:
            kept = _read(self._file)
            return ExportPreferences(str(kept["creator"]), Path(kept["folder"]) if kept["folder"] else None)
        except (OSError, ValueError, KeyError, TypeError):
            return ExportPreferences()

    def write(self, chosen: ExportPreferences) -> None:
        """Raises RequestError where the disk refuses."""
        _write(self._file, {"creator": chosen.creator, "folder": str(chosen.folder) if chosen.folder else ""})


class CaptionsPreferred:
    """Those for captions in a file, as `Preferences`."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> CaptionPreferences:
        try:
            return CaptionPreferences(**{name: str(value) for name, value in _read(self._file).items()})
        except (OSError, ValueError, TypeError, AttributeError):
            return CaptionPreferences()

    def write(self, chosen: CaptionPreferences) -> None:
        """Raises RequestError where the disk refuses."""
        _write(self._file, asdict(chosen))


def _read(file: Path) -> dict[str, str]:
    return json.loads(file.read_text(encoding="utf-8"))


def _write(file: Path, kept: dict[str, str]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, kept)
    except OSError as error:
        raise RequestError(f"{file}: could not be written ({error.strerror}); free some disk space") from error
