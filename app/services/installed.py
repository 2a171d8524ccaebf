"""Models as they lie on this machine: what ships, what the hub's client has, what is the user's own. Reads headers, never weights."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from clvap import checkpoints as searching
from clvap import hub_files
from clvap.checkpoints import SHIPPED, ModelError
from generation import checkpoints as making
from generation import lora
from generation.model import KIND as DIFFUSION

Kind = Literal["generator", "clvap", "lora", "adapter"]
Origin = Literal["shipped", "published", "own", "linked", "run"]
_LONGEST_HEADER = 100_000_000
_DEEPEST = 3


@dataclass(frozen=True)
class Model:
    """A model that is here or could be.

    kind: what it does
    location: what asks for it: a name, a folder or a file
    name, about: for people
    licence: of its weights, empty where nobody says
    gated: whether that must be accepted at `page` before it can be fetched
    page: where it is described, empty for none
    origin: `published` lies in the cache of the hub's client, `own` and `run` in the workspace, `linked` where the user has it
    folder: where its files are, None while they are not here
    size_bytes: of its files, or about what there is to fetch
    memory_gb: to have free while it is used, None where that is not known
    base: for LoRAs and adapters, the model they were trained for
    """

    kind: Kind
    location: str
    name: str
    about: str
    licence: str
    origin: Origin
    folder: Path | None
    size_bytes: int
    gated: bool = False
    page: str = ""
    memory_gb: float | None = None
    base: str = ""

    @property
    def here(self) -> bool:
        return self.folder is not None


def published() -> Iterator[Model]:
    """All that can be asked for by name."""
    for kind, cards in (("generator", making.CARDS), ("clvap", searching.CARDS)):
        for card in cards:
            if card.repository is None:
                here = SHIPPED / card.name if (SHIPPED / card.name / "config.json").is_file() else None
            else:
                folders = [hub_files.cached(one) for one in wanted(card.name)]
                here = folders[0] if all(folders) else None
            size = size_of(here) if here else int(card.download_gb * 1e9)
            page, about = card.page if card.page.startswith("https://") else "", card.about.removesuffix("; ships here")
            yield Model(
                kind, card.name, card.name.rpartition("/")[2], about, card.licence, "shipped" if card.repository is None else "published", here, size,
                getattr(card, "gated", False), page, card.memory_gb,
            )  # fmt: skip


def wanted(name: str) -> tuple[hub_files.Wanted, ...]:
    """What is to be fetched for a published model. Raises ModelError for a name that is none."""
    if (card := making.card(name)) is not None and card.repository is not None:
        return making.wanted(card)
    clap = next((card for card in searching.CARDS if card.name == name and card.repository is not None), None)
    if clap is None:
        raise ModelError(f"{name}: not a model that can be downloaded")
    return (hub_files.Wanted(clap.repository, searching.CLAP_NEEDED, searching.CLAP_ALSO),)


def found(folder: Path, origin: Origin) -> Iterator[Model]:
    """The user's models in and under a folder, a few levels deep; what is none, or unfinished, is passed over."""
    yield from _found(folder, origin, _DEEPEST)


def described(place: Path, origin: Origin) -> Model:
    """The model in a folder or LoRA or adapter file. Raises ModelError, saying what is missing, where there is none."""
    if place.is_file():
        return _file(place, origin)
    if not place.is_dir():
        raise ModelError(f"{place}: no such folder; check the path")
    if making.is_engine_folder(place):
        from generation.published import read_config

        making.engine_weights(place)
        read_config(place)
        return _folder("generator", str(place), "published layout of Stable Audio", place, origin)
    if not (place / "config.json").is_file():
        raise ModelError(f"{place}: no model; a model's folder has config.json and model.safetensors, or {making.ENGINE_CONFIG} and {making.ENGINE_WEIGHTS}")
    config = _config(place)
    if config.get("model_type") == "clap":
        _weights(place, ("model.safetensors", "*.safetensors", "*.bin"))
        return _folder("clvap", f"clap-zero-shot:{place}", "CLAP as published", place, origin)
    _weights(place, ("model.safetensors",))
    if config.get("kind") == DIFFUSION:
        about = f"up to {config.get('diffusion', {}).get('max_seconds', 0):g} s, hears {config.get('clvap', 'a CLVAP')}"
        return _folder("generator", str(place), about, place, origin)
    if {"audio", "voice", "text"} <= config.keys():
        return _folder("clvap", str(place), f"fusion {str(config.get('fusion', 'cross_attention')).replace('_', ' ')}", place, origin)
    raise ModelError(f"{place / 'config.json'}: describes neither a CLVAP, nor a CLAP, nor a generator of this project; choose another folder")


