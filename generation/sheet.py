"""One picture of what a generator does: real sound, what its autoencoder makes of it, the imitation, a take from it, a take from words.

Each panel is a spectrogram, low frequencies at the bottom, up to 15 kHz, three seconds wide.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from clvap.audio import Clip, gesture, read, trim
from clvap.data.captions import esc50_captions
from clvap.data.vocalize import imitate
from generation import spectrum
from generation.request import GenerateRequest
from generation.sounds import esc50

CLASSES = ("dog", "rain", "siren", "church_bells", "crying_baby", "glass_breaking", "clock_tick", "chirping_birds")
ROWS = ("real", "autoencoder", "imitation", "take: voice+text", "take: text")
_SECONDS, _BINS, _WIDTH, _HEIGHT, _MARGIN = 3.0, 700, 150, 120, 14


def draw(generator, embedder, data: Path, path: Path, seed: int = 0) -> Path:
    """Write the sheet for one held-out clip of each of `CLASSES`."""
    from PIL import Image, ImageDraw

    rng, phrases = np.random.default_rng(seed), esc50_captions("evaluate")
    first = {sound.category: sound.path for sound in reversed(esc50(data, ("4",)))}
    sheet = Image.new("L", (len(CLASSES) * (_WIDTH + 4), len(ROWS) * (_HEIGHT + _MARGIN)), 255)
    pen = ImageDraw.Draw(sheet)
    for column, category in enumerate(CLASSES):
        for row, clip in enumerate(_column(generator, embedder, Path(first[category]), phrases[category][0], rng, seed)):
            corner = (column * (_WIDTH + 4), row * (_HEIGHT + _MARGIN))
            pen.text((corner[0] + 2, corner[1] + 1), f"{category.replace('_', ' ')} | {ROWS[row]}", fill=0)
            sheet.paste(Image.fromarray(_panel(clip)).resize((_WIDTH, _HEIGHT)), (corner[0], corner[1] + _MARGIN))
    sheet.save(path, optimize=True)
    return path


def _column(generator, embedder, path: Path, text: str, rng: np.random.Generator, seed: int) -> list[Clip]:
    real = trim(read(path))
    real = Clip(real.mono()[None]).cut(0, _SECONDS)
    voice = gesture(imitate(real, rng)).cut(0, _SECONDS)
    spoken = generator.generate(GenerateRequest(embedder.query(voice, text), max(voice.duration_s, 0.5), 4, seed))[0]
    words = generator.generate(GenerateRequest(embedder.query(text=text), _SECONDS, 4, seed))[0]
    return [real, generator.reconstructed(real), voice, spoken.clip, words.clip]


def _panel(clip: Clip) -> np.ndarray:
    """Log magnitudes as grey, uint8 (bins, frames), black at -95 dB."""
    length = int(_SECONDS * clip.sample_rate_hz) // spectrum.HOP * spectrum.HOP
    wave = np.zeros(length, dtype=np.float32)
    wave[: min(length, clip.samples.shape[1])] = clip.mono()[:length]
    level_db = spectrum.log_magnitude(torch.from_numpy(wave)[None])[0, :, :_BINS].numpy().T * 8.686
    return (np.clip((level_db[::-1] + 95) / 90, 0, 1) * 255).astype(np.uint8)
