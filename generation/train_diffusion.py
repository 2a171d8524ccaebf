"""Training of the diffusion transformer on stored latents, controls and queries: rectified flow with everything that can be missing, missing at times."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from clvap.audio import SAMPLE_RATE_HZ
from clvap.query import Query
from generation import model as sfx
from generation.analysis import RATIO
from generation.autoencoder import AutoencoderConfig, as_dict, build
from generation.conditioning import CONTROLS_KEY, TOKENS_KEY
from generation.latents import Item, Latents, encode
from generation.queries import Queries, embed
from generation.sounds import Sounds, collect, training_sounds
from generation.train import Schedule, State, TrainingError, apply, resume, train_loop
from generation.windows import Dropout, Windows, cut

WEIGHTS = {"diffusion/velocity": 1.0}


@dataclass(frozen=True)
class Batch:
    """What one step learns from.

    latents: (B, C, L), unit deviation
    metadata: one dict of conditioning a row
    name: which items, for a message
    """

    latents: Tensor
    metadata: list[dict[str, Any]]
    name: str


class Examples:
    """Draws batches. Origins are drawn in fixed shares, so that a large pack of footsteps does not outweigh the rest."""

    def __init__(self, latents: Latents, queries: Queries | None, origins: list[str], shares: dict[str, float], windows: Windows, dropout: Dropout):
        self._latents, self._queries = latents, queries
        self._windows, self._dropout = windows, dropout
        by_origin: dict[str, list[Item]] = {}
        for item in latents.items:
            by_origin.setdefault(origins[item.sound], []).append(item)
        self._by_origin = by_origin
        weights = np.array([shares[origin] for origin in by_origin])
        self._shares = weights / weights.sum()

    def draw(self, rng: np.random.Generator, size: int) -> Batch:
        """A batch of windows of one length."""
        length = int(rng.choice(self._windows.lengths, p=self._windows.shares))
        size = max(size * 64 // max(length, 48), 4)
        origins = rng.choice(list(self._by_origin), p=self._shares, size=size)
        chosen = [self._by_origin[origin][int(rng.integers(len(self._by_origin[origin])))] for origin in origins]
        rows = [self._row(item, length, rng) for item in chosen]
        latents = torch.from_numpy(np.stack([row[0] for row in rows]))
        return Batch(latents.transpose(1, 2).contiguous(), [row[1] for row in rows], f"of sounds {[item.sound for item in chosen]}")

    def _row(self, item: Item, length: int, rng: np.random.Generator) -> tuple[np.ndarray, dict[str, Any]]:
        latents, curves = self._latents.latents(item), self._latents.controls(item)
        window = cut(latents, curves, item.content, self._latents.silence, length, self._dropout, rng)
        seconds = window.content * RATIO / SAMPLE_RATE_HZ
        return window.latents, {TOKENS_KEY: self._query(item, rng), CONTROLS_KEY: window.controls, "seconds_total": seconds}

    def _query(self, item: Item, rng: np.random.Generator) -> Query | None:
        if self._queries is None or rng.random() < self._dropout.query:
            return None
        return self._queries.draw(item.sound, rng)


def velocity_loss(model, batch: Batch, times: Tensor, noise: Tensor) -> Tensor:
    """Mean squared error of the velocity on the straight path from sound to noise (rectified flow, Liu et al. 2022, arXiv:2209.03003)."""
    t = times[:, None, None]
    noised = (1 - t) * batch.latents + t * noise
    conditioning = model.conditioner(batch.metadata, str(noised.device))
    predicted = model(noised, times, conditioning, use_checkpointing=False)
    return (predicted - (noise - batch.latents)).square().mean()


def train_step(state: State, examples: Examples, schedule: Schedule, lean: float = 0.3) -> None:
    """One step; times follow the logit-normal of Stable Diffusion 3 (Esser et al. 2024), its mean moved by `lean` toward noise, where structure is decided."""
    batch = examples.draw(state.rng, schedule.batch)
    times = torch.sigmoid(torch.randn(len(batch.latents)) + lean)
    with torch.autocast("cpu", torch.bfloat16, enabled=schedule.precision == "bfloat16"):
        loss = velocity_loss(state.model, batch, times, torch.randn_like(batch.latents))
    apply(state, {"diffusion/velocity": loss}, WEIGHTS, schedule, batch.name)


def start(config: sfx.SfxConfig, schedule: Schedule) -> State:
    """A model with random transformer weights; its autoencoder does not train."""
    torch.manual_seed(schedule.seed)
    model = sfx.build(config)
    model.pretransform.requires_grad_(False)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=schedule.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    return State(model, copy.deepcopy(model).requires_grad_(False), optimizer, np.random.default_rng(schedule.seed))


def sounds_of(recipe: dict[str, Any]) -> Sounds:
    """All sounds of a recipe, read once into its run folder."""
    return collect(training_sounds(Path(recipe["data"]["folder"]), recipe["data"].get("starter")), Path(recipe["run"]) / "sounds")


def phrases(sounds: Sounds) -> list[list[str]]:
    """Captions of every sound; the classes of ESC-50 have several."""
    from clvap.data.captions import esc50_captions

    classes = esc50_captions()
    return [classes[sound.category] if sound.origin == "esc50" else [sound.caption] for sound in sounds.sounds]


@dataclass(frozen=True)
class Origin:
    """What a run goes on from: the autoencoder's config and weights, and weights of the whole model, by name (none for a new transformer)."""

    config: AutoencoderConfig
    autoencoder: dict[str, Tensor]
    model: dict[str, Tensor] = field(default_factory=dict)


