"""Training CLVAP as a job. arguments: recipe, the file; its one manifest is RUN/sounds.csv."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from clvap.progress import Progress

if TYPE_CHECKING:
    from clvap.recipe import Recipe


def run(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Train to the end, from where it stood; the result says where the model is."""
    from clvap import train
    from clvap.recipe import Recipe

    progress(0, 0, "Loading the model")
    path = Path(arguments["recipe"])
    listen(Recipe.load(path), progress)
    return {"out": str(train.run(path, progress))}


def listen(recipe: Recipe, progress: Progress) -> None:
    """Take out of the manifest what cannot be heard, such as silence; RUN/files.csv says what and why. Done once a run."""
    from clvap.audio import AudioError
    from clvap.data import manifests
    from clvap.library.scan import Sound
    from generation.finetune.pack import LEFT_OUT, Finding, hear, report
    from generation.finetune.recipe import PackOptions

    told, (table,) = recipe.run / "files.csv", recipe.manifests
    if told.exists():
        return
    kept, findings, options = [], [], PackOptions()
    rows = manifests.read(table.path, check_audio=False)
    for done, row in enumerate(rows):
        progress(done, len(rows), "Listening to the sounds")
        try:
            status = row.path.stat()
            hear(Sound(str(row.path), row.captions[0], row.label, status.st_size, status.st_mtime_ns), options)
            kept.append(row)
        except (AudioError, OSError) as error:
            findings.append(Finding(str(row.path), LEFT_OUT, str(error)))
    if not kept:
        raise AudioError(f"none of {len(rows)} sounds can be heard; the first: {findings[0].reason}")
    manifests.write(kept, table.path)
    print(report(findings, told))
