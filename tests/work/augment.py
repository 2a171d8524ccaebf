"""Variants that sound like the original."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from clvap.data import manifests


def run(arguments, progress):
    rows, out, made = manifests.read(arguments["sounds"]), Path(arguments["out"]), []
    out.mkdir(parents=True, exist_ok=True)
    for number, row in enumerate(rows):
        progress(number, len(rows), row.path.name)
        made += [replace(row, path=Path(shutil.copyfile(row.path, out / f"{number}-v{n}.wav"))) for n in range(arguments["variants"])]
    manifests.write(made, out / "manifest.csv")
    return {"made": len(made)}
