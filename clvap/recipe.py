"""Training recipes of CLVAP as typed configuration, read from YAML."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clvap.checkpoints import RecipeError
from clvap.config import ClvapConfig
from clvap.recipe_file import read

PRECISIONS = ("float32", "bfloat16", "float16")
METRICS = ("R@1", "R@5", "MRR", "P@1", "P@1 other")
LOGGERS = ("tensorboard", "wandb", "trackio")
LOSSES = ("query/audio", "voice/audio", "text/audio", "text/text", "teacher/audio", "teacher/voice", "kind/audio", "kind/voice", "clean/voice")
_PATHS = ("run", "out", "text", "packs", "esc50", "yamnet", "starter", "start", "bank", "wordnet")
_OPTIONAL = ("text", "packs", "esc50")


@dataclass(frozen=True)
class Stage:
    """A part of the training with its own losses and its own frozen parts."""

    name: str
    steps: int
    trainable: tuple[str, ...]
    """Names of the parts that learn, such as `fusion` or `audio.net`; everything else is frozen."""
    losses: dict[str, float]
    """Weight of each named loss; what is not named is not computed."""
    learning_rate: float = 1e-3
    batch_size: int = 64
    """Sounds a step, over all processes; the contrast is between all of them."""
    accumulate: int = 1
    """Parts a process computes its batch in, one after the other, for batches that memory cannot hold; see `training.step.backward`."""
    mix: float = 0.0
    """Share of batches whose sounds are mixed in pairs, see `training.batches.mixed`."""
    copy_audio_to_voice: bool = False
    """Start the voice tower from the audio tower, as both start from one HTS-AT in the full model."""
    frozen: tuple[str, ...] = ()
    """Names of parts within the trainable ones that stay frozen."""
    shares: dict[str, float] | None = None
    """Share of a batch from each collection in this stage, none from those not named; None for the recipe's shares."""
    augmented: bool = True
    """Whether sounds are met in all their variants, or only as they were recorded."""
    imitated: float = 1.0
    """Share of what the voice tower hears that are imitations, the rest the sounds themselves in another variant, as somebody may play one."""
    noisy: float = 0.0
    """Share of what the voice tower hears in a noisy room, see `training.variation`."""
    microphones: float = 0.0
    """Share of what the voice tower hears through a poor microphone, see `training.microphones`."""

    def __post_init__(self) -> None:
        unknown = sorted(self.losses.keys() - set(LOSSES))
        if unknown or not self.losses:
            raise RecipeError(f"stage {self.name}: losses {', '.join(unknown) or 'are missing'}; choose from {', '.join(LOSSES)}")
        if not self.trainable or self.steps < 1 or self.batch_size < 2 or self.accumulate < 1:
            raise RecipeError(f"stage {self.name}: needs trainable parts, steps and accumulate of 1 or more, and a batch_size of 2 or more")
        for name in ("imitated", "noisy", "microphones"):
            if not 0 <= getattr(self, name) <= 1:
                raise RecipeError(f"stage {self.name}: {name} is a share from 0 to 1, not {getattr(self, name)}")

    @property
    def hears_voices(self) -> bool:
        """Whether a loss needs imitations."""
        return any("voice" in name or "query" in name for name in self.losses)

    @property
    def hears_sounds(self) -> bool:
        """Whether a loss needs the sounds."""
        return any(name.endswith("/audio") for name in self.losses)


@dataclass(frozen=True)
class Manifest:
    """A table or a folder of sounds to train on."""

    path: Path
    reader: str = "manifest"
    """Who reads it: `manifest` for CSV and JSON lines, or a name of `clvap.data.datasets.READERS`."""
    options: dict[str, Any] = field(default_factory=dict)
    """What that reader is asked for, such as `parts: [development]` of clotho."""
    share: float = 1.0
    """Share of a batch drawn from it."""
    name: str = ""
    """What it is called in `shares`; by default the path's stem."""

    def __post_init__(self) -> None:
        if "/" in self.name:
            raise RecipeError(f"manifests: the name {self.name!r} holds a slash; leave it out")

    @property
    def collection(self) -> str:
        return self.name or self.path.stem


