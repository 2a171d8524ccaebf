"""Captions of a whole manifest or folder of sounds, written as a manifest."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from clvap.captions import CaptionError
from clvap.captions.judge import kind
from clvap.captions.rewrite import Estimate, Report, Rewriter, Subject
from clvap.data import manifests
from clvap.data.datasets import folder
from clvap.data.rows import Row
from clvap.progress import Progress, silent

FREE_REQUESTS = 500
FREE_PRICE = 5.0
"""More requests, or more to pay, need somebody's consent."""


def read(source: Path) -> list[Row]:
    """The rows of a manifest, or of a folder whose captions come from `captions.csv`, `NAME.txt`, or its directories and names.

    Raises ManifestError where there is neither.
    """
    return folder.read(source) if source.is_dir() else manifests.read(source, check_audio=False)


def subjects(rows: Sequence[Row]) -> list[Subject]:
    """Every different caption of the rows with its kind of sound, in order."""
    return list(dict.fromkeys(_subject(row, caption) for row in rows for caption in row.captions))


def run(rows: Sequence[Row], out: Path, rewriter: Rewriter, progress: Progress = silent) -> Report:
    """Write the rows with their own captions first and the new ones after them. Raises CaptionError and ManifestError."""
    report = rewriter.rewrite(subjects(rows), progress)
    manifests.write([replace(row, captions=_joined(row, report)) for row in rows], out)
    return report


def consent(estimate: Estimate, agreed: bool, ask: Callable[[str], str] | None = None) -> None:
    """Return where a run is small or agreed to, by `agreed` or by somebody at the keyboard. Raises CaptionError otherwise."""
    if agreed or (estimate.requests <= FREE_REQUESTS and (estimate.price or 0.0) <= FREE_PRICE):
        return
    if not sys.stdin.isatty():
        raise CaptionError(f"{estimate.requests} requests need your consent; run it again with --yes")
    if (ask or _typed)("Go on? [y/N] ").strip().lower() not in ("y", "yes"):
        raise CaptionError("nothing was asked")


def _joined(row: Row, report: Report) -> tuple[str, ...]:
    new = (one for caption in row.captions for one in report.captions[_subject(row, caption)])
    return tuple(dict.fromkeys((*row.captions, *new)))


def _subject(row: Row, caption: str) -> Subject:
    return Subject(caption, kind(row.label, caption))


def _typed(question: str) -> str:
    """What somebody types; the question goes to standard error, where it spoils no result."""
    print(question, end="", file=sys.stderr, flush=True)
    return input()
