"""One job as it lies on disk, in a folder of its own.

    asked.json     kind, target, title, arguments, the package of its work, when it began
    process.json   the process at work: number and start time, which together name it for ever
    state.json     status, progress, result; written by the process
    log.txt        everything the process printed
    cancel         there when it was asked to stop

Every file is replaced whole, so a reader never sees half of one.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil

from app.services.files import write_json

Status = Literal["running", "done", "failed", "cancelled", "interrupted"]
ASKED, PROCESS, STATE, LOG, CANCEL = "asked.json", "process.json", "state.json", "log.txt", "cancel"
_STARTS_WITHIN_S = 10.0


@dataclass(frozen=True)
class Asked:
    """What was asked for; see `Job`. package: where the module of its kind is."""

    kind: str
    target: str
    title: str
    arguments: dict[str, Any]
    package: str
    began_s: float


@dataclass(frozen=True)
class State:
    """How far the process says it is; see `Job`."""

    status: Status = "running"
    fraction: float | None = None
    text: str = ""
    message: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    updated_s: float = 0.0


@dataclass(frozen=True)
class Job:
    """A job as others see it.

    id: name of its folder
    kind: which work it is
    target: what it works on; never two jobs on one target at once
    title: what people call it
    arguments: of the work
    status: `interrupted` when its process is gone without a word
    fraction: how far it is, 0 to 1; None where that is not known
    text: what it does now
    message: what went wrong, and what to do
    result: what the work returned
    began_s, updated_s: seconds since 1970
    """

    id: str
    kind: str
    target: str
    title: str
    arguments: dict[str, Any]
    status: Status
    fraction: float | None
    text: str
    message: str
    result: dict[str, Any]
    began_s: float
    updated_s: float

    @property
    def running(self) -> bool:
        return self.status == "running"

    @property
    def resumable(self) -> bool:
        """Whether it can go on from where it stopped."""
        return self.status in ("cancelled", "failed", "interrupted")


def read_asked(folder: Path) -> Asked:
    """What was asked for; raises OSError, ValueError or TypeError where the folder holds no job."""
    return Asked(**json.loads((folder / ASKED).read_text(encoding="utf-8")))


def read_state(folder: Path) -> State:
    """The last state written; that of a job about to start where there is none."""
    try:
        return State(**json.loads((folder / STATE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return State()


def read(folder: Path) -> Job | None:
    """The job in a folder, None where there is none."""
    try:
        asked = read_asked(folder)
    except (OSError, ValueError, TypeError):
        return None
    state = read_state(folder)
    if state.status == "running" and not alive(folder):
        state = read_state(folder)  # it may have ended between the two looks
    status: Status = "interrupted" if state.status == "running" and not alive(folder) else state.status
    return Job(
        folder.name, asked.kind, asked.target, asked.title, asked.arguments, status, state.fraction, state.text, state.message, state.result,
        asked.began_s, max(state.updated_s, asked.began_s),
    )  # fmt: skip


def claim(folder: Path, pid: int) -> None:
    """Note which process works on a job."""
    write_json(folder / PROCESS, {"pid": pid, "created_s": psutil.Process(pid).create_time()})


def alive(folder: Path) -> bool:
    """Whether the process of a job still runs, or is just being started; another one that was given its number does not count."""
    if not (folder / PROCESS).exists():
        return time.time() < folder.stat().st_mtime + _STARTS_WITHIN_S
    try:
        noted = json.loads((folder / PROCESS).read_text(encoding="utf-8"))
        process = psutil.Process(noted["pid"])
        return abs(process.create_time() - noted["created_s"]) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, ValueError, KeyError, psutil.Error):
        return False