@dataclass(frozen=True)
class Validation:
    """Retrieval on rows kept back, measured with the averaged weights."""

    every: int = 200
    """Steps between two looks."""
    share: float = 0.1
    """Part of the sources kept back where no row's split says `validation`."""
    metric: str = "MRR"
    """What is better when it is higher: R@1, R@5 and MRR of the very sound, P@1 of its kind, `P@1 other` without its source recording."""
    patience: int | None = None
    """Looks without a better figure after which a stage ends; None lets it run its steps."""
    keep_best: bool = True
    """End a stage with its best weights rather than its last."""

    def __post_init__(self) -> None:
        if self.metric not in METRICS or self.every < 1 or not 0 < self.share < 1 or (self.patience is not None and self.patience < 1):
            raise RecipeError(f"validation: needs a metric of {', '.join(METRICS)}, every and patience of 1 or more, and a share between 0 and 1")


@dataclass(frozen=True)
class Recipe:
    """One training run: data, model, stages."""

    name: str
    run: Path
    """Folder of the bank, the checkpoint and the log."""
    out: Path
    """Folder of the finished model."""
    text: Path | None
    """Folder of a text tower (see clvap.distill_text) and its tokenizer; None takes `start`'s, or a new one for the captions."""
    packs: Path | None
    """Folder of sfx.csv."""
    esc50: Path | None
    """Folder of esc50.csv."""
    model: ClvapConfig
    """Left out of a recipe with `start`, it is that model's."""
    stages: tuple[Stage, ...]
    start: Path | None = None
    """Folder of a model whose weights the run starts from, fine-tuning it. None starts from scratch."""
    start_parts: tuple[str, ...] = ()
    """Names of the parts taken from `start`, the others are new; all of them where this is empty."""
    keeps: float = 0.0
    """Share of `start`'s weights in what is written, 0 to 1; see `training.state.draw_back`."""
    manifests: tuple[Manifest, ...] = ()
    """More sounds, in any number of tables."""
    yamnet: Path | None = None
    """The teacher; None trains without."""
    wordnet: Path | None = None
    """Folder of WordNet, whose synonyms and glosses the loss `text/text` keeps together."""
    starter: Path | None = None
    """A rendered starter library (`python -m generation.procedural DIR`) to train on as well."""
    folds: tuple[int, ...] = (1, 2, 3)
    """ESC-50 folds to train on."""
    shares: dict[str, float] = field(default_factory=lambda: {"sfx": 0.7, "esc50": 0.3})
    """Share of a batch drawn from each collection."""
    passes: int = 6
    """Passes of the spectrogram bank."""
    imitations: int = 2
    """Imitations of every sound in a pass."""
    bank: Path | None = None
    """Another run's bank of the same rows, used as it is; None makes the run's own."""
    precision: str = "float32"
    """`bfloat16` or `float16` compute in half precision where the operation allows, weights stay float32; `float16` is for GPUs."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""
    validation: Validation | None = None
    """Retrieval on rows kept back; None trains on all."""
    loggers: tuple[str, ...] = ()
    """Where the curves go beside log.csv: tensorboard, wandb, trackio."""
    seed: int = 0
    ema: float = 0.998
    """Decay of the averaged weights, which are the ones that ship; 0 ships the last."""
    clip_norm: float = 1.0
    """Longest gradient that is followed whole."""
    log_every: int = 10
    checkpoint_every: int = 100
    minutes: float | None = None
    """Minutes to train for in place of the stages' steps, which are then their shares of this time; the bank is made before. None trains the steps."""

    def __post_init__(self) -> None:
        names = [stage.name for stage in self.stages]
        if len(set(names)) != len(names) or not names:
            raise RecipeError(f"recipe {self.name}: needs stages with different names, has {names}")
        if self.precision not in PRECISIONS:
            raise RecipeError(f"recipe {self.name}: precision {self.precision!r} is none of {', '.join(PRECISIONS)}")
        if self.imitations < 1:
            raise RecipeError(f"recipe {self.name}: imitations {self.imitations} must be 1 or more; 2 are usual")
        if self.minutes is not None and not 0 < self.minutes < float("inf"):
            raise RecipeError(f"recipe {self.name}: minutes {self.minutes} must be over 0; leave it out to train the steps")
        if unknown := sorted(set(self.loggers) - set(LOGGERS)):
            raise RecipeError(f"recipe {self.name}: no logger {', '.join(unknown)}; choose from {', '.join(LOGGERS)}")
        if not 0 <= self.keeps <= 1 or (self.keeps and not self.start):
            raise RecipeError(f"recipe {self.name}: keeps {self.keeps} is a share from 0 to 1 of the weights of `start`; name the model's folder there")
        if not (self.packs or self.esc50 or self.starter or self.manifests):
            raise RecipeError(f"recipe {self.name}: no data; give packs, esc50, starter or manifests")
        if self.start_parts and not self.start:
            raise RecipeError(f"recipe {self.name}: start_parts without start; name the model's folder")
        if not self.yamnet and any(name.startswith("teacher/") for stage in self.stages for name in stage.losses):
            raise RecipeError(f"recipe {self.name}: losses of a teacher without one; give yamnet, or take the losses teacher/... out")
        if not self.wordnet and any("text/text" in stage.losses for stage in self.stages):
            raise RecipeError(f"recipe {self.name}: the loss text/text without wordnet; give its folder, such as /usr/share/wordnet")
        collections = [manifest.collection for manifest in self.manifests]
        if len(set(collections)) != len(collections):
            raise RecipeError(f"recipe {self.name}: manifests called {', '.join(sorted(collections))}; give each a name of its own")

    @property
    def bank_folder(self) -> Path:
        """Where the spectrograms lie."""
        return self.bank or self.run / "bank"

    @property
    def hears_voices(self) -> bool:
        """Whether any stage needs imitations; a CLAP does not."""
        return any(stage.hears_voices for stage in self.stages)

    def seconds(self, stage: Stage) -> float | None:
        """How long a stage is to be trained, None where that is told by its steps."""
        return None if self.minutes is None else 60 * self.minutes * stage.steps / sum(one.steps for one in self.stages)

    def stage_shares(self, stage: Stage) -> dict[str, float]:
        """Share of each collection in a stage."""
        return {**self.shares, **{m.collection: m.share for m in self.manifests}} if stage.shares is None else stage.shares

    @staticmethod
    def load(path: Path) -> Recipe:
        """Read a recipe and what it extends. Raises RecipeError for keys that do not exist or contradict each other."""
        try:
            values = read(path)
            stages = tuple(Stage(**_tuples(stage, "trainable", "frozen")) for stage in values.pop("stages"))
            manifests = tuple(Manifest(**{**one, "path": Path(one["path"])}) for one in values.pop("manifests", ()))
            validation = values.pop("validation", None)
            values |= {key: Path(values[key]) for key in _PATHS if values.get(key) is not None}
            model = ClvapConfig.from_dict(values["model"]) if "model" in values or "start" not in values else ClvapConfig.load(values["start"])
            return Recipe(
                **{**dict.fromkeys(_OPTIONAL), **_tuples(values, "folds", "loggers", "start_parts"), "model": model},
                stages=stages, manifests=manifests, validation=None if validation is None else Validation(**validation),
            )  # fmt: skip
        except RecipeError as error:
            raise RecipeError(f"{path}: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
            said = f"{error.args[0]} is missing" if isinstance(error, KeyError) else error
            raise RecipeError(f"{path}: not a recipe for CLVAP ({said}); compare it with assets/recipes/clvap-mini.yaml") from error


def _tuples(values: dict[str, Any], *keys: str) -> dict[str, Any]:
    """`values` with the lists of these keys as tuples. Raises RecipeError for what is not a list."""
    for key in keys:
        if key in values and not isinstance(values[key], list):
            raise RecipeError(f"{key} is {values[key]!r}; write a list, such as [{values[key]}]")
    return {**values, **{key: tuple(values[key]) for key in keys if key in values}}
