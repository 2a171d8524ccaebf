"""Files that are there whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LEFT_BEHIND = ".*.partial*"
"""Glob of what programs that were killed while writing leave in a folder."""


@contextmanager
def whole(path: Path, shared: bool = False) -> Iterator[Path]:
    """A path beside `path` to write to; what was written there takes its place when the block ends, and is gone when it raises.

    It ends as `path` does, since libraries choose the format by that, and begins with a dot: readers that look for files by pattern must
    pass over such names. A killed program leaves it behind, the next to write the same file writes over it.

    shared: others may write the same file at the same moment; each then has a path of its own, and the last to end stays
    Raises OSError where the disk refuses: the folder must exist, the block must write the file.
    """
    own = f"-{secrets.token_hex(4)}" if shared else ""
    partial = path.with_name(f".{path.stem}.partial{own}{path.suffix}")
    try:
        yield partial
        with open(partial, "rb+") as file:
            os.fsync(file.fileno())  # else the new name may reach the disk before the content does
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
