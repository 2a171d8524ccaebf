"""Starts, shows, stops and resumes jobs. A job outlives the page that asked for it and the server that started it."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from app.services.errors import RequestError
from app.services.files import write_json
from app.services.jobs.job import ASKED, CANCEL, LOG, PROCESS, STATE, Asked, Job, State, claim, read, read_asked

WORK = "app.services.work"
_ROOT = Path(__file__).resolve().parents[3]
_POLL_S = 0.1
_KEPT = 200
_LOG_BYTES = 200_000


class Jobs:
    """The jobs of a workspace; several servers may share it."""

    def __init__(self, folder: Path, package: str = WORK) -> None:
        """folder: one folder a job in it; package: where the module of a kind of work is, with `run(arguments, progress) -> result`"""
        self._folder, self._package = folder, package
        self._lock = threading.Lock()
        self._children: list[subprocess.Popen] = []

    def start(self, kind: str, target: str, title: str, arguments: dict[str, Any]) -> Job:
        """Begin a job. Raises RequestError where one on the same target runs, or the disk refuses."""
        now = time.time()
        name = time.strftime("%Y%m%d-%H%M%S", time.localtime(now)) + f"-{int(now * 1000) % 1000:03d}-{secrets.token_hex(3)}"
        with self._alone(target):
            folder = self._folder / name
            folder.mkdir(parents=True)
            write_json(folder / ASKED, asdict(Asked(kind, target, title, arguments, self._package, now)))
            self._launch(folder)
            self._forget_the_oldest()
        return self._known(name)

    def list(self, kind: str | None = None, limit: int = 50) -> tuple[Job, ...]:
        """Jobs, newest first, of one kind or of all."""
        found = (read(folder) for folder in self._folders())
        wanted = (job for job in found if job is not None and kind in (None, job.kind))
        return tuple(job for job, _ in zip(wanted, range(limit), strict=False))

    def running(self, target: str) -> Job | None:
        """The job at work on a target, None where there is none."""
        return next((job for job in self.list(limit=_KEPT) if job.running and job.target == target), None)

    def find(self, job_id: str) -> Job | None:
        """A job by its id; None where there is none (an id is one folder name, never a path)."""
        if not job_id or Path(job_id).name != job_id or job_id.startswith("."):
            return None
        self._reap()
        return read(self._folder / job_id)

    def cancel(self, job_id: str) -> Job:
        """Ask a job to stop at its next step; what it has done stays. Raises RequestError for an unknown one."""
        if self._known(job_id).running:
            (self._folder / job_id / CANCEL).touch()
        return self._known(job_id)

    def resume(self, job_id: str) -> Job:
        """Start a stopped job again; its work goes on from its own checkpoints. Raises RequestError where that cannot be."""
        job = self._known(job_id)
        with self._alone(job.target):
            if not job.resumable:
                raise RequestError(f"{job.title}: {'is finished' if job.status == 'done' else 'runs already'}")
            folder = self._folder / job_id
            for left_over in (CANCEL, PROCESS):
                (folder / left_over).unlink(missing_ok=True)
            write_json(folder / STATE, asdict(State(fraction=job.fraction, text="Going on", updated_s=time.time())))
            self._launch(folder)
        return self._known(job_id)

    def retitle(self, target: str, title: str) -> None:
        """Call all jobs on a target something else."""
        for job in self.list(limit=_KEPT):
            if job.target == target:
                folder = self._folder / job.id
                write_json(folder / ASKED, asdict(replace(read_asked(folder), title=title)))

    def forget(self, job_id: str) -> None:
        """Remove a job that does not run, with its log; what it made stays. Raises RequestError for one that runs."""
        job = self._known(job_id)
        if job.running:
            raise RequestError(f"{job.title}: runs; stop it first")
        shutil.rmtree(self._folder / job_id, ignore_errors=True)

    def log(self, job_id: str, lines: int = 200) -> str:
        """The last lines a job printed; a line that was written over and over counts as its last form."""
        self._known(job_id)
        try:
            with open(self._folder / job_id / LOG, "rb") as file:
                file.seek(max(os.fstat(file.fileno()).st_size - _LOG_BYTES, 0))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")[-lines - 1 :]).strip("\n")

    def wait(self, job_id: str, timeout_s: float | None = None) -> Job:
        """The job once it runs no more, or when the time is over."""
        began = time.monotonic()
        while (job := self._known(job_id)).running and (timeout_s is None or time.monotonic() < began + timeout_s):
            time.sleep(_POLL_S)
        return job

    def _known(self, job_id: str) -> Job:
        job = self.find(job_id)
        if job is None:
            raise RequestError("This job is not there any more; reload the page.")
        return job

    @contextmanager
    def _alone(self, target: str) -> Iterator[None]:
        """Nobody else starts a job meanwhile, and none runs on the target. Raises RequestError where one does, or the disk refuses."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self._folder / ".lock"):
                self._reap()
                if (busy := self.running(target)) is not None:
                    raise RequestError(f"{busy.title} is at work on this already: wait for it, or stop it first.")
                yield
        except OSError as error:
            raise RequestError(f"{self._folder}: cannot be written ({error.strerror}); make room, or name another folder with --workspace") from error

    def _launch(self, folder: Path) -> None:
        """The process of a job, in a session of its own, so that what ends the server does not end it."""
        command = [sys.executable, "-m", "app.services.jobs.worker", str(folder)]
        with open(folder / LOG, "ab") as log:
            child = subprocess.Popen(
                command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        claim(folder, child.pid)
        with self._lock:
            self._children.append(child)

    def _reap(self) -> None:
        """Let go of children that have ended."""
        with self._lock:
            self._children = [child for child in self._children if child.poll() is None]

    def _forget_the_oldest(self) -> None:
        for folder in self._folders()[_KEPT:]:
            job = read(folder)
            if job is not None and not job.running:
                shutil.rmtree(folder, ignore_errors=True)

    def _folders(self) -> list[Path]:
        """Folders of jobs, newest first: their names begin with the time."""
        return sorted((folder for folder in self._folder.glob("[!.]*") if (folder / ASKED).exists()), key=lambda folder: folder.name, reverse=True)
