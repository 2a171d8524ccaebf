"""VimSketch (Kim, Cartwright, Pishdadian, Pardo 2019): the sounds and imitations of VocalSketch and of the Vocal Imitation Set in one folder.

Layout: `references/NUMBER_NAME.wav` and `vocal_imitations/NUMBER_NAME.wav`, an imitation having the NAME of what it imitates; and lists of
both, one file name a line (`reference_file_names.csv`, `vocal_imitation_file_names.csv`), without which the folders are listed. NAME is
`023Animal_Cat_Growling` (a class of the AudioSet ontology) or `023-Label_of_the_sound-Subset` (VocalSketch).
"""

from __future__ import annotations

import re
from pathlib import Path

from clvap.data.datasets.vocal_imitation_set import phrases
from clvap.data.rows import ManifestError, Row, listed, present

_NUMBER = re.compile(r"^\d+")


def read(folder: Path, licence: str = "CC-BY-4.0") -> list[Row]:
    """One row an imitation, beside what it imitates. Raises ManifestError for another layout and for imitations of nothing that is there."""
    references = {_name(file): file for file in _files(folder, "references", "reference_file_names.csv")}
    imitations = _files(folder, "vocal_imitations", "vocal_imitation_file_names.csv")
    orphans = [file for file in imitations if _name(file) not in references]
    if orphans:
        raise ManifestError(f"{folder}: {len(orphans)} imitations of no reference there: {listed(orphans)}; take both from one release")
    rows = [_row(folder, references[_name(file)], file, licence) for file in imitations]
    return present(rows, f"VimSketch in {folder}")


def _files(folder: Path, name: str, table: str) -> list[str]:
    if (folder / table).is_file():
        return [line.strip() for line in (folder / table).read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    if not (folder / name).is_dir():
        raise ManifestError(f"{folder}: no {table} and no folder {name}; unpack VimSketch (Zenodo 2596911) into this folder")
    return sorted(path.name for path in (folder / name).glob("*.wav"))


def _name(file: str) -> str:
    """What a reference and its imitations have in common."""
    return file.split("_", 1)[-1]


def _row(folder: Path, reference: str, imitation: str, licence: str) -> Row:
    return Row(
        folder / "references" / reference, _captions(reference), f"vimsketch/{_name(reference)}", reference, licence,
        "VimSketch, Kim et al. 2019", folder / "vocal_imitations" / imitation,
    )


def _captions(reference: str) -> tuple[str, ...]:
    said = _NUMBER.sub("", Path(_name(reference)).stem)
    if said.startswith("-"):
        return (said[1:].split("-")[0].replace("_", " ").strip().lower(),)
    return phrases([level.strip() for level in said.split("_")])
