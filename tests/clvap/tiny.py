"""A CLVAP small enough to build in a test: the shipped classes, a few thousand weights."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from clvap.config import ClvapConfig
from clvap.features import LogMel
from clvap.text import train_tokenizer

HTSAT = {
    "spec_size": 32, "num_mel_bins": 16, "patch_size": 4, "patch_stride": [4, 4], "window_size": 4, "patch_embeds_hidden_size": 8,
    "hidden_size": 16, "depths": [1, 1], "num_attention_heads": [1, 2], "attn_implementation": "eager",
}  # fmt: skip
PANNS = {"kind": "panns", "num_mel_bins": 16, "widths": [4, 8, 12]}
BYOL_A = {"kind": "byol-a", "num_mel_bins": 16, "channels": 4, "width": 12}
TEXT = {
    "vocab_size": 300, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32,
    "max_position_embeddings": 66, "type_vocab_size": 1, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
}  # fmt: skip


def tiny_config(fusion: str = "cross_attention", voice: dict = HTSAT, audio: dict = HTSAT) -> ClvapConfig:
    width = 8 if fusion == "late" else 16
    features = LogMel(hop=1_764, mel_bands=16, frames=64)
    return ClvapConfig(audio=audio, voice=voice, text=TEXT, fusion=fusion, width=width, heads=2, dimension=8, features=features)


def tiny_tokenizer(folder: Path):
    return train_tokenizer(["dog barking", "rain falling", "wooden door"], folder, 300)


def tiny_clap(folder: Path, feature_fusion: bool = False) -> Path:
    """A CLAP of a few thousand random weights, saved as transformers saves the published ones."""
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

    audio = {
        "patch_embeds_hidden_size": 8, "hidden_size": 16, "depths": [2, 1], "num_attention_heads": [1, 2], "enable_fusion": feature_fusion,
        "layer_norm_eps": 1e-5,
    }  # fmt: skip
    config = ClapConfig(text_config={**TEXT, "max_position_embeddings": 514, "layer_norm_eps": 1e-12}, audio_config=audio, projection_dim=16)
    model = stirred(ClapModel(config))
    model.save_pretrained(folder)
    ClapFeatureExtractor(frequency_min=50, truncation="fusion" if feature_fusion else "rand_trunc").save_pretrained(folder)
    cased_tokenizer(folder).save_pretrained(folder)
    return folder


def cased_tokenizer(folder: Path):
    """A tokenizer that tells capitals apart, as RoBERTa's does, with its files in a folder."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaTokenizer

    from clvap.text import SPECIAL_TOKENS

    folder.mkdir(parents=True, exist_ok=True)
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(["a Dog barking", "the RAIN falling"], vocab_size=300, min_frequency=1, special_tokens=SPECIAL_TOKENS, show_progress=False)
    bpe.save_model(str(folder))
    return RobertaTokenizer.from_pretrained(str(folder))


def stirred(model: nn.Module, seed: int = 0) -> nn.Module:
    """Every weight and statistic away from where a fresh model has it, so that none can be left out unseen."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.is_floating_point():
                tensor += 0.1 * torch.rand(tensor.shape, generator=generator)
    return model.eval()
