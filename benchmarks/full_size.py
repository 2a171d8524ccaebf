"""stable-audio-open-1.0 at its published sizes with random weights, plain and with a CLVAP adapter: `python -m benchmarks.full_size`.

One seed four times: plain, with an untrained adapter, with an adapter whose zeros are drawn at strength 0, and the same at strength 1,
which has to differ. On a GPU also a take at the usual number of steps and one training step of each kind, with their memory.
T5 has the sizes of t5-base and random weights as well, and a tokenizer of ten words.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from stable_audio_tools.inference.generation import generate_diffusion_cond
from stable_audio_tools.models.diffusion import ConditionedDiffusionModelWrapper
from torch import Tensor, nn
from transformers import T5Config, T5EncoderModel

from clvap import checkpoints
from clvap.query import Query
from generation import lora, published
from generation.adapter import Adapter, AdapterConfig
from generation.controls import CURVES, Controls
from tests.generation import layouts

RATE_HZ, RATIO = 44_100, 2_048
GUIDANCE, USUAL_STEPS, SEED = 7.0, 100, 7
PROMPT = "Breakbeat 170 BPM Full"
ADAPTER = AdapterConfig(token_width=256, dimension=256, base="stable-audio-open-1.0")
QUERY_TOKENS = 24


def main() -> None:
    """Print sizes, differences, seconds and memory; fail when an adapter that should change nothing does, or one that should does not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2, help="of the four takes that are compared (2)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of sound (10)")
    parsed = parser.parse_args()
    device = checkpoints.device()
    model = build().to(device, torch.float16 if device == "cuda" else torch.float32)
    torch.manual_seed(SEED)
    adapter = Adapter.new(model, ADAPTER)
    print(f"{device}, {next(model.model.parameters()).dtype}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    t5 = model.conditioner.conditioners["prompt"].model
    parts = {"transformer": model.model, "autoencoder": model.pretransform, "text encoder": t5, "adapter": adapter}
    for name, part in parts.items():
        print(f"{name:14} {_count(part.parameters()) / 1e6:8.1f} M parameters")
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'adapter, saved':14} {adapter.save(Path(folder) / 'adapter.safetensors').stat().st_size / 1e6:8.1f} MB")
    wrong = compare(model, adapter, parsed.steps, parsed.seconds)
    if device == "cuda":
        on_a_gpu(model, adapter, parsed.seconds)
    if wrong:
        sys.exit(wrong)


def compare(model: ConditionedDiffusionModelWrapper, adapter: Adapter, steps: int, seconds: float) -> str:
    """The four takes of one seed; returns what is wrong with them, "" where nothing is."""
    plain = _reported("plain", model, steps, seconds)
    adapter.attach()
    latents = int(seconds * RATE_HZ) // RATIO
    with adapter.hearing([query()], [controls(latents)]):
        untrained = _reported("adapter, untrained", model, steps, seconds, plain)
        draw_zeros(adapter)
        adapter.strength = 0.0
        silenced = _reported("adapter, strength 0", model, steps, seconds, plain)
        adapter.strength = 1.0
        heard = _reported("adapter, strength 1", model, steps, seconds, plain)
    adapter.detach()
    print(f"peak memory {peak_gb(model):.1f} GB")
    if not all(torch.isfinite(samples).all() for samples in (plain, heard)):
        return "samples are not finite"
    if not (torch.equal(untrained, plain) and torch.equal(silenced, plain)):
        return "an adapter that should change nothing changes the samples"
    if torch.equal(heard, plain):
        return "the adapter is not heard, so this compares nothing"
    return ""


def on_a_gpu(model: ConditionedDiffusionModelWrapper, adapter: Adapter, seconds: float) -> None:
    """A take at the usual number of steps, then training steps of the adapter, of the whole transformer and of a LoRA."""
    latents = int(seconds * RATE_HZ) // RATIO
    adapter.attach()
    with adapter.hearing([query()], [controls(latents)]):
        take(model, 2, seconds)  # the first call of a model is slower
        torch.cuda.reset_peak_memory_stats()
        began = time.perf_counter()
        take(model, USUAL_STEPS, seconds)
        torch.cuda.synchronize()
    print(f"a take of {seconds:.0f} s in {USUAL_STEPS} steps: {time.perf_counter() - began:.1f} s, {peak_gb(model):.1f} GB")
    model.model.float()
    model.pretransform.cpu()
    _train("adapter", model, adapter.parameters(), seconds, lambda: adapter.hearing([query()], [controls(latents)]))
    adapter.detach()
    _train("full", model, model.model.requires_grad_(True).parameters(), seconds)
    lora.start(model, lora.LoraConfig())
    _train("LoRA", model, [parameter for parameter in model.parameters() if parameter.requires_grad], seconds)


