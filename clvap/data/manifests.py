"""Rows to train and report on: which sound, what it is called, under which licence."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from clvap.data.captions import esc50_captions

PERMISSIVE = frozenset({"CC0-1.0", "CC-BY-3.0", "CC-BY-4.0", "BSD-3-Clause", "public-domain"})
SHARE_ALIKE = frozenset({"CC-BY-SA-3.0", "CC-BY-SA-4.0"})


@dataclass(frozen=True)
class Row:
    """One sound.

    path: the sound file
    captions: phrases that describe it
    label: what makes two sounds the same kind
    source: recordings of one source share it (takes of one Freesound clip)
    licence: SPDX-like name
    attribution: whom to name
    """

    path: Path
    captions: tuple[str, ...]
    label: str
    source: str
    licence: str
    attribution: str = ""


def esc50(folder: Path, folds: tuple[int, ...], phrases: str = "train", licences: frozenset[str] | None = PERMISSIVE) -> list[Row]:
    """ESC-50 clips (Piczak 2015) of the given folds; `phrases` picks the captions' part, `licences` None keeps all rows."""
    captions = esc50_captions(phrases)
    with open(folder / "esc50.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if int(row["fold"]) in folds]
    return [
        Row(
            folder / row["filename"], tuple(captions[row["category"]]), f"esc50/{row['category']}", row["freesound_id"], row["licence"],
            f"{row['author']} on Freesound, {row['freesound_id']}",
        )
        for row in rows
        if licences is None or row["licence"] in licences
    ]


def packs(folder: Path, licences: frozenset[str] | None = PERMISSIVE) -> list[Row]:
    """The effect packs of sfx.csv; sounds of the same caption are of the same kind."""
    with open(folder / "sfx.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        Row(folder / row["path"], (row["caption"], row["keywords"].replace(";", " ")), f"sfx/{row['caption']}", row["path"], row["licence"], row["attribution"])
        for row in rows
        if licences is None or row["licence"] in licences
    ]


def write_credits(rows: list[Row], path: Path) -> None:
    """A table of every sound used, its licence and whom to name, as the attribution licences ask."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sound", "licence", "attribution"])
        writer.writerows(sorted((f"{row.path.parent.name}/{row.path.name}", row.licence, row.attribution) for row in rows))


def captioned_folder(folder: Path, licence: str = "CC0-1.0") -> list[Row]:
    """A folder with a sidecar captions.csv (path, caption, category), such as the starter library."""
    with open(folder / "captions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return [Row(folder / r["path"], (r["caption"],), f"{folder.name}/{r['category']}/{r['caption']}", r["path"], licence) for r in rows]
