"""From a CLAP in the published layout to a CLVAP, and CLAP as it is: compared with transformers' own numbers."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, ClapProcessor

from clvap import clap
from clvap.__main__ import main
from clvap.audio import Clip, gesture
from clvap.checkpoints import ModelError
from clvap.embedder import Embedder
from clvap.encoders import frontends, htsat_layout
from clvap.model import Clvap
from tests.clvap.tiny import tiny_clap
from tests.sounds import noise, tone


@pytest.fixture(scope="module")
def unfused(tmp_path_factory):
    return tiny_clap(tmp_path_factory.mktemp("clap") / "unfused")


@pytest.fixture(scope="module")
def fused(tmp_path_factory):
    return tiny_clap(tmp_path_factory.mktemp("clap") / "fused", feature_fusion=True)


@pytest.fixture(scope="module")
def embedder(unfused):
    return Embedder.from_pretrained(f"clap-zero-shot:{unfused}", device="cpu")


def published_vector(folder, clip: Clip) -> np.ndarray:
    """What transformers makes of a sound of up to ten seconds."""
    model, extractor = ClapModel.from_pretrained(folder).eval(), ClapFeatureExtractor.from_pretrained(folder)
    heard = extractor(clip.at_rate(48_000).mono(), sampling_rate=48_000, return_tensors="pt")["input_features"]
    with torch.inference_mode():
        return model.get_audio_features(input_features=heard, is_longer=torch.zeros(len(heard), 1, dtype=torch.bool)).pooler_output[0].numpy()


def published_text(folder, text: str) -> np.ndarray:
    model, processor = ClapModel.from_pretrained(folder).eval(), ClapProcessor.from_pretrained(folder)
    with torch.inference_mode():
        return model.get_text_features(**processor(text=[text], return_tensors="pt")).pooler_output[0].numpy()


@pytest.mark.parametrize("truncation", ["rand_trunc", "fusion"])
@pytest.mark.parametrize("seconds", [0.3, 3.0, 10.0])
def test_the_front_end_hears_what_claps_own_extractor_hears(tmp_path, truncation, seconds):
    extractor = ClapFeatureExtractor(frequency_min=50, truncation=truncation)
    extractor.save_pretrained(tmp_path)
    front_end = htsat_layout.clap_front_end(tmp_path)
    for clip in (noise(seconds), tone(440, seconds)):
        theirs = extractor(clip.at_rate(48_000).mono(), sampling_rate=48_000, return_tensors="pt")["input_features"][0, 0]
        ours = front_end(clip)
        assert ours.shape == theirs.shape == (1001, 64)
        assert (ours - theirs).abs().max() < 0.01  # decibels


def test_the_front_end_is_read_from_the_files_of_old_and_new_transformers(unfused, fused, tmp_path):
    assert htsat_layout.clap_front_end(unfused) == frontends.CLAP
    assert htsat_layout.clap_front_end(fused).scale == "htk"
    ClapProcessor.from_pretrained(fused).save_pretrained(tmp_path)
    assert not (tmp_path / "preprocessor_config.json").exists()
    assert htsat_layout.clap_front_end(tmp_path) == htsat_layout.clap_front_end(fused)


@pytest.mark.parametrize("layout", ["unfused", "fused"])
def test_zero_shot_vectors_are_those_of_transformers(layout, request):
    folder = request.getfixturevalue(layout)
    embedder = Embedder.from_pretrained(f"clap-zero-shot:{folder}", device="cpu")
    for sound in (noise(0.5), tone(300, 4.0)):
        assert np.abs(embedder.embed_audio([sound])[0] - published_vector(folder, sound)).max() < 1e-4
        assert np.abs(embedder.embed_query(voice=sound) - published_vector(folder, gesture(sound).without_rumble())).max() < 1e-4
    words = "a Dog barking, the RAIN falling, a Dog barking, the RAIN falling, a Dog barking, the RAIN falling"
    assert np.abs(embedder.embed_query(text=words) - published_text(folder, words)).max() < 1e-4


def test_balance_is_the_weight_of_the_words(embedder):
    voice, words = embedder.embed_query(voice=tone()), embedder.embed_query(text="rain")
    for balance in (0.0, 0.2, 0.5, 0.9, 1.0):
        mean = balance * words + (1 - balance) * voice
        query = embedder.query(tone(), "rain", balance)
        assert np.allclose(query.vector, mean / np.linalg.norm(mean), atol=1e-5)
        assert query.tokens.shape[1] == embedder.token_width


def test_zero_shot_without_weights_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match=r"laion/clap-htsat-unfused.*clap-zero-shot:FOLDER"):
        Embedder.from_pretrained("clap-zero-shot")
    with pytest.raises(ModelError, match="no such folder"):
        Embedder.from_pretrained(f"clap-zero-shot:{tmp_path / 'absent'}")


@pytest.mark.parametrize("pickled", [False, True])
def test_zero_shot_finds_claps_weights_in_the_hubs_cache(unfused, embedder, tmp_path, monkeypatch, pickled):
    home = tmp_path / "models--laion--clap-htsat-unfused"
    snapshot = shutil.copytree(unfused, home / "snapshots" / "8fa0f1c")
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("8fa0f1c")
    if pickled:
        torch.save(load_file(snapshot / "model.safetensors"), snapshot / "pytorch_model.bin")
        (snapshot / "model.safetensors").unlink()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    found = Embedder.from_pretrained("clap-zero-shot", device="cpu")
    assert np.allclose(found.embed_query(tone(), "a Dog barking"), embedder.embed_query(tone(), "a Dog barking"), atol=1e-6)


def test_fingerprints_tell_clap_weights_apart(unfused, fused, embedder):
    assert clap.zero_shot(f"clap-zero-shot:{unfused}").fingerprint == embedder.fingerprint != clap.zero_shot(f"clap-zero-shot:{fused}").fingerprint
    assert len(embedder.fingerprint) == 12


@pytest.mark.parametrize("layout", ["unfused", "fused"])
@pytest.mark.parametrize("fusion", ["early", "late", "cross_attention"])
def test_every_part_that_clap_has_starts_from_it(layout, fusion, request, tmp_path):
    folder = request.getfixturevalue(layout)
    theirs = ClapModel.from_pretrained(folder)
    clap.write_folder(folder, tmp_path, fusion).save(tmp_path, torch.float32)
    ours = Clvap.from_folder(tmp_path)
    published = theirs.audio_model.state_dict()
    for tower in (ours.voice, ours.audio):
        assert all(torch.equal(value, published[key]) for key, value in tower.net.state_dict().items())
    published = theirs.text_model.state_dict()
    assert all(torch.equal(value, published[key]) for key, value in ours.text.roberta.state_dict().items())
    assert torch.equal(ours.audio_projection[3].weight, theirs.audio_projection.linear2.weight)
    assert clap.fresh(ours) == (() if fusion == "late" else ("fusion", "query_projection"))
    queries = Embedder.from_pretrained(tmp_path, device="cpu")
    assert np.linalg.norm(queries.embed_query(tone(), "a Dog barking")) == pytest.approx(1, abs=1e-5)


def test_capitals_are_kept_by_a_tokenizer_that_tells_them_apart(unfused, tmp_path):
    clap.write_folder(unfused, tmp_path)
    embedder = Embedder.from_pretrained(tmp_path, device="cpu")
    assert not np.allclose(embedder.embed_query(text="Dog"), embedder.embed_query(text="dog"), atol=1e-5)


def test_weights_that_do_not_fit_are_named(unfused, tmp_path):
    shutil.copytree(unfused, tmp_path, dirs_exist_ok=True)
    weights = load_file(tmp_path / "model.safetensors")
    gone = "text_model.encoder.layer.0.attention.self.query.weight"
    save_file({key: value for key, value in weights.items() if key != gone}, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=gone.replace(".", r"\.")):
        clap.from_clap(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "roberta"}))
    with pytest.raises(ModelError, match="not of a CLAP"):
        clap.from_clap(tmp_path)


def test_the_command_line_makes_a_model_folder_and_says_what_is_fresh(unfused, tmp_path, capsys):
    assert main(["from-clap", str(unfused), str(tmp_path / "full")]) == 0
    assert "fresh, for training to teach: fusion, query_projection" in capsys.readouterr().out
    assert Embedder.from_pretrained(tmp_path / "full", device="cpu").dimension == 16
    assert main(["from-clap", str(tmp_path / "absent"), str(tmp_path / "other")]) == 2
    assert "no such folder" in capsys.readouterr().err


LARGER = {"patch_embeds_hidden_size": 128, "hidden_size": 1024, "depths": [2, 2, 12, 2]}


@pytest.mark.slow
@pytest.mark.parametrize("audio", [{}, {"enable_fusion": True}, LARGER], ids=["clap-htsat-unfused", "clap-htsat-fused", "larger_clap_general"])
def test_claps_of_the_published_sizes_become_full_models(audio, tmp_path):
    theirs = ClapModel(ClapConfig(audio_config=audio, text_config={"num_hidden_layers": 1})).eval()  # one of twelve layers of text, to save memory
    theirs.save_pretrained(tmp_path)
    ClapFeatureExtractor(frequency_min=50, truncation="rand_trunc").save_pretrained(tmp_path)
    ours, clip = clap.from_clap(tmp_path), noise(2.0)
    assert (ours.audio.width, ours.text.width, ours.config.dimension, ours.config.width) == (audio.get("hidden_size", 768), 768, 512, 512)
    assert np.abs(Embedder(ours, tokenizer=None).embed_audio([clip])[0] - published_vector(tmp_path, clip)).max() < 1e-4
