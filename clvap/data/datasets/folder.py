"""A folder of sounds, such as a sample pack: captions from its tables and texts, else from the directories and names.

Which caption a file gets is `clvap.library.scan`'s rule, so training and search call a sound the same.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from clvap.data.licences import UNKNOWN
from clvap.data.rows import ManifestError, Row, listed


def read(folder: Path, licence: str = UNKNOWN, attribution: str = "", captions: str | Path | None = None) -> list[Row]:
    """Every sound file under a folder, under one licence. Raises ManifestError where there is none; files that cannot be opened only warn.

    captions: a table kept elsewhere, see `clvap.library.scan.scan`
    """
    from clvap.library.scan import LibraryError, scan  # brings the library's store with it

    try:
        found = scan(folder, Path(captions) if captions else None)
    except LibraryError as error:
        raise ManifestError(str(error)) from error
    if not found.sounds:
        raise ManifestError(f"{folder}: no sound file (WAV, FLAC, OGG, MP3, AIFF) in it or under it")
    if found.skipped:
        warnings.warn(f"{folder}: {len(found.skipped)} files are left out: {listed([one.path for one in found.skipped])}", stacklevel=2)
    root = Path(folder).expanduser().resolve()
    return [
        Row(Path(sound.path), (sound.caption,), f"{root.name}/{sound.category}/{sound.caption}", _relative(sound.path, root), licence, attribution)
        for sound in found.sounds
    ]


def _relative(path: str, root: Path) -> str:
    return Path(path).relative_to(root).as_posix() if Path(path).is_relative_to(root) else path
