"""Low-rank weights beside a diffusion transformer's own (LoRA, Hu et al. 2021, arXiv:2106.09685), by peft: new ones to train, saved ones to use.

Several may be in a model at once, each with a strength that changes from call to call; the model's own weights stay as they are.
"""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clvap.checkpoints import ModelError, RecipeError
from clvap.files import whole

if TYPE_CHECKING:
    from peft.tuners.lora import LoraLayer
    from stable_audio_tools.models.diffusion import ConditionedDiffusionModelWrapper
    from torch import Tensor, nn

FORMAT = "stable-audio-tools LoRA"
TRAINED = "trained"
TARGETS = {
    "attention": r"(self_attn|cross_attn)\.(to_q|to_kv|to_qkv|to_out)",
    "feed_forward": r"ff\.ff\.(0|0\.proj|2)",
}
"""Linear layers of a transformer block, by the name a recipe gives them."""


@dataclass(frozen=True)
class LoraConfig:
    """Sizes of a LoRA."""

    rank: int = 16
    alpha: float = 16.0
    """The low-rank product counts alpha / rank."""
    targets: tuple[str, ...] = ("attention", "feed_forward")

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.targets) - set(TARGETS)):
            raise RecipeError(f"lora: no targets {', '.join(unknown)}; choose from {', '.join(TARGETS)}")
        if self.rank < 1 or not self.targets:
            raise RecipeError("lora: needs a rank of 1 or more and at least one of its targets")


@dataclass(frozen=True)
class LoraFile:
    """A saved LoRA.

    config: its sizes
    base: name of the model it was trained beside
    weights: name of a linear layer with `.lora_A.weight` (rank, in) or `.lora_B.weight` (out, rank)
    """

    config: LoraConfig
    base: str
    weights: dict[str, Tensor]

    @classmethod
    def load(cls, path: str | Path) -> LoraFile:
        """Read a file that `save` wrote. Raises ModelError for one that is missing or something else."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(str(path), framework="pt") as file:
                about = file.metadata() or {}
                weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{path}: could not be read ({error}); choose a .safetensors file that fine-tuning wrote") from error
        if about.get("format") != FORMAT:
            raise ModelError(f"{path}: not a LoRA of this project; choose a .safetensors file that fine-tuning with kind: lora wrote")
        values = json.loads(about["config"])
        return cls(LoraConfig(**values | {"targets": tuple(values["targets"])}), about["base"], weights)

    def save(self, path: Path) -> Path:
        """Write the file whole or not at all, in half precision."""
        import torch
        from safetensors.torch import save_file

        path.parent.mkdir(parents=True, exist_ok=True)
        weights = {name: value.detach().to("cpu", torch.float16).contiguous() for name, value in self.weights.items()}
        with whole(path) as partial:
            save_file(weights, partial, {"format": FORMAT, "base": self.base, "config": json.dumps(asdict(self.config))})
            partial.chmod(0o644)
        return path


def start(model: ConditionedDiffusionModelWrapper, config: LoraConfig) -> None:
    """Put a new LoRA into the transformer, which changes nothing yet; afterwards it alone can be trained. Raises ModelError where nothing matches."""
    model.requires_grad_(False)
    _inject(_transformer(model), config, TRAINED)
    for layer in _layers(model):
        layer.set_adapter([TRAINED])


def trained(model: ConditionedDiffusionModelWrapper, config: LoraConfig, base: str) -> LoraFile:
    """The LoRA that `start` put in, as a file to save; `base` names the model."""
    from peft import get_peft_model_state_dict

    return LoraFile(config, base, get_peft_model_state_dict(_transformer(model), adapter_name=TRAINED))


def apply(model: ConditionedDiffusionModelWrapper, strengths: Mapping[str | Path, float]) -> None:
    """Make these LoRA files, and no others, part of what the model does; a strength of 1 is as trained, 0 leaves the file out altogether.

    Cheap to call again with other strengths: a file is read once. Raises ModelError for a file that is none or belongs to another model.
    """
    wanted = {_name(Path(path)): (Path(path), strength) for path, strength in strengths.items() if strength}
    here = {name for layer in _layers(model) for name in layer.lora_A}
    for name in wanted.keys() - here:
        _add(model, wanted[name][0], name)
    for layer in _layers(model):
        for name, (_, strength) in wanted.items():
            layer.set_scale(name, strength)
        layer.set_adapter([name for name in sorted(wanted) if name in layer.lora_A], inference_mode=True)


def _add(model: ConditionedDiffusionModelWrapper, path: Path, name: str) -> None:
    from peft import set_peft_model_state_dict

    file, transformer = LoraFile.load(path), _transformer(model)
    _check(file, transformer, path)
    _inject(transformer, file.config, name)
    set_peft_model_state_dict(transformer, file.weights, adapter_name=name)


def _check(file: LoraFile, transformer: nn.Module, path: Path) -> None:
    """Raises ModelError unless every weight of the file belongs to a linear layer of its size, and every target has weights."""
    modules = {_plain(name): module for name, module in transformer.named_modules()}
    fits = {f"{name}.lora_A.weight": (file.config.rank, modules[name].in_features) for name in _matching(modules, file.config)}
    fits |= {f"{name}.lora_B.weight": (modules[name].out_features, file.config.rank) for name in _matching(modules, file.config)}
    for name in sorted(fits.keys() | file.weights.keys()):
        there = tuple(file.weights[name].shape) if name in file.weights else None
        if fits.get(name) != there:
            raise ModelError(
                f"{path}: made for {file.base}, does not fit this model: {name} is {there or 'not in it'}, needs {fits.get(name) or 'no such layer'}; "
                f"load {file.base} or choose another LoRA"
            )


def _inject(transformer: nn.Module, config: LoraConfig, name: str) -> None:
    from peft import LoraConfig as PeftConfig
    from peft import inject_adapter_in_model

    modules = {_plain(module): part for module, part in transformer.named_modules()}
    matching = _matching(modules, config)
    if not matching:
        raise ModelError("a LoRA needs a diffusion transformer of stable-audio-tools; this model has no layer of that kind")
    pattern = "|".join(re.escape(one) for one in matching)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Already found a `peft_config`")  # several at once is what is wanted
        inject_adapter_in_model(PeftConfig(r=config.rank, lora_alpha=config.alpha, target_modules=f"({pattern})"), transformer, adapter_name=name)


def _matching(modules: Mapping[str, nn.Module], config: LoraConfig) -> list[str]:
    """Names of the linear layers that a config's targets mean."""
    pattern = re.compile(rf"(.*\.)?layers\.\d+\.({'|'.join(TARGETS[target] for target in config.targets)})")
    return [name for name, module in modules.items() if pattern.fullmatch(name) and hasattr(module, "in_features")]


def _plain(name: str) -> str:
    """A layer's name without what peft wraps around it."""
    return name.removesuffix(".base_layer")


def _layers(model: nn.Module) -> Iterator[LoraLayer]:
    from peft.tuners.lora import LoraLayer

    return (module for module in model.modules() if isinstance(module, LoraLayer))


def _transformer(model: ConditionedDiffusionModelWrapper) -> nn.Module:
    return model.model


def _name(path: Path) -> str:
    """A name for a file as it is now, that a module may have."""
    try:
        status = path.stat()
    except OSError as error:
        raise ModelError(f"{path}: no such LoRA; choose a .safetensors file that fine-tuning wrote") from error
    return "lora_" + hashlib.sha256(f"{path.resolve()} {status.st_size} {status.st_mtime_ns}".encode()).hexdigest()[:16]
