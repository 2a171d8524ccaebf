"""How each kind of model is loaded and asked: the ones trained here by CLVAP tokens and controls, published ones by their words."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from clvap.checkpoints import ModelError
from generation import checkpoints
from generation import model as sfx
from generation.conditioning import CONTROLS_KEY, TOKENS_KEY
from generation.controls import Controls, absent, from_contours, stretched
from generation.generator import Backend, Prompt
from generation.request import GenerateRequest, RequestError

_LOG = logging.getLogger(__name__)


class ClvapBackend:
    """A model trained here: the query in its cross-attention, the gesture's curves in its input."""

    def __init__(self, folder: Path, device: str, fingerprint: str | None):
        self.model, config = sfx.load(folder, device)
        self.max_seconds, self.steps, self.guidance, self.clvap = config.diffusion.max_seconds, config.steps, config.guidance, config.clvap
        if fingerprint and config.clvap_fingerprint and fingerprint != config.clvap_fingerprint:
            _LOG.warning(
                "%s was trained with %s %s, this one is %s: its takes follow words and voice less well; train it again or use the matching model",
                folder.name, config.clvap, config.clvap_fingerprint, fingerprint,
            )

    def prompt(self, request: GenerateRequest, latents: int) -> Prompt:
        """Query, curves over the take's length, silence after it."""
        positive = {TOKENS_KEY: request.query, CONTROLS_KEY: self._controls(request, latents), "seconds_total": request.seconds}
        return Prompt(positive, {**positive, TOKENS_KEY: None})

    def _controls(self, request: GenerateRequest, latents: int) -> Controls:
        if request.query.contours is None:
            return absent(latents)
        given = (request.follow_loudness, request.follow_brightness, request.follow_pitch)
        content = max(round(request.seconds * self.model.sample_rate / self.model.min_input_length), 1)
        return stretched(from_contours(request.query.contours, given), content).cut(0, latents)


class EngineBackend:
    """A published Stable-Audio model, unchanged, asked by its words."""

    clvap = None
    steps, guidance = 50, 6.0

    def __init__(self, folder: Path, device: str):
        import torch
        from safetensors.torch import load_file
        from stable_audio_tools import create_model_from_config

        config = json.loads((folder / checkpoints.ENGINE_CONFIG).read_text(encoding="utf-8"))
        try:
            self.model = create_model_from_config(config)
            self.model.load_state_dict(load_file(folder / checkpoints.ENGINE_WEIGHTS), strict=False)
        except (OSError, RuntimeError, KeyError) as error:
            raise ModelError(f"{folder} could not be loaded ({error}); it needs a complete Stable-Audio model and its text encoder on this computer") from error
        self.model = self.model.eval().requires_grad_(False).to(device, torch.float16 if device == "cuda" else torch.float32)
        self.max_seconds = config["sample_size"] / config["sample_rate"]
        self._keys = [entry["id"] for entry in config["model"]["conditioning"]["configs"]]

    def prompt(self, request: GenerateRequest, latents: int) -> Prompt:
        """Words and timing; a voice alone means nothing to these models."""
        if not request.query.text:
            raise RequestError("this generator only understands words; type some, or choose sfx-mini for a voice alone")
        values: dict[str, Any] = {"prompt": request.query.text, "seconds_start": 0, "seconds_total": request.seconds}
        return Prompt({key: values[key] for key in self._keys if key in values}, None)


def load(folder: Path, device: str, embedder=None) -> Backend:
    """The backend of a folder. Raises ModelError where it does not fit."""
    if checkpoints.is_engine_folder(folder):
        return EngineBackend(folder, device)
    return ClvapBackend(folder, device, getattr(embedder, "fingerprint", None))
