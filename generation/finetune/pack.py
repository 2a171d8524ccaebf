"""A folder of sounds to fine-tune on: what is in it, what of it can be used, which folders are kept for validation.

C channels, T samples.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clvap import audio
from clvap.audio import AudioError, Clip
from clvap.library.scan import LibraryError, Scan, Sound, scan
from clvap.training.guard import TrainingError
from generation.finetune.recipe import PackOptions

LEFT_OUT, CHANGED = "left out", "changed"
_SILENCE = 10 ** (audio.SILENCE_DB / 20)
_HIGHEST_RATE_HZ = 96_000


@dataclass(frozen=True)
class Finding:
    """Something about a file that its owner should know: path, `left out` or `changed`, and why."""

    path: str
    what: str
    reason: str


@dataclass(frozen=True)
class Heard:
    """A usable file: its sound, and what had to be changed about it."""

    clip: Clip
    findings: tuple[Finding, ...] = ()


def found(folder: Path, captions: Path | None = None) -> Scan:
    """All sound files of a folder with their captions, those of the table `captions` first. Raises TrainingError where there is none."""
    try:
        result = scan(folder, captions)
    except LibraryError as error:
        raise TrainingError(str(error)) from error
    if not result.sounds:
        raise TrainingError(f"{folder}: no sound file (WAV, FLAC, OGG, MP3, AIFF) in it or under it")
    return result


def glance(sound: Sound, options: PackOptions) -> audio.AudioInfo:
    """What a file's header says. Raises AudioError, saying why, for one that cannot be trained on: empty, broken, too short, of too low a rate."""
    if sound.size == 0:
        raise AudioError("the file is empty (0 bytes); export it again")
    about = audio.info(sound.path)
    if about.sample_rate_hz < options.lowest_rate_hz:
        raise AudioError(f"{about.sample_rate_hz} Hz holds nothing over {about.sample_rate_hz // 2} Hz; use a file of at least {options.lowest_rate_hz} Hz")
    if about.duration_s < audio.MIN_DURATION_S:
        raise AudioError(f"{about.duration_s:.2f} s is too short; at least {audio.MIN_DURATION_S} s is needed")
    return about


def hear(sound: Sound, options: PackOptions) -> Heard:
    """Read a file. Raises AudioError as `glance` does, and for silence."""
    about = glance(sound, options)
    clip = audio.read(sound.path, options.longest_s)
    if clip.peak < _SILENCE:
        raise AudioError("only silence is in it")
    findings = []
    if about.duration_s > options.longest_s:
        findings.append(Finding(sound.path, CHANGED, f"cut to the first {options.longest_s:g} s of {about.duration_s:.0f} s"))
    if about.sample_rate_hz > _HIGHEST_RATE_HZ:
        findings.append(Finding(sound.path, CHANGED, f"resampled from {about.sample_rate_hz} Hz"))
    return Heard(clip, tuple(findings))


def split(paths: Sequence[str], root: Path, share: float, seed: int = 0) -> frozenset[int]:
    """Numbers of the files kept for validation: whole folders, drawn until `share` of the files is reached.

    In a pack without folders, takes of one name stay together instead. Raises TrainingError where nothing could be told apart.
    """
    groups = _groups([Path(path).parent.as_posix() for path in paths])
    if len(groups) < 2:
        groups = _groups([re.sub(r"[\W_\d]+$", "", Path(path).stem) for path in paths])
    if len(groups) < 2:
        raise TrainingError(f"{root}: nothing can be kept for validation, all files are of one kind; add sounds of another kind or folder")
    wanted = max(share * len(paths), 1)
    order = [groups[name] for name in np.random.default_rng(seed).permutation(sorted(groups))]
    kept: list[int] = []
    for numbers in order:
        if len(kept) + len(numbers) <= wanted:
            kept += numbers
    return frozenset(kept or min(order, key=len))


def report(findings: Sequence[Finding], path: Path) -> str:
    """Write all findings as a table; returns one line that counts them by reason."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "what", "reason"])
        writer.writerows([one.path, one.what, one.reason] for one in findings)
    left_out = sum(one.what == LEFT_OUT for one in findings)
    return f"{left_out} files left out, {len(findings) - left_out} cut or resampled: {path}"


def _groups(names: Sequence[str]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        groups.setdefault(name, []).append(number)
    return groups
