"""The named endpoints, for `gradio_client` and, with --mcp, for language models: one module a subject, each endpoint over one service method."""

from __future__ import annotations

from app.services.studio import Studio
from app.ui.api.evaluating import EvaluatingApi
from app.ui.api.exporting import ExportingApi
from app.ui.api.imitating import ImitatingApi
from app.ui.api.jobs import JobsApi
from app.ui.api.keeping import KeepingApi
from app.ui.api.library import LibraryApi
from app.ui.api.models import ModelsApi
from app.ui.api.more import MoreApi
from app.ui.api.training import TrainingApi

_SUBJECTS = (ImitatingApi, KeepingApi, LibraryApi, ExportingApi, JobsApi, ModelsApi, TrainingApi, MoreApi, EvaluatingApi)


class Api:
    """All endpoints that the visitors of this studio may use; what they may not is not there."""

    def __init__(self, studio: Studio) -> None:
        subjects = [subject(studio) for subject in _SUBJECTS]
        self.names = frozenset(name for subject in subjects for name in subject.names)
