"""Measure a generator on a folder or a table of sounds, and keep the figures. Goes on with the takes not made yet."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from app.services.work.evaluate import finished
from clvap.progress import Progress


def run(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """arguments: generator, as `--generator` takes it; lora, adapter, files that go with it, or empty; device; protocol: folder or manifest, clvap,
    most, questions, takes, best_of, seed; out and kept as `evaluate` has them."""
    from generation.measures import folder

    began, protocol = time.monotonic(), arguments["protocol"]
    asked = folder.FolderEvaluation(
        Path(protocol.get("folder") or protocol["manifest"]), arguments["generator"], protocol["clvap"],
        Path(arguments["adapter"]) if arguments["adapter"] else None, (Path(arguments["lora"]),) if arguments["lora"] else (),
        arguments["device"], protocol["questions"], protocol["takes"], protocol["most"], protocol["seed"], protocol["best_of"],
    )  # fmt: skip
    found = folder.run(asked, progress, Path(arguments["kept"]))
    about = {"fingerprint": found["generator_fingerprint"], "sounds": found["sounds_heard"], "kinds": found["kinds"]}
    questions = {"digest": found["digest"], "clvap_fingerprint": found["clvap_fingerprint"], "asked": found["questions"]}
    return finished(arguments, about | {"protocol": protocol | questions, "scores": found["sounds"]}, began)
