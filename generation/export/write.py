"""A sound from one file into another: resampled, cut to its edges, brought to a level, and written with what is known of it. C channels, T samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from clvap.audio import AudioError, Clip, info, read
from clvap.files import whole
from generation.export import edges, loudness, metadata, riff, tags
from generation.export.edges import Loop
from generation.export.formats import ExportError, ExportSettings
from generation.export.loudness import Loudness
from generation.export.metadata import About

MOST_SAMPLES = 120_000_000  # of all channels at the rate that is written: half a gigabyte in memory
_BLOCK = 1 << 16
_MOST_FLAC_CHANNELS = 8
_OGG_COMPRESSION = 0.2  # of 1; 0 is the best sound


@dataclass(frozen=True)
class Rendered:
    """A sound as it is written.

    loudness: of what is written
    loop: None where it has none
    """

    clip: Clip
    loudness: Loudness
    loop: Loop | None


@dataclass(frozen=True)
class Written:
    """A file that was written."""

    path: Path
    duration_s: float
    channels: int
    loudness: Loudness
    loop: Loop | None


def export(source: Path, folder: Path, stem: str, settings: ExportSettings, about: About) -> Written:
    """Write the sound of `source` into `folder` under `stem` and the format's suffix; an existing file of that name is replaced, whole.

    Raises AudioError where the source cannot be read, ExportError where it is too long or the disk refuses.
    """
    length = info(source)
    if length.duration_s * settings.rate_hz * length.channels > MOST_SAMPLES:
        most_s = MOST_SAMPLES / settings.rate_hz / length.channels
        raise ExportError(f"{source.name}: {length.duration_s / 60:.0f} min is too long to export; at most {most_s / 60:.0f} min at this rate")
    if settings.format == "flac" and length.channels > _MOST_FLAC_CHANNELS:
        raise ExportError(f"{source.name}: {length.channels} channels, of which FLAC holds {_MOST_FLAC_CHANNELS}; choose WAV")
    rendered = render(read(source), settings)
    target = folder / f"{stem}.{settings.format}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with whole(target, shared=True) as partial:
            _write(partial, rendered, settings, about)
    except (soundfile.SoundFileError, OSError) as error:
        raise ExportError(f"{target}: could not be written ({error}); free some disk space or choose another folder") from error
    return Written(target, rendered.clip.duration_s, rendered.clip.samples.shape[0], rendered.loudness, rendered.loop)


def render(clip: Clip, settings: ExportSettings) -> Rendered:
    """A clip as the settings ask."""
    if not clip.samples.size:
        raise AudioError("there is no sound in it")
    clip, loop = edges.faded(_resampled(clip, settings.rate_hz), settings.fade_in_ms, settings.fade_out_ms), None
    if settings.loop != "none":
        made = edges.looped(clip, settings.loop)
        clip, loop = made.clip, made.loop
    measured = loudness.measure(clip)
    gain_db = loudness.gain_db(measured, settings)
    return Rendered(loudness.amplified(clip, gain_db), measured.after(gain_db), loop)


def quantised(samples: np.ndarray, bits: int) -> np.ndarray:
    """Samples float32 (C, T) as integers (T, C): int16, or int32 holding 24 bits.

    16 bits are dithered by triangular noise of one step either way, but for silence and for what already lies on the
    steps, as 16-bit sounds that nothing was done to: those come out as they went in.
    """
    steps, kind = 2 ** (bits - 1), np.int16 if bits == 16 else np.int32
    noise = np.random.default_rng(0)
    made = np.empty(samples.T.shape, kind)
    on_steps = bits == 16 and all(_is_whole(samples[:, start : start + _BLOCK] * steps) for start in range(0, samples.shape[1], _BLOCK))
    for start in range(0, samples.shape[1], _BLOCK):
        block = samples[:, start : start + _BLOCK].T.astype(np.float64) * steps
        if bits == 16 and not on_steps:
            dither = noise.random(block.shape) - noise.random(block.shape)
            block = np.where(block == 0, 0, block + dither)
        made[start : start + _BLOCK] = np.clip(np.rint(block), -steps, steps - 1)
    return made


def _is_whole(block: np.ndarray) -> bool:
    return bool(np.all(np.abs(block - np.rint(block)) < 1e-4))


def _resampled(clip: Clip, rate_hz: int) -> Clip:
    if clip.sample_rate_hz == rate_hz:
        return clip
    samples = soxr.resample(clip.samples.T, clip.sample_rate_hz, rate_hz, quality="VHQ")
    return Clip(np.ascontiguousarray(samples.T, dtype=np.float32), rate_hz)


def _write(path: Path, rendered: Rendered, settings: ExportSettings, about: About) -> None:
    samples, channels = rendered.clip.samples, rendered.clip.samples.shape[0]
    if settings.format == "ogg":
        _write_by_library(path, np.clip(samples.T, -1, 1), settings, "VORBIS", compression_level=_OGG_COMPRESSION)
        tags.into_ogg(path, metadata.vorbis(about, rendered.loop))
        return
    frames = np.ascontiguousarray(samples.T, np.float32) if settings.written_depth == "float" else quantised(samples, settings.bits)
    if settings.format == "flac":
        shifted = frames << 8 if settings.bits == 24 else frames  # the library takes 24 bits in the upper part of 32
        _write_by_library(path, shifted, settings, f"PCM_{settings.bits}")
        tags.into_flac(path, metadata.vorbis(about, rendered.loop))
        return
    chunks = {
        "bext": metadata.bext(about, settings, rendered.loudness, channels),
        "iXML": metadata.ixml(about, settings, rendered.loop),
        "LIST": metadata.info(about),
    }
    riff.write(path, frames, settings.rate_hz, chunks | ({"smpl": metadata.smpl(rendered.loop, settings.rate_hz)} if rendered.loop else {}))


def _write_by_library(path: Path, samples: np.ndarray, settings: ExportSettings, subtype: str, **options) -> None:
    """In blocks: the Vorbis encoder takes a large one onto its stack."""
    kind = {"format": settings.format.upper(), "subtype": subtype} | options
    with soundfile.SoundFile(str(path), "w", settings.rate_hz, samples.shape[1], **kind) as file:
        for start in range(0, len(samples), _BLOCK):
            file.write(samples[start : start + _BLOCK])
