"""Batches of pairs from a spectrogram bank; the batch of a step depends on the seed, the stage and the step alone.

B batch, F frames, M mel bands, T samples, L tokens, W width, E teacher dimensions, K kinds, R rows.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clvap.checkpoints import RecipeError
from clvap.data import bank, wordnet
from clvap.data.rows import Row
from clvap.loss import soft_targets
from clvap.recipe import Recipe, Stage
from clvap.text import TextTower, load_tokenizer, tokenize
from clvap.training.rows import collection
from clvap.training.variation import Variation, variation

_TEXT_CACHE = 2**27  # numbers: what a cache of all the phrases' states may hold, 0.5 GB


@dataclass(frozen=True)
class Batch:
    """B pairs: what the towers hear of sounds and imitations, words, who belongs to whom, the teacher's view of the sounds.

    audio: (B, F, M) or (B, T), as the audio tower's front end makes it; voice: as the voice tower's does, None where no loss needs it
    text: (B, L, W) states of a frozen text tower, or (B, L) token ids of one that learns; text_mask: (B, L)
    targets: (B, B), how much an imitation (row) belongs to a sound; words_targets: (B, B), the same of words, which name a whole kind
    audio_kinds, voice_kinds: (B, K), the share of each of K kinds; teacher: (B, E), standardised
    clean: the voice without its room and its poor microphone, None where no loss needs it
    said, said_mask: (B / 2, 2, L) token ids and mask of pairs of texts that mean the same, None where no loss needs them
    """

    audio: Tensor
    voice: Tensor | None
    text: Tensor
    text_mask: Tensor
    targets: Tensor
    words_targets: Tensor
    audio_kinds: Tensor
    voice_kinds: Tensor
    teacher: Tensor
    said: Tensor | None = None
    said_mask: Tensor | None = None
    clean: Tensor | None = None

    def __len__(self) -> int:
        return len(self.audio)

    def part(self, rows: slice) -> Batch:
        """Some of the pairs. The targets stay whole: the contrast is with all of the batch."""
        cut = {f.name: rows for f in fields(self) if "targets" not in f.name} | dict.fromkeys(("said", "said_mask"), slice(rows.start // 2, rows.stop // 2))
        return replace(self, **{name: value[one] for name, one in cut.items() if (value := getattr(self, name)) is not None})

    def to(self, device: str) -> Batch:
        """The batch on a device."""
        return replace(self, **{f.name: value.to(device) for f in fields(self) if (value := getattr(self, f.name)) is not None})

    def tensors(self) -> dict[str, Tensor]:
        """What the losses are computed from, by name."""
        return {name: value for name in ("audio", "voice", "clean", "text", "teacher") if (value := getattr(self, name)) is not None}


def mixed(batch: Batch, how: Variation, gain_db: Tensor) -> Batch:
    """Each sound with its neighbour in the batch added, `gain_db` (B,) louder, and belonging to both by their amplitudes.

    Mixup for sound: Tokozume et al. 2018, arXiv:1711.10282.
    """
    share = 1 / (1 + 10 ** (gain_db / 20))
    both = lambda x: share[:, None] * x + (1 - share)[:, None] * x.roll(1, dims=0)  # noqa: E731
    return replace(
        batch, audio=how.mixed(batch.audio, batch.audio.roll(1, dims=0), gain_db), targets=both(batch.targets.T).T,
        words_targets=both(batch.words_targets.T).T, audio_kinds=both(batch.audio_kinds), teacher=both(batch.teacher),
    )


def kinds_of(rows: list[Row]) -> list[str]:
    """The K different labels of the rows."""
    return sorted({row.label for row in rows})


class Data:
    """The rows of a recipe, ready to be drawn from.

    kept_back: (R,) bool, rows that no batch holds
    device: where sounds are varied and batches come to lie
    """

    def __init__(self, rows: list[Row], recipe: Recipe, tokenizer: Path, kept_back: np.ndarray | None = None, device: str = "cpu"):
        self.rows, self.folder, self.seed, self.device, config = rows, recipe.bank_folder, recipe.seed, device, recipe.model
        self.of_audio, self.of_voice = (variation(config.front_end(tower)) for tower in (config.audio, config.voice))
        self.kept_back = np.zeros(len(rows), bool) if kept_back is None else kept_back
        self.captions = [row.captions for row in rows]
        kinds = kinds_of(rows)
        self.labels = np.array([kinds.index(row.label) for row in rows])
        self.passes = _available(self.folder)
        teacher = self.passes[0].teacher.astype(np.float32)
        self.teacher_mean, self.teacher_std = teacher.mean(axis=0), teacher.std(axis=0) + 1e-3
        self.phrases = sorted({caption for captions in self.captions for caption in captions})
        self.index = {phrase: i for i, phrase in enumerate(self.phrases)}
        self.tokenizer = load_tokenizer(tokenizer)
        self.ids, self.text_mask = tokenize(self.tokenizer, self.phrases)
        self.meanings = wordnet.same_meaning(recipe.wordnet) if any("text/text" in stage.losses for stage in recipe.stages) else []
        self.text = self.ids

    def begin(self, recipe: Recipe, stage: Stage, tower: TextTower) -> None:
        """Get ready for a stage: its shares, and the states of all phrases where its text tower is frozen."""
        self.weights = _weights(self.rows, self.labels, recipe.stage_shares(stage), float(stage.shares is None), self.kept_back)
        drawable = int((self.weights > 0).sum())
        if drawable < stage.batch_size:
            raise RecipeError(f"stage {stage.name}: batch_size {stage.batch_size} with {drawable} rows to draw from; lower it, or give more rows or shares")
        learns = any(parameter.requires_grad for parameter in tower.parameters())
        if stage.imitated < 1 and self.of_audio != self.of_voice:
            raise RecipeError(f"stage {stage.name}: the voice tower hears sounds as the audio tower does; give both one front_end, or only imitations")
        if stage.hears_voices and (stage.imitated or self.kept_back.any()) and not self.passes[0].voice.shape[1]:
            raise RecipeError(f"stage {stage.name} needs imitations, and {self.folder} was made without; give the recipe another run folder")
        self.text = self.ids if learns or self.ids.numel() * tower.width > _TEXT_CACHE else _states(tower, self.ids, self.text_mask)

    def batch(self, stage: int, step: int, of: Stage) -> Batch:
        """The batch of a step, of `of.batch_size` different rows."""
        size = of.batch_size
        rng = np.random.default_rng([self.seed, stage, step])
        if step % 50 == 0:
            self.passes = _available(self.folder)
        chosen = rng.choice(len(self.labels), size, replace=False, p=self.weights)
        of_audio, of_voice = rng.integers(len(self.passes), size=(2, size))
        of_audio = of_audio if of.augmented else np.zeros_like(of_audio)  # the first pass leaves sounds as they are
        which = rng.integers(max(self.passes[0].voice.shape[1], 1), size=size)
        audio = np.stack([self.passes[p].audio[i] for p, i in zip(of_audio, chosen, strict=True)])
        teacher = np.stack([self.passes[p].teacher[i] for p, i in zip(of_audio, chosen, strict=True)]).astype(np.float32)
        words = [self.index[self.captions[i][rng.integers(len(self.captions[i]))]] for i in chosen]
        mask = self.text_mask[words]
        longest = int(mask.sum(dim=1).max())
        labels = torch.from_numpy(self.labels[chosen])
        matched, named = (soft_targets(labels, share) for share in (0.6, 0.0))
        kinds = functional.one_hot(labels, int(self.labels.max()) + 1).float()
        audio = self.of_audio.varied(self._there(audio), rng)
        voice = clean = None
        if of.hears_voices:
            imitated = rng.random(size) < of.imitated
            heard = [self.passes[p].voice[i, v] if said else self.passes[p].audio[i] for p, i, v, said in zip(of_voice, chosen, which, imitated, strict=True)]
            voice = self.of_voice.varied(self._there(np.stack(heard)), rng)
            clean = voice.clone() if "clean/voice" in of.losses else None
            for share, otherwise in ((of.microphones, self.of_voice.through_microphones), (of.noisy, self.of_voice.in_rooms)):
                met = torch.from_numpy(np.flatnonzero(rng.random(size) < share)).to(self.device) if share else ()
                if len(met):
                    voice[met] = otherwise(voice[met], rng)
        said, said_mask = self._said(rng, size // 2) if "text/text" in of.losses else (None, None)
        batch = Batch(
            audio, voice, self.text[words][:, :longest], mask[:, :longest], matched, named, kinds, kinds,
            torch.from_numpy((teacher - self.teacher_mean) / self.teacher_std), said, said_mask, clean,
        ).to(self.device)
        return mixed(batch, self.of_audio, self._there(rng.uniform(-12, 12, size))) if rng.random() < of.mix else batch

    def _there(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(values).to(self.device).float()

    def _said(self, rng: np.random.Generator, pairs: int) -> tuple[Tensor, Tensor]:
        """Token ids and mask (P, 2, L) of P pairs of texts that mean the same."""
        texts = [text for i in rng.integers(len(self.meanings), size=pairs) for text in self.meanings[i]]
        ids, mask = tokenize(self.tokenizer, texts)
        return ids.view(pairs, 2, -1), mask.view(pairs, 2, -1)

    def kept(self) -> Batch:
        """The rows kept back, as search meets them: the sound as it is, its first imitation, one of its captions as token ids."""
        rows = np.flatnonzero(self.kept_back)
        first = self.passes[0]
        words = [self.index[self.captions[i][np.random.default_rng([self.seed, i]).integers(len(self.captions[i]))]] for i in rows]
        kinds = functional.one_hot(torch.from_numpy(self.labels[rows]), int(self.labels.max()) + 1).float()
        audio = torch.from_numpy(first.audio[rows]).float()
        voice = torch.from_numpy(first.voice[rows, 0]).float() if first.voice.shape[1] else None
        none = torch.zeros(len(rows), 0)
        return Batch(audio, voice, self.ids[words], self.text_mask[words], none, none, kinds, kinds, none)


def _available(folder: Path) -> list[bank.BankPass]:
    passes = bank.available(folder)
    if not passes:
        raise RecipeError(f"{folder} holds no finished pass of spectrograms; train the recipe whose bank it is, or leave `bank` out")
    return passes


def _weights(rows: list[Row], labels: np.ndarray, shares: dict[str, float], otherwise: float, kept_back: np.ndarray) -> np.ndarray:
    """Chance of each row (R,): each collection its share (`otherwise` where it has none), and within it rarer kinds more than their number; 0 for
    what is kept back."""
    weights = np.where(kept_back, 0.0, 1 / np.sqrt(np.bincount(labels)[labels]))
    collections = np.array([collection(row) for row in rows])
    if unknown := sorted(shares.keys() - set(collections) - {"sfx", "esc50", "starter"}):
        raise RecipeError(f"shares name {', '.join(unknown)}, but the rows are of {', '.join(sorted(set(collections)))}")
    for name in set(collections):
        total = weights[collections == name].sum()
        weights[collections == name] *= shares.get(name, otherwise) / total if total else 0.0
    if not weights.sum():
        raise RecipeError(f"the shares leave no row to draw; the rows are of {', '.join(sorted(set(collections)))}")
    return weights / weights.sum()


@torch.no_grad()
def _states(tower: TextTower, ids: Tensor, mask: Tensor) -> Tensor:
    """States (R, L, W) of the phrases, on the processor."""
    training, device = tower.training, next(tower.parameters()).device
    tower.eval()
    parts = [tower(ids[i : i + 256].to(device), mask[i : i + 256].to(device)).cpu() for i in range(0, len(ids), 256)]
    tower.train(training)
    return torch.cat(parts)
