"""Configurations of published Stable-Audio models, key by key as their model_config.json has them, and the same at a size for tests."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

VAE = {
    "encoder": {
        "type": "oobleck",
        "config": {"in_channels": 2, "channels": 128, "c_mults": [1, 2, 4, 8, 16], "strides": [2, 4, 4, 8, 8], "latent_dim": 128, "use_snake": True},
    },
    "decoder": {
        "type": "oobleck",
        "config": {
            "out_channels": 2,
            "channels": 128,
            "c_mults": [1, 2, 4, 8, 16],
            "strides": [2, 4, 4, 8, 8],
            "latent_dim": 64,
            "use_snake": True,
            "final_tanh": False,
        },
    },
    "bottleneck": {"type": "vae"},
    "latent_dim": 64,
    "downsampling_ratio": 2048,
    "io_channels": 2,
}


def open_1_0() -> dict[str, Any]:
    """stable-audio-open-1.0 without its training section."""
    return {
        "model_type": "diffusion_cond",
        "sample_size": 2_097_152,
        "sample_rate": 44_100,
        "audio_channels": 2,
        "model": {
            "pretransform": {"type": "autoencoder", "iterate_batch": True, "config": copy.deepcopy(VAE)},
            "conditioning": {
                "configs": [
                    {"id": "prompt", "type": "t5", "config": {"t5_model_name": "t5-base", "max_length": 128}},
                    {"id": "seconds_start", "type": "number", "config": {"min_val": 0, "max_val": 512}},
                    {"id": "seconds_total", "type": "number", "config": {"min_val": 0, "max_val": 512}},
                ],
                "cond_dim": 768,
            },
            "diffusion": {
                "cross_attention_cond_ids": ["prompt", "seconds_start", "seconds_total"],
                "global_cond_ids": ["seconds_start", "seconds_total"],
                "type": "dit",
                "config": {
                    "io_channels": 64,
                    "embed_dim": 1536,
                    "depth": 24,
                    "num_heads": 24,
                    "cond_token_dim": 768,
                    "global_cond_dim": 1536,
                    "project_cond_tokens": False,
                    "transformer_type": "continuous_transformer",
                },
            },
            "io_channels": 64,
        },
    }


def open_small() -> dict[str, Any]:
    """stable-audio-open-small; of its training section what tells that it is distilled."""
    return {
        "model_type": "diffusion_cond",
        "sample_size": 524_288,
        "sample_rate": 44_100,
        "audio_channels": 2,
        "model": {
            "pretransform": {"type": "autoencoder", "iterate_batch": False, "model_half": True, "config": copy.deepcopy(VAE)},
            "conditioning": {
                "configs": [
                    {"id": "prompt", "type": "t5", "config": {"t5_model_name": "t5-base", "max_length": 64}},
                    {"id": "seconds_total", "type": "number", "config": {"min_val": 0, "max_val": 256}},
                ],
                "cond_dim": 768,
            },
            "diffusion": {
                "diffusion_objective": "rf_denoiser",
                "cross_attention_cond_ids": ["prompt", "seconds_total"],
                "global_cond_ids": ["seconds_total"],
                "type": "dit",
                "config": {
                    "io_channels": 64,
                    "embed_dim": 1024,
                    "depth": 16,
                    "num_heads": 8,
                    "cond_token_dim": 768,
                    "global_cond_dim": 768,
                    "transformer_type": "continuous_transformer",
                    "attn_kwargs": {"qk_norm": "ln"},
                },
            },
            "io_channels": 64,
        },
        "training": {"demo": {"demo_steps": 8, "demo_cfg_scales": [1]}},
    }


def shrunk(config: dict[str, Any], seconds: float = 1.5) -> dict[str, Any]:
    """The same keys and structure with small numbers: 4 latent channels, a transformer of two blocks, `seconds` of sound."""
    config = copy.deepcopy(config)
    config["sample_size"] = int(seconds * config["sample_rate"]) // 2048 * 2048
    model = config["model"]
    vae = model["pretransform"]["config"]
    vae["encoder"]["config"] |= {"channels": 2, "c_mults": [1, 1, 1, 2, 2], "latent_dim": 8}
    vae["decoder"]["config"] |= {"channels": 2, "c_mults": [1, 1, 1, 2, 2], "latent_dim": 4}
    vae["latent_dim"] = model["io_channels"] = 4
    timed = len(model["diffusion"]["global_cond_ids"])
    model["conditioning"]["cond_dim"] = 32
    model["diffusion"]["config"] |= {
        "io_channels": 4,
        "embed_dim": 64,
        "depth": 2,
        "num_heads": 2,
        "cond_token_dim": 32,
        "global_cond_dim": 32 * timed,
    }
    return config


def save_t5(folder: Path, width: int = 32) -> Path:
    """A random T5 of one block and a tokenizer of a few words, as `from_pretrained` finds them."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

    words = ["<pad>", "</s>", "<unk>", "a", "dog", "rain", "on", "tin", "bell", "thunder"]
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>").save_pretrained(folder)
    torch.manual_seed(0)
    config = T5Config(vocab_size=len(words), d_model=width, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    T5EncoderModel(config).save_pretrained(folder)
    return folder


def save(folder: Path, config: dict[str, Any], seed: int = 0, weights: str = "model.safetensors") -> Path:
    """A model folder as published: configuration, weights of which none are zero, and T5 beside them."""
    from generation import published

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model_config.json").write_text(json.dumps(config), encoding="utf-8")
    save_t5(folder / "t5-base", config["model"]["conditioning"]["cond_dim"])
    torch.manual_seed(seed)
    model = published.build(config, folder)
    with torch.no_grad():
        for parameter in model.model.parameters():
            if parameter.ndim > 1 and not parameter.any():
                parameter.normal_(std=0.2)
    state = {name: value.detach().contiguous().clone() for name, value in model.state_dict().items()}
    if weights.endswith(".safetensors"):
        save_file(state, folder / weights)
    else:
        torch.save({"state_dict": state}, folder / weights)
    return folder
