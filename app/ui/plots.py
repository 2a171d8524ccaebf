"""Pictures of sound, drawn here: a few kilobytes, coloured by the page's style sheet."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO
from itertools import pairwise
from urllib.parse import quote

import numpy as np
from PIL import Image

from clvap.audio import Clip
from clvap.contours import Contours, resample_curve

_WIDTH, _HEIGHT = 600, 160
_BINS = 200
_LINE_WIDTH, _LINE_HEIGHT = 320, 40
_SKETCH_BANDS, _SKETCH_FRAMES = 32, 96
_LOUDNESS_DB = (-60.0, 0.0)
_BRIGHTNESS_MIDI = (45.0, 132.0)
_PITCH_MIDI = (31.0, 92.0)
_HEARD_ABOVE_DB = -50.0


def wave_mask(peaks: np.ndarray) -> str:
    """A waveform as bars, for use as a CSS mask: `peaks` of shape (bins,), 0 to 1."""
    bars = "".join(f"M{i * 4 + 2} {50 - height:.1f}V{50 + height:.1f}" for i, height in enumerate(np.maximum(peaks * 48, 1.5)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {len(peaks) * 4} 100" preserveAspectRatio="none">'
        f'<path d="{bars}" stroke="#000" stroke-width="2.6" stroke-linecap="round"/></svg>'
    )


def line_mask(levels: Sequence[float]) -> str:
    """A curve of levels from 0 to 1 as the address of an SVG, for use as a CSS mask."""
    x = np.linspace(0, _LINE_WIDTH, len(levels))
    points = "L".join(f"{at:.0f} {_LINE_HEIGHT - 2 - level * (_LINE_HEIGHT - 4):.1f}" for at, level in zip(x, levels, strict=True))
    drawn = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LINE_WIDTH} {_LINE_HEIGHT}" preserveAspectRatio="none">'
        f'<path d="M{points}" fill="none" stroke="#000" stroke-width="1.5" stroke-linejoin="round" vector-effect="non-scaling-stroke"/></svg>'
    )
    return f"data:image/svg+xml,{quote(drawn)}"


def sketch_mask(levels: np.ndarray) -> str:
    """A rough spectrogram, levels (M, F) from 0 to 1, low ones first, as the address of a small PNG, for use as a CSS mask."""
    bands = np.array_split(levels, min(_SKETCH_BANDS, len(levels)), axis=0)
    coarse = np.stack([band.mean(axis=0) for band in bands])[::-1]
    frames = np.array_split(coarse, min(_SKETCH_FRAMES, coarse.shape[1]), axis=1)
    alpha = np.clip(np.stack([frame.mean(axis=1) for frame in frames], axis=1), 0, 1) ** 1.5 * 255
    file = BytesIO()
    Image.fromarray(np.stack([np.zeros_like(alpha), alpha], axis=-1).astype(np.uint8), "LA").save(file, "PNG")
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"


def gesture_picture(clip: Clip, contours: Contours) -> str:
    """The waveform of a gesture with its loudness, brightness and pitch drawn over it, and a legend."""
    loudness = resample_curve(contours.loudness_db, _BINS)
    heard = loudness > max(_HEARD_ABOVE_DB, float(loudness.max()) - 40)
    brightness = _segments(resample_curve(contours.brightness, _BINS), heard, _BRIGHTNESS_MIDI)
    nearest = np.linspace(0, len(contours.pitch) - 1, _BINS).round().astype(int)
    pitch = contours.pitch[nearest]  # never interpolated: 0 means none, and a slope down to it would be a lie
    lines = (
        ("loudness", _segments(loudness, np.ones(_BINS, bool), _LOUDNESS_DB)),
        ("brightness", brightness),
        ("pitch", _segments(pitch, (pitch > 0) & heard, _PITCH_MIDI)),
    )
    drawn = "".join(f'<path class="line {name}" d="{path}"/>' for name, path in lines)
    legend = "".join(f'<span class="{name}">{name}</span>' for name, path in lines if path)
    return (
        f'<div class="legend">{legend}<span class="length">{clip.duration_s:.1f} s</span></div>'
        f'<svg class="gesture-plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="Waveform with loudness, brightness and pitch"><path class="body" d="{_body(clip)}"/>{drawn}</svg>'
    )


def _body(clip: Clip) -> str:
    """The outline of the waveform, mirrored, as one closed path."""
    mono = np.abs(clip.mono())
    edges = np.linspace(0, len(mono), _BINS + 1).astype(int)
    peaks = np.array([mono[start:end].max(initial=0.0) for start, end in pairwise(edges)])
    heights = np.maximum(peaks / max(float(peaks.max()), 1e-6) * (_HEIGHT / 2 - 6), 0.6)
    x = np.linspace(0, _WIDTH, _BINS)
    upper = [f"{a:.1f} {_HEIGHT / 2 - h:.1f}" for a, h in zip(x, heights, strict=True)]
    lower = [f"{a:.1f} {_HEIGHT / 2 + h:.1f}" for a, h in zip(x[::-1], heights[::-1], strict=True)]
    return "M" + "L".join(upper + lower) + "Z"


def _segments(curve: np.ndarray, shown: np.ndarray, span: tuple[float, float]) -> str:
    """A curve as path data, broken where `shown` is false; `span` is what the picture's bottom and top stand for."""
    low, high = span
    y = _HEIGHT - 6 - (np.clip(curve, low, high) - low) / (high - low) * (_HEIGHT - 12)
    x = np.linspace(0, _WIDTH, len(curve))
    path, drawing = [], False
    for at, level, visible in zip(x, y, shown, strict=True):
        if visible:
            path.append(f"{'L' if drawing else 'M'}{at:.1f} {level:.1f}")
        drawing = bool(visible)
    return "".join(path)
