"""/evaluate and its figures: on one's own machine."""

from __future__ import annotations

from dataclasses import asdict

from app.services.access import Action
from app.services.studio import Studio
from app.ui.api.endpoints import Endpoints


class EvaluatingApi(Endpoints):
    """An evaluation at work is a job: /job, /job_cancel and /job_resume take its id."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        for method in (self.evaluation_models, self.evaluate, self.evaluations, self.evaluation_discard, self.evaluation_delete):
            self._offer(method, Action.EVALUATE)

    def evaluation_models(self) -> list[dict]:
        """What can be measured: [{"subject": "search" or "generator", "name", "location", ...}]; `location` is what /evaluate takes."""
        return [asdict(one) for one in self._studio.evaluating.models()]

    def evaluate(self, model: str, folder: str, thorough: bool = False) -> dict:
        """Measure a search model or a generator on a folder of sounds or a table of them, in the background: its job."""
        return asdict(self._studio.evaluating.start(model, folder, thorough))

    def evaluations(self) -> list[dict]:
        """Figures of the evaluations that were finished, newest first."""
        return [asdict(one) for one in self._studio.evaluating.state().done]

    def evaluation_discard(self, job: str) -> dict:
        """Give up an evaluation that stopped, with what it has measured."""
        self._studio.evaluating.discard(job)
        return {}

    def evaluation_delete(self, id: str) -> dict:
        """Delete the figures of an evaluation."""
        self._studio.evaluating.delete(id)
        return {}
