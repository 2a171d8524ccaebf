"""/models and what can be done with them: on one's own machine."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

from app.services.access import Action
from app.services.installed import Model
from app.services.studio import Studio
from app.ui.api.endpoints import Endpoints

Kind = Literal["generator", "clvap", "lora", "adapter"]


class ModelsApi(Endpoints):
    """`location` asks for a model, as /models told it."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        for method in (self.models, self.use_model, self.model_download, self.model_add, self.model_delete):
            self._offer(method, Action.MANAGE_MODELS)

    def models(self) -> list[dict]:
        """Models that are here or could be: [{"kind", "location", "name", "here", "in_use", "licence", "size_bytes", ...}]."""
        return [_told(shown.model) | {"in_use": shown.in_use} for shown in self._studio.models_shelf.state().models]

    def use_model(self, kind: Kind, location: str, strength: float = 1.0) -> dict:
        """Work with a model from now on; strength of a LoRA or an adapter, 0 lets go of it."""
        return _told(self._studio.models_shelf.use(kind, location, strength))

    def model_download(self, name: str) -> dict:
        """Fetch a published model in the background: its job."""
        return asdict(self._studio.models_shelf.download(name))

    def model_add(self, folder: str) -> dict:
        """List a model of this machine, which stays where it is."""
        return _told(self._studio.models_shelf.add(folder))

    def model_delete(self, kind: Kind, location: str) -> dict:
        """Delete a model's files, or, of one that was added, its entry alone."""
        return _told(self._studio.models_shelf.delete(kind, location))


def _told(model: Model) -> dict:
    return asdict(model) | {"folder": str(model.folder) if model.folder else None, "here": model.here}
