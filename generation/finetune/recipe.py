"""Fine-tuning recipes as typed configuration, read from YAML."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from clvap.checkpoints import RecipeError
from clvap.recipe import LOGGERS
from clvap.recipe_file import read
from generation.lora import LoraConfig

KINDS = ("lora", "full", "adapter")
ON_BAD = ("stop", "skip", "rewind")
PRECISIONS = {"float32": "32-true", "bfloat16": "bf16-mixed"}
"""As a recipe and as Lightning call them."""
DEMOS = ("Breakbeat 170 BPM Full", "Orchestral Drum Loop 128 BPM", "Trumpet Loop, 99 BPM, Gm Stack Full", "Orchestral Christmas Bells, 99 BPM, Am Full")
"""The four prompts of the report."""
_ENDLESS = 10**9


@dataclass(frozen=True)
class PackOptions:
    """Which files of the folder are used, and how much of them."""

    longest_s: float = 60.0
    """Longer files are cut to their beginning."""
    lowest_rate_hz: int = 16_000
    """Files under this rate are left out: their upper bands are empty, and a model learns dullness from them."""
    held_out: float = 0.1
    """Share of the files, in whole folders, kept for validation."""

    def __post_init__(self) -> None:
        if not 0 < self.held_out < 1 or self.longest_s <= 0:
            raise RecipeError("pack: needs longest_s over 0 and held_out between 0 and 1")


@dataclass(frozen=True)
class Training:
    """How long, how fast, on what."""

    learning_rate: float
    """Peak; reached after `warmup` steps, then a cosine down to a twentieth."""
    epochs: float | None = None
    """Times every file is met; or give `steps` or `minutes`."""
    steps: int | None = None
    """Optimizer steps in all."""
    minutes: float | None = None
    """Time trained, over all starts of the run; storing the latents before does not count."""
    batch: int = 8
    """Sounds a forward pass, on each device."""
    accumulate: int = 1
    """Forward passes an optimizer step."""
    window_s: float | None = None
    """Seconds of sound a row; None takes the model's own: its longest, or for models trained here the lengths it was trained with."""
    warmup: int = 100
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    """Longest gradient that is followed whole."""
    average: float = 0.999
    """Decay of the averaged weights, which are validated, heard in demos and shipped."""
    timesteps: str = "log_snr"
    """Which noise levels are trained, a `timestep_sampler` of stable-audio-tools: uniform, logit_normal, trunc_logit_normal or log_snr."""
    timestep_options: dict[str, float] = field(default_factory=lambda: {"mean_logsnr": -0.3, "std_logsnr": 1.0})
    words_dropout: float = 0.1
    """How often a published model's words are taken away, for guidance."""
    precision: str = "float32"
    """bfloat16 computes in half precision where the operation allows; trained weights stay float32."""
    checkpointing: bool = False
    """Compute blocks again in the backward pass: a third slower, a fraction of the memory."""
    device: str = "auto"
    """auto, cpu, gpu or mps, as Lightning calls them."""
    devices: int = 1
    """Processes, one a GPU (or several on a CPU); more than one needs a strategy such as ddp."""
    strategy: str = "auto"
    """Lightning's name for how several devices train one model."""
    threads: int = 1
    """CPU threads a process."""
    checkpoint_every: int = 100
    validate_every: int = 200
    validate_most: int = 64
    """Held-out sounds heard at a look."""
    log_every: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        lengths = [length for length in (self.epochs, self.steps, self.minutes) if length is not None]
        if len(lengths) != 1:
            raise RecipeError("training: give either epochs or steps or minutes")
        whole = ("batch", "accumulate", "devices", "threads", "checkpoint_every", "validate_every", "validate_most", "log_every", "warmup")
        small = [name for name in whole if getattr(self, name) < 1]
        if small or lengths[0] <= 0 or self.learning_rate <= 0:
            raise RecipeError(f"training: {', '.join(small) or 'steps, epochs, minutes and learning_rate'} must be over 0")
        if self.precision not in PRECISIONS:
            raise RecipeError(f"training: precision {self.precision!r} is none of {', '.join(PRECISIONS)}")

    def total_steps(self, files: int) -> int:
        """Optimizer steps for a number of training files; more than will be done where there are minutes."""
        if self.minutes is not None:
            return _ENDLESS
        return self.steps or max(round(self.epochs * files / (self.batch * self.accumulate * self.devices)), 1)


