"""Training recipes of CLVAP as typed configuration, read from YAML."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import yaml

from clvap.checkpoints import RecipeError
from clvap.config import ClvapConfig


@dataclass(frozen=True)
class Stage:
    """A part of the training with its own losses and its own frozen parts."""

    name: str
    steps: int
    trainable: tuple[str, ...]
    """Prefixes of the parameters that learn; everything else is frozen."""
    losses: dict[str, float]
    """Weight of each named loss; what is not named is not computed."""
    learning_rate: float = 1e-3
    batch_size: int = 64
    mix: float = 0.0
    """Share of batches whose sounds are mixed in pairs, see `train.mixed`."""
    copy_audio_to_voice: bool = False
    """Start the voice tower from the audio tower, as both start from one HTS-AT in the full model."""


@dataclass(frozen=True)
class Recipe:
    """One training run: data, model, stages."""

    name: str
    run: Path
    """Folder of the bank, the checkpoint and the log."""
    out: Path
    """Folder of the finished model."""
    text: Path
    """Folder of the distilled text tower (see clvap.distill_text)."""
    packs: Path
    esc50: Path
    model: ClvapConfig
    stages: tuple[Stage, ...]
    start: Path | None = None
    """Folder of a model whose weights the run starts from; its config must be this recipe's. None starts from scratch."""
    yamnet: Path | None = None
    """The teacher; None trains without."""
    starter: Path | None = None
    """A rendered starter library (`python -m generation.procedural DIR`) to train on as well."""
    folds: tuple[int, ...] = (1, 2, 3)
    """ESC-50 folds to train on."""
    shares: dict[str, float] = field(default_factory=lambda: {"sfx": 0.7, "esc50": 0.3})
    """Share of a batch drawn from each collection."""
    passes: int = 6
    """Passes of the spectrogram bank."""
    precision: str = "float32"
    """"bfloat16" computes in half precision where the operation allows, weights stay float32: twice as fast on processors that have it."""
    seed: int = 0
    ema: float = 0.998
    log_every: int = 10
    checkpoint_every: int = 100

    def __post_init__(self) -> None:
        names = [stage.name for stage in self.stages]
        if len(set(names)) != len(names) or not names:
            raise ValueError(f"recipe {self.name}: needs stages with different names, has {names}")
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f"recipe {self.name}: precision {self.precision!r} is neither float32 nor bfloat16")

    @staticmethod
    def load(path: Path) -> Recipe:
        """Read a recipe. Raises RecipeError for keys that do not exist or contradict each other."""
        try:
            values = yaml.safe_load(path.read_text())
            stages = tuple(Stage(**{**stage, "trainable": tuple(stage["trainable"])}) for stage in values.pop("stages"))
            paths = {key: Path(values.pop(key)) for key in ("run", "out", "text", "packs", "esc50")}
            paths |= {key: Path(values.pop(key)) for key in ("yamnet", "starter", "start") if key in values}
            folds = tuple(values.pop("folds", (1, 2, 3)))
            return Recipe(**paths, folds=folds, stages=stages, model=ClvapConfig.from_dict(values.pop("model")), **values)
        except (KeyError, TypeError, yaml.YAMLError) as error:
            raise RecipeError(f"{path}: not a recipe for CLVAP ({error}); compare it with assets/recipes/clvap-mini.yaml") from error
