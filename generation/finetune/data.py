"""What a job trains on: its pack encoded, embedded and split."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch
from filelock import FileLock

from clvap.progress import Progress, silent
from generation.finetune.batches import Batches, Heard
from generation.finetune.job import Job
from generation.finetune.pack import LEFT_OUT, Finding, found, report, split
from generation.finetune.store import Store, Waves, encode
from generation.queries import Queries, embed
from generation.windows import Dropout

_LOG = logging.getLogger(__name__)
_HEARD_WHOLE = Dropout(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Data:
    """What is trained on and what is held out: as batches, and as stored sounds by number."""

    store: Store
    trained: list[int]
    held_out: list[int]
    training: Batches
    validation: Batches


def stored(job: Job, progress: Progress = silent) -> Data:
    """The pack encoded and split; made by one process while others wait, and only once."""
    recipe, model = job.recipe, job.backend.model
    recipe.run.mkdir(parents=True, exist_ok=True)
    with FileLock(recipe.run / "prepare.lock"):
        pack = found(recipe.folder, recipe.captions)
        device = "cuda" if torch.cuda.is_available() and recipe.training.device != "cpu" else "cpu"
        model.pretransform.to(device)
        store = encode(model, pack.sounds, recipe.pack, recipe.run / "latents", job.native, progress)
        model.pretransform.to("cpu")
        findings = [*(Finding(one.path, LEFT_OUT, one.reason) for one in pack.skipped), *store.findings]
        _LOG.info("%d files to train on, %s", len(store), report(findings, recipe.run / "files.csv"))
        queries = _queries(job, store, progress) if job.hears_clvap else None
    kept = split([item.path for item in store.items], recipe.folder, recipe.pack.held_out, recipe.training.seed)
    trained, held_out = [number for number in range(len(store)) if number not in kept], sorted(kept)
    looked_at = held_out[:: -(-len(held_out) // recipe.training.validate_most)]
    heard, windows, options = Heard.of(model, queries, recipe.controls), job.windows(), recipe.training
    return Data(
        store, trained, held_out,
        Batches(store, trained, heard, windows, Dropout(), options.batch, options.seed),
        Batches(store, looked_at, heard, windows, _HEARD_WHOLE, options.batch, options.seed, shuffled=False),
    )  # fmt: skip


def _queries(job: Job, store: Store, progress: Progress) -> Queries:
    waves = Waves(store)
    folder = job.recipe.run / f"queries-{waves.key()}"
    if (folder / "done.json").exists() and Queries(folder).fingerprint == job.embedder.fingerprint:
        return Queries(folder)
    tokens = job.adapter.config.tokens if job.adapter is not None else job.backend.model.conditioner.conditioners["clvap"].length
    return embed(job.embedder, waves, [[item.caption] for item in store.items], folder, tokens, progress=progress)
