"""Measure a search model on a folder or a manifest by the retrieval protocol, and keep the figures. Goes on with the families not measured yet."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.services.files import write_json
from clvap.progress import Progress


def run(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """arguments: model, as `--clvap` takes it; device; protocol, the keys of a recipe that `clvap.evaluate.rows_of` reads; out, the file of the
    figures; kept, the folder of what was measured so far."""
    from clvap import Embedder
    from clvap.evaluate import FAMILIES, digest, evaluate, rows_of

    began, protocol = time.monotonic(), arguments["protocol"]
    progress(0, 0, "Choosing sounds")
    rows = rows_of(protocol)
    progress(0, 0, "Loading the model")
    embedder = Embedder.from_pretrained(arguments["model"], device=arguments["device"])
    kept = Path(arguments["kept"])
    results = evaluate(embedder, rows, protocol["seed"], protocol.get("families") or list(FAMILIES), progress=progress, kept=kept)
    scores = {kind: {system: asdict(one) for system, one in systems.items()} for kind, systems in results.items()}
    about = {"fingerprint": embedder.fingerprint, "sounds": len(rows), "kinds": len({row.label for row in rows})}
    return finished(arguments, about | {"protocol": protocol | {"digest": digest(rows)}, "scores": scores}, began)


def finished(arguments: dict[str, Any], figures: dict[str, Any], began: float) -> dict[str, Any]:
    """Write the figures whole, and let go of what was kept on the way; the result of the job. began: as `time.monotonic` told, of this start alone."""
    out = Path(arguments["out"])
    out.parent.mkdir(parents=True, exist_ok=True)
    write_json(out, {**arguments["about"], **figures, "seconds": round(time.monotonic() - began, 1)})
    shutil.rmtree(arguments["kept"], ignore_errors=True)
    return {"file": str(out)}
