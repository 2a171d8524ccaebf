"""New captions without thinking: the old one and a number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from clvap.data import manifests


def run(arguments, progress):
    rows, count = manifests.read(arguments["sounds"]), arguments["count"]
    progress(0, len(rows), "thinking")
    manifests.write([replace(row, captions=(*row.captions, *(f"{row.captions[0]} {n}" for n in range(count)))) for row in rows], Path(arguments["out"]))
    return {"made": count * len(rows)}
