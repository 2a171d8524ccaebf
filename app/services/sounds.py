"""Sound files as a browser may have them: opaque names, playable formats, waveform outlines.

Library files lie anywhere on the user's disks. Rather than open those folders to the web server, each file the page
shows gets an unguessable token (a keyed hash of its path, keyed anew at each start); only files with a token are served.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile

from clvap.audio import AudioError, read, write
from clvap.files import whole

_PLAYED_BY_BROWSERS = {".wav", ".flac", ".ogg", ".mp3"}
_WAV_SUBTYPES = {"PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT"}
_READ_WHOLE_UNDER_S = 60.0
_SAMPLED = 2_048
OUTLINE_BINS = 96


class Sounds:
    """Tokens for files; thread-safe."""

    def __init__(self, previews: Path) -> None:
        """`previews`: folder for copies of files that browsers cannot play."""
        self._previews = previews
        self._secret = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._paths: dict[str, Path] = {}

    def token(self, path: Path) -> str:
        """The token of a file; the same file has the same token until the studio stops."""
        token = hmac.new(self._secret, str(path).encode(), hashlib.sha256).hexdigest()[:32]
        with self._lock:
            self._paths[token] = path
        return token

    def path(self, token: str) -> Path | None:
        """The file behind a token, None where no such token was given out."""
        with self._lock:
            return self._paths.get(token)

    def playable(self, path: Path) -> Path:
        """The file itself where browsers play it, otherwise a 16-bit WAV copy of it; raises AudioError where it is no sound."""
        if path.suffix.lower() in _PLAYED_BY_BROWSERS and not _is_odd_wav(path):
            return path
        if not path.exists():
            raise AudioError(f"{path.name}: the file is gone; index its folder again")
        state = path.stat()
        name = hashlib.sha256(f"{path}:{state.st_mtime_ns}:{state.st_size}".encode()).hexdigest()[:32]
        copy = self._previews / f"{name}.wav"
        if not copy.exists():
            with whole(copy, shared=True) as partial:
                write(partial, read(path))
        return copy


def outline(path: Path, bins: int = OUTLINE_BINS) -> np.ndarray:
    """Peaks of a sound file over time, float32 of shape (bins,), 1.0 at its loudest; long files are sampled, not read whole.

    Raises AudioError where the file cannot be read.
    """
    try:
        with soundfile.SoundFile(str(path)) as file:
            edges = np.linspace(0, file.frames, bins + 1).astype(int)
            if file.frames <= _READ_WHOLE_UNDER_S * file.samplerate:
                loudest = np.abs(file.read(dtype="float32", always_2d=True)).max(axis=1)
                return _scaled([loudest[start:end] for start, end in pairwise(edges)])
            blocks = []
            for start in edges[:-1]:
                file.seek(start)
                blocks.append(np.abs(file.read(_SAMPLED, dtype="float32", always_2d=True)).max(axis=1))
            return _scaled(blocks)
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioError(f"{path.name}: the file cannot be read; index its folder again") from error


def _scaled(blocks: list[np.ndarray]) -> np.ndarray:
    peaks = np.nan_to_num(np.array([block.max(initial=0.0) for block in blocks], dtype=np.float32))
    return peaks / max(float(peaks.max()), 1e-6)


def _is_odd_wav(path: Path) -> bool:
    """WAV files hold telephone codecs and 64-bit floats too, which browsers refuse."""
    if path.suffix.lower() != ".wav":
        return False
    try:
        return soundfile.info(str(path)).subtype not in _WAV_SUBTYPES
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioError(f"{path.name}: the file cannot be read; index its folder again") from error
