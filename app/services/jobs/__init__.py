"""Long work in processes of their own, with their state on disk: `Jobs` starts, shows, stops and resumes them. See `app.services.jobs.jobs`."""

from app.services.jobs.job import Job, Status
from app.services.jobs.jobs import Jobs

__all__ = ["Job", "Jobs", "Status"]
