"""Training of the diffusion transformer on stored latents, controls and queries: rectified flow with everything that can be missing, missing at times."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from clvap.checkpoints import ModelError
from clvap.training.state import draw_back
from generation import model as sfx
from generation.autoencoder import AutoencoderConfig, as_dict, build
from generation.conditioning import CONTROLS_KEY, TOKENS_KEY
from generation.examples import Batch, Examples, batches
from generation.latents import Latents, encode
from generation.queries import Queries, embed
from generation.sounds import Sounds, collect, held_out_sounds, training_sounds
from generation.train import Schedule, State, TrainingError, apply, log_row, resume, train_loop
from generation.windows import Dropout, Windows

WEIGHTS = {"diffusion/velocity": 1.0}
SECONDS_KEY = "seconds_total"
_SEEDS = 10_000_000  # steps that one seed has noise for
_HELD_OUT_SEED = 1


def velocity_loss(model, batch: Batch, times: Tensor, noise: Tensor) -> Tensor:
    """Mean squared error of the velocity on the straight path from sound to noise (rectified flow, Liu et al. 2022, arXiv:2209.03003)."""
    t = times[:, None, None]
    noised = (1 - t) * batch.latents + t * noise
    predicted = model(noised, times, conditioning(model, batch), use_checkpointing=False)
    return (predicted - (noise - batch.latents)).square().mean()


def conditioning(model, batch: Batch) -> dict[str, list[Tensor]]:
    """What the engine's conditioner makes of a batch, from stacked numbers instead of one dict a row."""
    conditioners, device = model.conditioner.conditioners, batch.latents.device
    ones = torch.ones(batch.controls.shape[0], batch.controls.shape[2], device=device)
    timing = conditioners[SECONDS_KEY]
    lengths = ((batch.seconds - timing.min_val) / (timing.max_val - timing.min_val)).clamp(0, 1)
    seconds = [timing.embedder(lengths).unsqueeze(1), torch.ones(len(lengths), 1, device=device)]
    return {TOKENS_KEY: conditioners[TOKENS_KEY].embedded(batch.queries), CONTROLS_KEY: [batch.controls, ones], SECONDS_KEY: seconds}


@dataclass(frozen=True)
class Levels:
    """Log odds of the levels of noise to learn at, the logit-normal of Stable Diffusion 3 (Esser et al. 2024, arXiv:2403.03206).

    A take is sampled from 6 down to -2 in even steps (`sampling.flow_times`); a mean of 2 and a deviation of 2 cover them.
    """

    mean: float = 0.3
    deviation: float = 1.0


def drawn(batch: Batch, seed: int, levels: Levels) -> tuple[Tensor, Tensor]:
    """Times (B,) and noise (B, C, L) of a batch, by the seed alone."""
    device = batch.latents.device
    generator = torch.Generator(device).manual_seed(seed)
    odds = levels.deviation * torch.randn(len(batch.latents), generator=generator, device=device) + levels.mean
    return torch.sigmoid(odds), torch.randn(batch.latents.shape, generator=generator, device=device)


def train_step(state: State, batch: Batch, schedule: Schedule, levels: Levels = Levels()) -> None:
    """One step on a batch; its noise follows from the schedule's seed and the number of the step."""
    device = next(state.model.parameters()).device
    batch = batch.to(device)
    times, noise = drawn(batch, schedule.seed * _SEEDS + state.step, levels)
    with torch.autocast(device.type, torch.bfloat16, enabled=schedule.precision == "bfloat16"):
        loss = velocity_loss(state.model, batch, times, noise)
    apply(state, {"diffusion/velocity": loss}, WEIGHTS, schedule, batch.name)


@torch.no_grad()
def held_out_loss(model, examples: Examples, schedule: Schedule, levels: Levels = Levels(), count: int = 4) -> float:
    """Mean velocity loss over `count` batches of sounds that are not trained on, the same ones with the same noise every time."""
    device, losses = next(model.parameters()).device, []
    for number in range(count):
        batch = examples.draw(np.random.default_rng([_HELD_OUT_SEED, number]), schedule.batch).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=schedule.precision == "bfloat16"):
            losses.append(float(velocity_loss(model, batch, *drawn(batch, _HELD_OUT_SEED + number, levels))))
    return float(np.mean(losses))


def start(config: sfx.SfxConfig, schedule: Schedule) -> State:
    """A model with random transformer weights; its autoencoder does not train."""
    torch.manual_seed(schedule.seed)
    model = sfx.build(config)
    model.pretransform.requires_grad_(False)
    model.to(schedule.device_name)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=schedule.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    return State(model, copy.deepcopy(model).requires_grad_(False), optimizer, np.random.default_rng(schedule.seed))


def sounds_of(recipe: dict[str, Any]) -> Sounds:
    """All sounds of a recipe, read once into its run folder."""
    return collect(training_sounds(Path(recipe["data"]["folder"]), recipe["data"].get("starter")), Path(recipe["run"]) / "sounds")


