"""The shipped clvap-mini does what it is shipped for, on sounds it never heard."""

import pytest

from clvap import Embedder
from clvap.checkpoints import SHIPPED
from clvap.data.captions import esc50_captions
from tests.sounds import tone

UNTAUGHT = {"hound": ("dog barking", "rain falling"), "automobile": ("car horn", "sea waves"), "blizzard": ("wind blowing", "mouse click"), "tractor": ("engine idling", "frog croaking")}


@pytest.fixture(scope="module")
def embedder():
    return Embedder.from_pretrained("clvap-mini", device="cpu")


@pytest.mark.parametrize(("word", "near_far"), UNTAUGHT.items())
def test_words_outside_the_captions_are_understood(embedder, word, near_far):
    captions = {token for phrases in esc50_captions().values() for phrase in phrases for token in phrase.split()}
    near, far = (embedder.embed_query(text=text) for text in near_far)
    asked = embedder.embed_query(text=word)
    assert word not in captions
    assert asked @ near > asked @ far


def test_the_shipped_folder_is_whole_and_light():
    folder = SHIPPED / "clvap-mini"
    for name in ("config.json", "model.safetensors", "vocab.json", "merges.txt", "README.md", "credits.csv"):
        assert (folder / name).stat().st_size > 0
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()) < 60e6


def test_both_modalities_move_the_query(embedder):
    voice, words, both = (embedder.embed_query(*given) for given in ((tone(300), None), (None, "church bells"), (tone(300), "church bells")))
    assert both @ voice < 0.999 and both @ words < 0.999
