"""Figures of a generator out of thin air, kept as the real ones are; one with a LoRA does better. Not done while there is a WORKSPACE/hold."""

from app.services.work.evaluate import finished
from tests.work.evaluate import wait


def run(arguments, progress):
    began = wait(arguments, progress, "takes to voice")
    about = {"fingerprint": "lora" if arguments["lora"] else "base", "sounds": 12, "kinds": 3}
    protocol = arguments["protocol"] | {"digest": "same", "asked": 6}
    return finished(arguments, about | {"protocol": protocol, "scores": scores(0.3 * bool(arguments["lora"]))}, began)


def scores(better: float = 0.0) -> dict[str, dict]:
    ways = {"voice + words": 0.5, "voice": 0.4, "words": 0.3, "voice + words, controls off": 0.45}
    return {"chance": figures(0.33), "real sounds": figures(0.9)} | {
        way: figures(kind + better, None if way == "words" else 0.6 + better, None if way == "words" else -0.1, 2.0 - better, 0.4) for way, kind in ways.items()
    }


def figures(kind, loudness=None, brightness=None, distance=None, compute=None) -> dict:
    """As `generation.measures.folder.FolderFigures` is written."""
    ratio = None if distance is None else {"ratio": distance, "made": distance, "real": 1.0, "size": 8}
    one = {"kind": estimate(kind), "distance": ratio, "compute_s_per_s": compute}
    return one | dict.fromkeys(("loudness", "loudness_raw"), estimate(loudness)) | dict.fromkeys(("brightness", "brightness_raw"), estimate(brightness))


def estimate(mean):
    return None if mean is None else {"mean": mean, "error": 0.05, "n": 6}
