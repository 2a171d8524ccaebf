"""Checkpoints of HTS-AT: CLAP's of transformers, LAION's own CLAP, and the original AudioSet model, under the names of the first."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from clvap.checkpoints import ModelError
from clvap.encoders import frontends, published

SETTINGS = (
    "window_size", "num_mel_bins", "spec_size", "hidden_act", "patch_size", "patch_stride", "hidden_size", "depths", "num_attention_heads",
    "patch_embeds_hidden_size", "enable_patch_layer_norm", "qkv_bias", "mlp_ratio", "layer_norm_eps", "hidden_dropout_prob",
)  # fmt: skip
"""What makes an HTS-AT, of the arguments of ClapAudioConfig."""
_TRANSFORMERS = ("audio_model.audio_encoder.", "audio_encoder.")
_ORIGINAL = ("sed_model.", "module.audio_branch.", "audio_branch.")
_FEATURE_FUSION = ("patch_embed.fusion_model.", "patch_embed.mel_conv2d.")
"""The parts of a CLAP with feature fusion that only sounds over ten seconds pass."""
_RENAMED = (
    ("bn0.", "batch_norm."), (".norm1.", ".layernorm_before."), (".norm2.", ".layernorm_after."), (".mlp.fc1.", ".intermediate.dense."),
    (".mlp.fc2.", ".output.dense."), (".attn.proj.", ".attention.output.dense."), (".attn.", ".attention.self."),
)  # fmt: skip


def config(source: str | Path) -> dict[str, Any]:
    """The tower's config of a checkpoint. Raises ModelError where it is not an HTS-AT."""
    path = Path(source).expanduser()
    if not path.is_file() and (published.folder(source) / "config.json").is_file():
        return of_clap(published.folder(source))
    return _of_original(published.within(published.read(source), _ORIGINAL), str(source))


def of_clap(folder: Path) -> dict[str, Any]:
    """The tower's config of a CLAP of transformers. Raises ModelError for a model of another kind."""
    values = published.config(folder)
    if values.get("model_type") not in ("clap", "clap_audio_model"):
        raise ModelError(f"{folder}: its config.json is of a {values.get('model_type')!r}; give a CLAP model")
    from transformers import ClapAudioConfig

    audio = ClapAudioConfig.from_dict(values.get("audio_config", values))
    return {"kind": "htsat", **{name: _plain(getattr(audio, name)) for name in SETTINGS}, "front_end": frontends.to_dict(clap_front_end(folder))}


def clap_front_end(folder: Path) -> frontends.PowerLogMel:
    """The front end by a CLAP's preprocessor_config.json, or processor_config.json where transformers 5 saved it; the published one without."""
    path = folder / "preprocessor_config.json"
    if path.is_file():
        said = json.loads(path.read_text())
    elif (path := folder / "processor_config.json").is_file():
        said = json.loads(path.read_text()).get("feature_extractor", {})
    else:
        return frontends.CLAP
    if said.get("padding", "repeatpad") != "repeatpad":
        raise ModelError(f"{path}: padding {said['padding']!r} is not supported; use a CLAP with repeatpad, such as laion/clap-htsat-unfused")
    return replace(
        frontends.CLAP, sample_rate_hz=said.get("sampling_rate", 48_000), window=said.get("fft_window_size", 1_024), hop=said.get("hop_length", 480),
        mel_bands=said.get("feature_size", 64), low_hz=float(said.get("frequency_min", 0)), high_hz=float(said.get("frequency_max", 14_000)),
        duration_s=float(said.get("max_length_s", 10)), scale="htk" if said.get("truncation", "fusion") == "fusion" else "slaney",
    )  # fmt: skip


def load(encoder: nn.Module, source: str | Path) -> None:
    """Load a checkpoint into an HtsatEncoder. Raises ModelError naming the keys that do not fit."""
    weights = published.read(source)
    if any(name.startswith(_TRANSFORMERS) for name in weights):
        weights = published.within(weights, _TRANSFORMERS)
        head: dict[str, Tensor] = {}
    else:
        weights = _renamed(published.within(weights, _ORIGINAL))
        head = {name: weights.pop(name) for name in list(weights) if name.startswith("tscam_conv.")}
    advice = "give an HTS-AT checkpoint: CLAP's of transformers, LAION's, or the original one"
    published.fit(encoder.net.audio_encoder, published.without(weights, *_FEATURE_FUSION), str(source), advice)
    if encoder.tscam_conv is not None and head:
        published.fit(encoder.tscam_conv, published.within(head, ["tscam_conv."]), str(source), advice)


def _renamed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Original names to those of transformers: queries, keys and values apart, without what is computed or never used."""
    weights = published.without(weights, "spectrogram_extractor.", "logmel_extractor.", "head.")
    named: dict[str, Tensor] = {}
    for name, value in weights.items():
        if name.endswith(".attn_mask"):
            continue
        for before, after in _RENAMED:
            name = name.replace(before, after)
        if ".self.qkv." in name:
            named |= {name.replace(".qkv.", f".{part}."): rows for part, rows in zip(("query", "key", "value"), value.chunk(3), strict=True)}
        else:
            named[name] = value
    return named


def _of_original(weights: dict[str, Tensor], source: str) -> dict[str, Any]:
    """The sizes as the weights tell them; the spectrogram's side, which they do not, is the published 256."""
    try:
        heads = [weights[f"layers.{i}.blocks.0.attn.relative_position_bias_table"] for i in range(_count(weights, "layers.{}.blocks.0.norm1.weight"))]
        patches, bands = weights["patch_embed.proj.weight"], len(weights["bn0.weight"])
        width = len(weights["norm.weight"])
        mlp_ratio = len(weights["layers.0.blocks.0.mlp.fc1.bias"]) / len(weights["layers.0.blocks.0.norm1.weight"])
    except KeyError as error:
        raise ModelError(f"{source}: no {error.args[0]} in it; give an HTS-AT checkpoint, or the folder of a CLAP") from error
    front_end = published.front_end_of(weights, [frontends.PANNS, frontends.CLAP], source)
    head = {"classes": len(weights["tscam_conv.bias"])} if "tscam_conv.bias" in weights else {}
    return {
        "kind": "htsat", "num_mel_bins": bands, "spec_size": 256, "patch_size": patches.shape[-1], "patch_stride": [patches.shape[-1]] * 2,
        "window_size": (round(len(heads[0]) ** 0.5) + 1) // 2, "patch_embeds_hidden_size": patches.shape[0], "hidden_size": width, "mlp_ratio": mlp_ratio,
        "depths": [_count(weights, f"layers.{i}.blocks.{{}}.norm1.weight") for i in range(len(heads))],
        "num_attention_heads": [table.shape[1] for table in heads], **head, "front_end": frontends.to_dict(front_end),
    }  # fmt: skip


def _count(weights: dict[str, Tensor], pattern: str) -> int:
    """How many names there are of a pattern, numbered from 0."""
    number = 0
    while pattern.format(number) in weights:
        number += 1
    return number


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
