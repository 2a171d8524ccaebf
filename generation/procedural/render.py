"""Write the starter library into a folder: WAV files and a sidecar of captions. Can be stopped at any moment and taken up again."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import soundfile

from clvap.audio import SAMPLE_RATE_HZ, AudioError
from clvap.files import whole
from clvap.progress import Progress, silent
from generation.procedural.catalog import catalog

SIDECAR = "captions.csv"


def render_starter_library(folder: Path, *, seed: int = 0, progress: Progress = silent) -> None:
    """Render every effect of the catalogue that `folder` lacks, as 16-bit stereo WAV, and write `captions.csv` (path, caption, category).

    Files that exist are kept. A file appears under its name only when complete, so a kill leaves no half file.
    Raises AudioError when the disk refuses; what `progress` raises (Cancelled) ends the work between two files.
    """
    folder = Path(folder)
    wanted = catalog()
    folder.mkdir(parents=True, exist_ok=True)
    _write_sidecar(folder)
    for done, effect in enumerate(wanted):
        progress(done, len(wanted), effect.caption)
        target = folder / effect.path
        if target.exists():
            continue
        _write_whole(target, effect.render(seed))
    progress(len(wanted), len(wanted), "")


def _write_whole(target: Path, samples: np.ndarray) -> None:
    """A folder scan meanwhile sees no half file: it passes over names that begin with a dot."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole(target) as partial:
            soundfile.write(str(partial), samples.T, SAMPLE_RATE_HZ, subtype="PCM_16")
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioError(f"{target}: could not be written ({error}); free some disk space or choose another folder") from error


def _write_sidecar(folder: Path) -> None:
    """The captions are written first, so that a library that is scanned while it is being made has its words."""
    with whole(folder / SIDECAR) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("path", "caption", "category"))
        table.writerows((effect.path.as_posix(), effect.caption, effect.kind.category) for effect in catalog())
