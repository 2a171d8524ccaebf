"""Tables on disk as lists of dictionaries, with errors that say which columns are there and which are needed."""

from __future__ import annotations

import csv
from pathlib import Path

from clvap.data.rows import ManifestError


def read(path: Path, needed: tuple[str, ...], delimiter: str = ",", encoding: str = "utf-8-sig") -> list[dict[str, str]]:
    """The rows of a CSV or TSV file with a header line; every value is text, stripped, "" where a row is short.

    Raises ManifestError where the file is missing, is no text, or lacks a needed column.
    """
    try:
        with open(path, newline="", encoding=encoding) as file:
            reader = csv.DictReader(file, delimiter=delimiter, skipinitialspace=True)
            columns = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = columns
            absent = [name for name in needed if name not in columns]
            if absent:
                there = ", ".join(columns) or "nothing"
                raise ManifestError(f"{path}: no column {', '.join(absent)}; needs {', '.join(needed)}, has {there}")
            return [{key: (row[key] or "").strip() for key in columns} | {"": str(reader.line_num)} for row in reader]
    except FileNotFoundError as error:
        raise ManifestError(f"{path}: no such file; check the folder's layout") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(f"{path}: could not be read as a table ({error}); save it as comma-separated UTF-8 text") from error


def line(row: dict[str, str]) -> int:
    """The line of the file on which a row of `read` ends, counted from 1."""
    return int(row[""])
