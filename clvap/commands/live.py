"""`python -m clvap live`: clips of an Ableton Live set, played through a device at random settings and recorded as imitations."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from clvap.console import Spoken
from clvap.files import whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder to make; takes that are there are kept")
    parser.add_argument("--track", type=int, required=True, metavar="N", help="track with the sounds, counted from 0")
    parser.add_argument("--clip", type=int, action="append", required=True, metavar="N", help="slot of a sound on it; may be given again")
    parser.add_argument("--device", type=int, default=0, metavar="N", help="device of the track to vary, such as VocalSynth (%(default)s)")
    parser.add_argument("--record-track", type=int, required=True, metavar="N", help="audio track with the input Resampling and empty slots")
    parser.add_argument("--takes", type=int, default=1, metavar="N", help="takes of each sound (%(default)s)")
    parser.add_argument("--range", action="append", default=[], metavar="NAME=LOW..HIGH", help="where a parameter is drawn from, in Live's unit (all of all)")
    parser.add_argument("--licence", default="unknown", metavar="NAME", help="licence of the sounds (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--host", default="127.0.0.1", metavar="NAME", help="where Live runs (%(default)s)")
    parser.add_argument("--port", type=int, default=11_000, metavar="N", help="where AbletonOSC listens (%(default)s)")
    parser.add_argument("--reply-port", type=int, default=11_001, metavar="N", help="where it answers (%(default)s)")
    parser.add_argument("--timeout", type=float, default=2.0, metavar="S", help="how long Live may take to answer (%(default)g)")


def live(parsed: argparse.Namespace) -> str:
    """Play sounds of Ableton Live through a device at random settings, and record them as imitations."""
    import numpy as np

    from clvap.commands.augment import a_range
    from clvap.data import folder_captions, manifests
    from clvap.data.ableton import Live
    from clvap.data.effects import AugmentError, Range
    from clvap.data.rows import Row

    ranges = {name: Range(low, high) for name, low, high in map(a_range, parsed.range)} or None
    rows, made, spoken = [], 0, Spoken()
    with Live(parsed.host, parsed.port, parsed.reply_port, parsed.timeout) as connected:
        for slot in parsed.clip:
            sound = connected.file(parsed.track, slot)
            for take in range(parsed.takes):
                imitation = parsed.out.absolute() / "imitations" / f"{sound.stem}-{parsed.track}-{slot}-{take:02d}.wav"
                if not imitation.exists():
                    rng = np.random.default_rng([parsed.seed, slot, take])
                    done = connected.perform(parsed.track, slot, parsed.device, rng, ranges, parsed.record_track)
                    if not done.recording.is_file():
                        raise AugmentError(f"{done.recording}: Live's recording is not on this machine; run this command on the one Live runs on")
                    imitation.parent.mkdir(parents=True, exist_ok=True)
                    with whole(imitation) as partial:
                        shutil.copyfile(done.recording, partial)
                    connected.send("/live/clip_slot/delete_clip", parsed.record_track, slot)
                    made += 1
                caption, kind = folder_captions.caption(sound, sound.parent), folder_captions.category(sound, sound.parent)
                rows.append(Row(sound, (caption,), kind, sound.name, parsed.licence, imitation=imitation))
                spoken(len(rows), len(parsed.clip) * parsed.takes, sound.name)
    path = manifests.write(rows, parsed.out / "manifest.csv")
    if parsed.json:
        return json.dumps({"made": made, "kept": len(rows) - made, "manifest": str(path)})
    return f"{made} recorded, {len(rows) - made} kept: {path}"
