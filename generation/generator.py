"""A generator as a tool: a request in, takes out, best first. Knows nothing of training, files or pages."""

from __future__ import annotations

import functools
import logging
import math
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from clvap import checkpoints as devices
from clvap.audio import Clip
from clvap.progress import Progress, silent
from generation import checkpoints, inpainting, ranking
from generation.codec import Codec
from generation.extras import NOTHING, Extras
from generation.perform import drawn, finished
from generation.request import GenerateRequest, Inpaint, RequestError, Take
from generation.samplers import SAMPLERS, Sampling

if TYPE_CHECKING:
    from torch import Tensor, nn

    from clvap import Embedder
    from generation.sampling import Kept, Start

_LOG = logging.getLogger(__name__)
_TAIL_LATENTS = 4
_SHORTEST_LATENTS = 32  # shorter windows were never trained on
_MOST_TOGETHER = 16
_PREVIEW_EVERY = 6


def _alone(rows: int) -> AbstractContextManager:
    return nullcontext()


@dataclass(frozen=True)
class Prompt:
    """A request as a model's conditioning: what it gets, what guidance compares that with (None: the engine's zeros), and what else is heard.

    hearing: a context in which so many rows are sampled
    """

    positive: dict[str, Any]
    negative: dict[str, Any] | None
    hearing: Callable[[int], AbstractContextManager] = _alone


class Backend(Protocol):
    """What differs between models.

    model: the engine's, on its device
    max_seconds: longest take
    window: latents it always works on; None where any number does
    sampling: when the request says nothing
    clvap: the CLVAP it was trained with, None where it was without
    decodes_cheaply: whether hearing a half-made take costs little
    """

    model: Any
    max_seconds: float
    window: int | None
    sampling: Sampling
    clvap: str | None
    decodes_cheaply: bool

    def prompt(self, request: GenerateRequest, latents: int, embedder: Callable[[], Embedder]) -> Prompt: ...


