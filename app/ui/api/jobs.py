"""/jobs, /job_cancel, /job_resume: long work, on one's own machine."""

from __future__ import annotations

from dataclasses import asdict

from app.services.access import Action
from app.services.studio import Studio
from app.ui.api.endpoints import Endpoints


class JobsApi(Endpoints):
    """Jobs by their ids."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        for method in (self.jobs, self.job, self.job_cancel, self.job_resume):
            self._offer(method, Action.SEE_JOBS)

    def jobs(self, kind: str = "") -> list[dict]:
        """Jobs, newest first, of one kind or of all: [{"id", "kind", "title", "status", "fraction", "text", "message", "result", ...}]."""
        return [asdict(job) for job in self._studio.jobs.list(kind or None)]

    def job(self, id: str, lines: int = 50) -> dict:
        """One job with the last lines of its log."""
        log = self._studio.jobs.log(id, lines)
        return asdict(self._studio.jobs.find(id)) | {"log": log}

    def job_cancel(self, id: str) -> dict:
        """Ask a job to stop at its next step; what it has done stays."""
        return asdict(self._studio.jobs.cancel(id))

    def job_resume(self, id: str) -> dict:
        """Let a stopped job go on from its last checkpoint."""
        return asdict(self._studio.jobs.resume(id))
