"""A bridge to Ableton Live over OSC, as spoken by AbletonOSC (port 11000, answers on 11001) and its client pylive.

Live plays a clip through devices whose parameters are drawn at random; recording happens in Live, on a track whose input is "Resampling".
Nothing here needs Live to be tested: any OSC server that answers the same addresses will do.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clvap.data.effects import AugmentError, Range

PORT = 11_000
REPLY_PORT = 11_001
_ON_SWITCH = "Device On"
_ASK_EVERY_S = 0.05


@dataclass(frozen=True)
class Parameter:
    """A parameter of a device in Live.

    index: its place in the device; low, high: its range in Live's own unit; whole: takes whole numbers only
    """

    index: int
    name: str
    low: float
    high: float
    whole: bool


@dataclass(frozen=True)
class Performance:
    """What was played.

    settings: value of each parameter that was drawn, by name
    seconds: length of the clip
    recording: the file Live recorded, None without a recording track
    """

    settings: dict[str, float]
    seconds: float
    recording: Path | None


class Live:
    """A running Ableton Live with AbletonOSC installed. Use as a context manager, so that the port is free again."""

    def __init__(self, host: str = "127.0.0.1", port: int = PORT, reply_port: int = REPLY_PORT, timeout_s: float = 2.0):
        """Connect, and make sure that somebody answers.

        Raises AugmentError where python-osc is missing, the port for answers is taken, or nobody answers within `timeout_s`.
        """
        try:
            import pythonosc  # noqa: F401
        except ImportError as error:
            raise AugmentError("Ableton Live needs python-osc; pip install python-osc") from error
        self._to = (host, port)
        self._timeout_s = timeout_s
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind(("127.0.0.1" if host in ("127.0.0.1", "localhost") else "", reply_port))
        except OSError as error:
            self._socket.close()
            raise AugmentError(f"port {reply_port} is taken ({error.strerror}); close what else listens to Ableton Live") from error
        try:
            self.query("/live/test")
        except AugmentError:
            self.close()
            raise

    def __enter__(self) -> Live:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def send(self, address: str, *values: Any) -> None:
        """Send a message that Live does not answer."""
        from pythonosc.osc_message_builder import OscMessageBuilder

        message = OscMessageBuilder(address)
        for value in values:
            message.add_arg(value)
        try:
            self._socket.sendto(message.build().dgram, self._to)
        except OSError as error:
            raise AugmentError(f"{self._to[0]}: cannot be reached ({error.strerror}); check the name of the machine Live runs on") from error

    def query(self, address: str, *values: Any) -> list[Any]:
        """Ask and wait for the answer to this very question; returns what follows the repeated question.

        Raises AugmentError when nobody answers in time, when Live reports an error, and when the answer is no OSC.
        """
        self.send(address, *values)
        deadline = time.monotonic() + self._timeout_s
        while True:
            answered, said = self._receive(address, deadline)
            if answered == "/live/error":
                raise AugmentError(f"Live: {' '.join(map(str, said))} (asked {address} {' '.join(map(str, values))})")
            if answered == address and said[: len(values)] == list(values):
                return said[len(values) :]

    def parameters(self, track: int, device: int) -> list[Parameter]:
        """The parameters of a device. Raises AugmentError where Live's lists do not fit together."""
        lists = {kind: self.query(f"/live/device/get/parameters/{kind}", track, device) for kind in ("name", "min", "max", "is_quantized")}
        if len({len(values) for values in lists.values()}) != 1:
            counts = ", ".join(f"{len(values)} of {kind}" for kind, values in lists.items())
            raise AugmentError(f"Live's answers about device {device} of track {track} do not fit together ({counts}); update AbletonOSC")
        try:
            return [Parameter(i, str(n), float(a), float(b), bool(q)) for i, (n, a, b, q) in enumerate(zip(*lists.values(), strict=True))]
        except (TypeError, ValueError) as error:
            raise AugmentError(f"Live's answer about device {device} of track {track} is not understood ({error}); update AbletonOSC") from error

    def randomise(self, track: int, device: int, rng: np.random.Generator, ranges: Mapping[str, Range] | None = None) -> dict[str, float]:
        """Draw parameters of a device: those of `ranges` (by name, in Live's unit), or all but the on switch over their whole range.

        Returns the values Live now has. Raises AugmentError for parameters and ranges the device does not have, and where Live does not take a value.
        """
        known = self.parameters(track, device)
        strange = sorted(set(ranges or {}) - {one.name for one in known})
        if strange:
            raise AugmentError(f"device {device} of track {track} has no parameter {', '.join(strange)}; it has {', '.join(one.name for one in known)}")
        taken = {}
        for one in known:
            if one.name in (ranges or {}) or (ranges is None and one.name != _ON_SWITCH):
                taken[one.name] = self._set(track, device, one, _drawn(one, ranges and ranges[one.name], rng))
        return taken

    def play(self, track: int, clip: int, record_track: int | None = None, wait: Callable[[float], None] = time.sleep) -> tuple[float, Path | None]:
        """Fire a clip and wait until it has played once; its length in seconds, and what the recording track recorded.

        The recording track records into its slot `clip`. Raises AugmentError for a slot without a clip, and a recording slot with one.
        """
        if not self.query("/live/clip_slot/get/has_clip", track, clip)[0]:
            raise AugmentError(f"track {track} has no clip in slot {clip}; drag the sound there in Live's session view")
        if record_track is not None and self.query("/live/clip_slot/get/has_clip", record_track, clip)[0]:
            raise AugmentError(f"slot {clip} of the recording track {record_track} is not empty; delete its clip in Live")
        beats, tempo = float(self.query("/live/clip/get/length", track, clip)[0]), float(self.query("/live/song/get/tempo")[0])
        if not (beats > 0 and tempo > 0):
            raise AugmentError(f"Live says that clip {clip} of track {track} is {beats:g} beats long at {tempo:g} BPM; give it a length")
        seconds, bar_s = beats * 60 / tempo, 4 * 60 / tempo  # Live starts and stops on the next bar
        if record_track is not None:
            self.send("/live/track/set/arm", record_track, 1)
            self.send("/live/clip_slot/fire", record_track, clip)
        self.send("/live/clip/fire", track, clip)
        self._until("/live/clip/get/is_playing", track, clip, True, bar_s, wait)
        wait(seconds)
        self.send("/live/clip/stop", track, clip)
        if record_track is None:
            return seconds, None
        self.send("/live/clip/stop", record_track, clip)
        self._until("/live/clip/get/is_recording", record_track, clip, False, bar_s, wait)
        self.send("/live/track/set/arm", record_track, 0)
        return seconds, self.file(record_track, clip)

    def file(self, track: int, clip: int) -> Path:
        """The sound file of a clip, on the machine Live runs on."""
        return Path(str(self.query("/live/clip/get/file_path", track, clip)[0]))

    def perform(
        self, track: int, clip: int, device: int, rng: np.random.Generator, ranges: Mapping[str, Range] | None = None,
        record_track: int | None = None, wait: Callable[[float], None] = time.sleep,
    ) -> Performance:  # fmt: skip
        """One variant: draw the device's parameters, then play (and record) the clip. Raises what `randomise` and `play` raise."""
        settings = self.randomise(track, device, rng, ranges)
        return Performance(settings, *self.play(track, clip, record_track, wait))

    def _set(self, track: int, device: int, parameter: Parameter, value: float) -> float:
        self.send("/live/device/set/parameter/value", track, device, parameter.index, value)
        now = float(self.query("/live/device/get/parameter/value", track, device, parameter.index)[0])
        if abs(now - value) > 0.01 * max(parameter.high - parameter.low, 1e-6):
            raise AugmentError(f"Live set {parameter.name} to {now:g} instead of {value:g}; is it automated, or mapped to a macro?")
        return now

    def _until(self, address: str, track: int, clip: int, wanted: bool, bar_s: float, wait: Callable[[float], None]) -> None:
        """Ask a clip until it says what is wanted, for a bar and the usual time more."""
        for _ in range(math.ceil((bar_s + self._timeout_s) / _ASK_EVERY_S)):
            if bool(self.query(address, track, clip)[0]) == wanted:
                return
            wait(_ASK_EVERY_S)
        raise AugmentError(f"clip {clip} of track {track} {'does not start' if wanted else 'does not stop'} in Live ({address}); is the slot free and armed?")

    def _receive(self, address: str, deadline: float) -> tuple[str, list[Any]]:
        from pythonosc.osc_message import OscMessage, ParseError

        try:
            left_s = deadline - time.monotonic()
            if left_s <= 0:  # other messages kept coming, such as beats
                raise TimeoutError
            self._socket.settimeout(left_s)
            packet = self._socket.recv(65_536)
        except (TimeoutError, ConnectionError) as error:
            raise AugmentError(
                f"Ableton Live did not answer {address} at {self._to[0]}:{self._to[1]} within {self._timeout_s:g} s; "
                "start Live, install AbletonOSC and choose it under Preferences > Link/Tempo/MIDI > Control Surface"
            ) from error
        try:
            message = OscMessage(packet)
            return message.address, list(message.params)
        except ParseError as error:
            raise AugmentError(f"what answers at {self._to[0]}:{self._to[1]} does not speak OSC ({error}); is another program on that port?") from error


def _drawn(parameter: Parameter, range_: Range | None, rng: np.random.Generator) -> float:
    range_ = range_ or Range(parameter.low, parameter.high)
    if range_.low < parameter.low or range_.high > parameter.high:
        raise AugmentError(f"{parameter.name} goes from {parameter.low:g} to {parameter.high:g} in Live, not {range_.low:g} to {range_.high:g}")
    value = range_.draw(rng)
    return float(round(value)) if parameter.whole else value
