import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from clvap.audio import AudioError, Clip, gesture
from clvap.checkpoints import ModelError, resolve
from clvap.embedder import Embedder
from clvap.encoders.htsat import HtsatEncoder
from clvap.loss import contrastive, soft_targets
from clvap.model import Clvap
from tests.clvap.tiny import tiny_config, tiny_tokenizer
from tests.sounds import noise, tone


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model folder as `save` leaves it."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_tokenizer(folder)
    Clvap(tiny_config()).eval().save(folder)
    return folder


@pytest.fixture(scope="module")
def embedder(folder):
    return Embedder.from_pretrained(folder, device="cpu")


def test_every_modality_gives_a_unit_vector_and_its_own_tokens(embedder):
    queries = embedder.query(voice=tone()), embedder.query(text="dog barking"), embedder.query(tone(), "dog barking")
    for query in queries:
        assert query.vector.shape == (embedder.dimension,)
        assert np.linalg.norm(query.vector) == pytest.approx(1, abs=1e-5)
        assert query.tokens.shape[1] == embedder.token_width
    voice, text, both = queries
    assert len(both.tokens) == len(voice.tokens) + len(text.tokens)
    assert voice.text is None and text.contours is None and both.contours is not None
    assert not np.allclose(voice.vector, both.vector, atol=1e-3)


def test_balance_reaches_both_ends(embedder):
    voice, text = embedder.embed_query(voice=tone()), embedder.embed_query(text="rain falling")
    ends = [embedder.embed_query(tone(), "rain falling", balance) for balance in (0.0, 1.0)]
    assert np.allclose(ends[0], voice, atol=1e-5)
    assert np.allclose(ends[1], text, atol=1e-5)
    between = embedder.embed_query(tone(), "rain falling", 0.25)
    assert between @ voice > embedder.embed_query(tone(), "rain falling", 0.5) @ voice - 1e-6


def test_a_voice_is_heard_as_a_sound_as_well(embedder):
    voice = gesture(noise(0.8))
    assert np.allclose(embedder.query(voice, "dog").as_sound, embedder.embed_audio([voice])[0], atol=1e-5)
    assert embedder.query(text="dog").as_sound is None


def test_a_query_of_nothing_and_a_balance_out_of_range_are_refused(embedder):
    with pytest.raises(ValueError, match="recording, words"):
        embedder.query(text="   ")
    with pytest.raises(ValueError, match="balance"):
        embedder.query(text="dog", balance=2)
    with pytest.raises(AudioError, match="silence"):
        embedder.query(voice=Clip(np.zeros((1, 44_100), np.float32)))


def test_sounds_of_any_length_rate_and_channels_embed_alike_in_a_batch_and_alone(embedder):
    sounds = [noise(0.2), noise(14.0), Clip(np.repeat(noise(1.0).samples, 2, axis=0), 22_050)]
    together = embedder.embed_audio(sounds)
    alone = np.concatenate([embedder.embed_audio([sound]) for sound in sounds])
    assert np.allclose(together, alone, atol=1e-4)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert embedder.embed_audio([]).shape == (0, embedder.dimension)


def test_saved_weights_load_into_the_same_model(folder, embedder):
    again = Embedder.from_pretrained(folder, device="cpu")
    assert np.array_equal(again.embed_query(text="wooden door"), embedder.embed_query(text="wooden door"))
    assert again.fingerprint == embedder.fingerprint


def test_weights_of_another_layout_are_named(folder, tmp_path):
    weights = load_file(folder / "model.safetensors")
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    save_file({k: v for k, v in weights.items() if "log_temperature" not in k}, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match="log_temperature"):
        Clvap.from_folder(tmp_path)


def test_an_unknown_model_lists_what_there_is():
    with pytest.raises(ModelError, match="clvap-mini"):
        resolve("clvap-maxi")


def test_padding_words_changes_nothing(embedder):
    model = embedder._model
    ids = torch.tensor([[0, 40, 41, 2]])
    padded = torch.tensor([[0, 40, 41, 2, 1, 1]])
    voice = torch.randn(1, 5, model.voice.width)
    with torch.inference_mode():
        plain = model.fuse(model.text(ids, ids != 1), (ids != 1).long(), voice)
        longer = model.fuse(model.text(padded, padded != 1), (padded != 1).long(), voice)
        assert torch.allclose(model.query_vectors(plain), model.query_vectors(longer), atol=1e-5)


def test_the_loss_falls_when_pairs_agree_and_targets_share_labels():
    vectors = torch.nn.functional.normalize(torch.randn(6, 8), dim=-1)
    targets = soft_targets(torch.tensor([0, 0, 1, 2, 3, 4]))
    assert torch.allclose(targets.sum(dim=1), torch.ones(6))
    assert targets[0, 1] == pytest.approx(0.2)
    cold = torch.tensor(0.07).log()
    assert contrastive(vectors, vectors, cold, targets) < contrastive(vectors, vectors.roll(1, dims=0), cold, targets)


def test_a_stem_of_convolutions_takes_the_place_of_the_patches():
    config = {**tiny_config().audio, "stem": [[8, 2], [tiny_config().audio["patch_embeds_hidden_size"], 2]]}
    encoder = HtsatEncoder(config)
    plain = HtsatEncoder(tiny_config().audio)
    log_mel = torch.randn(2, tiny_config().features.frames, tiny_config().features.mel_bands)
    assert encoder.eval()(log_mel).shape == plain.eval()(log_mel).shape
    with pytest.raises(ValueError, match="the transformer expects"):
        HtsatEncoder({**config, "stem": [[8, 2]]})
