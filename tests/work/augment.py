"""Variants that sound like the original, a sound every FAKE_STEP_S seconds; those that are there already take no time."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

from clvap.data import manifests


def run(arguments, progress):
    rows, out, made = manifests.read(arguments["sounds"]), Path(arguments["out"]), []
    out.mkdir(parents=True, exist_ok=True)
    for number, row in enumerate(rows):
        progress(number, len(rows), row.path.name)
        for n in range(arguments["variants"]):
            variant = out / f"{number}-v{n}.wav"
            if not variant.exists():
                time.sleep(float(os.environ.get("FAKE_STEP_S", "0")) / arguments["variants"])
                shutil.copyfile(row.path, variant)
            made.append(replace(row, path=variant))
    manifests.write(made, out / "manifest.csv")
    return {"made": len(made)}
