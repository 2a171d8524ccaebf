"""Published weights: where they lie, how they are read, and whether they fit. Nothing here runs code out of a checkpoint."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from clvap import hub
from clvap.checkpoints import ModelError
from clvap.encoders.frontends import PowerLogMel

_WEIGHTS = ("*.safetensors", "*.pth", "*.pt", "*.ckpt", "*.bin")
_TEXTS = ("*.json", "*.txt")
_PREFERRED = ("model.safetensors", "pytorch_model.bin")


def folder(source: str | Path) -> Path:
    """The folder of a checkpoint: a local one, or that of a model on the hub, downloaded where it is not in the cache.

    Raises ModelError, saying how to get the weights.
    """
    local = Path(source).expanduser()
    if local.is_dir():
        return local
    if local.exists() or not hub.is_id(str(source)):
        raise ModelError(f"{source}: no such folder; give a folder with the weights, or a model's id on the hub such as laion/clap-htsat-unfused")
    found = hub.download(str(source), [*_TEXTS, _WEIGHTS[0]])
    return found if any(found.glob(_WEIGHTS[0])) else hub.download(str(source), [*_TEXTS, *_WEIGHTS[1:]])


def weights_file(source: str | Path) -> Path:
    """The weights themselves: a file, or the one in a checkpoint's folder. Raises ModelError where there is none, or no telling which."""
    path = Path(source).expanduser()
    if path.is_file():
        return path
    home = folder(source)
    for name in _PREFERRED:
        if (home / name).is_file():
            return home / name
    found = sorted(path for pattern in _WEIGHTS for path in home.glob(pattern))
    if len(found) != 1:
        listed = ", ".join(path.name for path in found) or "none"
        raise ModelError(f"{source}: needs one file of weights ({', '.join(_WEIGHTS)}), has {listed}; give the path of the file itself")
    return found[0]


def read(source: str | Path) -> dict[str, Tensor]:
    """The named tensors of a checkpoint, safetensors or a pickle of nothing but tensors, out of the wrappers that trainers put around them.

    Raises ModelError for a file that is neither.
    """
    path = weights_file(source)
    try:
        values = load_file(path) if path.suffix == ".safetensors" else torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"{path} cannot be read as tensors alone ({why}); download it again, or convert it to safetensors where you trust it") from error
    for wrapper in ("state_dict", "model"):
        if isinstance(values, dict) and isinstance(values.get(wrapper), dict):
            values = values[wrapper]
    if not isinstance(values, dict) or not all(isinstance(value, Tensor) for value in values.values()):
        raise ModelError(f"{path}: not a checkpoint of named tensors; give the file that the model's authors published")
    return values


def config(source: str | Path) -> dict[str, Any]:
    """The config.json beside a checkpoint. Raises ModelError where there is none."""
    path = folder(source) / "config.json"
    try:
        return json.loads(path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise ModelError(f"{path} cannot be read; give the whole folder of the model, not its weights alone") from error


def within(weights: dict[str, Tensor], prefixes: Iterable[str]) -> dict[str, Tensor]:
    """The tensors under the first of `prefixes` that any name begins with, named without it; all of them where none does."""
    for prefix in prefixes:
        under = {name[len(prefix) :]: value for name, value in weights.items() if name.startswith(prefix)}
        if under:
            return under
    return weights


def without(weights: dict[str, Tensor], *left_out: str) -> dict[str, Tensor]:
    """The tensors but for those whose names begin with one of `left_out`."""
    return {name: value for name, value in weights.items() if not name.startswith(left_out)}


def fit(module: nn.Module, weights: dict[str, Tensor], name: str, advice: str) -> None:
    """Load weights that must match the module name by name. Raises ModelError with the first that are missing, unknown, or of another shape."""
    expected = module.state_dict()
    counters = {key for key in expected.keys() - weights.keys() if key.endswith("num_batches_tracked")}  # absent from weights older than the counter
    wrong = {
        "missing": sorted(expected.keys() - weights.keys() - counters),
        "unknown": sorted(weights.keys() - expected.keys()),
        "of another shape": [
            f"{key} {tuple(weights[key].shape)} for {tuple(expected[key].shape)}" for key in sorted(expected.keys() & weights.keys())
            if weights[key].shape != expected[key].shape
        ],
    }  # fmt: skip
    if any(wrong.values()):
        said = "; ".join(f"{len(keys)} {what}, first {', '.join(keys[:3])}" for what, keys in wrong.items() if keys)
        raise ModelError(f"{name}: weights do not fit: {said}; {advice}")
    module.load_state_dict(weights | {key: expected[key] for key in counters})


def front_end_of(weights: dict[str, Tensor], known: Iterable[PowerLogMel], name: str) -> PowerLogMel:
    """The front end that a checkpoint was trained with, told from the mel filters that torchlibrosa stores in it; the first where it stores none.

    Raises ModelError where the filters are those of none of the `known` front ends.
    """
    known = list(known)
    stored = weights.get("logmel_extractor.melW")
    if stored is None:
        return known[0]
    for front_end in known:
        filters = front_end.filters()
        if stored.shape == filters.shape and torch.allclose(stored, filters, atol=1e-5):
            return front_end
    raise ModelError(f"{name}: its logmel_extractor.melW {tuple(stored.shape)} is none of the published front ends; give the original checkpoint")
