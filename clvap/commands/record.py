"""`python -m clvap record`: a gesture from a microphone of this machine into a file."""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from clvap.workspace import default_workspace

if TYPE_CHECKING:
    from clvap.microphone import Microphone

_METER, _LOWEST_SHOWN_DB = 30, -60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, metavar="FILE", help="a WAV file (default: one of the workspace, by the time)")
    parser.add_argument("--seconds", type=_seconds, metavar="N", help="stop after so long (default: at Enter or Ctrl-C)")
    parser.add_argument("--silence", type=_seconds, metavar="N", help="stop after so many seconds of quiet, once there was sound")
    parser.add_argument("--device", metavar="N|NAME", help="an input by its number or a part of its name (default: the system's)")
    parser.add_argument("--list", action="store_true", help="list the inputs and stop")
    parser.add_argument("--workspace", type=Path, default=default_workspace(), metavar="DIR", help="%(default)s")


def record(parsed: argparse.Namespace) -> str:
    """Record a gesture with a microphone of this machine."""
    from clvap.microphone import Microphone

    microphone = Microphone()
    return listed(microphone, parsed.json) if parsed.list else recorded(microphone, parsed)


def listed(microphone: Microphone, as_json: bool) -> str:
    """The inputs of this machine, the usual one marked."""
    found = microphone.devices()
    if as_json:
        return json.dumps({"devices": [asdict(one) for one in found]}, ensure_ascii=False)
    return "\n".join(f"{'*' if one.default else ' '} {one.number:3}  {one.name}  ({one.channels} channels, {one.sample_rate_hz} Hz)" for one in found)


def recorded(microphone: Microphone, parsed: argparse.Namespace) -> str:
    """Record as asked; the file."""
    from clvap.microphone import MicrophoneError

    out = parsed.out or parsed.workspace / "recordings" / time.strftime("%Y%m%d-%H%M%S.wav")
    if out.suffix.lower() != ".wav":
        raise MicrophoneError(f"{out}: recordings are WAV; give it a name that ends in .wav")
    device, stop = microphone.choose(parsed.device), threading.Event()
    by_key = sys.stdin is not None and sys.stdin.isatty()
    if by_key:
        threading.Thread(target=_await_enter, args=(stop,), name="enter", daemon=True).start()
    how = "Enter or Ctrl-C stops" if by_key else "Ctrl-C stops"
    print(f"Recording {device.name}; {how}.", file=sys.stderr)
    taken = microphone.record(out, device, stop=stop, longest_s=parsed.seconds, silence_s=parsed.silence, level=_show)
    print(file=sys.stderr)
    if taken.peak_db < _LOWEST_SHOWN_DB:
        print("Hardly anything was heard: check that the input is not muted.", file=sys.stderr)
    if parsed.json:
        return json.dumps(
            {"path": str(taken.path), "seconds": round(taken.seconds, 3), "peak_db": round(taken.peak_db, 1), "device": taken.device}, ensure_ascii=False
        )
    return str(taken.path)


def _await_enter(stop: threading.Event) -> None:
    if sys.stdin.readline():
        stop.set()


def _show(seconds: float, peak_db: float) -> None:
    """The meter, drawn over itself."""
    lit = round(_METER * min(max(1 - peak_db / _LOWEST_SHOWN_DB, 0.0), 1.0))
    print(f"\r{seconds:6.1f} s  {'█' * lit}{'·' * (_METER - lit)}  {peak_db:5.1f} dB ", end="", file=sys.stderr, flush=True)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 86_400:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above 0")
    return value
