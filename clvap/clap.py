"""From CLAP to CLVAP: both audio towers start from a CLAP's HTS-AT, the text tower from its RoBERTa, as the report begins.

Any CLAP of transformers (Wu et al. 2023, arXiv:2211.06687), with feature fusion or without, from a folder or the hub. Of a CLAP with
feature fusion, which mixes three further cuts of a sound over ten seconds into it, the towers take what hears ten seconds:
longer sounds are heard in windows here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import ClapConfig, ClapModel, RobertaTokenizer

from clvap import hub
from clvap.checkpoints import ModelError
from clvap.config import ClvapConfig
from clvap.encoders import htsat_layout, published
from clvap.features import LogMel
from clvap.model import Clvap
from clvap.text import TextTower, published_tokenizer

ZERO_SHOT = "clap-zero-shot"
DEFAULT_CLAP = "laion/clap-htsat-unfused"


@dataclass(frozen=True)
class ZeroShot:
    """A CLVAP that needs no training, and what goes with it.

    fingerprint: twelve hex digits that change with CLAP's weights
    """

    model: Clvap
    tokenizer: RobertaTokenizer
    fingerprint: str


def is_zero_shot(name: str | Path) -> bool:
    """Whether a model's name is `clap-zero-shot`, alone or followed by `:` and a CLAP's folder or id on the hub."""
    return str(name).partition(":")[0] == ZERO_SHOT


def zero_shot(name: str = ZERO_SHOT) -> ZeroShot:
    """CLAP as it is: a query is the weighted mean of its text embedding and of its audio embedding of the voice.

    name: `clap-zero-shot` for laion/clap-htsat-unfused, or `clap-zero-shot:` and a CLAP's folder or id. Raises ModelError
    where its weights are not to be had, saying how to get them.
    """
    source = name.partition(":")[2] or DEFAULT_CLAP
    try:
        folder = published.folder(source)
    except ModelError as error:
        raise ModelError(f"{ZERO_SHOT} uses the weights of a CLAP: {error}; then ask for {ZERO_SHOT}:FOLDER") from error
    digest = hashlib.sha256(ZERO_SHOT.encode())
    digest.update(published.weights_file(folder).read_bytes())
    return ZeroShot(from_clap(folder, "late"), published_tokenizer(folder), digest.hexdigest()[:12])


def from_clap(source: str | Path, fusion: str = "cross_attention", width: int | None = None, heads: int = 8) -> Clvap:
    """A full-size CLVAP from a CLAP: towers and audio projection start from it; see `fresh` for what does not.

    width: of the fused tokens, CLAP's projection (512) where it is None. Raises ModelError for a checkpoint that is not a CLAP,
    and naming the keys that do not fit.
    """
    folder = published.folder(source)
    clap = _load(folder)
    model = Clvap(_config(clap.config, folder, fusion, width, heads))
    model.audio.load_published(folder)
    model.voice.load_state_dict(model.audio.state_dict())
    model.text.load_published(folder)
    _copy(clap.audio_projection, model.audio_projection)
    if fusion == "late":
        _copy(clap.text_projection, model.fusion.text_projection)
        _copy(clap.audio_projection, model.fusion.voice_projection)
    with torch.no_grad():
        model.log_temperature.copy_(-clap.logit_scale_a)
    return model.eval()


def fresh(model: Clvap) -> tuple[str, ...]:
    """The parts of a model from `from_clap` that CLAP has no weights for, and that training must teach."""
    return () if model.config.fusion == "late" else ("fusion", "query_projection")


def write_folder(source: str | Path, target: Path, fusion: str = "cross_attention") -> Clvap:
    """Save what `from_clap` makes as a model folder, with CLAP's tokenizer and a card. Raises ModelError as `from_clap` does."""
    model, folder = from_clap(source, fusion), published.folder(source)
    hub.save(model, target, published_tokenizer(folder))
    for name in ("vocab.json", "merges.txt"):
        if (folder / name).is_file():
            (target / name).write_bytes((folder / name).read_bytes())
    return model


def _load(folder: Path) -> ClapModel:
    """The CLAP in a folder, whole. Raises ModelError for a model of another kind, or with keys missing, unknown or of another shape."""
    if published.config(folder).get("model_type") != "clap":
        raise ModelError(f"{folder}: its config.json is not of a CLAP; give one such as {DEFAULT_CLAP}")
    published.weights_file(folder)
    model, told = ClapModel.from_pretrained(folder, output_loading_info=True, ignore_mismatched_sizes=True, weights_only=True, dtype=torch.float32)
    wrong = [*sorted(told["missing_keys"]), *sorted(told["unexpected_keys"]), *(str(key) for key in told["mismatched_keys"])]
    if wrong:
        raise ModelError(f"{folder}: weights do not fit its config.json: {len(wrong)} keys, first {', '.join(wrong[:3])}; download the model again")
    return model.eval()


def _config(clap: ClapConfig, folder: Path, fusion: str, width: int | None, heads: int) -> ClvapConfig:
    tower, dimension = htsat_layout.of_clap(folder), clap.projection_dim
    text = TextTower.published_config(folder)
    if fusion != "cross_attention":
        text["pooling"] = "first"
    if clap.projection_hidden_act not in ("relu", "gelu"):
        raise ModelError(f"{folder}: projections with {clap.projection_hidden_act} are not supported; use a CLAP with relu, as LAION's")
    return ClvapConfig(
        audio=tower, voice=dict(tower), text=text, fusion=fusion, width=width or dimension, heads=heads, dimension=dimension,
        activation=clap.projection_hidden_act, features=LogMel(mel_bands=tower["num_mel_bins"]),
    )  # fmt: skip


def _copy(projection: nn.Module, target: nn.Sequential) -> None:
    """CLAP's projection into ours, the same two layers."""
    weights: dict[str, Tensor] = {f"0.{key}": value for key, value in projection.linear1.state_dict().items()}
    target.load_state_dict(weights | {f"3.{key}": value for key, value in projection.linear2.state_dict().items()})
