"""A recipe with its model loaded: what learns in it made ready, what it is told, and how it is written when it is done."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from clvap.checkpoints import ModelError
from clvap.files import whole
from clvap.training.guard import TrainingError
from generation import backends, checkpoints, lora
from generation import model as sfx
from generation.checkpoints import ENGINE_CONFIG, ENGINE_WEIGHTS
from generation.finetune.callbacks import BEST
from generation.finetune.module import FineTuning
from generation.finetune.recipe import Recipe
from generation.windows import Windows

if TYPE_CHECKING:
    from clvap import Embedder
    from generation.adapter import Adapter
    from generation.finetune.clock import Clock
    from generation.generator import Backend

_LOG = logging.getLogger(__name__)


@dataclass
class Job:
    """A fine-tuning about to run.

    native: whether the model was trained here, and hears CLVAP by itself
    folder: of the model
    """

    recipe: Recipe
    folder: Path
    native: bool
    backend: Backend
    embedder: Embedder | None
    adapter: Adapter | None

    @property
    def hears_clvap(self) -> bool:
        """Whether queries are part of the training."""
        return self.native or self.recipe.kind == "adapter"

    def windows(self) -> Windows:
        """Lengths of training windows in latents."""
        model, seconds = self.backend.model, self.recipe.training.window_s
        if seconds is None and self.native:
            return Windows()
        return Windows((max(int((seconds or self.backend.max_seconds) * model.sample_rate / model.pretransform.downsampling_ratio), 1),), (1.0,))

    def module(self, steps: int, clock: Clock | None = None) -> FineTuning:
        """What Lightning trains, for so many steps or as long as the clock says."""
        return FineTuning(self.backend.model, self.recipe.training, steps, self.recipe.on_bad, self.recipe.run, self.adapter, clock)


def prepared(recipe: Recipe) -> Job:
    """The recipe's model, with a new LoRA or adapter in it where it asks for one; afterwards what learns, and nothing else, wants a gradient."""
    torch.set_num_threads(recipe.training.threads)
    folder = checkpoints.locate(recipe.start)
    native = not checkpoints.is_engine_folder(folder)
    needs_clvap = native or recipe.kind == "adapter" or recipe.demos.prompts
    embedder = _embedder(recipe.clvap) if needs_clvap else None
    backend = backends.load(folder, "cpu", embedder)
    torch.manual_seed(recipe.training.seed)
    adapter = None
    if recipe.kind == "lora":
        lora.start(backend.model, recipe.lora)
    elif recipe.kind == "adapter":
        adapter = _adapter(recipe, backend.model, embedder)
    else:
        backend.model.requires_grad_(True)
        backend.model.pretransform.requires_grad_(False)
    return Job(recipe, folder, native, backend, embedder, adapter)


def export(recipe: Recipe, job: Job | None = None) -> Path:
    """Write the best validated weights so far as what the recipe makes. Raises TrainingError when there are none yet."""
    path = recipe.run / BEST
    if not path.exists():
        raise TrainingError(f"{path}: nothing validated yet; let the run reach its first validation")
    job = job or prepared(recipe)
    saved = torch.load(path, map_location="cpu", weights_only=True)
    module = job.module(1)
    module.load_state_dict(saved["weights"])
    _LOG.info("best validation loss %.5f at step %d", saved["loss"], saved["step"])
    return _written(job)


def _written(job: Job) -> Path:
    recipe, model = job.recipe, job.backend.model
    if recipe.kind == "lora":
        return lora.trained(model, recipe.lora, Path(recipe.start).name).save(recipe.out)
    if job.adapter is not None:
        return job.adapter.save(recipe.out)
    if job.native:
        return sfx.save(model, sfx.SfxConfig.read(job.folder), recipe.out)
    return _published(model, job.folder, recipe.out)


def _published(model: Any, folder: Path, out: Path) -> Path:
    """A folder of the published layout, with the text encoder where the original has one beside its weights."""
    from safetensors.torch import save_file

    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / ENGINE_CONFIG, out / ENGINE_CONFIG)
    config = json.loads((folder / ENGINE_CONFIG).read_text(encoding="utf-8"))
    readers = [Path(entry["config"].get("t5_model_name", "t5-base")).name for entry in config["model"]["conditioning"]["configs"] if entry["type"] == "t5"]
    for name in (*readers, "text_encoder", "tokenizer"):
        if (folder / name).is_dir():
            shutil.copytree(folder / name, out / name, dirs_exist_ok=True)
    with whole(out / ENGINE_WEIGHTS) as partial:
        save_file({name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}, partial)
        partial.chmod(0o644)
    return out


def _embedder(name: str) -> Embedder:
    from clvap import Embedder

    return Embedder.from_pretrained(name, "cpu")


def _adapter(recipe: Recipe, model: Any, embedder: Embedder) -> Adapter:
    """A new adapter for the embedder's tokens, attached; the model itself is frozen."""
    from generation.adapter import Adapter, AdapterConfig

    query = embedder.query(text="a sound")
    sizes = {"token_width": query.tokens.shape[1], "dimension": len(query.vector)} | recipe.adapter
    try:
        config = AdapterConfig(**sizes, base=Path(recipe.start).name, clvap=recipe.clvap, clvap_fingerprint=embedder.fingerprint)
    except TypeError as error:
        raise ModelError(f"adapter: {error}; it has tokens and width") from error
    model.requires_grad_(False)
    adapter = Adapter.new(model, config)
    adapter.attach()
    return adapter
