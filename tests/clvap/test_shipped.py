"""The shipped clvap-mini does what it is shipped for, on sounds it never heard."""

import numpy as np
import pytest
import torch

from clvap import Embedder
from clvap.checkpoints import SHIPPED
from clvap.data.captions import esc50_captions
from clvap.text import masked_mean
from tests.sounds import tone

UNTAUGHT = {
    "hound": ("dog barking", "rain falling"), "automobile": ("car horn", "sea waves"), "blizzard": ("wind blowing", "mouse click"),
    "tractor": ("engine idling", "frog croaking"), "thunderclap": ("thunderstorm", "cat meowing"), "hooves": ("horse walking", "glass breaking"),
    "brook": ("pouring water", "dog barking"), "torrent": ("heavy rain", "clock ticking"),
}  # fmt: skip


@pytest.fixture(scope="module")
def embedder():
    return Embedder.from_pretrained("clvap-mini", device="cpu")


def nearer(vectors: dict[str, np.ndarray], word: str) -> bool:
    near, far = UNTAUGHT[word]
    return bool(vectors[word] @ vectors[near] > vectors[word] @ vectors[far])


def test_the_text_tower_understands_words_outside_the_captions(embedder):
    captions = {token for phrases in esc50_captions().values() for phrase in phrases for token in phrase.split()}
    assert not captions & UNTAUGHT.keys()
    texts = [*UNTAUGHT, *(text for pair in UNTAUGHT.values() for text in pair)]
    with torch.inference_mode():
        pooled = {text: masked_mean(*embedder._text_states(text))[0].numpy() for text in texts}
    assert all(nearer({text: vector / np.linalg.norm(vector) for text, vector in pooled.items()}, word) for word in UNTAUGHT)


def test_most_words_outside_the_captions_find_their_way_to_the_query(embedder):
    vectors = {text: embedder.embed_query(text=text) for text in [*UNTAUGHT, *(text for pair in UNTAUGHT.values() for text in pair)]}
    assert sum(nearer(vectors, word) for word in UNTAUGHT) >= 5


def test_the_shipped_folder_is_whole_and_light():
    folder = SHIPPED / "clvap-mini"
    for name in ("config.json", "model.safetensors", "vocab.json", "merges.txt", "README.md", "credits.csv"):
        assert (folder / name).stat().st_size > 0
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()) < 60e6


def test_both_modalities_move_the_query(embedder):
    voice, words, both = (embedder.embed_query(*given) for given in ((tone(300), None), (None, "church bells"), (tone(300), "church bells")))
    assert both @ voice < 0.999 and both @ words < 0.999
