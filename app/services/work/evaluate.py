"""Measure a search model on a folder or a manifest by the retrieval protocol, and keep the figures."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.services.files import write_json
from clvap.progress import Progress


def run(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """arguments: model, as `--clvap` takes it; device; protocol, the keys of a recipe that `clvap.evaluate.rows_of` reads; out, the file of the figures."""
    from clvap import Embedder
    from clvap.evaluate import FAMILIES, evaluate, rows_of

    began, protocol = time.monotonic(), arguments["protocol"]
    progress(0, 0, "Choosing sounds")
    rows = rows_of(protocol)
    progress(0, 0, "Loading the model")
    embedder = Embedder.from_pretrained(arguments["model"], device=arguments["device"])
    results = evaluate(embedder, rows, protocol["seed"], protocol.get("families") or list(FAMILIES), progress=progress)
    scores = {kind: {system: asdict(one) for system, one in systems.items()} for kind, systems in results.items()}
    about = {"fingerprint": embedder.fingerprint, "sounds": len(rows), "kinds": len({row.label for row in rows}), "seconds": round(time.monotonic() - began, 1)}
    keep(Path(arguments["out"]), {**arguments["about"], **about, "protocol": protocol, "scores": scores})
    return {"file": arguments["out"]}


def keep(path: Path, figures: dict[str, Any]) -> None:
    """Write the figures whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, figures)
