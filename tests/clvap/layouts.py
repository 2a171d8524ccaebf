"""Layouts of published checkpoints, key by key with their shapes: written down from the authors' code, not from ours."""

from __future__ import annotations

import math
from pathlib import Path

import librosa
import torch


def batch_norm(name: str, channels: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")} | {f"{name}.num_batches_tracked": ()}


def linear(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def cnn14_table(widths: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Cnn14 of qiuqiangkong/audioset_tagging_cnn, pytorch/models.py, with torchlibrosa's extractors."""
    table = {"spectrogram_extractor.stft.conv_real.weight": (513, 1, 1024), "spectrogram_extractor.stft.conv_imag.weight": (513, 1, 1024)}
    table |= {"logmel_extractor.melW": (513, 64), **batch_norm("bn0", 64)}
    for number, (inputs, outputs) in enumerate(zip((1, *widths), widths, strict=False), 1):
        block = f"conv_block{number}"
        table |= {f"{block}.conv1.weight": (outputs, inputs, 3, 3), f"{block}.conv2.weight": (outputs, outputs, 3, 3)}
        table |= batch_norm(f"{block}.bn1", outputs) | batch_norm(f"{block}.bn2", outputs)
    return table | linear("fc1", widths[-1], widths[-1]) | linear("fc_audioset", widths[-1], 527)


def audio_ntt_table(width: int, channels: int = 64) -> dict[str, tuple[int, ...]]:
    """AudioNTT2020 of nttcslab/byol-a, byol_a/models.py."""
    table = {}
    for number, inputs in enumerate((1, channels, channels)):
        table |= {f"features.{4 * number}.weight": (channels, inputs, 3, 3), f"features.{4 * number}.bias": (channels,)}
        table |= batch_norm(f"features.{4 * number + 1}", channels)
    return table | linear("fc.0", channels * 8, width) | linear("fc.3", width, width)


def original_htsat_table(embed: int, depths: tuple[int, ...], heads: tuple[int, ...], window: int = 8, classes: int = 527) -> dict[str, tuple[int, ...]]:
    """HTSAT_Swin_Transformer of RetroCirce/HTS-Audio-Transformer, model/htsat.py, with its token-semantic head."""
    table = {"spectrogram_extractor.stft.conv_real.weight": (513, 1, 1024), "spectrogram_extractor.stft.conv_imag.weight": (513, 1, 1024)}
    table |= {"logmel_extractor.melW": (513, 64), **batch_norm("bn0", 64)}
    table |= {"patch_embed.proj.weight": (embed, 1, 4, 4), "patch_embed.proj.bias": (embed,)}
    table |= {"patch_embed.norm.weight": (embed,), "patch_embed.norm.bias": (embed,)}
    for stage, (depth, head) in enumerate(zip(depths, heads, strict=True)):
        width, side = embed * 2**stage, 64 // 2**stage
        for block in range(depth):
            name = f"layers.{stage}.blocks.{block}"
            table |= {f"{name}.{norm}.{part}": (width,) for norm in ("norm1", "norm2") for part in ("weight", "bias")}
            table |= {f"{name}.attn.relative_position_bias_table": ((2 * window - 1) ** 2, head), f"{name}.attn.relative_position_index": (64, 64)}
            table |= linear(f"{name}.attn.qkv", width, 3 * width) | linear(f"{name}.attn.proj", width, width)
            table |= linear(f"{name}.mlp.fc1", width, 4 * width) | linear(f"{name}.mlp.fc2", 4 * width, width)
            if block % 2 and side > window:
                table[f"{name}.attn_mask"] = ((side // window) ** 2, 64, 64)
        if stage < len(depths) - 1:
            table |= {f"layers.{stage}.downsample.reduction.weight": (2 * width, 4 * width)}
            table |= {f"layers.{stage}.downsample.norm.{part}": (4 * width,) for part in ("weight", "bias")}
    width = embed * 2 ** (len(depths) - 1)
    table |= {"norm.weight": (width,), "norm.bias": (width,)}
    table |= {"tscam_conv.weight": (classes, width, 16 // 2 ** (len(depths) - 1), 3), "tscam_conv.bias": (classes,)}
    return table | linear("head", classes, classes)


def filled(table: dict[str, tuple[int, ...]], seed: int = 0) -> dict[str, torch.Tensor]:
    """Random tensors of a table's shapes, and the constants where a layout stores some."""
    rng = torch.Generator().manual_seed(seed)
    values = {}
    for key, shape in table.items():
        if key.endswith(("num_batches_tracked", "relative_position_index")):
            values[key] = torch.randint(0, 200, shape, generator=rng)
        elif key == "logmel_extractor.melW":
            values[key] = torch.from_numpy(librosa.filters.mel(sr=32_000, n_fft=1_024, n_mels=64, fmin=50, fmax=14_000).T.copy())
        else:
            spread = 1 / math.sqrt(max(math.prod(shape[1:]), 1))
            values[key] = torch.rand(shape, generator=rng) * spread + (0.1 if key.endswith("running_var") else 0)
    return values


def saved(weights: dict[str, torch.Tensor], path: Path, wrapper: str = "") -> Path:
    """A checkpoint as its authors save it."""
    torch.save({wrapper: weights, "epoch": 3} if wrapper else weights, path)
    return path
