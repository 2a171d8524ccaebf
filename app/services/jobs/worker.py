"""The process of one job: `python -m app.services.jobs.worker FOLDER`. Does the work, says how far it is, and how it ended."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from app.services.errors import explain
from app.services.files import write_json
from app.services.jobs.job import CANCEL, STATE, claim, read_asked, read_state
from clvap.progress import Cancelled, Progress

_EVERY_S = 0.25
_GRACE_S = 30.0
_NICER = 5

Work = Callable[[dict[str, Any], Progress], "dict[str, Any] | None"]


class Reporter:
    """The progress callback of the work: writes the state a few times a second, and stops the work when it was asked to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._state = replace(read_state(folder), status="running", message="")
        self._written_at_s = float("-inf")

    def __call__(self, done: int, total: int, what: str = "") -> None:
        if self.asked_to_stop:
            raise Cancelled
        self._state = replace(self._state, fraction=min(max(done / total, 0.0), 1.0) if total > 0 else None, text=what)
        now = time.monotonic()
        if now - self._written_at_s >= _EVERY_S:
            self._written_at_s = now
            self._write()

    @property
    def asked_to_stop(self) -> bool:
        return (self._folder / CANCEL).exists()

    def ended(self, **changes: Any) -> None:
        """The last word."""
        self._state = replace(self._state, **changes)
        self._write()

    def _write(self) -> None:
        with self._lock:
            write_json(self._folder / STATE, asdict(replace(self._state, updated_s=time.time())))


def main(folder: Path) -> int:
    """Do the job of a folder; 0 when it is done."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    claim(folder, os.getpid())
    reporter = Reporter(folder)
    threading.Thread(target=_stop_in_the_end, args=(reporter,), name="watch", daemon=True).start()
    with suppress(OSError, AttributeError):
        os.nice(_NICER)  # the page stays quick meanwhile
    try:
        reporter(0, 0, "Starting")
        asked = read_asked(folder)
        work: Work = import_module(f"{asked.package}.{asked.kind}").run
        result = work(asked.arguments, reporter)
        reporter.ended(status="done", fraction=1.0, text="Done", result=result or {})
        return 0
    except (Cancelled, KeyboardInterrupt):
        reporter.ended(status="cancelled", text="Stopped")
        return 1
    except BaseException as error:
        logging.getLogger(__name__).exception("the job failed")
        reporter.ended(status="failed", message=explain(error))
        return 1


def _stop_in_the_end(reporter: Reporter) -> None:
    """Work that does not report for long is ended all the same; its checkpoints are what stays."""
    while not reporter.asked_to_stop:
        time.sleep(1)
    time.sleep(_GRACE_S)
    reporter.ended(status="cancelled", text="Stopped")
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