def origin(recipe: dict[str, Any]) -> Origin:
    """The model folder that the recipe's `start` names, else its autoencoder's checkpoint under a transformer that is new but for what fits of `weights`,
    the model.safetensors of another model."""
    if "start" in recipe:
        model, config = sfx.load(Path(recipe["start"]))
        return Origin(AutoencoderConfig(**config.autoencoder), model.pretransform.model.state_dict(), model.state_dict())
    saved = torch.load(recipe["autoencoder"]["checkpoint"], map_location="cpu", weights_only=True)
    earlier = load_file(recipe["weights"]) if "weights" in recipe else {}
    return Origin(AutoencoderConfig(**recipe["autoencoder"]["model"]), saved["averaged"], {name: value.float() for name, value in earlier.items()})


def stored_latents(recipe: dict[str, Any], sounds: Sounds, first: Origin) -> Latents:
    """Latents of the recipe's sounds by the autoencoder it goes on from."""
    autoencoder = build(first.config)
    autoencoder.load_state_dict(first.autoencoder)
    return encode(autoencoder, sounds, Path(recipe["run"]) / "latents", recipe["data"]["variants"])


def stored_queries(recipe: dict[str, Any], sounds: Sounds, embedder) -> Queries:
    """Queries of the recipe's sounds."""
    return embed(embedder, sounds, phrases(sounds), Path(recipe["run"]) / "queries", recipe["model"].get("tokens", 48))


def configuration(recipe: dict[str, Any], autoencoder: AutoencoderConfig, fingerprint: str) -> sfx.SfxConfig:
    """What config.json will say."""
    return sfx.SfxConfig(as_dict(autoencoder), sfx.DiffusionConfig(**recipe["model"]), recipe["clvap"], fingerprint)


def prepare(recipe: dict[str, Any]) -> tuple[State, Examples, sfx.SfxConfig]:
    """Everything a run needs, from its folder where it was made before."""
    schedule, run = Schedule(**recipe["schedule"]), Path(recipe["run"])
    torch.set_num_threads(schedule.threads)
    sounds = sounds_of(recipe)
    first = origin(recipe)
    latents = stored_latents(recipe, sounds, first)
    queries = _queries(recipe, sounds)
    config = configuration(recipe, first.config, queries.fingerprint if queries else "")
    if queries and (queries.token_width, queries.dimension) != (config.diffusion.token_width, config.diffusion.dimension):
        sizes = f"tokens of {queries.token_width} and vectors of {queries.dimension}"
        raise TrainingError(f"{recipe['clvap']} has {sizes}; set token_width and dimension in the recipe")
    state = start(config, schedule)
    for model in (state.model, state.averaged):
        model.load_state_dict(_fitting(first.model, model.state_dict()), strict=False)
    resume(state, run / "last.pt")
    for model in (state.model, state.averaged):
        model.pretransform.load_state_dict(first.autoencoder)  # after resuming, because the decoder may have learned more since
    origins = [sound.origin for sound in sounds.sounds]
    examples = Examples(latents, queries, origins, recipe["data"]["shares"], Windows(), Dropout(**recipe.get("dropout", {})))
    return state, examples, config


def train(recipe: dict[str, Any]) -> Path:
    """Run a recipe of kind `diffusion`, resuming where it stopped, then write the model folder it names."""
    state, examples, config = prepare(recipe)
    schedule, lean = Schedule(**recipe["schedule"]), recipe.get("lean", 0.3)
    train_loop(state, schedule, Path(recipe["run"]), lambda state: train_step(state, examples, schedule, lean))
    return sfx.save(state.averaged, config, Path(recipe["out"]))


def export(recipe: dict[str, Any]) -> Path:
    """Write the averaged weights of the newest checkpoint as a model folder, while training goes on or after it."""
    state, _, config = prepare(recipe)
    return sfx.save(state.averaged, config, Path(recipe["out"]))


def _fitting(weights: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Those weights that a model has in the same shape."""
    return {name: value for name, value in weights.items() if name in own and own[name].shape == value.shape}


def _queries(recipe: dict[str, Any], sounds: Sounds) -> Queries | None:
    """Stored queries, made now where they are not; None when the recipe says to begin without."""
    folder = Path(recipe["run"]) / "queries"
    if (folder / "done.json").exists():
        return Queries(folder)
    if recipe["data"].get("without_queries"):
        return None
    from clvap import Embedder

    return stored_queries(recipe, sounds, Embedder.from_pretrained(recipe["clvap"], "cpu"))
