"""A generator as a tool: a request in, takes out, best first. Knows nothing of training, files or pages."""

from __future__ import annotations

import functools
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from clvap import checkpoints as devices
from clvap.audio import Clip
from clvap.progress import Cancelled, Progress, silent
from generation import checkpoints, inpainting, ranking
from generation.beginnings import beginnings
from generation.codec import Codec, Encoded
from generation.extras import NOTHING, Extras
from generation.perform import drawn, finished
from generation.plan import Done, candidates, following, is_grounded, latent_count, parts, steps_from
from generation.request import MAX_POOL, GenerateRequest, Preview, RequestError, Take
from generation.samplers import SAMPLERS, Sampling

if TYPE_CHECKING:
    from torch import Tensor, nn

    from clvap import Embedder
    from generation.sampling import Kept, Start

_LOG = logging.getLogger(__name__)
_MOST_TOGETHER = 16
_SAMPLING = "Making"
_PREVIEWS = 6


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
    picture: a half-made take (C, L) as a spectrogram, see `Preview`; None where that would mean decoding it
    changed: a sound as it becomes when its latents change, see `Codec`; None where that cannot be said
    """

    model: Any
    max_seconds: float
    window: int | None
    sampling: Sampling
    clvap: str | None
    picture: Callable[[Tensor], np.ndarray] | None
    changed: Callable[[Tensor, Tensor, Tensor], Tensor] | None

    def for_use(self) -> None:
        """Make it as quick on a processor as it can be where nothing is learned any more."""

    def prompt(self, request: GenerateRequest, latents: int, embedder: Callable[[], Embedder]) -> Prompt: ...


class Generator:
    """New sounds to a query."""

    def __init__(self, backend: Backend, embedder: Callable[[], Embedder] | Embedder, device: str = "cpu"):
        self._backend, self._codec, self._device = backend, Codec(backend.model, device, backend.changed), device
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
            if device == "cpu":
                backend.for_use()
        made = cls(backend, embedder or _loader(backend.clvap, device), device)
        made._has_loras = bool(extras and extras.loras)
        return made

    @property
    def max_seconds(self) -> float:
        """Longest take."""
        return self._backend.max_seconds

    @property
    def sampling(self) -> Sampling:
        """Sampler, steps, guidance and candidates of a request that leaves them out."""
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
        on_preview: Callable[[Preview], None] | None = None,
    ) -> list[Take]:
        """Takes, best first, those that hardly differ from a better one last.

        progress: told of every step and, within long ones, several times; may raise to stop at once
        on_take: gets each take as soon as it can be heard, and what was made of one when `progress` stops it
        on_preview: gets pictures of the takes half-made, a few times each, from models whose latents can be seen
        Raises RequestError for what this model cannot do and ModelError where memory does not suffice.
        """
        sampling = self._sampling(request)
        groups = candidates(request, sampling.best_of)
        count = latent_count(request.seconds, self._codec.latents_a_second) if self._backend.window is None else self._backend.window
        begun = beginnings(request, groups, count, self._codec, self._device)
        rows = sum(map(len, groups))
        done = Done(progress, sum(len(one.start.seeds) * steps_from(sampling, one.start.level) for one in begun) + rows)
        done.tell(_SAMPLING)
        preview, heard = self._previewer(request, groups, on_preview), self._hear(request, count, sampling, begun[0].start.kept)
        drawn = ((one.origin, *row) for one in begun for row in self._drawn(heard, one.start, done, preview))  # the first take need not wait for all
        made: list[_Made] = []
        for number, seeds in enumerate(groups):
            parent = request.ground.name if number == 0 and is_grounded(request) else None
            drawn_from: list[_Made] = []
            what = f"{'Choosing take' if len(seeds) > 1 else 'Take'} {number + 1} of {len(groups)}"
            try:
                for seed, row in zip(seeds, drawn, strict=False):  # the seeds first: a row is drawn only where there is one
                    done.tell(what)
                    drawn_from.append(self._finish(*row, seed, parent, request))
                    done.add(1, what)
            except Cancelled:
                self._keep(drawn_from, made, on_take)  # what was made is not lost
                raise
            self._keep(drawn_from, made, on_take)
        return [made[number].take for number in ranking.order([one.take.score for one in made], np.stack([one.vector for one in made]))]

    def use_loras(self, strengths: Mapping[Path, float]) -> None:
        """From now on these LoRA files and no others count, by their strengths; cheap to call again. Raises ModelError for one that does not fit."""
        if not strengths and not self._has_loras:
            return
        from generation import lora

        self._has_loras = True
        lora.apply(self._backend.model, strengths)

    def reconstructed(self, clip: Clip) -> Clip:
        """A sound through the autoencoder and back: the best a take of this model can sound."""
        return finished(self._codec.decode(self._codec.encode(clip, math.ceil(clip.duration_s * self._codec.latents_a_second)).latents), clip.duration_s)

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
        best_of = request.best_of or (usual.best_of if request.seed is None else 1)
        return Sampling(request.sampler or usual.sampler, request.steps or usual.steps, guidance, min(best_of, MAX_POOL // request.variations))

    def _hear(self, request: GenerateRequest, latents: int, sampling: Sampling, kept: Kept | None) -> _Heard:
        """A request as the network hears it, once for all that is sampled of it."""
        import torch

        from generation.sampling import hear

        backend = self._backend
        with torch.inference_mode():
            prompt = backend.prompt(request, latents, self._embedder)
            negative = prompt.negative if sampling.guidance != 1 else None
            return _Heard(prompt.hearing, hear(backend.model, prompt.positive, negative, self._device, latents, kept), latents, sampling, request.seconds)

    def _drawn(self, heard: _Heard, start: Start, done: Done, preview: Callable[[Sequence[int], Tensor], None]) -> list[tuple[Tensor, float]]:
        """Latents (1, C, L) of every seed of a start, in as few batches as memory allows, each with its share of the seconds of compute."""
        import torch

        from generation.interrupt import asked_between
        from generation.memory import in_parts
        from generation.sampling import sample

        model, started, rows = self._backend.model, time.perf_counter(), []
        how = replace(heard.sampling, steps=steps_from(heard.sampling, start.level))

        def run(seeds: Sequence[int]) -> list[Tensor]:
            mark = done.done

            def on_step(step: int, estimate: Tensor) -> None:
                if step * _PREVIEWS // how.steps > (step - 1) * _PREVIEWS // how.steps:
                    preview(seeds, estimate)
                done.to(mark + step * len(seeds), _SAMPLING)

            try:
                with heard.hearing(len(seeds)):
                    return list(sample(model, replace(start, seeds=seeds), heard.inputs, heard.latents, how, on_step, self._device).split(1))
            except (RuntimeError, MemoryError):
                done.done = mark  # where memory ran out, these rows are made again
                raise

        with torch.inference_mode(), asked_between(_layers(model), lambda: done.tell(_SAMPLING)):
            for seeds in parts(start.seeds, _MOST_TOGETHER):
                rows += in_parts(seeds, run, f"one take of {heard.seconds:g} s")
        return [(row, (time.perf_counter() - started) / len(rows)) for row in rows]

    def _previewer(
        self, request: GenerateRequest, groups: Sequence[Sequence[int]], on_preview: Callable[[Preview], None] | None
    ) -> Callable[[Sequence[int], Tensor], None]:
        picture, shown = self._backend.picture, math.ceil(request.seconds * self._codec.latents_a_second)
        take_of = {seeds[0]: take for take, seeds in enumerate(groups)}

        def preview(seeds: Sequence[int], estimate: Tensor) -> None:
            if on_preview is None or picture is None:
                return
            for row, seed in enumerate(seeds):
                if seed in take_of:
                    on_preview(Preview(take_of[seed], picture(estimate[row, :, :shown].float())))

        return preview

    def _keep(self, candidates: Sequence[_Made], made: list[_Made], on_take: Callable[[Take], None] | None) -> None:
        """Add the best candidate, where there is one, to what is made."""
        if not candidates:
            return
        best = ranking.choose([one.merit for one in candidates], np.stack([one.vector for one in candidates]), [one.vector for one in made])
        made.append(candidates[best])
        if on_take is not None:
            on_take(made[-1].take)

    def _finish(self, origin: Encoded | None, latents: Tensor, share_s: float, seed: int, parent: str | None, request: GenerateRequest) -> _Made:
        """A take from its latents (1, C, L), and the sound they began from, if there is one."""
        from generation.memory import in_parts

        started = time.perf_counter()
        what = f"the sound of a take of {request.seconds:g} s"
        clip = self._shaped(in_parts([latents], lambda rows: [self._codec.decode(rows[0], origin)], what)[0], request)
        vector = self._embedder().embed_audio([clip])[0]
        score = float(vector @ request.query.vector)
        merit = ranking.merit(score, following(clip, request))
        return _Made(Take(clip, score, seed, share_s + time.perf_counter() - started, parent), vector, merit)

    def _shaped(self, clip: Clip, request: GenerateRequest) -> Clip:
        clip, inpaint = clip.cut(0, request.seconds), request.inpaint
        if request.query.contours is not None and (inpaint is None or inpaint.in_place):
            clip = drawn(clip, request.query.contours, request.pulled.loudness, request.pulled.brightness)
        return finished(clip, request.seconds) if inpaint is None else inpainting.patched(clip, inpaint, request.seconds)


@dataclass(frozen=True)
class _Heard:
    """A request as the network hears it.

    hearing: a context in which so many rows are sampled; inputs: of `sampling.hear`; latents: how many are sampled; seconds: of a take
    """

    hearing: Callable[[int], AbstractContextManager]
    inputs: dict[str, Tensor | None]
    latents: int
    sampling: Sampling
    seconds: float


@dataclass(frozen=True)
class _Made:
    """A candidate, its place among the sounds, (D,), and what it is chosen by."""

    take: Take
    vector: np.ndarray
    merit: float


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
