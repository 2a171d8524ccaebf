"""The card of a model folder: README.md with the facts a hub and its visitors ask for, taken from the files beside it.

config.json and model.safetensors say what it is, credits.csv whose sounds it heard, a recipe how it was trained, the JSON of
`python -m clvap evaluate --json` how well it does; NOTES.md and NOTICE.md, where they are there, are taken in as they are. Loads no weights.
"""

from __future__ import annotations

import csv
import json
import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clvap import card_tables
from clvap.checkpoints import ModelError
from clvap.recipe_file import read as read_recipe

CARD = "README.md"
MARK = "<!-- written by python -m clvap card; put your own words into NOTES.md and run it again -->"
TAGS = ("audio", "sound-effects", "sound-retrieval", "vocal-imitation", "query-by-vocal-imitation", "clap", "clvap")
_ASKS_NOTICE = ("BSD", "MIT", "Apache")
_ABOUT = (
    "CLVAP (Contrastive Language + Voice & Audio Pretraining) finds sounds by an imitation with the voice, by words, or by both: a text tower and a voice "
    "tower are fused into one query, an audio tower hears the sounds, and all meet in one space."
)
_USES = (
    "Searching libraries of sound effects by a vocal gesture, by words, or by both, and conditioning a generator of sound effects. "
    "The vectors are for ranking: a similarity is no probability."
)
_LIMITS = (
    "Imitations in training are made from sounds by a vocaliser, so figures on them say little about a particular person's voice.",
    "Speech, singing and music are outside what it was trained for; it does not recognise speakers and must not be used to.",
    "It knows the kinds of sounds of its training data best; rare ones, and words in other languages than English, it may miss.",
    "A sound longer than its window is heard in up to three windows.",
)


@dataclass(frozen=True)
class Facts:
    """What a card is written from.

    name: of the model
    config: of config.json
    parameters: their number by top-level part
    megabytes: of the weights' file
    licences: number of sounds by licence; empty where no credits.csv is there
    licence: of the weights, as the hub writes it
    recipes: those it was trained by, one after the other, by name; figures: as read, None without
    notes, notice: of NOTES.md and NOTICE.md, empty without
    """

    name: str
    config: dict[str, Any]
    parameters: dict[str, int]
    megabytes: float
    licences: Counter
    licence: str
    recipes: dict[str, dict[str, Any]] = field(default_factory=dict)
    figures: Any = None
    notes: str = ""
    notice: str = ""


def gather(
    folder: Path, figures: Path | None = None, recipes: Sequence[Path] = (), licence: str | None = None, name: str | None = None
) -> Facts:
    """Read a model folder and the files about it. Raises ModelError for one that is missing or cannot be read."""
    credits = folder / "credits.csv"
    licences = _licences(credits) if credits.is_file() else Counter()
    weights = folder / "model.safetensors"
    return Facts(
        name=name or folder.resolve().name,
        config=_mapping(folder / "config.json"),
        parameters=_parameters(weights),
        megabytes=weights.stat().st_size / 1e6,
        licences=licences,
        licence=licence or weights_licence(licences),
        recipes={path.name: _mapping(path) for path in recipes},
        figures=None if figures is None else card_tables.results(_mapping(figures), figures),
        notes=_text(folder / "NOTES.md"),
        notice=_text(folder / "NOTICE.md"),
    )


def write(folder: Path, facts: Facts, overwrite: bool = False) -> Path:
    """Write the card into a model folder. Raises ModelError where one is there that somebody wrote by hand and `overwrite` is not set."""
    path = folder / CARD
    if not overwrite and path.is_file() and not generated(folder):
        raise ModelError(f"{path} was written by hand; keep its words as NOTES.md and write over it with --overwrite")
    path.write_text(text(facts), encoding="utf-8")
    return path


def generated(folder: Path) -> bool:
    """Whether the folder's card was written by this module."""
    return MARK in _text(folder / CARD)