def build() -> ConditionedDiffusionModelWrapper:
    """The model as the project loads one; every weight drawn, since the engine starts its branches at zero and nothing would pass them."""
    with tempfile.TemporaryDirectory() as folder:
        layouts.save_t5(Path(folder) / "t5-base")
        torch.manual_seed(SEED)
        T5EncoderModel(T5Config(d_model=768, d_ff=3_072, num_layers=12, num_heads=12, d_kv=64)).save_pretrained(Path(folder) / "t5-base")
        model = published.build(layouts.open_1_0(), Path(folder))
    draw_zeros(model.model)
    return model.eval().requires_grad_(False)


def draw_zeros(module: nn.Module) -> None:
    """Small random values for the matrices that start at zero."""
    for parameter in module.parameters():
        if parameter.ndim > 1 and not parameter.any():
            nn.init.normal_(parameter, std=0.02)


def query() -> Query:
    """A query of clvap-mini's sizes."""
    rng = np.random.default_rng(SEED)
    vector = rng.standard_normal(ADAPTER.dimension).astype(np.float32)
    return Query(vector / np.linalg.norm(vector), rng.standard_normal((QUERY_TOKENS, ADAPTER.token_width)).astype(np.float32))


def controls(latents: int) -> Controls:
    """Curves in their usual range."""
    return Controls(np.random.default_rng(SEED).uniform(-1, 1, (CURVES, latents)).astype(np.float32))


@torch.no_grad()
def take(model: ConditionedDiffusionModelWrapper, steps: int, seconds: float) -> Tensor:
    """Samples (1, 2, T) by the engine's own function."""
    said = [{"prompt": PROMPT, "seconds_start": 0, "seconds_total": seconds}]
    size, device = int(seconds * RATE_HZ) // RATIO * RATIO, str(next(model.model.parameters()).device)
    return generate_diffusion_cond(model, steps, GUIDANCE, said, sample_size=size, seed=SEED, device=device).float()


@dataclass
class Clock:
    """Seconds of every pass through the transformer."""

    passes: list[float] = field(default_factory=list)

    @contextmanager
    def on(self, module: nn.Module) -> Iterator[None]:
        began = 0.0

        def start(*_: object) -> None:
            nonlocal began
            began = time.perf_counter()

        def stop(module: nn.Module, _: object, output: Tensor) -> None:
            if output.is_cuda:
                torch.cuda.synchronize()
            self.passes.append(time.perf_counter() - began)

        hooks = [module.register_forward_pre_hook(start), module.register_forward_hook(stop)]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def peak_gb(model: nn.Module) -> float:
    """Most memory so far: of the GPU where the model is on one, else of the process."""
    if next(model.parameters()).is_cuda:
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def _reported(name: str, model: ConditionedDiffusionModelWrapper, steps: int, seconds: float, plain: Tensor | None = None) -> Tensor:
    clock, began = Clock(), time.perf_counter()
    with clock.on(model.model):
        samples = take(model, steps, seconds)
    apart = "" if plain is None else f", largest difference from plain {(samples - plain).abs().max().item():.3g}"
    pace = f"{np.mean(clock.passes):.2f} s a step over {len(clock.passes)}"
    print(f"{name:20} {pace}, {time.perf_counter() - began:.1f} s in all, samples up to {samples.abs().max().item():.3g}{apart}", flush=True)
    return samples


def _train(
    name: str,
    model: ConditionedDiffusionModelWrapper,
    trained: Iterable[nn.Parameter],
    seconds: float,
    hearing: Callable[[], AbstractContextManager[None]] = nullcontext,
    steps: int = 4,
) -> None:
    """Seconds and memory of a step with AdamW, bfloat16 autocast and gradient checkpointing; the first step is not counted."""
    optimizer = torch.optim.AdamW(trained, lr=1e-5)
    device = next(model.model.parameters()).device
    said = [{"prompt": PROMPT, "seconds_start": 0, "seconds_total": seconds}]
    conditioning = model.get_conditioning_inputs(model.conditioner(said, str(device)))
    noised, target = torch.randn(2, 1, model.io_channels, int(seconds * RATE_HZ) // RATIO, device=device)
    torch.cuda.reset_peak_memory_stats()
    taken = []
    for _ in range(steps):
        began = time.perf_counter()
        with torch.autocast("cuda", torch.bfloat16), hearing():
            loss = (model.model(noised, torch.full((1,), 0.5, device=device), **conditioning) - target).square().mean()
            loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        torch.cuda.synchronize()
        taken.append(time.perf_counter() - began)
    print(f"{name:8} training, one sound of {seconds:.0f} s: {np.mean(taken[1:]):.2f} s a step, {peak_gb(model):.1f} GB")


def _count(parameters: Iterable[nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)


if __name__ == "__main__":
    main()
