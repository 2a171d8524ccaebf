"""The text tower: a RoBERTa encoder (Liu et al. 2019, arXiv:1907.11692) and its byte-level BPE tokenizer.

L tokens, W width. Works on the classes and the file layout of published RoBERTa checkpoints.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import ByteLevelBPETokenizer
from torch import Tensor, nn
from transformers import ClapTextConfig, RobertaConfig, RobertaModel, RobertaTokenizer

from clvap.checkpoints import ModelError
from clvap.encoders import published

MAX_TOKENS = 32
"""Of tokenizers trained here; others say it themselves, up to CLAP's 77."""
_CLAP_TOKENS = 77
_SETTINGS = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act", "hidden_dropout_prob",
    "attention_probs_dropout_prob", "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "pad_token_id", "bos_token_id", "eos_token_id",
)  # fmt: skip
_PUBLISHED = ("text_model.", "module.text_branch.", "text_branch.", "roberta.")
_NOT_THE_TOWER = ("embeddings.position_ids", "embeddings.token_type_ids", "lm_head.")
SPECIAL_TOKENS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


class TextTower(nn.Module):
    """RoBERTa token states and a vector of the whole text.

    The config's `pooling` says which vector: `mean` of the states, where it is absent, or `first`, the dense layer with tanh over
    the first token that CLAP's text tower ends in.
    """

    def __init__(self, config: RobertaConfig):
        super().__init__()
        self.pools_first = getattr(config, "pooling", "mean") == "first"
        self.roberta = RobertaModel(config, add_pooling_layer=self.pools_first)

    @property
    def width(self) -> int:
        return self.roberta.config.hidden_size

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(B, L) token ids and their 0/1 mask to states of shape (B, L, W)."""
        return self.roberta(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    def pool(self, states: Tensor, mask: Tensor) -> Tensor:
        """States (B, L, W) and their mask (B, L) to one vector a text, (B, W)."""
        return self.roberta.pooler(states) if self.pools_first else masked_mean(states, mask)

    @staticmethod
    def published_config(source: str | Path) -> dict[str, Any]:
        """The config of a RoBERTa or of a CLAP's text tower, by its folder or id on the hub. Raises ModelError for a model of another kind."""
        values = published.config(source)
        kinds = {"roberta": RobertaConfig, "clap_text_model": ClapTextConfig, "clap": ClapTextConfig}
        if values.get("model_type") not in kinds:
            raise ModelError(f"{source}: its config.json is of a {values.get('model_type')!r}; give a RoBERTa or a CLAP")
        config = kinds[values["model_type"]].from_dict(values.get("text_config") or values)
        return {name: getattr(config, name) for name in _SETTINGS}

    def load_published(self, source: str | Path) -> None:
        """Load such a model. Raises ModelError naming the keys that do not fit."""
        left_out = _NOT_THE_TOWER if self.pools_first else (*_NOT_THE_TOWER, "pooler.")
        weights = published.without(published.within(published.read(source), _PUBLISHED), *left_out)
        published.fit(self.roberta, weights, str(source), "give a RoBERTa or a CLAP")


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


def published_tokenizer(folder: Path) -> RobertaTokenizer:
    """The tokenizer of a published RoBERTa or CLAP, which tells capitals apart, ready to be saved beside a model."""
    return RobertaTokenizer.from_pretrained(str(folder), do_lower_case=False, model_max_length=_CLAP_TOKENS)


def tokenize(tokenizer: RobertaTokenizer, texts: list[str]) -> tuple[Tensor, Tensor]:
    """Texts to padded token ids and mask, both int64 of shape (B, L), L at most 32, or 77 with a published tokenizer."""
    if tokenizer.init_kwargs.get("do_lower_case", True):
        texts = [normalised(text) for text in texts]
    longest = min(tokenizer.model_max_length, _CLAP_TOKENS)
    batch = tokenizer(texts, padding=True, truncation=True, max_length=longest, return_tensors="pt")
    return batch["input_ids"], batch["attention_mask"]


def normalised(text: str) -> str:
    """Lower case and single spaces: the small vocabulary spends nothing on capitals."""
    return " ".join(text.lower().split())
