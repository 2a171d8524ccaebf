"""Models small enough to build in a test, with weights that are not zero."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from clvap.query import Query
from generation import model as sfx

AUTOENCODER = {"mel_bands": 8, "broad_bands": 2, "frame_width": 16, "latent_width": 16, "latent_blocks": 1, "frame_blocks": 1, "phase_iterations": 2}
DIFFUSION = sfx.DiffusionConfig(width=64, depth=2, heads=2, condition_width=64, tokens=6, token_width=12, dimension=10, max_seconds=2.0)


def config(**changes) -> sfx.SfxConfig:
    return sfx.SfxConfig(AUTOENCODER, DIFFUSION, steps=3, guidance=2.0, **changes)


def model(seed: int = 0):
    """The engine's model; every weight drawn, since the engine starts its branches at zero."""
    torch.manual_seed(seed)
    built = sfx.build(config())
    with torch.no_grad():
        for parameter in built.model.parameters():
            if parameter.ndim > 1 and not parameter.any():
                parameter.normal_(std=0.2)
    return built.eval().requires_grad_(False)


def saved(folder: Path, **changes) -> Path:
    return sfx.save(model(), config(**changes), folder, torch.float32)


def query(seed: int = 0, tokens: int = 4, contours=None, text: str | None = "a dog") -> Query:
    rng = np.random.default_rng(seed)
    vector = rng.standard_normal(DIFFUSION.dimension).astype(np.float32)
    return Query(vector / np.linalg.norm(vector), rng.standard_normal((tokens, DIFFUSION.token_width)).astype(np.float32), contours, text)


class FakeEmbedder:
    """Vectors from the level of a sound; queries from the hash of the words."""

    fingerprint = "fake"

    def embed_audio(self, clips) -> np.ndarray:
        rows = np.stack([np.resize([clip.samples.std(), 1.0], DIFFUSION.dimension) for clip in clips])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def query(self, voice=None, text=None, balance=0.5) -> Query:
        return query(sum(map(ord, text or "voice")))