@dataclass(frozen=True)
class Demos:
    """Takes rendered while training, as WAV files in RUN/demos."""

    prompts: tuple[str, ...] = DEMOS
    every: int = 500
    """Optimizer steps."""
    seconds: float = 6.0
    """Length of a take, at most the model's longest."""
    seed: int = 0


@dataclass(frozen=True)
class Recipe:
    """One fine-tuning."""

    kind: str
    """lora: low-rank weights beside the model's; full: all of its weights; adapter: CLVAP for a published model, which stays as it is."""
    start: str
    """Name or folder of the model to start from."""
    folder: Path
    """Folder of sounds, whose folders and names are the captions."""
    run: Path
    """Folder of the stored latents, checkpoints, log and demos."""
    out: Path
    """A .safetensors file for lora and adapter, a model folder for full."""
    training: Training
    clvap: str = "clvap-mini"
    """Whose queries a model trained here, or an adapter, hears."""
    captions: Path | None = None
    """A table of better captions kept outside the folder: columns path (relative to the folder), caption."""
    controls: bool = True
    """Whether the sounds' own curves are heard, roughened and dropped at times; else none is."""
    pack: PackOptions = field(default_factory=PackOptions)
    lora: LoraConfig = field(default_factory=LoraConfig)
    adapter: dict[str, int] = field(default_factory=dict)
    """Sizes of a new adapter, see `generation.adapter.AdapterConfig`: tokens, width."""
    demos: Demos = field(default_factory=Demos)
    on_bad: str = "stop"
    """After a loss or gradient that is not finite: stop; skip the batch; or rewind to the last checkpoint and go on with other batches at half the rate."""
    loggers: tuple[str, ...] = ()
    """Where the curves go beside log.csv: tensorboard, wandb, trackio."""

    def __post_init__(self) -> None:
        for name, value, known in (("kind", self.kind, KINDS), ("on_bad", self.on_bad, ON_BAD)):
            if value not in known:
                raise RecipeError(f"{name} {value!r} is none of {', '.join(known)}")
        if unknown := sorted(set(self.loggers) - set(LOGGERS)):
            raise RecipeError(f"no logger {', '.join(unknown)}; choose from {', '.join(LOGGERS)}")
        if (self.out.suffix == ".safetensors") != (self.kind != "full"):
            raise RecipeError(f"out {self.out}: name {'a folder' if self.kind == 'full' else 'a file ending in .safetensors'} for kind {self.kind}")

    @staticmethod
    def load(path: Path) -> Recipe:
        """Read a recipe and what it extends. Raises RecipeError for keys that do not exist, are missing or contradict each other."""
        try:
            values = read(path)
            parts = {"training": Training, "pack": PackOptions, "lora": LoraConfig, "demos": Demos}
            made = {name: _made(part, values.pop(name)) for name, part in parts.items() if name in values}
            values |= {name: Path(values[name]).expanduser() for name in ("folder", "run", "out", "captions") if name in values or name != "captions"}
            return _made(Recipe, values | made)
        except RecipeError as error:
            raise RecipeError(f"{path}: {error}") from error
        except (KeyError, TypeError, ValueError) as error:
            said = f"{error.args[0]} is missing" if isinstance(error, KeyError) else error
            raise RecipeError(f"{path}: not a recipe for fine-tuning ({said}); compare it with assets/recipes/finetune-lora.yaml") from error


def _made(part: type, values: dict[str, Any]) -> Any:
    """A part of the recipe from its keys, lists as tuples. Raises RecipeError for a key it does not have."""
    known = [one.name for one in fields(part)]
    if strange := sorted(set(values) - set(known)):
        raise RecipeError(f"{part.__name__.lower()} has no key {', '.join(strange)}; it has {', '.join(known)}")
    return part(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
