"""Manifests: tables of sounds to train and report on, as CSV or JSON Lines.

Columns: path; caption (one) or captions (several, separated by `|`, or a JSON list); and, where known, imitation, category,
licence, split, source, attribution. Paths are relative to the manifest.
"""

from __future__ import annotations

import csv
import json
import os
import warnings
from pathlib import Path

from clvap.data import tables
from clvap.data.datasets import captioned, sfx
from clvap.data.datasets import esc50 as esc50_dataset
from clvap.data.licences import KNOWN, PERMISSIVE, SHARE_ALIKE, UNKNOWN, spdx
from clvap.data.rows import ManifestError, Row, listed
from clvap.files import whole

__all__ = ["PERMISSIVE", "SHARE_ALIKE", "ManifestError", "Row", "captioned_folder", "esc50", "packs", "read", "untrained", "write", "write_credits"]
COLUMNS = ("path", "captions", "imitation", "category", "licence", "split", "source", "attribution")


def read(path: str | Path, check_audio: bool = True) -> list[Row]:
    """The rows of a manifest, in its order; a suffix `.jsonl` or `.ndjson` is JSON Lines, any other CSV.

    A row without a category is of the kind its first caption names; without a source it is its own; without a licence it is "unknown".

    Raises ManifestError for a file that is missing or no table, for needed columns that are not there, and, once for all rows, for
    empty captions and (`check_audio`) for sound files that are missing or empty. A licence that is not known by name only warns.
    """
    path = Path(path).expanduser()
    records = _json_lines(path) if path.suffix.lower() in (".jsonl", ".ndjson") else _csv_records(path)
    if not records:
        raise ManifestError(f"{path}: no rows; each line after the first describes one sound")
    troubles: list[str] = []
    empty = [str(at) for at, record in records if not _captions(record)]
    if empty:
        troubles.append(f"no caption on {'line' if len(empty) == 1 else 'lines'} {listed(empty)}; write one, or leave the row out")
    nowhere = [str(at) for at, record in records if not str(record.get("path") or "").strip()]
    if nowhere:
        troubles.append(f"no path on {'line' if len(nowhere) == 1 else 'lines'} {listed(nowhere)}")
    rows = [_row(path.parent, record) for _, record in records]
    troubles += _audio_troubles(rows, path.parent) if check_audio and not nowhere else []
    if troubles:
        raise ManifestError(f"{path}: " + "; ".join(troubles))
    strange = sorted({row.licence for row in rows} - KNOWN - {UNKNOWN})
    if strange:
        warnings.warn(f"{path}: unknown licence {listed(strange)}; such rows count as not permissive", stacklevel=2)
    return rows


def write(rows: list[Row], path: str | Path) -> Path:
    """Write a manifest; the format follows the suffix, as in `read`. Replaces the file only when the new one is whole.

    Raises ManifestError when the disk refuses.
    """
    path = Path(path).expanduser()
    records = [_record(row, path.parent) for row in rows]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
            if path.suffix.lower() in (".jsonl", ".ndjson"):
                file.writelines(json.dumps({key: value for key, value in record.items() if value}, ensure_ascii=False) + "\n" for record in records)
            else:
                table = csv.DictWriter(file, COLUMNS)
                table.writeheader()
                table.writerows(record | {"captions": _cell(record["captions"])} for record in records)
    except OSError as error:
        raise ManifestError(f"{path}: could not be written ({error.strerror}); free some disk space or choose another folder") from error
    return path


def esc50(folder: Path, folds: tuple[int, ...], phrases: str = "train", licences: frozenset[str] | None = PERMISSIVE) -> list[Row]:
    """ESC-50 clips of the given folds; `phrases` picks the captions' part, `licences` None keeps all rows."""
    return [row for row in esc50_dataset.read(folder, folds, phrases) if licences is None or row.licence in licences]


def untrained(folder: Path, folds: tuple[int, ...]) -> list[Row]:
    """ESC-50 clips that their licence keeps out of training, though they are of folds that are trained on: to choose settings by."""
    return [row for row in esc50(folder, folds, licences=None) if row.licence not in PERMISSIVE]


def packs(folder: Path, licences: frozenset[str] | None = PERMISSIVE) -> list[Row]:
    """The effect packs of sfx.csv; sounds of the same caption are of the same kind."""
    return [row for row in sfx.read(folder) if licences is None or row.licence in licences]


def captioned_folder(folder: Path, licence: str = "CC0-1.0") -> list[Row]:
    """A folder with a sidecar captions.csv (path, caption, category), such as the starter library."""
    return captioned.read(folder, licence)


