"""A fine-tuning that learns nothing: writes what the real one writes, a step every FAKE_STEP_S seconds, and goes on, faster, where it stopped."""

from __future__ import annotations

import csv
import json
import os
import struct
import time
from pathlib import Path

from clvap.audio import write
from clvap.recipe_file import read
from clvap.training.schedule import spoken
from generation.lora import FORMAT
from tests.fakes import tone

STEP_S = 6


def run(arguments, progress):
    recipe = read(Path(arguments["recipe"]))
    folder, prompts, minutes = Path(recipe["run"]), recipe["demos"]["prompts"], recipe["training"].get("minutes")
    steps = steps_of(minutes) or int(recipe["training"]["steps"])
    last = folder / "last.ckpt"
    begin = int(last.read_text()) if last.exists() else 0
    (folder / "demos").mkdir(exist_ok=True)
    (folder / "demos" / "prompts.txt").write_text("".join(f"{number}  {prompt}\n" for number, prompt in enumerate(prompts, 1)))
    for step in range(begin + 1, steps + 1):
        told(progress, step, steps, f"loss {1 / step:.4f}", minutes)
        time.sleep(0.0 if begin else float(os.environ.get("FAKE_STEP_S", "0.05")))
        looked_at = step % (5 if step <= 20 else 100) == 0
        figures = {"loss": 1 / step} | ({"validation/loss": 1 / step + 0.1} if looked_at else {})
        log(folder / "log.csv", step, figures)
        last.write_text(str(step))
        if looked_at:
            (folder / "best.pt").write_text(str(step))
            for number in range(1, len(prompts) + 1):
                name = f"{step:07}-{number}.wav"
                write(folder / "demos" / f".{name}", tone(5.0, 200.0 + 10 * step)).replace(folder / "demos" / name)
    made(Path(recipe["out"]))
    print("the end")
    return {"out": recipe["out"]}


def steps_of(minutes: float | None) -> int:
    """A step counts as six seconds of training, however long it really takes; 0 where there are no minutes."""
    return int((minutes or 0) * 60 / STEP_S)


def told(progress, step: int, steps: int, text: str, minutes: float | None) -> None:
    """As the real ones tell it, by time where there are minutes."""
    if minutes is None:
        progress(step, steps, text)
    else:
        progress(step * STEP_S, int(minutes * 60), f"{text}, {spoken(step * STEP_S, minutes * 60)}")


def log(path: Path, step: int, figures: dict[str, float], stage: str = "lora") -> None:
    """Lines of log.csv."""
    new = not path.exists()
    with open(path, "a", newline="") as file:
        rows = csv.writer(file)
        if new:
            rows.writerow(["stage", "step", "loss", "value"])
        rows.writerows([stage, step, name, f"{value:.5f}"] for name, value in figures.items())


def made(out: Path) -> None:
    """A LoRA or a CLVAP by its head alone, as the page's shelf reads it."""
    folder = out.parent if out.suffix else out
    folder.mkdir(parents=True, exist_ok=True)
    if out.suffix:
        about = {"format": FORMAT, "base": "sfx-mini", "config": json.dumps({"rank": 16})}
        head = json.dumps({"__metadata__": about}).encode()
        out.write_bytes(struct.pack("<Q", len(head)) + head)
    else:
        (folder / "config.json").write_text(json.dumps({"audio": {}, "voice": {}, "text": {}}))
        (folder / "model.safetensors").write_bytes(b"weights")
