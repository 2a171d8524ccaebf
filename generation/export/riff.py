"""WAV files with chunks of one's own before the sound, as broadcast and sampler software expects them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from generation.export.formats import ExportError

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_SUBFORMAT = bytes.fromhex("000000001000800000aa00389b71")
_LARGEST = 2**32 - 2**20


def write(path: Path, samples: np.ndarray, rate_hz: int, chunks: dict[str, bytes]) -> None:
    """Write samples (T, C), int16, int32 holding 24 bits, or float32; `chunks` by their four letters come before the sound, in that order."""
    frames, channels = samples.shape
    width = {"int16": 2, "int32": 3, "float32": 4}[samples.dtype.name]
    size = frames * channels * width
    if size > _LARGEST:
        raise ExportError(f"{path.name}: more than 4 GB, which no WAV can hold; choose FLAC, or a lower rate")
    header = _chunk(b"fmt ", _format(channels, rate_hz, width))
    if samples.dtype == np.float32:
        header += _chunk(b"fact", struct.pack("<I", frames))
    header += b"".join(_chunk(name.encode(), content) for name, content in chunks.items())
    with open(path, "wb") as file:
        file.write(b"RIFF" + struct.pack("<I", 4 + len(header) + 8 + size + size % 2) + b"WAVE" + header)
        file.write(b"data" + struct.pack("<I", size))
        _write_samples(file, samples)
        file.write(b"\0" * (size % 2))


def _format(channels: int, rate_hz: int, width: int) -> bytes:
    kind = _FLOAT if width == 4 else _PCM
    plain = struct.pack("<HHIIHH", kind, channels, rate_hz, rate_hz * channels * width, channels * width, width * 8)
    if channels <= 2:
        return plain + (struct.pack("<H", 0) if kind == _FLOAT else b"")
    return struct.pack("<H", _EXTENSIBLE) + plain[2:] + struct.pack("<HHI", 22, width * 8, 0) + struct.pack("<H", kind) + _SUBFORMAT


def _write_samples(file: BinaryIO, samples: np.ndarray) -> None:
    for block in _blocks(samples):
        if block.dtype == np.int32:
            file.write(np.ascontiguousarray(block, "<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes())
        else:
            file.write(np.ascontiguousarray(block, block.dtype.newbyteorder("<")).tobytes())


def _blocks(samples: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(samples), 1 << 18):
        yield samples[start : start + (1 << 18)]


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
