"""How each kind of model is loaded and asked: the ones trained here by CLVAP tokens and controls, published ones by words and, with an adapter, by both."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from clvap.checkpoints import ModelError
from clvap.contours import extract
from clvap.packing import pack
from generation import checkpoints, published
from generation import model as sfx
from generation.conditioning import CONTROLS_KEY, TOKENS_KEY
from generation.controls import Controls, absent, from_contours, stretched
from generation.extras import NOTHING, Extras
from generation.generator import Backend, Prompt
from generation.plan import latent_span
from generation.request import GenerateRequest, RequestError
from generation.samplers import Sampling, published_sampling

if TYPE_CHECKING:
    from torch import Tensor

    from clvap import Embedder
    from generation.adapter import Adapter

_LOG = logging.getLogger(__name__)
_COMPARED_WITH = (0.5, 0.6, 0.8)  # shares of loudness, brightness and pitch; chosen on clips of ESC-50 that their licence keeps out of training


class ClvapBackend:
    """A model trained here: the query in its cross-attention, the gesture's curves in its input."""

    window = None

    def __init__(self, folder: Path, device: str, fingerprint: str | None, extras: Extras = NOTHING):
        if extras.adapter is not None:
            raise ModelError(f"{folder.name} hears the voice by itself; leave the adapter out, it is for published models")
        self.model, config = sfx.load(folder)
        _finish(self.model, device, extras, half=[self.model.model])
        self.max_seconds, self.clvap = config.diffusion.max_seconds, config.clvap
        self.sampling = Sampling(steps=config.steps, guidance=config.guidance, best_of=config.best_of)
        if fingerprint and config.clvap_fingerprint and fingerprint != config.clvap_fingerprint:
            _LOG.warning(
                "%s was trained with %s %s, this one is %s: its takes follow words and voice less well; train it again or use the matching model",
                folder.name,
                config.clvap,
                config.clvap_fingerprint,
                fingerprint,
            )

    def prompt(self, request: GenerateRequest, latents: int, embedder: Callable[[], Embedder]) -> Prompt:
        """Query, curves over the take's length, silence after it. Guidance compares with less of the curves: it strengthens the query by all of it, and
        each curve by as much as its share leaves (the curves' own guidance would cost takes their class)."""
        if request.seconds_start:
            raise RequestError("this generator makes a sound from its beginning; leave out where to start")
        controls = gesture_curves(request, latents, self.model.sample_rate / self.model.min_input_length)
        positive = {TOKENS_KEY: request.query, CONTROLS_KEY: controls, "seconds_total": request.total_s}
        away = embedder().query(text=request.negative) if request.negative else None
        return Prompt(positive, {**positive, TOKENS_KEY: away, CONTROLS_KEY: controls.given_less(_COMPARED_WITH)})

    def for_use(self) -> None:
        pack(self.model)

    def picture(self, latents: Tensor) -> np.ndarray:
        """Half-made latents (C, L) as a spectrogram, which these say outright."""
        return self.model.pretransform.model.decoder.levels(latents).cpu().numpy()

    def changed(self, samples: Tensor, before: Tensor, after: Tensor) -> Tensor:
        """A sound as it becomes when its latents change, see `SpectralDecoder.changed`."""
        return self.model.pretransform.model.decoder.changed(samples, before, after)


