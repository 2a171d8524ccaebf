"""Lists in the style of AudioSet (Gemmeke et al. 2017): `YTID, start_seconds, end_seconds, "/m/label,/m/label"` after comment lines.

Beside the lists (`*_segments.csv`) lies `class_labels_indices.csv` (index, mid, display_name). Clips are looked for anywhere under the
folder as `YTID.*`, `YYTID.*` or `YTID_START*.*`; nobody has them all, so those that are not there are left out.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from clvap.data import tables
from clvap.data.licences import UNKNOWN
from clvap.data.rows import ManifestError, Row, present

_ID_LENGTH = 11
_SOUNDS = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")


def read(folder: Path, lists: Sequence[str] | None = None) -> list[Row]:
    """Clips of the given lists, such as ("balanced_train",); None reads every `*_segments.csv`. Clips with the same labels are of the same kind.

    Raises ManifestError where a list or the table of labels is missing, and where no clip is there.
    """
    paths = sorted(folder.glob("*_segments.csv")) if lists is None else [folder / f"{name}_segments.csv" for name in lists]
    absent = [path.name for path in paths if not path.is_file()]
    if absent or not paths:
        raise ManifestError(f"{folder}: no {', '.join(absent) or 'list such as balanced_train_segments.csv'}; put AudioSet's lists into this folder")
    names = {row["mid"]: row["display_name"].lower() for row in tables.read(folder / "class_labels_indices.csv", ("mid", "display_name"))}
    clips = _clips(folder)
    rows = [_row(path, clip, labels, names, clips) for path in paths for clip, labels in _segments(path)]
    return present(rows, f"AudioSet in {folder}")


def _row(path: Path, clip: str, labels: list[str], names: dict[str, str], clips: dict[str, Path]) -> Row:
    unknown = [mid for mid in labels if mid not in names]
    if unknown:
        raise ManifestError(f"{path}: label {unknown[0]} of {clip} is not in class_labels_indices.csv; take both files from one release")
    said = [names[mid] for mid in labels]
    captions = tuple(dict.fromkeys([", ".join(said), *said]))
    split = path.name.removesuffix("_segments.csv")
    return Row(clips.get(clip, path.parent / clip), captions, "audioset/" + "; ".join(sorted(said)), clip, UNKNOWN, f"YouTube, {clip}", split=split)


def _segments(path: Path) -> Iterator[tuple[str, list[str]]]:
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.reader(file, skipinitialspace=True):
            if not row or row[0].startswith("#"):
                continue
            if len(row) < 4 or not row[3].strip():
                raise ManifestError(f'{path}: {",".join(row)!r} is no segment; a line reads YTID, start, end, "label,label"')
            yield row[0], [label.strip() for label in ",".join(row[3:]).split(",")]


def _clips(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for at, _, names in os.walk(folder):
        for name in sorted(names):
            stem, suffix = os.path.splitext(name)
            if suffix.lower() in _SOUNDS:
                for written in (stem, stem.removeprefix("Y")):
                    if written[_ID_LENGTH : _ID_LENGTH + 1] in ("", "_"):
                        found.setdefault(written[:_ID_LENGTH], Path(at, name))
    return found
