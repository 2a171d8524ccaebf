"""New captions without thinking: the old one and a number. A language model has thought a sound every FAKE_STEP_S seconds; "down" is not there."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

from app.services.errors import RequestError
from clvap.data import manifests


def run(arguments, progress):
    rows, count, by = manifests.read(arguments["sounds"]), arguments["count"], arguments.get("model", "")
    if by == "down":
        raise RequestError("the connection failed. Is down served there?")
    for number, row in enumerate(rows):
        progress(number, len(rows), row.captions[0])
        time.sleep(float(os.environ.get("FAKE_STEP_S", "0")) if by else 0)
    more = [replace(row, captions=(*row.captions, *(f"{row.captions[0]} {by}{n}" for n in range(count)))) for row in rows]
    manifests.write(more, Path(arguments["out"]))
    return {"made": count * len(rows), "plain": 0 if by else count * len(rows)}
