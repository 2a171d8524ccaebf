"""`python -m generation perform`: a sound shaped to a recorded gesture."""

from __future__ import annotations

import argparse
import json
from dataclasses import fields
from pathlib import Path

from clvap.workspace import default_workspace
from generation.commands.generate import share


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sound", type=Path, metavar="SOUND", help="the sound to shape; at most its first two minutes are")
    parser.add_argument("--voice", type=Path, required=True, metavar="FILE", help="recorded gesture")
    parser.add_argument("--gesture", type=int, metavar="N", help="use the Nth gesture of the recording alone, as `python -m clvap gestures` lists them")
    for name in ("timing", "loudness", "brightness", "pitch"):
        parser.add_argument(f"--{name}", type=share, metavar="0..1", help="how far it is drawn to that of the gesture")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the result goes (default: among the takes of the workspace)")
    parser.add_argument("--workspace", type=Path, default=default_workspace(), metavar="DIR")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")


def perform(parsed: argparse.Namespace) -> str:
    """Shape a sound and write it."""
    from clvap import activity, audio
    from clvap.contours import extract
    from generation import perform as performing

    sound, voice = audio.read(parsed.sound, performing.LONGEST_S), audio.read_gesture(parsed.voice)
    if parsed.gesture is not None:
        one = activity.pick(activity.events(voice), parsed.gesture, parsed.voice.name)
        voice = audio.gesture(voice.cut(one.start_s, one.end_s), parsed.voice.name)
    asked = {field.name: getattr(parsed, field.name) for field in fields(performing.Amounts) if getattr(parsed, field.name) is not None}
    made = performing.perform(sound, extract(voice), performing.Amounts(**asked))
    path = audio.write(parsed.out or parsed.workspace / "takes" / f"{parsed.sound.stem}-performed.wav", made)
    return json.dumps({"path": str(path), "duration_s": round(made.duration_s, 3)}) if parsed.json else str(path)
