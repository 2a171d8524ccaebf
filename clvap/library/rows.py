"""Sounds of a library as columns: what LanceDB stores, and the same in memory for searching. Axis legend: N sounds, D width, F frames."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from clvap.library.likeness import FRAMES, Summary
from clvap.library.scan import Sound

_CURVES = 3 * FRAMES


@dataclass(frozen=True)
class Heard:
    """What reading and embedding one sound gave.

    vector: float32 (D,), unit norm
    duration_s, sample_rate_hz, channels: of the whole file, as its header says
    content: hash of the file's bytes
    """

    vector: np.ndarray
    summary: Summary
    duration_s: float
    sample_rate_hz: int
    channels: int
    content: str


def schema(dimension: int) -> pa.Schema:
    """The columns of the library table for vectors of a dimension."""
    return pa.schema(
        {
            "vector": pa.list_(pa.float32(), dimension),
            "contours": pa.list_(pa.float32(), _CURVES),
            "active_s": pa.float32(),
            "duration_s": pa.float64(),
            "sample_rate_hz": pa.int32(),
            "channels": pa.int32(),
            "content": pa.string(),
            **{name: kind for name, kind in _FILE_COLUMNS.items()},
        }
    )


_FILE_COLUMNS = {
    "path": pa.string(),
    "folder": pa.string(),
    "size": pa.int64(),
    "modified_ns": pa.int64(),
    "name": pa.string(),
    "caption": pa.string(),
    "category": pa.string(),
    "words": pa.string(),
}


def to_arrow(folder: str, sounds: list[Sound], heard: list[Heard]) -> pa.Table:
    """Rows of the library table for sounds of an indexed folder."""
    vectors = np.stack([one.vector for one in heard]).astype(np.float32)
    curves = np.stack([one.summary.curves for one in heard]).astype(np.float32)
    columns = {
        "vector": pa.FixedSizeListArray.from_arrays(vectors.ravel(), vectors.shape[1]),
        "contours": pa.FixedSizeListArray.from_arrays(curves.ravel(), _CURVES),
        "active_s": [one.summary.active_s for one in heard],
        "duration_s": [one.duration_s for one in heard],
        "sample_rate_hz": [one.sample_rate_hz for one in heard],
        "channels": [one.channels for one in heard],
        "content": [one.content for one in heard],
        **_file_columns(folder, sounds),
    }
    return pa.table(columns, schema=schema(vectors.shape[1]))


def renamed(rows: pa.Table, folder: str, sounds: list[Sound]) -> pa.Table:
    """The same rows under the path, caption and category of `sounds`, one for one: nothing heard changes."""
    columns = _file_columns(folder, sounds)
    return pa.table({**{name: rows[name] for name in rows.column_names}, **columns}, schema=rows.schema)


def _file_columns(folder: str, sounds: list[Sound]) -> dict[str, list]:
    return {
        "path": [sound.path for sound in sounds],
        "folder": [folder] * len(sounds),
        "size": [sound.size for sound in sounds],
        "modified_ns": [sound.modified_ns for sound in sounds],
        "name": [sound.name for sound in sounds],
        "caption": [sound.caption for sound in sounds],
        "category": [sound.category for sound in sounds],
        "words": [words_of(sound.caption, sound.name, sound.category) for sound in sounds],
    }


def described(path: str, caption: str, category: str) -> dict[str, str]:
    """The columns of one sound that say what it is."""
    return {"caption": caption, "category": category, "words": words_of(caption, Path(path).stem, category)}


def words_of(caption: str, name: str, category: str) -> str:
    """The text that a search by words goes through."""
    return f"{caption} {name.replace('_', ' ')} {category}"


@dataclass(frozen=True)
class Rows:
    """Rows of the table read into memory.

    vectors: float32 (N, D)
    curves: float32 (N, 3, 64)
    active_s, duration_s: float (N,), seconds
    labels: the remaining columns, N rows
    """

    vectors: np.ndarray
    curves: np.ndarray
    active_s: np.ndarray
    duration_s: np.ndarray
    labels: pa.Table

    @staticmethod
    def from_arrow(table: pa.Table) -> Rows:
        """Rows of the library table, or of a search in it (whose extra columns are left out)."""
        count = table.num_rows
        return Rows(
            vectors_of(table),
            _flat(table, "contours").reshape(count, 3, FRAMES),
            table["active_s"].to_numpy(),
            table["duration_s"].to_numpy(),
            table.select(["path", "name", "caption", "category", "words", "sample_rate_hz", "channels"]),
        )

    def __len__(self) -> int:
        return len(self.vectors)

    def take(self, index: np.ndarray) -> Rows:
        """The rows at positions `index`, in that order."""
        return Rows(
            self.vectors[index], self.curves[index], self.active_s[index], self.duration_s[index], self.labels.take(pa.array(index, pa.int64()))
        )

    def join(self, other: Rows) -> Rows:
        """These rows followed by others."""
        mine, theirs = ((rows.vectors, rows.curves, rows.active_s, rows.duration_s) for rows in (self, other))
        return Rows(*(np.concatenate(pair) for pair in zip(mine, theirs, strict=True)), pa.concat_tables([self.labels, other.labels]))

    def with_new(self, other: Rows) -> Rows:
        """These rows followed by those of `other` whose path is not among them."""
        known = set(self.labels["path"].to_pylist())
        return self.join(other.take(np.flatnonzero([path not in known for path in other.labels["path"].to_pylist()])))

    @cached_property
    def lower_words(self) -> list[str]:
        """Caption, name and category of each row in lower case."""
        return [words.lower() for words in self.labels["words"].to_pylist()]


def vectors_of(table: pa.Table) -> np.ndarray:
    """The vectors of a table that has them, float32 (N, D)."""
    return _flat(table, "vector").reshape(table.num_rows, table.schema.field("vector").type.list_size)


def _flat(table: pa.Table, column: str) -> np.ndarray:
    values = table[column].combine_chunks()
    return values.flatten().to_numpy(zero_copy_only=False) if len(values) else np.zeros(0, np.float32)
