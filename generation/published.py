"""Published Stable-Audio models as the engine builds them: checked before, loaded whole or refused by the names of what does not fit."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clvap.checkpoints import ModelError
from generation.checkpoints import ENGINE_CONFIG, engine_weights

if TYPE_CHECKING:
    from stable_audio_tools.models.diffusion import ConditionedDiffusionModelWrapper
    from torch import Tensor

KINDS = ("diffusion_cond", "diffusion_cond_inpaint")
_TIMING = ("seconds_start", "seconds_total")
_NAMED = 4


def read_config(folder: Path) -> dict[str, Any]:
    """The model_config.json of a folder. Raises ModelError for what no generator here can be made of."""
    path = folder / ENGINE_CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path} is no JSON ({error}); copy it again") from error
    if config.get("model_type") not in KINDS:
        raise ModelError(f"{path} describes a {config.get('model_type')!r}; this needs a conditioned diffusion model, {' or '.join(KINDS)}")
    try:
        kind, entries = config["model"]["diffusion"]["type"], config["model"]["conditioning"]["configs"]
        strange = [entry["id"] for entry in entries if entry["type"] != "t5" and entry["id"] not in _TIMING]
        _ = config["sample_size"], config["sample_rate"], config["model"]["pretransform"]["config"]
    except KeyError as error:
        raise ModelError(f"{path} lacks {error}; take it from the same place as the weights") from error
    if kind != "dit":
        raise ModelError(f"{path} describes a {kind!r}; only diffusion transformers ('dit') are supported")
    if strange:
        raise ModelError(f"{path} wants to hear {', '.join(strange)}; a generator here can give it words through T5, and {' and '.join(_TIMING)}")
    return config


def build(config: Mapping[str, Any], folder: Path, text_encoder: Path | None = None) -> ConditionedDiffusionModelWrapper:
    """The engine's model of a configuration with random weights, its words read by the T5 of `text_encoder.load`."""
    from stable_audio_tools import create_model_from_config

    from generation import text_encoder as t5

    without_words = copy.deepcopy(dict(config))
    without_words["model"]["pretransform"]["model_half"] = False  # whoever runs it chooses by the device
    conditioning = without_words["model"]["conditioning"]
    entries, conditioning["configs"] = conditioning["configs"], [entry for entry in conditioning["configs"] if entry["type"] != "t5"]
    readers = {entry["id"]: t5.load(entry["config"], conditioning["cond_dim"], folder, text_encoder) for entry in entries if entry["type"] == "t5"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # the engine's weight_norm
            model = create_model_from_config(without_words)
    except (AssertionError, KeyError, TypeError, ValueError, RuntimeError, NotImplementedError) as error:
        raise ModelError(f"{folder / ENGINE_CONFIG} cannot be built by stable-audio-tools ({error}); take it from the same place as the weights") from error
    model.conditioner.conditioners.update(readers)
    return model


def load(folder: Path, text_encoder: Path | None = None) -> tuple[ConditionedDiffusionModelWrapper, dict[str, Any]]:
    """Model and configuration of a folder, frozen, in single precision on the processor. Raises ModelError naming the weights that do not fit."""
    config = read_config(folder)
    model = build(config, folder, text_encoder)
    fill(model, read_weights(engine_weights(folder)), engine_weights(folder))
    return model.eval().requires_grad_(False), config


def read_weights(path: Path) -> dict[str, Tensor]:
    """Weights by name from safetensors, or from a checkpoint that holds nothing but weights. Raises ModelError."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        held = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (SafetensorError, OSError, RuntimeError, ValueError, EOFError) as error:
        raise ModelError(f"{path} cannot be read ({' '.join(str(error).split())[:160]}); fetch it again") from error
    except Exception as error:  # what the unpickler raises where a file wants to run code
        raise ModelError(f"{path} holds more than weights and is not opened; take the model's .safetensors") from error
    return held.get("state_dict", held)


def fill(model: ConditionedDiffusionModelWrapper, weights: Mapping[str, Tensor], path: Path) -> None:
    """Put weights into a model, all of them; those of a frozen text encoder may lie in the file and are left there."""
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    outside = tuple(f"conditioner.conditioners.{name}.model." for name, one in model.conditioner.conditioners.items() if "model" in vars(one))
    given = {name: value for name, value in weights.items() if not name.startswith(outside)} if outside else dict(weights)
    if any(name.startswith("diffusion.") for name in given):
        raise ModelError(f"{path} is a checkpoint of a training; unwrap it first (stable-audio-tools' unwrap_model.py)")
    wrong = {
        "missing": sorted(wanted.keys() - given.keys()),
        "unknown": sorted(given.keys() - wanted.keys()),
        "of another size": sorted(name for name in wanted.keys() & given.keys() if tuple(given[name].shape) != wanted[name]),
    }
    if any(wrong.values()):
        said = "; ".join(f"{len(names)} {what} ({_few(names)})" for what, names in wrong.items() if names)
        raise ModelError(f"{path} does not fit {ENGINE_CONFIG}: {said}; take both from one model")
    model.load_state_dict(given)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