class PublishedBackend:
    """A published Stable-Audio model, its weights unchanged, asked by its words and, through an adapter, by the query."""

    picture = changed = None

    def __init__(self, folder: Path, device: str, extras: Extras = NOTHING):
        self.model, config = published.load(folder, extras.text_encoder)
        _finish(self.model, device, extras, half=[self.model.model, self.model.pretransform])
        self.max_seconds = config["sample_size"] / config["sample_rate"]
        self.window = config["sample_size"] // self.model.min_input_length
        self.sampling = published_sampling(config)
        self._entries = config["model"]["conditioning"]["configs"]
        self._adapter = _adapter(folder, self.model, extras.adapter)

    def for_use(self) -> None:
        """Nothing: packed weights take as much memory again, and these are large."""

    @property
    def clvap(self) -> str | None:
        """The CLVAP its adapter was trained with."""
        return None if self._adapter is None else self._adapter.config.clvap

    def prompt(self, request: GenerateRequest, latents: int, embedder: Callable[[], Embedder]) -> Prompt:
        """Words and timing, and what the adapter hears; a voice alone means nothing to these models without one."""
        if not request.query.text and self._adapter is None:
            raise RequestError("this generator only understands words; type some, give it a CLVAP adapter, or choose sfx-mini for a voice alone")
        positive = self._values(request, request.query.text or "")
        negative = self._values(request, request.negative) if request.negative else None
        if self._adapter is None:
            return Prompt(positive, negative)
        return Prompt(positive, negative, self._hearing(self._adapter, request, latents))

    def _values(self, request: GenerateRequest, words: str) -> dict[str, Any]:
        timing = {"seconds_start": request.seconds_start, "seconds_total": request.total_s}
        if request.seconds_start and all(entry["id"] != "seconds_start" for entry in self._entries):
            raise RequestError("this generator makes a sound from its beginning; leave out where to start")
        return {entry["id"]: words if entry["type"] == "t5" else timing[entry["id"]] for entry in self._entries}

    def _hearing(self, adapter: Adapter, request: GenerateRequest, latents: int) -> Callable[[int], AbstractContextManager]:
        curves = gesture_curves(request, latents, self.model.sample_rate / self.model.min_input_length)
        controls = curves if any(curves.given) else None

        def hearing(rows: int) -> AbstractContextManager:
            adapter.strength = request.adapter_strength
            return adapter.hearing([request.query] * rows, [controls] * rows)

        return hearing


def load(folder: Path, device: str, embedder: Embedder | None = None, extras: Extras = NOTHING) -> Backend:
    """The backend of a folder. Raises ModelError where it does not fit."""
    if extras.compile and device != "cuda":
        raise ModelError(f"compiling pays on a CUDA card, not on {device}; leave it out")
    if checkpoints.is_engine_folder(folder):
        return PublishedBackend(folder, device, extras)
    return ClvapBackend(folder, device, getattr(embedder, "fingerprint", None), extras)


def gesture_curves(request: GenerateRequest, latents: int, rate_hz: float) -> Controls:
    """The gesture's curves over a take, silence after it; where a span is made anew, over that or where it lies, with the sound's own curves around it.

    latents: to sample
    rate_hz: latents a second
    """
    contours = request.query.contours
    if contours is None or not any(request.follow.amounts):
        return absent(latents)
    drawn = from_contours(contours, request.follow.amounts)
    if request.inpaint is None:
        return stretched(drawn, max(round(request.seconds * rate_hz), 1)).cut(0, latents)
    start, stop = latent_span(request.inpaint, rate_hz, latents)
    whole = from_contours(extract(request.inpaint.clip)).cut(0, latents)
    if request.inpaint.in_place:
        return stretched(drawn, max(round(request.seconds * rate_hz), 1)).cut(start, stop - start).within(whole, start)
    return stretched(drawn, stop - start).within(whole, start)


def _finish(model: Any, device: str, extras: Extras, half: list[torch.nn.Module]) -> None:
    """LoRAs in, then to the device; on a CUDA card the parts in `half` at half precision, and compiled where asked for."""
    if extras.loras:
        from generation import lora

        lora.apply(model, extras.loras)
    if device == "cuda":
        for part in half:
            part.half()
    model.eval().requires_grad_(False).to(device)
    if extras.compile:
        for layer in model.model.model.transformer.layers:
            layer.compile()


def _adapter(folder: Path, model: Any, given: Path | None) -> Adapter | None:
    """The adapter asked for, or the one in the model's folder, attached."""
    path = folder / checkpoints.ADAPTER if given is None else given / checkpoints.ADAPTER if given.is_dir() else given
    if given is None and not path.is_file():
        return None
    from generation.adapter import load_adapter

    adapter = load_adapter(path, model)
    adapter.attach()
    return adapter
