"""A stand-in for the module sounddevice: two inputs and an output, of which the first input hears a tone that begins and ends."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import numpy as np


class PortAudioError(Exception):
    """As sounddevice raises it."""


class FakeAudio:
    """`heard_s` of a tone after `quiet_s` of silence, then silence, in blocks; `pace`: how slowly they come, 1 as time goes by, 0 at once."""

    PortAudioError = PortAudioError

    def __init__(self, heard_s: float = 1.0, quiet_s: float = 0.2, pace: float = 0.0, inputs: int = 2, dies_after_s: float | None = None) -> None:
        self.heard_s, self.quiet_s, self.pace, self.dies_after_s = heard_s, quiet_s, pace, dies_after_s
        self.default = SimpleNamespace(device=[1 if inputs else -1, 0])
        speaker = {"name": "Speaker", "max_input_channels": 0, "default_samplerate": 48_000.0}
        known = [("Desk Microphone", 1, 44_100.0), ("Desk Interface <1>", 8, 48_000.0)][:inputs]
        self._known = [speaker, *({"name": name, "max_input_channels": channels, "default_samplerate": rate} for name, channels, rate in known)]
        self.opened: list[dict] = []

    def query_devices(self) -> list[dict]:
        return self._known

    def InputStream(self, **options):
        self.opened.append(options)
        if options["device"] == 2 and options["channels"] != 2:
            raise PortAudioError("Invalid number of channels")
        return _Stream(self, **options)


class BusyAudio(FakeAudio):
    """An input that another program holds."""

    def InputStream(self, **options):
        raise PortAudioError("Device unavailable [PaErrorCode -9985]")


class _Stream:
    def __init__(self, audio: FakeAudio, *, channels: int, samplerate: int, blocksize: int, callback, **_) -> None:
        self._audio, self._channels, self._rate, self._size, self._callback = audio, channels, samplerate, blocksize, callback
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error) -> None:
        self._ended.set()
        self._thread.join()

    def _play(self) -> None:
        at = 0
        while not self._ended.is_set():
            if self._audio.dies_after_s is not None and at / self._rate >= self._audio.dies_after_s:
                return
            time_s = (at + np.arange(self._size)) / self._rate
            heard = (time_s >= self._audio.quiet_s) & (time_s < self._audio.quiet_s + self._audio.heard_s)
            wave = (0.4 * np.sin(2 * np.pi * 440 * time_s) * heard).astype(np.float32)
            self._callback(np.tile(wave[:, None], (1, self._channels)), self._size, None, None)
            at += self._size
            time.sleep(max(self._audio.pace * self._size / self._rate, 0.001))
