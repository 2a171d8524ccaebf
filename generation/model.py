"""A small Stable-Audio model with CLVAP inside: configuration, building with the engine's own factory, loading, saving.

On disk it is a folder with config.json (the engine's own configuration under `engine`, what the engine does not know beside it)
and model.safetensors.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clvap.audio import SAMPLE_RATE_HZ
from clvap.checkpoints import ModelError

if TYPE_CHECKING:
    import torch
    from stable_audio_tools.models.diffusion import ConditionedDiffusionModelWrapper

WEIGHTS = "model.safetensors"
KIND = "clvap-diffusion"


@dataclass(frozen=True)
class DiffusionConfig:
    """Sizes of the diffusion transformer.

    width, depth, heads: of the transformer
    feed_forward: width of its feed-forward part, as a multiple
    condition_width: width of conditioning tokens
    tokens: CLVAP tokens a query may have; more are cut
    token_width, dimension: of the CLVAP tokens and of its vector
    max_seconds: longest sound
    """

    width: int = 256
    depth: int = 6
    heads: int = 4
    feed_forward: float = 1.75
    condition_width: int = 256
    tokens: int = 48
    token_width: int = 256
    dimension: int = 256
    max_seconds: float = 6.0


@dataclass(frozen=True)
class SfxConfig:
    """Everything config.json says.

    autoencoder: arguments of `AutoencoderConfig`
    diffusion: sizes of the transformer
    clvap: name of the CLVAP it was trained with
    clvap_fingerprint: of its weights; other weights make other tokens
    steps, guidance, best_of: of sampling, unless the request says otherwise
    """

    autoencoder: dict[str, Any]
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)
    clvap: str = "clvap-mini"
    clvap_fingerprint: str = ""
    steps: int = 24
    guidance: float = 4.0
    best_of: int = 2

    @classmethod
    def read(cls, folder: Path) -> SfxConfig:
        """From config.json of a folder. Raises ModelError when it is another kind of model."""
        values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if values.pop("kind", None) != KIND:
            raise ModelError(f"{folder / 'config.json'} does not describe a generator of this project; choose sfx-mini or a folder made by its training")
        values.pop("engine", None)
        return cls(**(values | {"diffusion": DiffusionConfig(**values["diffusion"])}))

    def write(self, folder: Path) -> None:
        """config.json, with the engine's own configuration for whoever wants to read it."""
        folder.mkdir(parents=True, exist_ok=True)
        values = {"kind": KIND, **asdict(self), "engine": engine_config(self)}
        (folder / "config.json").write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def engine_config(config: SfxConfig) -> dict[str, Any]:
    """The model as stable-audio-tools configures one."""
    from generation.analysis import RATIO
    from generation.autoencoder import AutoencoderConfig
    from generation.controls import CHANNELS

    sizes, channels = config.diffusion, AutoencoderConfig(**config.autoencoder).channels
    number = {"id": "seconds_total", "type": "number", "config": {"min_val": 0, "max_val": sizes.max_seconds}}
    return {
        "model_type": "diffusion_cond",
        "sample_size": int(sizes.max_seconds * SAMPLE_RATE_HZ) // RATIO * RATIO,
        "sample_rate": SAMPLE_RATE_HZ,
        "audio_channels": 1,
        "model": {
            "io_channels": channels,
            "conditioning": {"cond_dim": sizes.condition_width, "configs": [number]},
            "diffusion": {
                "type": "dit",
                "diffusion_objective": "rectified_flow",
                "cross_attention_cond_ids": ["seconds_total"],
                "global_cond_ids": ["seconds_total"],
                "config": {
                    "io_channels": channels,
                    "embed_dim": sizes.width,
                    "depth": sizes.depth,
                    "num_heads": sizes.heads,
                    "cond_token_dim": sizes.condition_width,
                    "global_cond_dim": sizes.condition_width,
                    "input_concat_dim": CHANNELS,
                    "project_cond_tokens": False,
                    "transformer_type": "continuous_transformer",
                    "global_cond_type": "adaLN",
                    "ff_kwargs": {"mult": sizes.feed_forward},
                    "attn_kwargs": {"qk_norm": "ln"},
                },
            },
        },
    }


def build(config: SfxConfig) -> ConditionedDiffusionModelWrapper:
    """The engine's model with random weights, its autoencoder, and CLVAP attached."""
    from stable_audio_tools import create_model_from_config

    from generation.autoencoder import AutoencoderConfig, pretransform
    from generation.conditioning import ClvapConditioner, attach

    model = create_model_from_config(engine_config(config))
    sizes = config.diffusion
    attach(model, ClvapConditioner(sizes.token_width, sizes.dimension, sizes.condition_width, sizes.tokens))
    model.pretransform = pretransform(AutoencoderConfig(**config.autoencoder))
    model.min_input_length = model.pretransform.downsampling_ratio
    return model


def save(model: ConditionedDiffusionModelWrapper, config: SfxConfig, folder: Path, dtype: torch.dtype | None = None) -> Path:
    """config.json and model.safetensors, half precision unless `dtype` says otherwise."""
    import torch
    from safetensors.torch import save_file

    config.write(folder)
    weights = {name: value.detach().to(dtype or torch.float16).contiguous().clone() for name, value in model.named_parameters()}
    save_file(weights, folder / WEIGHTS)
    (folder / WEIGHTS).chmod(0o644)
    return folder


def load(folder: Path, device: str = "cpu") -> tuple[ConditionedDiffusionModelWrapper, SfxConfig]:
    """A saved model in single precision. Raises ModelError when weights are missing or do not fit."""
    from safetensors.torch import load_file

    config = SfxConfig.read(folder)
    path = folder / WEIGHTS
    if not path.is_file():
        raise ModelError(f"{path}: no such file; copy it beside config.json")
    model = build(config)
    weights = {name: value.float() for name, value in load_file(path).items()}
    missing, unexpected = model.load_state_dict(weights, strict=False)
    missing = set(missing) - {name for name, _ in model.named_buffers()}  # the engine's buffers are constants
    if missing or unexpected:
        raise ModelError(f"{path} does not fit config.json ({len(missing)} weights missing, {len(unexpected)} unknown); take both from one model")
    return model.eval().requires_grad_(False).to(device), config