def held_out(recipe: dict[str, Any]) -> dict[str, Any]:
    """The recipe of the sounds that are only listened to: they are read, encoded and embedded into a folder of their own."""
    return recipe | {"run": str(Path(recipe["run"]) / "held-out"), "data": recipe["data"] | {"variants": 1}}


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
    length, passes = recipe["model"].get("tokens", 48), recipe["data"].get("passes", 1)
    return embed(embedder, sounds, phrases(sounds), Path(recipe["run"]) / "queries", length, passes)


def configuration(recipe: dict[str, Any], autoencoder: AutoencoderConfig, fingerprint: str) -> sfx.SfxConfig:
    """What config.json will say; `sampling` of the recipe are its steps, guidance and best_of."""
    return sfx.SfxConfig(as_dict(autoencoder), sfx.DiffusionConfig(**recipe["model"]), recipe["clvap"], fingerprint, **recipe.get("sampling", {}))


@dataclass(frozen=True)
class Prepared:
    """A run with all it needs.

    held_out: sounds that are not trained on, or None
    first, keeps: weights that the run goes on from, by name, and the share of them in what it writes, 0 to 1
    """

    state: State
    config: sfx.SfxConfig
    examples: Examples
    held_out: Examples | None
    first: dict[str, Tensor]
    keeps: float

    def write(self, folder: Path) -> Path:
        """The averaged weights as a model folder, those the run went on from among them, see `draw_back`."""
        model = copy.deepcopy(self.state.averaged)
        if self.keeps:
            draw_back(model, self.first, self.keeps)
        return sfx.save(model, self.config, folder)


def prepare(recipe: dict[str, Any]) -> Prepared:
    """Everything a run needs, from its folder where it was made before."""
    schedule, run = Schedule(**recipe["schedule"]), Path(recipe["run"])
    torch.set_num_threads(schedule.threads)
    first = origin(recipe)
    sounds = sounds_of(recipe)
    latents, queries = stored_latents(recipe, sounds, first), _queries(recipe, sounds)
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
    dropout = Dropout(**recipe.get("dropout", {}))
    examples = _examples(latents, queries, sounds, recipe["data"]["shares"], config, dropout)
    return Prepared(state, config, examples, _held_out_examples(recipe, first, config, dropout), first.model, recipe.get("keeps", 0.0))


def train(recipe: dict[str, Any]) -> Path:
    """Run a recipe of kind `diffusion`, resuming where it stopped, then write the model folder it names.

    With `held_out: N` the loss on sounds that are not trained on goes to held-out.csv every N steps; with `snapshots: N` the averaged
    weights of every N steps stay in the run folder, with `keeps: S` that share of the starting weights is in what is written.
    """
    prepared, run = prepare(recipe), Path(recipe["run"])
    schedule, levels = Schedule(**recipe["schedule"]), Levels(**recipe.get("levels", {}))
    drawn_ahead = batches(prepared.examples, schedule, prepared.state.step)

    def step(state: State) -> None:
        train_step(state, next(drawn_ahead), schedule, levels)
        if prepared.held_out and state.step % recipe["held_out"] == 0:
            loss = held_out_loss(state.averaged, prepared.held_out, replace(schedule, batch=min(schedule.batch, 64)), levels)
            log_row(run / "held-out.csv", {"step": state.step, "diffusion/velocity": round(loss, 5)})
        if "snapshots" in recipe and state.step % recipe["snapshots"] == 0:
            prepared.write(run / f"step-{state.step}")

    train_loop(prepared.state, schedule, run, step)
    return prepared.write(Path(recipe["out"]))


def export(recipe: dict[str, Any]) -> Path:
    """Write the averaged weights of the newest checkpoint as a model folder, while training goes on or after it."""
    return prepare(recipe).write(Path(recipe["out"]))


def _fitting(weights: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Those weights that a model has in the same shape."""
    return {name: value for name, value in weights.items() if name in own and own[name].shape == value.shape}


def _examples(latents: Latents, queries: Queries | None, sounds: Sounds, shares: dict[str, float], config: sfx.SfxConfig, dropout: Dropout) -> Examples:
    origins, kinds = [sound.origin for sound in sounds.sounds], [sound.caption for sound in sounds.sounds]
    return Examples(latents, queries, origins, kinds, shares, config.diffusion, dropout, Windows())


def _held_out_examples(recipe: dict[str, Any], first: Origin, config: sfx.SfxConfig, dropout: Dropout) -> Examples | None:
    if "held_out" not in recipe:
        return None
    apart = held_out(recipe)
    sounds = collect(held_out_sounds(Path(recipe["data"]["folder"])), Path(apart["run"]) / "sounds")
    return _examples(stored_latents(apart, sounds, first), _queries(apart, sounds), sounds, {"esc50": 1.0}, config, dropout)


def _queries(recipe: dict[str, Any], sounds: Sounds) -> Queries | None:
    """Stored queries, made now where they are not, or are of a model since trained on; None when the recipe says to begin without.

    On a machine without the model those that it made elsewhere are used.
    """
    folder = Path(recipe["run"]) / "queries"
    made = (folder / "done.json").exists()
    if recipe["data"].get("without_queries") and not made:
        return None
    from clvap import Embedder

    try:
        embedder = Embedder.from_pretrained(recipe["clvap"], "cpu")
    except ModelError:
        if made:
            return Queries(folder)
        raise
    return stored_queries(recipe, sounds, embedder)
