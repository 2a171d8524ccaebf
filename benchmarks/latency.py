"""Latency beside plain stable-audio-tools: `python -m benchmarks.latency [--seconds 4] [--rounds 7] [--generator sfx-mini]`.

`Generator.generate` against `stable_audio_tools.inference.generation.generate_diffusion_cond` on the same weights, with the same
query, length, steps, guidance and sampler, both down to sound. Ours also cuts, levels and ranks its takes. The ways run in turns
after a warm-up and the medians are compared; first it is checked that both make the same sound of one seed on the very same layers,
without the gesture's curves: with them ours is guided by the curves as well, which plain stable-audio-tools cannot.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from stable_audio_tools.inference.generation import generate_diffusion_cond

from clvap import Embedder
from clvap.audio import SAMPLE_RATE_HZ, Clip
from generation import GenerateRequest, Generator, backends, checkpoints
from generation.generator import latent_count
from generation.perform import finished
from generation.request import AS_MADE, Follow

VARIATIONS = 4
_AIM_ONE, _AIM_FOUR = 1.05, 0.8


def main() -> None:
    """Print medians and ratios; exit 1 when the two do not make the same sound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", default="sfx-mini", metavar="NAME_OR_PATH")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a take (4)")
    parser.add_argument("--rounds", type=int, default=7, help="how often each way runs (7)")
    parser.add_argument("--voice", type=Path, metavar="FILE", help="recorded imitation (a made-up rise and fall)")
    parsed = parser.parse_args()
    embedder = Embedder.from_pretrained("clvap-mini", "cpu")
    backend = backends.load(checkpoints.locate(parsed.generator), "cpu", embedder)
    peers = Peers(Generator.from_pretrained(parsed.generator, "cpu", embedder), backend, embedder)
    request = GenerateRequest(embedder.query(parsed.voice or _rise_and_fall(), "a gust of wind"), parsed.seconds, 1, 0)
    same_request = replace(request, follow=Follow(0.0, 0.0, 0.0))
    apart, rounded = replace(peers, generator=Generator(backend, embedder)).apart(same_request), peers.apart(same_request)
    print(f"the same seed differs by at most {apart:.1e} of full scale, {rounded:.1e} with the layers packed as the product has them")
    if apart > 1e-3:
        sys.exit("the two do not make the same sound; nothing is compared")
    four = replace(request, variations=VARIATIONS)
    seconds = in_turns(
        {
            "ours, one take": lambda: peers.ours(request),
            "plain, one take": lambda: peers.plain(request),
            f"ours, {VARIATIONS} variations": lambda: peers.ours(four),
            f"plain, {VARIATIONS} calls": lambda: [peers.plain(replace(request, seed=seed)) for seed in range(VARIATIONS)],
        },
        parsed.rounds,
    )
    sampling = backend.sampling
    print(f"{parsed.seconds:g} s, {sampling.sampler}, {sampling.steps} steps, guidance {sampling.guidance:g}, {torch.get_num_threads()} threads")
    for name, taken in seconds.items():
        print(f"{name:20} {statistics.median(taken):7.3f} s   from {min(taken):.3f} to {max(taken):.3f}")
    one, plain_one, four_ours, four_plain = (statistics.median(taken) for taken in seconds.values())
    print(f"one take: {one / plain_one:.3f} of plain (aim: at most {_AIM_ONE})")
    print(f"{VARIATIONS} variations: {four_ours / four_plain:.3f} of {VARIATIONS} plain calls (aim: at most {_AIM_FOUR})")


@dataclass(frozen=True)
class Peers:
    """The two ways to sound, over the same weights: as the product loads them, and as they are."""

    generator: Generator
    backend: backends.Backend
    embedder: Embedder

    def ours(self, request: GenerateRequest) -> list[Clip]:
        """Takes as the product makes them."""
        return [take.clip for take in self.generator.generate(request)]

    def plain(self, request: GenerateRequest) -> Clip:
        """One take by the engine's own function, as it comes."""
        model, sampling = self.backend.model, self.backend.sampling
        latents = latent_count(request.seconds, model.sample_rate / model.min_input_length)
        prompt = self.backend.prompt(request, latents, lambda: self.embedder)
        with redirect_stdout(io.StringIO()):
            wave = generate_diffusion_cond(
                model, sampling.steps, sampling.guidance, [prompt.positive], negative_conditioning=prompt.negative and [prompt.negative],
                sample_size=latents * model.min_input_length, seed=request.seed, device="cpu", sampler_type=sampling.sampler, disable_tqdm=True,
            )  # fmt: skip
        return Clip(wave[0].numpy(), model.sample_rate)

    @torch.inference_mode()
    def apart(self, request: GenerateRequest) -> float:
        """Largest difference between samples of both, the plain one cut and levelled as ours is."""
        ours = self.ours(replace(request, pull=AS_MADE))[0]
        plain = finished(self.plain(request), request.seconds)
        return float(np.abs(ours.samples - plain.samples).max())


def in_turns(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every run of each way, after one that does not count."""
    for way in ways.values():
        way()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def _rise_and_fall(seconds: float = 2.0) -> Clip:
    """Filtered noise that swells and dies, as a mouth blows."""
    rng, length = np.random.default_rng(0), int(seconds * SAMPLE_RATE_HZ)
    noise = np.convolve(rng.standard_normal(length), np.hanning(32), "same")
    return Clip((0.05 * noise * np.hanning(length)).astype(np.float32)[None])


if __name__ == "__main__":
    main()
