"""A generator as a tool: a request in, takes out, best first. Knows nothing of training, files or pages."""

from __future__ import annotations

import logging
import math
import secrets
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from clvap import checkpoints as devices
from clvap.audio import Clip
from clvap.progress import Progress, silent
from generation import checkpoints
from generation.perform import finished, follow_loudness
from generation.request import GenerateRequest, RequestError, Take

if TYPE_CHECKING:
    import torch

    from clvap import Embedder

_LOG = logging.getLogger(__name__)
_TAIL_LATENTS = 4
_SHORTEST_LATENTS = 32  # shorter windows were never trained on


@dataclass(frozen=True)
class Prompt:
    """A request as a model's conditioning: one dict for a row, and what guidance compares it with (None: the engine's zeros)."""

    positive: dict[str, Any]
    negative: dict[str, Any] | None


class Backend(Protocol):
    """What differs between models: how long they can go, how they are asked."""

    model: Any
    max_seconds: float
    steps: int
    guidance: float
    clvap: str | None

    def prompt(self, request: GenerateRequest, latents: int) -> Prompt: ...


class Generator:
    """New sounds to a query."""

    def __init__(self, backend: Backend, embedder: Callable[[], Embedder] | Embedder, device: str = "cpu"):
        self._backend, self._embedder, self._device = backend, embedder, device

    @classmethod
    def from_pretrained(cls, name: str | Path = "sfx-mini", device: str = "auto", embedder: Embedder | None = None) -> Generator:
        """Load a shipped generator by name, a hub model by name, or a folder. Everything heavy is imported here.

        embedder: ranks the takes; by default the CLVAP the model was trained with, loaded when first needed.
        Raises ModelError when the model is not there, saying what to do.
        """
        folder = checkpoints.locate(name)
        device = devices.device(device)
        with redirect_stdout(_Quiet()):
            from generation import backends

            backend = backends.load(folder, device, embedder)
        return cls(backend, embedder or _loader(backend.clvap, device), device)

    @property
    def max_seconds(self) -> float:
        """Longest take."""
        return self._backend.max_seconds

    def generate(self, request: GenerateRequest, progress: Progress = silent, on_take: Callable[[Take], None] | None = None) -> list[Take]:
        """Takes, best first; `on_take` gets each as soon as it can be heard. `progress` may raise to stop at any step.

        Raises RequestError for what this model cannot do.
        """
        if request.seconds > self.max_seconds + 1e-6:
            raise RequestError(f"{request.seconds:g} s is too long for this generator; ask for at most {self.max_seconds:g} s")
        started = time.perf_counter()
        first = request.seed if request.seed is not None else secrets.randbelow(2**31)
        seeds = [first + number for number in range(request.variations)]
        steps = request.steps or self._backend.steps
        total = steps + request.variations
        progress(0, total, "sampling")
        latents = self._sample(request, seeds, steps, lambda done: progress(done, total, "sampling"))
        sampled_s = (time.perf_counter() - started) / request.variations
        takes = []
        for number, seed in enumerate(seeds):
            started = time.perf_counter()
            clip = self._shaped(self._decode(latents[number : number + 1]), request)
            score = float(self._rank(clip, request.query.vector))
            takes.append(Take(clip, score, seed, sampled_s + time.perf_counter() - started))
            if on_take is not None:
                on_take(takes[-1])
            progress(steps + number + 1, total, f"take {number + 1} of {request.variations}")
        return sorted(takes, key=lambda take: -take.score)

    def reconstructed(self, clip: Clip) -> Clip:
        """A sound through the autoencoder and back: the best a take of this model can sound."""
        rate = self._backend.model.sample_rate
        count = math.ceil(clip.duration_s * rate / self._backend.model.min_input_length)
        return finished(self._decode(self._encode(clip, count)), clip.duration_s)

    def _sample(self, request: GenerateRequest, seeds: list[int], steps: int, on_step: Callable[[int], None]) -> torch.Tensor:
        from generation.sampling import Sampling, noise, sample

        model = self._backend.model
        count = latent_count(request.seconds, model.sample_rate / model.min_input_length)
        prompt = self._backend.prompt(request, count)
        guidance = self._backend.guidance if request.guidance is None else request.guidance
        start = noise(seeds, model.io_channels, count).to(self._device)
        init = None if request.init is None else self._encode(request.init, count)
        negative = None if prompt.negative is None or guidance == 1 else [prompt.negative] * len(seeds)
        return sample(
            model, start, [prompt.positive] * len(seeds), negative, Sampling(steps, guidance), lambda done, _: on_step(done), init, request.init_strength
        )

    def _encode(self, clip: Clip, latents: int) -> torch.Tensor:
        """A sound to start from as latents (1, C, L), cut or followed by silence; level as the model knows it."""
        import torch

        model = self._backend.model
        rate, channels, length = model.sample_rate, model.pretransform.io_channels, latents * model.min_input_length
        samples = clip.at_rate(rate).samples
        samples = samples.mean(axis=0, keepdims=True) if channels == 1 else np.resize(samples, (channels, samples.shape[1]))
        samples = samples[:, :length] * (0.9 / max(float(np.abs(samples).max(initial=0.0)), 1e-4))
        padded = np.pad(samples, ((0, 0), (0, length - samples.shape[1]))).astype(np.float32)
        with torch.random.fork_rng(devices=[]), torch.inference_mode():
            torch.manual_seed(0)  # the bottleneck draws; the same sound must start the same
            return model.pretransform.encode(torch.from_numpy(padded)[None].to(self._device)).clone()

    def _decode(self, latents: torch.Tensor) -> Clip:
        import torch

        model = self._backend.model
        with torch.inference_mode():
            wave = model.pretransform.decode(latents.to(next(model.pretransform.parameters()).dtype))
        return Clip(np.nan_to_num(wave[0].float().cpu().numpy()), model.sample_rate)

    def _shaped(self, clip: Clip, request: GenerateRequest) -> Clip:
        clip = clip.cut(0, request.seconds)
        if request.follow_loudness and request.query.contours is not None:
            clip = follow_loudness(clip, request.query.contours, request.loudness_pull)
        return finished(clip, request.seconds)

    def _rank(self, clip: Clip, vector: np.ndarray) -> float:
        if callable(self._embedder) and not hasattr(self._embedder, "embed_audio"):
            self._embedder = self._embedder()
        return self._embedder.embed_audio([clip])[0] @ vector


def latent_count(seconds: float, rate_hz: float) -> int:
    """Latents to sample for a take: its length, a little after it, and no fewer than the model has seen."""
    return max(math.ceil(seconds * rate_hz) + _TAIL_LATENTS, _SHORTEST_LATENTS)


def _loader(name: str | None, device: str) -> Callable[[], Embedder]:
    def load() -> Embedder:
        from clvap import Embedder

        return Embedder.from_pretrained(name or "clvap-mini", device)

    return load


class _Quiet:
    """Where the engine's prints go: the log, at debug level."""

    def write(self, text: str) -> int:
        if text.strip():
            _LOG.debug(text.strip())
        return len(text)

    def flush(self) -> None:
        return None
