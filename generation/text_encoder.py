"""The T5 that published models read words with. Its weights travel apart from theirs: from beside the model, from the local cache, from the hub."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from stable_audio_tools.models.conditioners import Conditioner, T5Conditioner
from torch import Tensor, nn

from clvap import hub
from clvap.checkpoints import ModelError

_FILES = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "spiece.model"]


class TextEncoder(T5Conditioner):
    """The engine's T5Conditioner with the T5 of a folder; it only knows the hub's names."""

    def __init__(self, t5: nn.Module, tokenizer: Any, output_dim: int, max_length: int = 128, enable_grad: bool = False, project_out: bool = False):
        Conditioner.__init__(self, t5.config.d_model, output_dim, project_out=project_out)
        self.tokenizer, self.max_length, self.enable_grad = tokenizer, max_length, enable_grad
        t5 = t5.train(enable_grad).requires_grad_(enable_grad).to(torch.float16)
        if enable_grad:
            self.model = t5
        else:
            self.__dict__["model"] = t5  # as in the engine: no part of the checkpoint

    def forward(self, texts: list[str], device: torch.device | str) -> tuple[Tensor, Tensor]:
        """Sentences -> tokens (B, max_length, W), zero after the last word, and where there are words, (B, max_length)."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the engine names a card's autocast on any device
            return super().forward(texts, device)


def load(config: dict[str, Any], output_dim: int, folder: Path, given: Path | None = None) -> TextEncoder:
    """The text encoder of one `t5` entry of a model_config.json.

    config: of the entry; `t5_model_name` says which T5
    folder: of the model
    given: a folder with T5, looked at first
    Raises ModelError saying what to fetch and where to put it.
    """
    from transformers import AutoTokenizer, T5EncoderModel
    from transformers.utils import logging as transformers_logging

    name = config.get("t5_model_name", "t5-base")
    model_folder, tokenizer_folder = _locate(name, folder, given)
    before, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity(logging.ERROR)
    transformers_logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(tokenizer_folder))
        t5 = T5EncoderModel.from_pretrained(str(model_folder))
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"{model_folder} is no T5 that can be read ({' '.join(str(error).split())[:160]}); fetch {name} again") from error
    finally:
        transformers_logging.set_verbosity(before)
        if bars:
            transformers_logging.enable_progress_bar()
    options = {key: config[key] for key in ("max_length", "enable_grad", "project_out") if key in config}
    return TextEncoder(t5, tokenizer, output_dim, **options)


def _locate(name: str, folder: Path, given: Path | None) -> tuple[Path, Path]:
    """Folders of the weights and of the tokenizer."""
    if given is not None:
        if not (given / "config.json").is_file():
            raise ModelError(f"{given} holds no T5; name a folder with config.json, model.safetensors and tokenizer.json")
        return given, given
    beside = folder / name.rpartition("/")[2]
    if (beside / "config.json").is_file():
        return beside, beside
    if (folder / "text_encoder" / "config.json").is_file() and (folder / "tokenizer").is_dir():  # as in a whole download of a published repository
        return folder / "text_encoder", folder / "tokenizer"
    return _from_hub(name, beside)


def _from_hub(name: str, beside: Path) -> tuple[Path, Path]:
    from huggingface_hub import try_to_load_from_cache

    repository = name if "/" in name else f"google-t5/{name}"  # the hub keeps the first T5 there, and older caches under the bare name
    for known in (name, repository):
        cached = try_to_load_from_cache(known, "config.json")
        if isinstance(cached, str):
            return Path(cached).parent, Path(cached).parent
    try:
        found = hub.download(repository, _FILES)
    except ModelError as error:
        raise ModelError(
            f"words are read by {name}, which is not on this computer: run `hf download {repository}` where there is a network, "
            f"or put its config.json, model.safetensors and tokenizer.json in {beside}"
        ) from error
    return found, found