def write_credits(rows: list[Row], path: Path) -> None:
    """A table of every sound used, its licence and whom to name, as the attribution licences ask."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sound", "licence", "attribution"])
        writer.writerows(sorted((f"{row.path.parent.name}/{row.path.name}", row.licence, row.attribution) for row in rows))


def _csv_records(path: Path) -> list[tuple[int, dict[str, object]]]:
    """Records by the line they end on; a `captions` cell becomes a list."""
    rows = tables.read(path, ("path",))
    if rows and not {"caption", "captions"} & rows[0].keys():
        raise ManifestError(f"{path}: no column caption or captions; needs path and one of these, has {', '.join(key for key in rows[0] if key)}")
    return [(tables.line(row), dict(row) | {"captions": _split(row.get("captions", ""))}) for row in rows]


def _json_lines(path: Path) -> list[tuple[int, dict[str, object]]]:
    records = []
    try:
        with open(path, encoding="utf-8-sig") as file:
            for at, text in enumerate(file, 1):
                if not text.strip():
                    continue
                record = json.loads(text)
                if not isinstance(record, dict):
                    raise ManifestError(f"{path}: line {at} is no JSON object")
                absent = [name for name in ("path",) if name not in record] + (["caption or captions"] if not {"caption", "captions"} & record.keys() else [])
                if absent:
                    raise ManifestError(f"{path}: line {at} has no {', '.join(absent)}; it has {', '.join(record) or 'nothing'}")
                records.append((at, record))
    except FileNotFoundError as error:
        raise ManifestError(f"{path}: no such file; check the path") from error
    except json.JSONDecodeError as error:
        raise ManifestError(f"{path}: line {at} is not JSON ({error.msg}); each line is one object") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: could not be read ({error}); save it as UTF-8 text") from error
    return records


def _row(folder: Path, record: dict[str, object]) -> Row:
    text = {name: str(record.get(name) or "").strip() for name in COLUMNS if name != "captions"}
    captions = _captions(record)
    return Row(
        path=_located(folder, text["path"]),
        captions=captions,
        label=text["category"] or (captions[0].lower() if captions else ""),
        source=text["source"] or text["path"],
        licence=spdx(text["licence"]),
        attribution=text["attribution"],
        imitation=_located(folder, text["imitation"]) if text["imitation"] else None,
        split=text["split"],
    )


def _record(row: Row, folder: Path) -> dict[str, object]:
    return {
        "path": _relative(row.path, folder), "captions": list(row.captions), "imitation": _relative(row.imitation, folder) if row.imitation else "",
        "category": row.label, "licence": row.licence, "split": row.split, "source": row.source, "attribution": row.attribution,
    }  # fmt: skip


def _captions(record: dict[str, object]) -> tuple[str, ...]:
    said = record.get("captions") or []
    said = said if isinstance(said, list) else [said]
    return tuple(text for one in (*said, record.get("caption")) if (text := str(one or "").strip()))


def _split(cell: str) -> list[str]:
    if cell.startswith("["):
        try:
            return [str(one) for one in json.loads(cell)]
        except json.JSONDecodeError:
            pass
    return cell.split("|")


def _cell(captions: list[str]) -> str:
    ambiguous = any("|" in caption for caption in captions) or "".join(captions[:1]).startswith("[")
    return json.dumps(captions, ensure_ascii=False) if ambiguous else "|".join(captions)


def _located(folder: Path, written: str) -> Path:
    return Path(os.path.normpath(folder / written.replace("\\", "/")))


def _relative(path: Path, folder: Path) -> str:
    """Relative to the manifest where it lies beside or under it, absolute elsewhere."""
    path, folder = path.absolute(), folder.absolute()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()


def _audio_troubles(rows: list[Row], folder: Path) -> list[str]:
    """What keeps the sound files from being read, without opening them: one sentence a kind of trouble."""
    files = list(dict.fromkeys(path for row in rows for path in (row.path, row.imitation) if path))
    sizes = {path: path.stat().st_size if path.is_file() else None for path in files}
    missing = [_relative(path, folder) for path, size in sizes.items() if size is None]
    empty = [_relative(path, folder) for path, size in sizes.items() if size == 0]
    troubles = []
    if missing:
        troubles.append(f"{len(missing)} of {len(files)} sound files are missing under {folder}: {listed(missing)}; correct the paths or put the files there")
    if empty:
        troubles.append(f"{len(empty)} of {len(files)} sound files are empty (0 bytes): {listed(empty)}; export them again or leave them out")
    return troubles
