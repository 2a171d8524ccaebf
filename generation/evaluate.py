"""Figures of a generator on gestures and words it was not trained on.

Gestures are imitations of ESC-50 fold 4; words are the phrases kept back from training, which never name the class.
The judge is YAMNet with a linear classifier on real clips of folds 1 to 3; it taught neither autoencoder nor transformer.
N takes, E embedding dimensions.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clvap.audio import Clip, gesture, read, trim
from clvap.contours import extract, resample_curve
from clvap.data.captions import esc50_captions
from clvap.data.vocalize import imitate
from clvap.data.yamnet import Yamnet
from generation.perform import finished, follow_loudness
from generation.request import GenerateRequest
from generation.sheet import draw
from generation.sounds import esc50

_FLOOR_DB = -45.0


@dataclass(frozen=True)
class Evaluation:
    """What to measure.

    data: folder with esc50 and yamnet
    generator, clvap: names or folders
    gestures: imitations a class
    seed: of gestures and takes
    sheet: where to draw spectrograms, None for nowhere
    """

    data: Path
    generator: str = "sfx-mini"
    clvap: str = "clvap-mini"
    gestures: int = 2
    seed: int = 0
    sheet: Path | None = None


@dataclass(frozen=True)
class Asked:
    """One gesture with words, and the class it stands for."""

    voice: Clip
    text: str
    category: str


def run(evaluation: Evaluation) -> dict[str, Any]:
    """All figures as one JSON object; also says them on standard error."""
    from clvap import Embedder
    from generation import Generator

    embedder = Embedder.from_pretrained(evaluation.clvap, "cpu")
    generator = Generator.from_pretrained(evaluation.generator, "cpu", embedder)
    if evaluation.sheet is not None:
        draw(generator, embedder, evaluation.data, evaluation.sheet, evaluation.seed)
    judge = Judge.trained(evaluation.data)
    asked = questions(evaluation)
    result: dict[str, Any] = {"generator": evaluation.generator, "takes": len(asked), "classes": len(judge.classes), "judge_on_real": judge.on_real}
    result["autoencoder"] = {"log_spectral_distance_db": reconstruction_distance(generator, evaluation.data)}
    for name, voice, text in (("voice+text", True, True), ("voice", True, False), ("text", False, True)):
        print(f"{name} ...", file=sys.stderr)
        result[name] = _measured(generator, embedder, judge, asked, voice, text, evaluation.seed)
    said = "\n".join(f"{name:12} {value}" for name, value in result.items())
    print(said, file=sys.stderr)
    return result


def questions(evaluation: Evaluation) -> list[Asked]:
    """Gestures of held-out clips, the same number for every class, with held-out words."""
    rng = np.random.default_rng(evaluation.seed)
    phrases = esc50_captions("evaluate")
    by_class: dict[str, list[str]] = {}
    for sound in esc50(evaluation.data, ("4",)):
        by_class.setdefault(sound.category, []).append(sound.path)
    asked = []
    for category, paths in sorted(by_class.items()):
        for number in rng.permutation(len(paths))[: evaluation.gestures]:
            voice = gesture(imitate(read(paths[number]), rng))
            text = phrases[category][int(rng.integers(len(phrases[category])))]
            asked.append(Asked(voice.cut(0, 4.0), text, category))
    return asked


def reconstruction_distance(generator, data: Path, every: int = 8) -> float:
    """Log-spectral distance of every eighth held-out clip to itself through the autoencoder, dB, frames over -60 dB only."""
    import torch

    from generation.spectrum import HOP, log_magnitude

    distances = []
    for sound in esc50(data, ("4",))[::every]:
        clip = trim(read(sound.path))
        clip = finished(Clip(clip.mono()[None]), clip.duration_s // (4 * HOP / 44_100) * 4 * HOP / 44_100)
        one, two = (log_magnitude(torch.from_numpy(c.samples[:, : c.samples.shape[1] // HOP * HOP])) for c in (clip, generator.reconstructed(clip)))
        heard = one[0].amax(-1) > np.log(1e-3)
        distances.append(float((one - two)[0][heard].mul(20 / np.log(10)).square().mean(-1).sqrt().mean()))
    return round(float(np.mean(distances)), 2)


def loudness_correlation(wanted: Clip, made: Clip) -> float:
    """Pearson correlation of two loudness contours in dB, each no lower than 45 dB under its loudest moment; the second is stretched over the first."""
    first = extract(wanted).loudness_db
    second = resample_curve(extract(made).loudness_db, len(first))
    first, second = (np.maximum(curve - curve.max(), _FLOOR_DB) for curve in (first, second))
    if first.std() < 1e-3 or second.std() < 1e-3:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


class Judge:
    """A linear classifier over YAMNet embeddings of real clips."""

    def __init__(self, yamnet: Yamnet, classes: list[str], weights: np.ndarray, mean: np.ndarray, on_real: dict[str, float]):
        self._yamnet, self.classes, self._weights, self._mean, self.on_real = yamnet, classes, weights, mean, on_real

    @classmethod
    def trained(cls, data: Path) -> Judge:
        """Ridge regression onto the classes of ESC-50 folds 1 to 3, checked on fold 4."""
        yamnet = Yamnet(data / "yamnet" / "yamnet.tflite")
        embedded: dict[str, tuple[np.ndarray, list[str]]] = {}
        for part, folds in (("train", ("1", "2", "3")), ("held out", ("4",))):
            sounds = esc50(data, folds)
            vectors = np.stack([yamnet.embed(trim(read(sound.path))) for sound in sounds])
            embedded[part] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True), [sound.category for sound in sounds])
        x, labels = embedded["train"]
        classes = sorted(set(labels))
        mean = x.mean(axis=0)
        targets = np.eye(len(classes))[[classes.index(label) for label in labels]]
        centred = x - mean
        weights = np.linalg.solve(centred.T @ centred + 0.3 * np.eye(x.shape[1]), centred.T @ (targets - targets.mean(axis=0)))
        judge = cls(yamnet, classes, weights, mean, {})
        held, truth = embedded["held out"]
        judge.on_real = _shares((held - mean) @ weights, classes, truth)
        return judge

    def scores(self, clip: Clip) -> np.ndarray:
        """A score a class, (classes,)."""
        vector = self._yamnet.embed(clip)
        return (vector / np.linalg.norm(vector) - self._mean) @ self._weights


def _measured(generator, embedder, judge: Judge, asked: list[Asked], voice: bool, text: bool, seed: int) -> dict[str, Any]:
    """Figures of one way of asking. The loudness is reported as the model made it (`raw`) and after the drawing step (`pulled`)."""
    scores, raw, pulled, spent, made_s = [], [], [], 0.0, 0.0
    for number, one in enumerate(asked):
        query = embedder.query(one.voice if voice else None, one.text if text else None)
        seconds = one.voice.duration_s
        started = time.perf_counter()
        take = generator.generate(GenerateRequest(query, max(seconds, 0.3), 1, seed + number, loudness_pull=0.0))[0]
        spent, made_s = spent + time.perf_counter() - started, made_s + take.clip.duration_s
        scores.append(judge.scores(take.clip))
        if voice:
            raw.append(loudness_correlation(one.voice, take.clip))
            drawn = finished(follow_loudness(take.clip, query.contours, GenerateRequest.loudness_pull), seconds)
            pulled.append(loudness_correlation(one.voice, drawn))
    truth = [one.category for one in asked]
    shuffled = list(np.random.default_rng(seed).permutation(truth))
    figures: dict[str, Any] = {
        "agreement": _shares(np.stack(scores), judge.classes, truth),
        "agreement_shuffled_prompts": _shares(np.stack(scores), judge.classes, shuffled),
        "chance": {"top1": round(1 / len(judge.classes), 3), "top5": round(5 / len(judge.classes), 3)},
        "compute_s_per_s": round(spent / made_s, 3),
    }
    if voice:
        figures["loudness_correlation"] = {"raw": round(float(np.mean(raw)), 3), "pulled": round(float(np.mean(pulled)), 3)}
    return figures


def _shares(scores: np.ndarray, classes: list[str], truth: list[str]) -> dict[str, float]:
    """Shares of takes whose class is the first, or among the first five."""
    order = np.argsort(-scores, axis=1)
    wanted = np.array([classes.index(category) for category in truth])[:, None]
    return {"top1": round(float((order[:, :1] == wanted).any(1).mean()), 3), "top5": round(float((order[:, :5] == wanted).any(1).mean()), 3)}
