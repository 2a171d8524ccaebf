"""Files per second of `Embedder.embed_audio` with a full-size HTS-AT, beside a plain loop over the same weights in transformers.

`python -m benchmarks.embedding DIR [-n 60]`. The network has CLAP's published sizes and random weights, made here; the plain loop reads
and trims a file as the project does, and gives it to ClapFeatureExtractor and ClapModel, one at a time. Sounds over ten seconds, of
which CLAP would take a random cut, are left out. Both ways run in turns, each on as many threads as torch takes. Where other work
keeps the processor busy, compare the processor's time, on one thread (OMP_NUM_THREADS=1).
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

from clvap import Embedder, audio
from clvap.audio import AudioError, Clip
from clvap.clap import from_clap
from clvap.library.scan import scan

LONGEST_S = 10.0
RATE_HZ = 48_000


def main() -> None:
    """Print files a second of both ways, their ratio, and how far their vectors are apart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("-n", type=int, default=60, help="number of files, drawn at random (60)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way runs; the best counts (3)")
    parsed = parser.parse_args()
    files = _sample(parsed.folder, parsed.n)
    clap, extractor = _clap(), ClapFeatureExtractor(frequency_min=50, truncation="rand_trunc")
    with tempfile.TemporaryDirectory() as folder:
        clap.save_pretrained(folder)
        extractor.save_pretrained(folder)
        embedder = Embedder(from_clap(folder, "late"), tokenizer=None)
    ways = {"embedder": lambda: embedder.embed_audio(files), "plain loop": lambda: plain_loop(files, clap, extractor)}
    vectors, seconds, worked = {}, {name: float("inf") for name in ways}, {name: float("inf") for name in ways}
    for way in ways.values():
        way()  # the first call of a model is slower
    for _ in range(parsed.rounds):
        for name, way in ways.items():
            began, work_began = time.perf_counter(), time.process_time()
            vectors[name] = way()
            seconds[name] = min(seconds[name], time.perf_counter() - began)
            worked[name] = min(worked[name], time.process_time() - work_began)
    for name, taken in seconds.items():
        work_ms = 1_000 * worked[name] / len(files)
        print(f"{name:12} {len(files) / taken:6.2f} files/s on {torch.get_num_threads()} threads, {work_ms:.0f} ms of the processor's time a file")
    print(f"embedder is {seconds['plain loop'] / seconds['embedder']:.2f} times as fast, {worked['plain loop'] / worked['embedder']:.2f} by the processor")
    apart = np.abs(vectors["embedder"] - vectors["plain loop"]).max()
    print(f"vectors differ by at most {apart:.1e}")
    if apart > 1e-4:
        sys.exit("the vectors are not the same")


@torch.inference_mode()
def plain_loop(files: list[Path], clap: ClapModel, extractor: ClapFeatureExtractor) -> np.ndarray:
    """Unit vectors (N, D) of the files, one at a time."""
    vectors = []
    for file in files:
        clip = audio.read(file)
        mono = audio.trim(Clip(clip.mono()[None], clip.sample_rate_hz)).at_rate(RATE_HZ).mono()
        heard = extractor(mono, sampling_rate=RATE_HZ, return_tensors="pt")
        vectors.append(clap.get_audio_features(**heard).pooler_output[0].numpy())
    return np.stack(vectors)


def _clap() -> ClapModel:
    """CLAP in its published sizes, but for a text tower of one layer, which no sound passes; random weights about as large as trained ones."""
    torch.manual_seed(0)
    clap = ClapModel(ClapConfig(text_config={"num_hidden_layers": 1}))
    for weight in clap.audio_model.parameters():
        torch.nn.init.normal_(weight, std=0.05) if weight.dim() > 1 else weight.data.add_(0.05 * torch.randn_like(weight))
    return clap.eval()


def _sample(folder: Path, count: int) -> list[Path]:
    """Some files of a folder, none over ten seconds."""
    found = [Path(sound.path) for sound in scan(folder).sounds]
    random.Random(0).shuffle(found)
    chosen: list[Path] = []
    for path in found:
        try:
            fits = audio.info(path).duration_s <= LONGEST_S
        except AudioError:
            continue
        chosen += [path] if fits else []
        if len(chosen) == count:
            break
    if not chosen:
        sys.exit(f"{folder}: holds no sound files of up to {LONGEST_S:.0f} s")
    return chosen


if __name__ == "__main__":
    main()
