"""Variants and imitations of sounds to train on, as a job. arguments: sounds, a table; root, their folder; out; variants and imitations of each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from clvap.progress import Progress


def run(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Make what is not there yet, and OUT/manifest.csv of it; the result counts the files."""
    from clvap.data import augment_batch, manifests

    rows = manifests.read(arguments["sounds"], check_audio=False)
    report = augment_batch.run(
        rows, Path(arguments["root"]), Path(arguments["out"]), augment_batch.Settings(), arguments["variants"], arguments["imitations"],
        os.cpu_count() or 1, progress,
    )  # fmt: skip
    for one in report.skipped:
        print(f"{one.path}: {one.reason}")
    return {"made": report.made + report.kept}
