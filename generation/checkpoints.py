"""Generators by name or folder: what ships, what lies on the hub behind a licence page, and how to say so when it is not there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clvap import checkpoints
from clvap.checkpoints import ModelError

ENGINE_CONFIG, ENGINE_WEIGHTS = "model_config.json", "model.safetensors"


@dataclass(frozen=True)
class Card:
    """A generator that can be asked for by name.

    name: as typed
    about: one line
    licence: of the weights
    page: where it is described and, when gated, where its licence is accepted
    repository: on the hub; None for what ships
    """

    name: str
    about: str
    licence: str
    page: str
    repository: str | None = None


CARDS = (
    Card("sfx-mini", "13 M parameters, 44.1 kHz mono, up to 6 s, steered by voice, words or both; ships here", "CC-BY-4.0", "assets/models/sfx-mini/README.md"),
    Card(
        "stable-audio-open-1.0", "1.2 B parameters, 44.1 kHz stereo, up to 47 s, from words", "Stability AI Community License",
        "https://huggingface.co/stabilityai/stable-audio-open-1.0", "stabilityai/stable-audio-open-1.0",
    ),
    Card(
        "stable-audio-open-small", "0.5 B parameters, 44.1 kHz stereo, up to 11 s, from words", "Stability AI Community License",
        "https://huggingface.co/stabilityai/stable-audio-open-small", "stabilityai/stable-audio-open-small",
    ),
)


def card(name: str) -> Card | None:
    """The card of a name, None for a folder."""
    return next((one for one in CARDS if one.name == name), None)


def is_engine_folder(folder: Path) -> bool:
    """Whether a folder holds a published Stable-Audio model as the engine loads it."""
    return (folder / ENGINE_CONFIG).is_file()


def locate(name_or_path: str | Path) -> Path:
    """The folder of a generator: a name, or a folder of either kind. Raises ModelError saying what to do."""
    folder = Path(name_or_path).expanduser()
    if is_engine_folder(folder):
        if not (folder / ENGINE_WEIGHTS).is_file():
            raise ModelError(f"{folder}: {ENGINE_WEIGHTS} is missing; put it beside {ENGINE_CONFIG}")
        return folder
    known = card(str(name_or_path))
    if known is not None and known.repository is not None:
        return _downloaded(known)
    try:
        return checkpoints.resolve(name_or_path)
    except ModelError as error:
        names = ", ".join(one.name for one in CARDS)
        wanted = f"config.json or {ENGINE_CONFIG} and {ENGINE_WEIGHTS}"
        raise ModelError(f"no generator {str(name_or_path)!r}: use one of {names}, or a folder with {wanted}") from error


def _downloaded(known: Card) -> Path:
    """Folder of a hub model in the local cache, fetched when allowed."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        config, _ = (hf_hub_download(known.repository, name) for name in (ENGINE_CONFIG, ENGINE_WEIGHTS))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ModelError(
            f"{known.name} is not on this computer and could not be fetched: accept its licence at {known.page} and run `hf auth login`, "
            f"or put {ENGINE_CONFIG} and {ENGINE_WEIGHTS} in a folder and name the folder"
        ) from error
    return Path(config).parent
