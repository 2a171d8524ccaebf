"""A recipe as a file: YAML keys, and those of the recipe it extends. Imports nothing heavy, so that a page can list recipes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from clvap.checkpoints import RecipeError


def read(path: Path) -> dict[str, Any]:
    """The keys of a recipe. `extends: OTHER.yaml`, beside it, gives the keys it does not name itself: mappings are merged key by key, all else
    is replaced whole, and null takes a key away. Raises RecipeError for a file that cannot be read or extends itself."""
    return _read(path, ())


def _read(path: Path, extending: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in extending:
        raise RecipeError(f"{path.name} extends itself; take out one of the `extends`")
    try:
        values = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RecipeError(f"{path.name} cannot be read ({error}); a recipe is a YAML file") from error
    if not isinstance(values, dict):
        raise RecipeError(f"{path.name} holds no keys; a recipe is a YAML mapping")
    base = values.pop("extends", None)
    return _merged(_read(path.parent / base, (*extending, path.resolve())), values) if base else _merged({}, values)


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with `changes`; a mapping of another `kind` shares no keys with the one it replaces."""
    merged = dict(base)
    for key, value in changes.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            old = merged.get(key)
            alike = isinstance(old, dict) and value.get("kind", old.get("kind")) == old.get("kind")
            merged[key] = _merged(old if alike else {}, value)
        else:
            merged[key] = value
    return merged
