"""Where models lie: shipped ones by name, the user's by folder."""

from __future__ import annotations

from pathlib import Path

SHIPPED = Path(__file__).resolve().parent.parent / "assets" / "models"


class ModelError(ValueError):
    """A model that is not there or does not fit; the message says what to do."""


class RecipeError(ValueError):
    """A recipe that cannot be followed; the message says which key and what to compare it with."""


def resolve(name_or_path: str | Path) -> Path:
    """The folder of a model: a shipped name, a path to a folder with config.json, or OWNER/NAME on the hub. Raises ModelError when unknown."""
    for folder in (SHIPPED / str(name_or_path), Path(name_or_path).expanduser()):
        if (folder / "config.json").is_file():
            return folder
    from clvap import hub

    if hub.is_id(str(name_or_path)) and not Path(name_or_path).exists():
        return hub.fetch(str(name_or_path))
    wanted = "clap-zero-shot, a folder with config.json and model.safetensors, or OWNER/NAME of the hub"
    raise ModelError(f"no model {str(name_or_path)!r}: use one of {', '.join(shipped())}, {wanted}")


def shipped() -> list[str]:
    """Names of the models in assets/models."""
    return sorted(folder.parent.name for folder in SHIPPED.glob("*/config.json"))


def device(name: str = "auto") -> str:
    """The torch device for `auto`, `cpu`, `cuda` or `mps`."""
    import torch

    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