def checked(place: Path, origin: Origin) -> Model:
    """As `described`, with what the loading code itself asks of a configuration; that the weights fit is seen when it is used. Raises ModelError."""
    model = described(place, origin)
    try:
        if model.kind == "generator" and not making.is_engine_folder(place):
            from generation.model import SfxConfig

            SfxConfig.read(place)
        elif model.kind == "clvap" and not model.location.startswith("clap-zero-shot"):
            from clvap.config import ClvapConfig

            ClvapConfig.load(place)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        why = " ".join(str(error).split())
        raise ModelError(f"{place / 'config.json'}: not what this version reads ({why}); take it from where the weights are") from error
    return model


def size_of(place: Path) -> int:
    """Bytes of a folder's files, or of a file."""
    files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files)


def trained_with(model: Model) -> tuple[str, str]:
    """Name and fingerprint of the CLVAP that a generator or an adapter was trained with; empty where it was with none."""
    if model.folder is None:
        return "", ""
    try:
        if model.kind == "adapter":
            values = json.loads(_metadata(model.folder).get("config", "{}"))
        elif model.kind == "generator" and not making.is_engine_folder(model.folder):
            values = _config(model.folder)
        else:
            return "", ""
        return str(values.get("clvap", "")), str(values.get("clvap_fingerprint", ""))
    except (OSError, ValueError):
        return "", ""


def _found(folder: Path, origin: Origin, deeper: int) -> Iterator[Model]:
    try:
        inside = sorted(folder.iterdir())
    except OSError:
        return
    for place in inside:
        if place.name.startswith(".") or not (place.is_dir() or place.suffix == ".safetensors"):
            continue
        try:
            yield described(place, origin)
        except (ValueError, OSError):
            if place.is_dir() and deeper > 1:
                yield from _found(place, origin, deeper - 1)


def _folder(kind: Kind, location: str, about: str, place: Path, origin: Origin) -> Model:
    name = place.name if place.name not in ("model", "out") else place.parent.name
    return Model(kind, location, name, about, _licence(place), origin, place, size_of(place))


def _file(place: Path, origin: Origin) -> Model:
    about = _metadata(place)
    name = f"{place.parent.name}/{place.stem}" if place.stem in ("lora", "adapter") else place.stem
    size = place.stat().st_size
    if about.get("format") == lora.FORMAT:
        sizes = json.loads(about.get("config", "{}"))
        return Model("lora", str(place), name, f"rank {sizes.get('rank', '?')}", "", origin, place, size, base=Path(about.get("base", "")).name)
    if about.get("kind") == making.ADAPTER_KIND:
        base = str(json.loads(about.get("config", "{}")).get("base", ""))
        return Model("adapter", str(place), name, "lets it hear voices, words and their curves", "", origin, place, size, base=Path(base).name)
    raise ModelError(f"{place}: neither a LoRA nor an adapter of this project; choose a .safetensors file that fine-tuning wrote")


def _metadata(path: Path) -> dict[str, str]:
    """What a safetensors file says of itself. Raises ModelError where it is none."""
    try:
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > _LONGEST_HEADER:
                raise ValueError("its header is too long")
            return dict(json.loads(file.read(length)).get("__metadata__", {}))
    except (OSError, ValueError, AttributeError, struct.error) as error:
        raise ModelError(f"{path}: no safetensors file that can be read ({error}); choose another") from error


def _config(folder: Path) -> dict[str, Any]:
    try:
        values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder / 'config.json'} is no JSON ({error}); copy it again") from error
    return values if isinstance(values, dict) else {}


def _weights(folder: Path, patterns: tuple[str, ...]) -> None:
    if not any(path.is_file() for pattern in patterns for path in folder.glob(pattern)):
        raise ModelError(f"{folder}: {patterns[0]} is missing; copy it beside config.json")


def _licence(folder: Path) -> str:
    """As the model's card says, empty where it does not."""
    try:
        with open(folder / "README.md", encoding="utf-8", errors="replace") as card:
            lines = [line for line, _ in zip(card, range(60), strict=False)]
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("license:")), "")
