"""The inputs of this machine through PortAudio: listed, chosen by number or name, recorded straight to disk with their level told."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

_BLOCK_S = 0.05
_DEAD_AFTER_S = 3.0
_QUIET_DB = -45.0
LOWEST_DB = -90.0


class MicrophoneError(ValueError):
    """An input that cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Device:
    """An input. number: what PortAudio calls it; default: whether the system prefers it."""

    number: int
    name: str
    channels: int
    sample_rate_hz: int
    default: bool


@dataclass(frozen=True)
class Taken:
    """A recording on disk. peak_db: dBFS of its loudest sample."""

    path: Path
    seconds: float
    peak_db: float
    device: str


class Microphone:
    """Inputs and recordings. backend: a module like `sounddevice`, which is imported on first use when none is given."""

    def __init__(self, backend: Any = None) -> None:
        self._backend = backend

    def devices(self) -> tuple[Device, ...]:
        """The inputs of this machine; raises MicrophoneError where there are none, or no PortAudio."""
        audio = self._audio()
        try:
            usual, known = audio.default.device[0], list(audio.query_devices())
        except audio.PortAudioError as error:
            raise MicrophoneError(f"the sound devices of this machine cannot be listed ({_said(error)}); plug the microphone in again") from error
        found = tuple(
            Device(number, str(one["name"]), int(one["max_input_channels"]), round(one["default_samplerate"]), number == usual)
            for number, one in enumerate(known)
            if one["max_input_channels"] > 0
        )
        if not found:
            raise MicrophoneError("this machine has no sound input; plug a microphone in, or record elsewhere and give the file")
        return found

    def choose(self, wanted: int | str | None = None) -> Device:
        """An input by number, by a part of its name, or the usual one; raises MicrophoneError that lists those there are."""
        found = self.devices()
        if wanted is None or wanted == "":
            return next((one for one in found if one.default), found[0])
        if isinstance(wanted, int) or wanted.isdecimal():
            fitting = [one for one in found if one.number == int(wanted)]
        else:
            fitting = [one for one in found if one.name.lower() == wanted.lower()] or [one for one in found if wanted.lower() in one.name.lower()]
        if len(fitting) == 1:
            return fitting[0]
        listed = "; ".join(f"{one.number} {one.name}" for one in fitting or found)
        raise MicrophoneError(f"{'several inputs are' if fitting else 'no input is'} called {str(wanted)!r}; choose one of: {listed}")

    def record(
        self,
        path: Path,
        device: Device,
        *,
        stop: threading.Event,
        longest_s: float | None = None,
        silence_s: float | None = None,
        level: Callable[[float, float], None] = lambda seconds, peak_db: None,
    ) -> Taken:
        """Record an input into a 24-bit WAV until `stop` is set, `longest_s` has passed, or, once there was sound, `silence_s` of quiet.

        level: called some twenty times a second with the time that is recorded and the peak of its last part in dBFS
        Raises MicrophoneError where the input or the disk refuses; a KeyboardInterrupt ends the recording like `stop`.
        """
        audio = self._audio()
        blocks: queue.Queue[np.ndarray] = queue.Queue()
        channels = min(device.channels, 2)
        options = {"device": device.number, "channels": channels, "samplerate": device.sample_rate_hz, "dtype": "float32"}
        heard = _Heard(longest_s, silence_s)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with (
                soundfile.SoundFile(str(path), "w", device.sample_rate_hz, channels, "PCM_24") as file,
                audio.InputStream(
                    **options, blocksize=int(device.sample_rate_hz * _BLOCK_S), callback=lambda block, frames, times, status: blocks.put(block.copy())
                ),
            ):
                self._collect(blocks, file, device, stop, heard, level)
        except audio.PortAudioError as error:
            raise MicrophoneError(f"{device.name}: cannot be recorded ({_said(error)}); close other programs that use it, or choose another input") from error
        except (soundfile.SoundFileError, OSError) as error:
            raise MicrophoneError(f"{path}: could not be written ({error}); free some disk space or choose another place") from error
        if not heard.seconds:
            path.unlink(missing_ok=True)
            raise MicrophoneError("nothing was recorded; let it run for a moment before you stop it")
        return Taken(path, heard.seconds, heard.peak_db, device.name)

    @staticmethod
    def _collect(blocks: queue.Queue, file: soundfile.SoundFile, device: Device, stop: threading.Event, heard: _Heard, level) -> None:
        """Blocks to the file until it is enough. Ctrl-C may come at any moment, and is how most recordings end."""
        last_s = time.monotonic()
        with suppress(KeyboardInterrupt):
            while not stop.is_set() and not heard.enough:
                try:
                    block = blocks.get(timeout=_BLOCK_S)
                except queue.Empty:
                    if time.monotonic() - last_s > _DEAD_AFTER_S:
                        raise MicrophoneError(f"{device.name}: gives no sound any more; plug it in again, or choose another input") from None
                    continue
                last_s = time.monotonic()
                file.write(heard.kept(block, device.sample_rate_hz))
                level(heard.seconds, heard.last_db)

    def _audio(self) -> Any:
        if self._backend is None:
            try:
                self._backend = import_module("sounddevice")
            except ImportError as error:
                raise MicrophoneError("recording needs the package sounddevice; pip install sounddevice") from error
            except OSError as error:  # what it raises where it finds no PortAudio
                cure = "install it (Debian and Ubuntu: apt install libportaudio2), or record elsewhere and give the file"
                raise MicrophoneError(f"PortAudio is not on this machine; {cure}") from error
        return self._backend


class _Heard:
    """What came in so far, and whether it is enough."""

    def __init__(self, longest_s: float | None, silence_s: float | None) -> None:
        self._longest_s, self._silence_s = longest_s, silence_s
        self.seconds, self.peak_db, self.last_db = 0.0, LOWEST_DB, LOWEST_DB
        self._loud_until_s: float | None = None

    def kept(self, block: np.ndarray, rate_hz: int) -> np.ndarray:
        """As much of a block (T, C) as there is room for."""
        if self._longest_s is not None:
            block = block[: max(round((self._longest_s - self.seconds) * rate_hz), 0)]
        self.seconds += len(block) / rate_hz
        peak = float(np.abs(np.nan_to_num(block)).max(initial=0.0))
        self.last_db = max(20 * np.log10(peak), LOWEST_DB) if peak > 0 else LOWEST_DB
        self.peak_db = max(self.peak_db, self.last_db)
        if self.last_db > _QUIET_DB:
            self._loud_until_s = self.seconds
        return block

    @property
    def enough(self) -> bool:
        full = self._longest_s is not None and self.seconds >= self._longest_s - 1e-6
        quiet = self._silence_s is not None and self._loud_until_s is not None and self.seconds - self._loud_until_s >= self._silence_s
        return full or quiet


def _said(error: Exception) -> str:
    return str(error.args[0] if error.args else error)
