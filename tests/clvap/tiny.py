"""A CLVAP small enough to build in a test: the shipped classes, a few thousand weights."""

from __future__ import annotations

from pathlib import Path

from clvap.config import ClvapConfig
from clvap.features import LogMel
from clvap.text import train_tokenizer

HTSAT = {
    "spec_size": 32, "num_mel_bins": 16, "patch_size": 4, "patch_stride": [4, 4], "window_size": 4, "patch_embeds_hidden_size": 8,
    "hidden_size": 16, "depths": [1, 1], "num_attention_heads": [1, 2], "attn_implementation": "eager",
}  # fmt: skip
TEXT = {
    "vocab_size": 300, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32,
    "max_position_embeddings": 66, "type_vocab_size": 1, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
}  # fmt: skip


def tiny_config() -> ClvapConfig:
    return ClvapConfig(audio=HTSAT, voice=HTSAT, text=TEXT, width=16, heads=2, dimension=8, features=LogMel(hop=1_764, mel_bands=16, frames=64))


def tiny_tokenizer(folder: Path):
    return train_tokenizer(["dog barking", "rain falling", "wooden door"], folder, 300)
