"""Generators by name, folder or hub id: what ships, what lies behind a licence page, and how to say so when it is not there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clvap import checkpoints
from clvap.checkpoints import ModelError
from generation.samplers import DISTILLED, Sampling, V

if TYPE_CHECKING:
    from clvap.hub_files import Wanted

ENGINE_CONFIG, ENGINE_WEIGHTS, ADAPTER = "model_config.json", "model.safetensors", "adapter.safetensors"
ADAPTER_KIND = "clvap-adapter"
"""What an adapter's file calls itself."""
NEEDED = ((ENGINE_CONFIG,), (ENGINE_WEIGHTS, "model.ckpt"))
TEXT_ENCODER = "google-t5/t5-base"
TEXT_ENCODER_NEEDED = (("config.json",), ("model.safetensors",), ("tokenizer.json",))
_ENGINE_FILES = [ENGINE_CONFIG, ENGINE_WEIGHTS, "model.ckpt", ADAPTER]


@dataclass(frozen=True)
class Card:
    """A generator that can be asked for by name.

    name: as typed
    about: one line
    licence: of the weights
    gated: whether that licence must be accepted on its page before the weights can be fetched
    page: where it is described
    rate_hz: of its sound
    max_seconds: its longest take
    memory_gb: to have free for one take, on a CUDA card in half precision; about twice that on a processor
    sampling: what it uses when the request says nothing
    repository: on the hub; None for what ships
    download_gb: about how much comes from there, with the T5 that reads the words
    """

    name: str
    about: str
    licence: str
    gated: bool
    page: str
    rate_hz: int
    max_seconds: float
    memory_gb: float
    sampling: Sampling
    repository: str | None = None
    download_gb: float = 0.0


CARDS = (
    Card(
        "sfx-mini",
        "12 M parameters, 44.1 kHz mono, up to 6 s, steered by voice, words or both; ships here",
        "CC-BY-4.0",
        False,
        "assets/models/sfx-mini/README.md",
        44_100,
        6.0,
        0.5,
        Sampling(best_of=2),
    ),
    Card(
        "stable-audio-open-1.0",
        "1.2 B parameters, 44.1 kHz stereo, up to 47 s, from words",
        "Stability AI Community License",
        True,
        "https://huggingface.co/stabilityai/stable-audio-open-1.0",
        44_100,
        2_097_152 / 44_100,
        6.0,
        V,
        "stabilityai/stable-audio-open-1.0",
        5.7,
    ),
    Card(
        "stable-audio-open-small",
        "0.5 B parameters, 44.1 kHz stereo, up to 11 s, from words",
        "Stability AI Community License",
        True,
        "https://huggingface.co/stabilityai/stable-audio-open-small",
        44_100,
        524_288 / 44_100,
        3.0,
        DISTILLED,
        "stabilityai/stable-audio-open-small",
        2.9,
    ),
)


def card(name: str) -> Card | None:
    """The card of a name, None for a folder."""
    return next((one for one in CARDS if one.name == name), None)


def is_engine_folder(folder: Path) -> bool:
    """Whether a folder holds a published Stable-Audio model as the engine loads it."""
    return (folder / ENGINE_CONFIG).is_file()


def engine_weights(folder: Path) -> Path:
    """The weights beside a model_config.json: model.safetensors, model.ckpt, or the one other file of that kind. Raises ModelError saying what to do."""
    for name in (ENGINE_WEIGHTS, "model.ckpt"):
        if (folder / name).is_file():
            return folder / name
    others = [path for pattern in ("[!.]*.safetensors", "[!.]*.ckpt") for path in sorted(folder.glob(pattern)) if path.name != ADAPTER]
    if len(others) == 1:
        return others[0]
    found = f"there are several ({', '.join(path.name for path in others)})" if others else "it is missing"
    raise ModelError(f"{folder}: which weights? {found}; put {ENGINE_WEIGHTS} or model.ckpt beside {ENGINE_CONFIG}")


def locate(name_or_path: str | Path) -> Path:
    """The folder of a generator: a name, a folder of either kind, or OWNER/NAME of the hub. Raises ModelError saying what to do."""
    from clvap import hub

    name, folder = str(name_or_path), Path(name_or_path).expanduser()
    if is_engine_folder(folder):
        engine_weights(folder)
        return folder
    known = card(name)
    if known is not None and known.repository is not None:
        return _downloaded(known)
    if known is None and not folder.exists() and hub.is_id(name):
        found = hub.download(name, [*_ENGINE_FILES, "config.json"])
        if is_engine_folder(found):
            return locate(found)
    try:
        return checkpoints.resolve(name_or_path)
    except ModelError as error:
        names = ", ".join(one.name for one in CARDS)
        wanted = f"config.json or {ENGINE_CONFIG} and {ENGINE_WEIGHTS}"
        raise ModelError(f"no generator {name!r}: use one of {names}, or a folder with {wanted}") from error


def wanted(known: Card) -> tuple[Wanted, ...]:
    """What is to be fetched for a hub model: its weights once, though the hub may have them in two formats, and the T5 that reads its words."""
    from clvap.hub_files import Wanted

    return Wanted(known.repository, NEEDED, ((ADAPTER,),)), Wanted(TEXT_ENCODER, TEXT_ENCODER_NEEDED, (("tokenizer_config.json",), ("spiece.model",)))


def _downloaded(known: Card) -> Path:
    """Folder of a hub model in the local cache, fetched where that is allowed."""
    from clvap import hub, hub_files

    if (here := hub_files.cached(wanted(known)[0])) is not None:  # without asking the hub, which would add the weights' other format
        return locate(here)
    try:
        return locate(hub.download(known.repository, _ENGINE_FILES))
    except ModelError as error:
        by_hand = f"or put {ENGINE_CONFIG} and {ENGINE_WEIGHTS} in a folder and name the folder"
        raise ModelError(f"{known.name} is not on this computer: {_missing(known, error)}, {by_hand}") from error


def _missing(known: Card, error: ModelError) -> str:
    """What stands between this computer and a hub model, and what to do about it."""
    from huggingface_hub import get_token
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if not isinstance(error.__cause__, (GatedRepoError, RepositoryNotFoundError)):
        return f"the hub cannot be reached; connect and try again (its licence is accepted at {known.page}, and you log in with `hf auth login`)"
    if get_token() is None:
        return f"it needs a licence and a token; accept the licence at {known.page} and run `hf auth login`"
    return f"your token may not read it; accept its licence at {known.page} with the account that the token belongs to"