def text(facts: Facts) -> str:
    """The whole card: YAML for the hub, then Markdown."""
    from huggingface_hub import ModelCardData

    header = ModelCardData(
        license=facts.licence, library_name="clvap", pipeline_tag="feature-extraction", language="en", tags=list(TAGS),
        datasets=card_tables.datasets(*facts.recipes.values()) or None,
    )  # fmt: skip
    parts = [
        f"---\n{header.to_yaml()}\n---\n{MARK}\n\n# {facts.name}\n\n{_ABOUT}",
        _model(facts), _use(facts), _training(facts), _figures(facts), _intended(), facts.notes, _licence(facts),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def weights_licence(licences: Counter) -> str:
    """The hub's name of the licence that the sounds' licences leave for weights trained on them: the strictest wins, "other" where one is unknown."""
    names = [name.lower() for name in licences]
    if not names or any("sampling" in name or name in ("unknown", "") for name in names):
        return "other"
    if any("-nc" in name for name in names):
        return "cc-by-nc-sa-4.0" if any("-sa" in name for name in names) else "cc-by-nc-4.0"
    return "cc-by-sa-4.0" if any("-sa" in name for name in names) else "cc-by-4.0"


def _model(facts: Facts) -> str:
    config = facts.config
    kinds = [config.get(tower, {}).get("kind", "htsat") for tower in ("voice", "audio")]
    layers = config.get("text", {}).get("num_hidden_layers", "?")
    parts = ", ".join(f"{part.replace('_', ' ')} {count / 1e6:.2f} M" for part, count in facts.parameters.items() if count >= 5_000)
    return "\n".join([
        "## Model", "",
        f"- Size: {sum(facts.parameters.values()) / 1e6:.1f} M parameters, {facts.megabytes:.1f} MB ({parts})",
        f"- Towers: voice {kinds[0]}, audio {kinds[1]}, text RoBERTa with {layers} layers",
        f"- Fusion: {str(config.get('fusion', 'cross_attention')).replace('_', ' ')}; words or voice may be missing",
        f"- Space: {config.get('dimension', '?')} dimensions, unit norm",
    ])  # fmt: skip


def _use(facts: Facts) -> str:
    call = f'embedder = Embedder.from_pretrained("{facts.name}")  # this folder, or its name on the hub'
    lines = [call, 'sounds = embedder.embed_audio(["door.wav"])', 'query = embedder.embed_query(voice="gesture.wav", text="a door")', "scores = sounds @ query"]
    return "\n".join(["## Use", "", "```python", "from clvap import Embedder", "", *lines, "```"])


def _training(facts: Facts) -> str:
    if not facts.licences and not facts.recipes:
        return "## Training\n\nNo recipe and no credits came with this model."
    parts = ["## Training"]
    if facts.licences:
        table = card_tables.markdown(["licence of the sounds", "sounds"], [[name, str(count)] for name, count in facts.licences.most_common()])
        parts.append(f"{sum(facts.licences.values())} sounds, each with its licence and whom to name in `credits.csv`.\n\n{table}")
    for name, recipe in facts.recipes.items():
        told = card_tables.recipe(recipe)
        parts.append(f"### {name}\n\n{told}" if len(facts.recipes) > 1 else told)
    return "\n\n".join(parts)


def _figures(facts: Facts) -> str:
    if facts.figures is None:
        return "## Figures\n\nNone were measured; `python -m clvap evaluate RECIPE --json` makes them."
    return f"## Figures\n\n{facts.figures}"


def _intended() -> str:
    return "\n".join(["## Intended use and limits", "", _USES, "", *(f"- {limit}" for limit in _LIMITS)])


def _licence(facts: Facts) -> str:
    said = f"## Licence\n\nWeights: {facts.licence}" + (", with the attributions of `credits.csv`." if facts.licences else ".")
    needy = [name for name in facts.licences if name.startswith(_ASKS_NOTICE)]
    if facts.notice:
        return f"{said}\n\n{facts.notice}"
    return f"{said} Sounds under {', '.join(needy)} ask for their notice, which is missing here: put it into NOTICE.md." if needy else said


def _licences(path: Path) -> Counter:
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        if "licence" not in (rows.fieldnames or []):
            raise ModelError(f"{path}: no column licence; its first line should read sound,licence,attribution")
        return Counter(row["licence"] or "unknown" for row in rows)


def _parameters(path: Path) -> dict[str, int]:
    """Numbers of weights by top-level part, from the header of a safetensors file alone."""
    try:
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > 100_000_000:
                raise ValueError("its header is too long")
            header = json.loads(file.read(length))
        sizes: Counter = Counter()
        for key, entry in header.items():
            if key != "__metadata__":
                sizes[key.partition(".")[0]] += _product(entry["shape"])
        return dict(sizes)
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise ModelError(f"{path} cannot be read ({error}); name a model folder with config.json and model.safetensors") from error


def _product(shape: list[int]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def _mapping(path: Path) -> dict[str, Any]:
    """A JSON file, or a recipe with what it extends, that holds names with values."""
    try:
        values = json.loads(path.read_text(encoding="utf-8")) if path.suffix == ".json" else read_recipe(path)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({' '.join(str(error).split())}); check the path and that it is whole") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path}: holds no names with values; compare it with the files of assets/models and assets/recipes")
    return values


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""
