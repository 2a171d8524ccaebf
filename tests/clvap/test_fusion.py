import numpy as np
import pytest
import torch

from clvap.config import FUSIONS, ClvapConfig
from clvap.embedder import Embedder
from clvap.encoders import frontends
from clvap.model import Clvap
from tests.clvap.tiny import BYOL_A, HTSAT, PANNS, TEXT, tiny_config, tiny_tokenizer
from tests.sounds import noise, tone


def states(model: Clvap, words: int = 4, frames: int = 5):
    torch.manual_seed(1)
    return torch.randn(2, words, model.text.width), torch.ones(2, words, dtype=torch.long), torch.randn(2, frames, model.voice.width)


@pytest.fixture(params=FUSIONS)
def model(request):
    torch.manual_seed(0)
    return Clvap(tiny_config(request.param)).eval()


@torch.inference_mode()
def test_either_modality_may_be_absent_and_adds_no_tokens(model):
    text, mask, voice = states(model)
    both, words, sound = model.fuse(text, mask, voice), model.fuse(text, mask, None), model.fuse(None, None, voice)
    for fused, length in ((both, 9), (words, 4), (sound, 5)):
        assert fused.tokens.shape == (2, length, model.config.width)
        assert fused.mask.shape == (2, length) and fused.pooled.shape == (2, model.fusion.pooled_width)
        assert torch.allclose(model.query_vectors(fused).norm(dim=-1), torch.ones(2), atol=1e-5)
    vectors = [model.query_vectors(fused) for fused in (both, words, sound)]
    assert not any(torch.allclose(a, b, atol=1e-3) for a, b in zip(vectors, vectors[1:] + vectors[:1], strict=True))
    with pytest.raises(ValueError, match="voice, words"):
        model.fuse(None, None, None)


@torch.inference_mode()
def test_an_absent_modality_is_neither_silence_nor_an_empty_string(model):
    text, mask, voice = states(model)
    words = model.query_vectors(model.fuse(text, mask, None))
    assert not torch.allclose(words, model.query_vectors(model.fuse(text, mask, torch.zeros_like(voice))), atol=1e-3)
    sound = model.query_vectors(model.fuse(None, None, voice))
    assert not torch.allclose(sound, model.query_vectors(model.fuse(torch.zeros_like(text), mask, voice)), atol=1e-3)


@torch.inference_mode()
def test_padding_words_changes_no_fusion(model):
    text, mask, voice = states(model)
    longer = torch.cat([text, torch.randn(2, 3, text.shape[2])], dim=1)
    padded = torch.cat([mask, torch.zeros(2, 3, dtype=torch.long)], dim=1)
    plain, filled = model.fuse(text, mask, voice), model.fuse(longer, padded, voice)
    assert torch.allclose(model.query_vectors(plain), model.query_vectors(filled), atol=1e-5)
    assert torch.allclose(plain.tokens[:, :4], filled.tokens[:, :4], atol=1e-5) and filled.mask.sum() == plain.mask.sum()


def test_only_cross_attention_lets_one_modality_change_the_others_tokens():
    for fusion in FUSIONS:
        torch.manual_seed(0)
        model = Clvap(tiny_config(fusion)).eval()
        text, mask, voice = states(model)
        apart = torch.allclose(model.fuse(text, mask, voice).tokens[:, :4], model.fuse(text, mask, None).tokens, atol=1e-4)
        assert apart == (fusion != "cross_attention")


def test_early_fusion_is_the_concatenation_of_the_pooled_towers():
    model = Clvap(tiny_config("early")).eval()
    text, mask, voice = states(model)
    halves = model.fusion.text_in(text.mean(dim=1)), model.fusion.voice_in(voice.mean(dim=1))
    assert torch.allclose(model.fuse(text, mask, voice).pooled, torch.cat(halves, dim=-1), atol=1e-5)


def test_late_fusion_is_a_weighted_mean_that_training_and_balance_shift():
    model = Clvap(tiny_config("late")).eval()
    text, mask, voice = states(model)
    words, sound = model.fuse(text, mask, None).pooled, model.fuse(None, None, voice).pooled
    assert torch.allclose(words.norm(dim=-1), torch.ones(2), atol=1e-5)
    for balance, lean, weight in ((0.5, 0.0, 0.5), (0.2, 0.0, 0.2), (0.0, 0.0, 0.0), (1.0, 3.0, 1.0), (0.5, float(np.log(3)), 0.75)):
        model.fusion.lean.data.fill_(lean)
        assert torch.allclose(model.fuse(text, mask, voice, balance).pooled, weight * words + (1 - weight) * sound, atol=1e-5)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_one_step_teaches_every_part_that_a_query_passes(fusion):
    model = Clvap(tiny_config(fusion))
    text, mask, voice = states(model)
    total = sum(model.query_vectors(model.fuse(*given))[:, 0].sum() for given in ((text, mask, voice), (text, mask, None), (None, None, voice)))
    total.backward()
    untaught = [name for name, weight in (*model.fusion.named_parameters(), *model.query_projection.named_parameters()) if weight.grad is None]
    assert not untaught


ENCODEC = {
    "kind": "encodec", "num_filters": 2, "hidden_size": 8, "upsampling_ratios": [4, 2], "num_lstm_layers": 1,
    "front_end": frontends.to_dict(frontends.Waveform(8_000, duration_s=1.0, multiple=8)),
}  # fmt: skip


@pytest.mark.parametrize(("fusion", "voice"), [("early", PANNS), ("late", PANNS), ("cross_attention", BYOL_A), ("late", HTSAT), ("early", ENCODEC)])
def test_every_fusion_serves_queries_with_any_encoder(fusion, voice, tmp_path):
    torch.manual_seed(0)
    tiny_tokenizer(tmp_path)
    model = Clvap(tiny_config(fusion, voice=voice, audio=voice)).eval()
    model.save(tmp_path, torch.float32)
    embedder = Embedder.from_pretrained(tmp_path, device="cpu")
    assert np.allclose(np.linalg.norm(embedder.embed_audio([noise(0.3), tone()]), axis=1), 1, atol=1e-5)
    ends = embedder.embed_query(voice=tone()), embedder.embed_query(text="rain falling")
    for balance, end in zip((0.0, 1.0), ends, strict=True):
        assert np.allclose(embedder.embed_query(tone(), "rain falling", balance), end, atol=1e-5)
    query = embedder.query(tone(), "rain falling", 0.3)
    assert query.tokens.shape[1] == embedder.token_width and np.linalg.norm(query.vector) == pytest.approx(1, abs=1e-5)


def test_configs_that_contradict_themselves_are_refused():
    with pytest.raises(ValueError, match="early, late, cross_attention"):
        tiny_config("latest")
    with pytest.raises(ValueError, match="width 16 must be dimension 8"):
        ClvapConfig(HTSAT, HTSAT, TEXT, fusion="late", width=16, dimension=8, features=tiny_config().features)
    with pytest.raises(ValueError, match="waveform"):
        tiny_config(voice={"kind": "encodec"})
    with pytest.raises(ValueError, match="mel bands"):
        tiny_config(voice={**PANNS, "num_mel_bins": 64})
    with pytest.raises(ValueError, match="power-log-mel, waveform"):
        tiny_config(voice={**PANNS, "front_end": {"kind": "cochlea"}})