class Generator:
    """New sounds to a query."""

    def __init__(self, backend: Backend, embedder: Callable[[], Embedder] | Embedder, device: str = "cpu"):
        self._backend, self._codec, self._device = backend, Codec(backend.model, device), device
        self._embedder = embedder if callable(embedder) else lambda: embedder
        self._has_loras = False

    @classmethod
    def from_pretrained(cls, name: str | Path = "sfx-mini", device: str = "auto", embedder: Embedder | None = None, extras: Extras | None = None) -> Generator:
        """Load a shipped generator by name, a hub model by name, or a folder. Everything heavy is imported here.

        embedder: ranks the takes; by default the CLVAP the model was trained with, loaded when first needed
        extras: an adapter, LoRAs and what else goes with the model
        Raises ModelError when the model is not there, saying what to do.
        """
        folder = checkpoints.locate(name)
        device = devices.device(device)
        with redirect_stdout(_Quiet()):
            from generation import backends

            backend = backends.load(folder, device, embedder, extras or NOTHING)
        made = cls(backend, embedder or _loader(backend.clvap, device), device)
        made._has_loras = bool(extras and extras.loras)
        return made

    @property
    def max_seconds(self) -> float:
        """Longest take."""
        return self._backend.max_seconds

    @property
    def sampling(self) -> Sampling:
        """Sampler, steps and guidance of a request that leaves them out."""
        return self._backend.sampling

    @property
    def samplers(self) -> tuple[str, ...]:
        """Samplers that a request may name."""
        return SAMPLERS[self._backend.model.diffusion_objective]

    @property
    def values_per_s(self) -> float:
        """How many numbers the model has for a second of sound."""
        return self._backend.model.io_channels * self._codec.latents_a_second

    def generate(
        self,
        request: GenerateRequest,
        progress: Progress = silent,
        on_take: Callable[[Take], None] | None = None,
        on_preview: Callable[[Clip], None] | None = None,
    ) -> list[Take]:
        """Takes, best first, those that hardly differ from a better one last.

        progress: told of every step and, within long ones, several times; may raise to stop at once
        on_take: gets each take as soon as it can be heard; with `best_of`, when all are made
        on_preview: gets the first take half-made, every few steps, from models that decode cheaply
        Raises RequestError for what this model cannot do and ModelError where memory does not suffice.
        """
        sampling = self._sampling(request)
        seeds = _seeds(request)
        count = latent_count(request.seconds, self._codec.latents_a_second) if self._backend.window is None else self._backend.window
        started = time.perf_counter()
        starts = self._starts(request, seeds, count)
        done = _Done(progress, sum(len(start.seeds) * _steps(sampling, start.level) for start in starts) + len(seeds))
        done.tell("sampling")
        latents = self._sample(request, starts, count, sampling, done, self._previewer(request, on_preview))
        share_s = (time.perf_counter() - started) / len(seeds)
        made = []
        for number, seed in enumerate(seeds):
            parent = request.ground.name if number == 0 and _grounded(request) else None
            made.append(self._finish(latents[number], seed, parent, request, share_s))
            if on_take is not None and request.best_of is None:
                on_take(made[-1].take)
            done.add(1, f"take {number + 1} of {len(seeds)}")
        ranked = ranking.order([one.take.score for one in made], np.stack([one.vector for one in made]))
        chosen = ranking.best(ranked, request.variations, always=(0,) if _grounded(request) else ())
        takes = [made[number].take for number in chosen]
        if on_take is not None and request.best_of is not None:
            for take in takes:
                on_take(take)
        return takes

    def use_loras(self, strengths: Mapping[Path, float]) -> None:
        """From now on these LoRA files and no others count, by their strengths; cheap to call again. Raises ModelError for one that does not fit."""
        if not strengths and not self._has_loras:
            return
        from generation import lora

        self._has_loras = True
        lora.apply(self._backend.model, strengths)

    def reconstructed(self, clip: Clip) -> Clip:
        """A sound through the autoencoder and back: the best a take of this model can sound."""
        return finished(self._codec.decode(self._codec.encode(clip, math.ceil(clip.duration_s * self._codec.latents_a_second))), clip.duration_s)

    def _sampling(self, request: GenerateRequest) -> Sampling:
        """How to sample this request. Raises RequestError for what the model cannot do."""
        usual = self._backend.sampling
        if request.seconds > self.max_seconds + 1e-6:
            raise RequestError(f"{request.seconds:g} s is too long for this generator; ask for at most {self.max_seconds:g} s")
        if request.sampler is not None and request.sampler not in self.samplers:
            raise RequestError(f"no sampler {request.sampler!r} for this generator; use {', '.join(self.samplers)}")
        guidance = usual.guidance if request.guidance is None else request.guidance
        if request.negative and guidance == 1:
            raise RequestError("words to stay away from need guidance; ask for a guidance over 1, or leave those words out")
        return Sampling(request.sampler or usual.sampler, request.steps or usual.steps, guidance)

    def _starts(self, request: GenerateRequest, seeds: Sequence[int], latents: int) -> list[Start]:
        """Batches by where they begin, in the order of their seeds."""
        from generation.sampling import LEAST_NOISE, Start

        kept = None if request.inpaint is None else self._kept(request.inpaint, latents)
        if request.init is not None:
            return [Start(seeds, max(1 - request.init_strength, LEAST_NOISE), self._codec.encode(request.init, latents), kept)]
        if request.ground is None:
            return [Start(seeds, kept=kept)]
        first = Start(seeds[:1], max(1 - request.ground.strength, LEAST_NOISE), self._codec.encode(request.ground.clip, latents), kept)
        return [first, Start(seeds[1:], kept=kept)] if len(seeds) > 1 else [first]

    def _kept(self, inpaint: Inpaint, latents: int) -> Kept:
        import torch

        from generation.sampling import Kept

        start, stop = latent_span(inpaint, self._codec.latents_a_second, latents)
        free = torch.zeros(latents, device=self._device)
        free[start:stop] = 1
        return Kept(self._codec.encode(inpaint.clip, latents), free)

    def _sample(
        self,
        request: GenerateRequest,
        starts: Sequence[Start],
        latents: int,
        sampling: Sampling,
        done: _Done,
        preview: Callable[[int, Tensor], None],
    ) -> list[Tensor]:
        """Latents (1, C, L) of every seed, in as few batches as memory allows."""
        import torch

        from generation.interrupt import asked_between
        from generation.memory import in_parts
        from generation.sampling import hear, sample

        backend, rows = self._backend, []
        with torch.inference_mode(), asked_between(_layers(backend.model), lambda: done.tell("sampling")):
            prompt = backend.prompt(request, latents, self._embedder)
            negative = prompt.negative if sampling.guidance != 1 else None
            heard = hear(backend.model, prompt.positive, negative, self._device, latents, starts[0].kept)

            def run(start: Start) -> list[Tensor]:
                mark = done.done

                def on_step(step: int, estimate: Tensor) -> None:
                    preview(step, estimate)
                    done.to(mark + step * len(start.seeds), "sampling")

                how = replace(sampling, steps=_steps(sampling, start.level))
                try:
                    with prompt.hearing(len(start.seeds)):
                        return list(sample(backend.model, start, heard, latents, how, on_step, self._device).split(1))
                except (RuntimeError, MemoryError):
                    done.done = mark  # where memory ran out, these rows are made again
                    raise

            for start in starts:
                for seeds in _parts(start.seeds, _MOST_TOGETHER):
                    rows += in_parts(seeds, lambda part, start=start: run(replace(start, seeds=part)), f"one take of {request.seconds:g} s")
        return rows

    def _previewer(self, request: GenerateRequest, on_preview: Callable[[Clip], None] | None) -> Callable[[int, Tensor], None]:
        def preview(step: int, estimate: Tensor) -> None:
            if on_preview is not None and self._backend.decodes_cheaply and step % _PREVIEW_EVERY == 0:
                on_preview(finished(self._codec.decode(estimate[:1]), request.seconds))

        return preview

    def _finish(self, latents: Tensor, seed: int, parent: str | None, request: GenerateRequest, share_s: float) -> _Made:
        """A take from its latents (1, C, L)."""
        from generation.memory import in_parts

        started = time.perf_counter()
        what = f"the sound of a take of {request.seconds:g} s"
        clip = self._shaped(in_parts([latents], lambda rows: [self._codec.decode(rows[0])], what)[0], request)
        vector = self._embedder().embed_audio([clip])[0]
        take = Take(clip, float(vector @ request.query.vector), seed, share_s + time.perf_counter() - started, parent)
        return _Made(take, vector)

    def _shaped(self, clip: Clip, request: GenerateRequest) -> Clip:
        clip = clip.cut(0, request.seconds)
        if request.inpaint is not None:
            return inpainting.patched(clip, request.inpaint, request.seconds)
        if request.query.contours is not None:
            clip = drawn(clip, request.query.contours, request.pulled.loudness, request.pulled.brightness)
        return finished(clip, request.seconds)


