"""Where models lie: shipped ones by name, the user's by folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SHIPPED = Path(__file__).resolve().parent.parent / "assets" / "models"


class ModelError(ValueError):
    """A model that is not there or does not fit; the message says what to do."""


class RecipeError(ValueError):
    """A recipe that cannot be followed; the message says which key and what to compare it with."""


@dataclass(frozen=True)
class Card:
    """A search model that can be asked for by name.

    name: as typed
    about: one line
    licence: of the weights
    page: where it is described
    memory_gb: to have free while it is used
    repository: on the hub; None for what ships
    download_gb: about how much comes from there
    """

    name: str
    about: str
    licence: str
    page: str
    memory_gb: float
    repository: str | None = None
    download_gb: float = 0.0


CARDS = (
    Card("clvap-mini", "12 M parameters, hears voices, words and both; ships here", "CC-BY-4.0", "assets/models/clvap-mini/README.md", 0.3),
    Card(
        "clap-zero-shot",
        "CLAP as published: words and sounds, knows many kinds; a voice is heard as any sound",
        "Apache-2.0",
        "https://huggingface.co/laion/clap-htsat-unfused",
        1.5,
        "laion/clap-htsat-unfused",
        0.6,
    ),
    Card(
        "clap-zero-shot:laion/larger_clap_general",
        "a larger CLAP, trained on general sound, music and speech",
        "Apache-2.0",
        "https://huggingface.co/laion/larger_clap_general",
        1.8,
        "laion/larger_clap_general",
        0.8,
    ),
)
CLAP_NEEDED = (("config.json",), ("*.safetensors", "*.pth", "*.pt", "*.ckpt", "*.bin"))
CLAP_ALSO = (("*.json",), ("*.txt",))


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
