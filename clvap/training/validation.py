"""Retrieval on rows kept back, while training. N rows, D dimensions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from clvap.recipe import Stage, Validation
from clvap.training.batches import Data
from clvap.training.state import State, best_file, save
from clvap.training.step import Trained, encode

_ASKED = ("query/audio", "voice/audio", "text/audio")  # in the order of which one decides
_PART = 32


@torch.no_grad()
def retrieval(net: Trained, data: Data, stage: Stage, device: str) -> dict[str, dict[str, float]]:
    """R@1, R@5 and MRR of the row's own sound, P@1 of its kind and of its kind without its source: by query (query, voice, text) and figure.

    Queries are those that the stage's losses name. The network is left in evaluation mode.
    """
    from clvap.evaluate import score  # it brings the library's database with it

    net.eval()
    kept = data.kept()
    asked = replace(stage, losses={name: 1.0 for name in _ASKED if name in stage.losses})
    parts = [encode(net, kept.part(slice(i, i + _PART)).to(device), asked).vectors() for i in range(0, len(kept), _PART)]
    vectors = {name: torch.cat([part[name] for part in parts]).cpu().numpy() for name in parts[0]}
    rows = [data.rows[i] for i in np.flatnonzero(data.kept_back)]
    labels, sources = np.array([row.label for row in rows]), np.array([row.source for row in rows])
    found = {}
    for name in asked.losses:
        scores = score(vectors[name] @ vectors["audio"].T, labels, sources)
        figures = (scores.recall_1, scores.recall_5, scores.mrr, scores.precision_1, scores.precision_1_other)
        found[name.split("/")[0]] = dict(zip(("R@1", "R@5", "MRR", "P@1", "P@1 other"), figures, strict=True))
    return found


def look(state: State, data: Data, stage: Stage, validation: Validation, folder, device: str) -> dict[str, float]:
    """Measure the averaged weights, keep them where they are the best so far, end the stage where they no longer improve; returns the figures by name.

    The first of query, voice and text that the stage trains decides.
    """
    found = retrieval(state.ema.module, data, stage, device)
    value = next(iter(found.values()))[validation.metric]
    if not state.best_step or value > state.best:
        state.best, state.best_step, state.waited = value, state.step, 0
        save({"ema": state.ema.state_dict()}, best_file(state, folder))
    else:
        state.waited += 1
        state.finished = validation.patience is not None and state.waited >= validation.patience
    return {f"validation/{query}/{figure}": number for query, figures in found.items() for figure, number in figures.items()}


def retrieves(stage: Stage) -> bool:
    """Whether a stage trains anything that retrieval shows."""
    return any(name in stage.losses for name in _ASKED)
