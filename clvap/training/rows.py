"""Which rows a recipe trains on, which it keeps back, and what must be right with them before anything is computed. R rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from clvap.audio import AudioError
from clvap.checkpoints import RecipeError
from clvap.data import bank, datasets, manifests
from clvap.data.rows import ManifestError, Row, listed
from clvap.files import whole
from clvap.recipe import Manifest, Recipe, Validation

_HELD_OUT = frozenset({"validation", "valid", "val", "dev", "development-validation"})
_NEVER = frozenset({"test", "evaluation", "eval"})


def rows_of(recipe: Recipe) -> list[Row]:
    """The rows of a recipe: permissive effect packs, permissive ESC-50 clips of its folds, effects synthesised here, its manifests.

    Rows whose split says `test` are left out. Raises RecipeError where there is nothing to train on or a row lacks its caption,
    AudioError for sound files that are missing or empty.
    """
    rows: list[Row] = []
    if recipe.packs:
        rows += _read("packs", recipe.packs, manifests.packs)
    if recipe.esc50:
        rows += _read("esc50", recipe.esc50, lambda folder: manifests.esc50(folder, recipe.folds))
    if recipe.starter:
        rows += _read("starter", recipe.starter, manifests.captioned_folder)
    for manifest in recipe.manifests:
        rows += _read(f"manifests: {manifest.collection}", manifest.path, lambda path, one=manifest: _of_manifest(one))
    rows = [row for row in rows if row.split.lower() not in _NEVER]
    check(rows)
    return rows


def check(rows: list[Row]) -> None:
    """Raises RecipeError for no rows or rows without a caption, AudioError for files that are missing or empty, all of them at once."""
    if not rows:
        raise RecipeError("no rows to train on; check the recipe's folders, its folds and the licences of the rows")
    silent = [str(row.path) for row in rows if not any(caption.strip() for caption in row.captions)]
    if silent:
        raise RecipeError(f"{len(silent)} of {len(rows)} rows have no caption: {listed(silent)}; write one for each, or leave the rows out")
    files = list(dict.fromkeys(path for row in rows for path in (row.path, row.imitation) if path))
    sizes = [path.stat().st_size if path.is_file() else -1 for path in files]
    for size, what, advice in ((-1, "missing", "correct the paths or put the files there"), (0, "empty (0 bytes)", "export them again or leave them out")):
        bad = [str(path) for path, found in zip(files, sizes, strict=True) if found == size]
        if bad:
            raise AudioError(f"{len(bad)} of {len(files)} sound files are {what}: {listed(bad)}; {advice}")


def held_out(rows: list[Row], validation: Validation | None, seed: int) -> np.ndarray:
    """Which rows (R,) are kept back: those whose split says validation, else a part of the sources that depends on the seed and their names alone."""
    if validation is None:
        return np.zeros(len(rows), bool)
    named = np.array([row.split.lower() in _HELD_OUT for row in rows])
    kept = named if named.any() else np.array([_lot(f"{seed}/{row.source}") < validation.share for row in rows])
    if kept.sum() < 2 or kept.all():
        raise RecipeError(f"validation keeps back {kept.sum()} of {len(rows)} rows; at least 2, and not all, are needed: change its share or the rows' split")
    return kept


def claim_bank(folder: Path, rows: list[Row]) -> None:
    """Note in a bank's folder which rows it is of. Raises RecipeError where it is of others."""
    signature = hashlib.sha256("\n".join(f"{row.path.parent.name}/{row.path.name}\t{row.label}" for row in rows).encode()).hexdigest()
    note = folder / "rows.sha256"
    made = bank.available(folder)
    if (note.exists() and note.read_text() != signature) or any(len(one.audio) != len(rows) for one in made):
        raise RecipeError(f"{folder} was made of other rows than this recipe's {len(rows)}; give the recipe another run folder, or the same data as the bank's")
    if not note.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with whole(note) as partial:
            partial.write_text(signature)


def collection(row: Row) -> str:
    """The name that `shares` calls a row's collection by."""
    return row.label.split("/")[0]


def _read(key: str, path: Path, reader: Callable[[Path], list[Row]]) -> list[Row]:
    try:
        return reader(path)
    except FileNotFoundError as error:
        raise RecipeError(f"{key}: {error.filename or path} is not there; correct the path in the recipe") from error
    except ManifestError as error:
        raise RecipeError(f"{key}: {error}") from error
    except KeyError as error:
        raise RecipeError(f"{key}: {path} has no column {error}; see clvap/data/manifests.py for the columns it needs") from error


def _of_manifest(manifest: Manifest) -> list[Row]:
    """The rows of a manifest, labelled as one collection."""
    rows = manifests.read(manifest.path) if manifest.reader == "manifest" else datasets.read(manifest.reader, manifest.path, **manifest.options)
    return [replace(row, label=f"{manifest.collection}/{row.label}", source=f"{manifest.collection}/{row.source}") for row in rows]


def _lot(text: str) -> float:
    """A number from 0 to 1 that the text alone decides."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