@dataclass(frozen=True)
class _Made:
    """A take and its place among the sounds, (D,)."""

    take: Take
    vector: np.ndarray


class _Done:
    """How much of the work is done, in steps of one row."""

    def __init__(self, progress: Progress, total: int):
        self._progress, self._total, self.done = progress, total, 0

    def tell(self, what: str) -> None:
        self._progress(self.done, self._total, what)

    def to(self, done: int, what: str) -> None:
        self.done = done
        self.tell(what)

    def add(self, steps: int, what: str) -> None:
        self.to(self.done + steps, what)


def latent_count(seconds: float, rate_hz: float) -> int:
    """Latents to sample for a take: its length, a little after it, and no fewer than the model has seen."""
    return max(math.ceil(seconds * rate_hz) + _TAIL_LATENTS, _SHORTEST_LATENTS)


def latent_span(inpaint: Inpaint, rate_hz: float, latents: int) -> tuple[int, int]:
    """First latent of a marked span and the one after its last."""
    start = min(int(inpaint.start_s * rate_hz), latents - 1)
    return start, max(min(math.ceil(inpaint.end_s * rate_hz), latents), start + 1)


def _seeds(request: GenerateRequest) -> list[int]:
    first = request.seed if request.seed is not None else secrets.randbelow(2**31)
    return list(range(first, first + (request.best_of or request.variations)))


def _grounded(request: GenerateRequest) -> bool:
    return request.ground is not None and request.init is None


def _steps(sampling: Sampling, level: float, fewest: int = 6) -> int:
    """Steps from a level of noise: in proportion, as there is less to do, but enough to do it well."""
    return max(round(sampling.steps * level), min(sampling.steps, fewest))


def _parts(seeds: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (seeds[start : start + size] for start in range(0, len(seeds), size))


def _layers(model: Any) -> Sequence[nn.Module]:
    """Where sampling can be stopped: the transformer's blocks, unless they are compiled, which a hook would undo."""
    layers = model.model.model.transformer.layers
    return [layer for layer in layers if layer._compiled_call_impl is None]


def _loader(name: str | None, device: str) -> Callable[[], Embedder]:
    @functools.cache
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
