"""Counts to a number, remembering in a file how far it came: work that can be stopped, killed and resumed."""

import os
import time
from pathlib import Path

from clvap.audio import AudioError


def run(arguments, progress):
    kept = Path(arguments["file"])
    done = int(kept.read_text()) if kept.exists() else 0
    began_at = done
    while done < arguments["to"]:
        progress(done, arguments["to"], f"at {done}")
        if done == arguments.get("fail_at"):
            raise AudioError("the sound is broken; use another")
        if done == arguments.get("die_at") and began_at < done:
            os._exit(9)
        print(f"counted {done}")
        time.sleep(arguments.get("pause_s", 0.02))
        done += 1
        kept.with_suffix(".new").write_text(str(done))
        kept.with_suffix(".new").replace(kept)  # whole or not at all, for those who look
    return {"counted": done, "began_at": began_at}
