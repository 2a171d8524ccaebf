"""VocalSketch (Cartwright and Pardo 2015): people imitating 240 everyday, instrument and synthesizer sounds that they had just heard.

Layout: `vocal_imitations.csv` with `vocal_imitations/included/`, from version 1.1 also `vocal_imitaitons_set2.csv` (its published spelling)
with `vocal_imitations_set2/included/`, and the sounds heard in `sound_recordings/`. The everyday sounds are not always part of a download.
"""

from __future__ import annotations

from pathlib import Path

from clvap.data import tables
from clvap.data.rows import ManifestError, Row, present

_SETS = {
    "vocal_imitations.csv": "vocal_imitations", "vocal_imitaitons_set2.csv": "vocal_imitations_set2",
    "vocal_imitations_set2.csv": "vocal_imitations_set2",
}  # fmt: skip
_NEEDED = ("filename", "stimulus_type", "included", "sound_label", "sound_recording", "audio_concept_subset", "participants_sound_recording_description")


def read(folder: Path, licence: str = "CC-BY-4.0") -> list[Row]:
    """One row an imitation that the makers included, beside the recording its maker heard; imitations of a mere label are left out.

    Captions are the sound's label and, where it was scored as right, the imitator's own description. Raises ManifestError for another layout.
    """
    tables_there = [name for name in _SETS if (folder / name).is_file()]
    if not tables_there:
        raise ManifestError(f"{folder}: no vocal_imitations.csv; unpack VocalSketch (Zenodo 1251982) into this folder")
    rows = [_row(folder, _SETS[name], row, licence) for name in tables_there for row in tables.read(folder / name, _NEEDED) if _wanted(row)]
    return present(rows, f"VocalSketch in {folder}")


def _wanted(row: dict[str, str]) -> bool:
    flags = {name: row.get(name, "").lower() == "true" for name in ("included", "draft", "training")}
    return row["stimulus_type"] == "sound recording" and flags == {"included": True, "draft": False, "training": False}


def _row(folder: Path, set_name: str, row: dict[str, str], licence: str) -> Row:
    label = "synthesizer sound" if row["audio_concept_subset"] == "single synthesizer" else row["sound_label"]  # else "subsynth 374"
    described = row["participants_sound_recording_description"] if row.get("description_match", "").lower() == "true" else ""
    captions = tuple(dict.fromkeys(text.strip().lower() for text in (label, described) if text))
    recording = row["sound_recording"]
    imitation = folder / set_name / "included" / row["filename"]
    return Row(
        folder / "sound_recordings" / recording, captions, f"vocalsketch/{row['sound_label']}", recording, licence,
        "VocalSketch, Cartwright and Pardo 2015", imitation,
    )
