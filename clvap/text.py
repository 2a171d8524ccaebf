"""The text tower: a RoBERTa encoder (Liu et al. 2019, arXiv:1907.11692) and its byte-level BPE tokenizer.

L tokens, W width. Works on the classes and the file layout of published RoBERTa checkpoints.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import ByteLevelBPETokenizer
from torch import Tensor, nn
from transformers import RobertaConfig, RobertaModel, RobertaTokenizer

MAX_TOKENS = 32
SPECIAL_TOKENS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


class TextTower(nn.Module):
    """RoBERTa token states and their masked mean."""

    def __init__(self, config: RobertaConfig):
        super().__init__()
        self.roberta = RobertaModel(config, add_pooling_layer=False)

    @property
    def width(self) -> int:
        return self.roberta.config.hidden_size

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(B, L) token ids and their 0/1 mask to states of shape (B, L, W)."""
        return self.roberta(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


def masked_mean(states: Tensor, mask: Tensor) -> Tensor:
    """Mean of (B, L, W) states where the (B, L) mask is 1: (B, W); zero where nothing is."""
    weights = mask.to(states.dtype).unsqueeze(-1)
    return (states * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1.0)


def train_tokenizer(texts: Iterable[str], folder: Path, vocabulary: int) -> RobertaTokenizer:
    """Fit a byte-level BPE of `vocabulary` entries to lower-cased texts and save it in RoBERTa's file layout."""
    bpe = ByteLevelBPETokenizer(add_prefix_space=True, lowercase=True)
    bpe.train_from_iterator((normalised(text) for text in texts), vocab_size=vocabulary, min_frequency=1, special_tokens=SPECIAL_TOKENS, show_progress=False)
    folder.mkdir(parents=True, exist_ok=True)
    bpe.save_model(str(folder))
    tokenizer = RobertaTokenizer.from_pretrained(str(folder), add_prefix_space=True, model_max_length=MAX_TOKENS)
    tokenizer.save_pretrained(str(folder))
    return tokenizer


def load_tokenizer(folder: Path) -> RobertaTokenizer:
    """The tokenizer saved beside a model."""
    return RobertaTokenizer.from_pretrained(str(folder))


def tokenize(tokenizer: RobertaTokenizer, texts: list[str]) -> tuple[Tensor, Tensor]:
    """Texts to padded token ids and mask, both int64 of shape (B, L), L at most 32."""
    batch = tokenizer([normalised(text) for text in texts], padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
    return batch["input_ids"], batch["attention_mask"]


def normalised(text: str) -> str:
    """Lower case and single spaces: the small vocabulary spends nothing on capitals."""
    return " ".join(text.lower().split())
