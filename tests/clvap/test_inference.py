"""What is made quicker for use computes the same, and leaves the model it came from alone."""

import numpy as np
import pytest
import torch

from clvap import encoders
from clvap.audio import trim
from clvap.embedder import Embedder
from clvap.encoders import frontends, inference
from clvap.model import Clvap
from tests.clvap.tiny import BYOL_A, HTSAT, PANNS, stirred, tiny_config
from tests.sounds import noise

STEM = {**HTSAT, "stem": [[4, 2], [8, 2]]}
ENCODEC = {"kind": "encodec", "num_filters": 2, "hidden_size": 8, "upsampling_ratios": [4, 2], "num_lstm_layers": 1}
DAC = {"kind": "dac", "encoder_hidden_size": 4, "downsampling_ratios": [2, 4]}
SHIFTED = {**HTSAT, "depths": [2, 2], "spec_size": 64, "window_size": 5}


KINDS = {"stem": STEM, "shifted": SHIFTED, "htsat": HTSAT, "panns": PANNS, "byol-a": BYOL_A, "encodec": ENCODEC, "dac": DAC}


@pytest.mark.parametrize("config", KINDS.values(), ids=KINDS)
def test_an_encoder_made_for_inference_computes_the_same(config):
    encoder = stirred(encoders.build(config))
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    quick = inference.for_inference(encoder)
    heard = torch.randn(3, 800) if config in (ENCODEC, DAC) else torch.randn(3, 64, 16)
    with torch.inference_mode():
        for batch in (heard, heard[:1]):
            slow, fast = encoder(batch), quick(batch)
            assert torch.allclose(slow, fast, atol=1e-4, rtol=1e-4)
            assert torch.allclose(encoder.pool(slow), quick.pool(fast), atol=1e-4, rtol=1e-4)
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())
    assert all(weight.requires_grad for weight in encoder.parameters())
    norms = [module for module in quick.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert len(norms) == (0 if config in (BYOL_A, ENCODEC, DAC) else 1)  # the one on the spectrogram has no convolution before it


def test_sounds_taken_one_at_a_time_by_a_block_compute_the_same(monkeypatch):
    encoder = stirred(encoders.build(SHIFTED))
    quick, heard = inference.for_inference(encoder), torch.randn(3, 64, 16)
    batches: list[int] = []
    quick.net.audio_encoder.layers[0].blocks[0].before.register_forward_pre_hook(lambda _, inputs: batches.append(len(inputs[0])))
    with torch.inference_mode():
        together = quick(heard)
        monkeypatch.setattr(inference, "_CACHED", 1)
        alone = quick(heard)
        assert torch.allclose(alone, together, atol=1e-5) and torch.allclose(alone, encoder(heard), atol=1e-4, rtol=1e-4)
    assert batches == [3, 1, 1, 1]


def test_an_embedder_folds_its_own_copy_alone():
    model = stirred(Clvap(tiny_config(voice=STEM, audio=STEM)))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    embedder = Embedder(model, tokenizer=None)
    clip = noise(2.0)
    with torch.inference_mode():
        plain = model.audio_vectors(model.config.features(trim(clip))[None])[0].numpy()
    assert np.abs(embedder.embed_audio([clip])[0] - plain).max() < 1e-4
    assert model.state_dict().keys() == before.keys() and all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_each_tower_hears_through_its_own_front_end():
    front_end = frontends.PowerLogMel(16_000, 512, 160, 16, 60.0, 7_800.0, duration_s=1.0, scale="htk", unit="ln")
    model = stirred(Clvap(tiny_config(audio={**BYOL_A, "front_end": frontends.to_dict(front_end)})))
    embedder, clip = Embedder(model, tokenizer=None), noise(0.8)
    with torch.inference_mode():
        plain = model.audio_vectors(front_end(trim(clip))[None])[0].numpy()
        voice = model.voice(model.config.features(clip)[None])
        assert torch.allclose(embedder._voice_states(clip), voice, atol=1e-4)
    assert np.abs(embedder.embed_audio([clip])[0] - plain).max() < 1e-4


def test_many_sounds_on_two_threads_embed_as_on_one_and_leave_the_number_of_threads_alone():
    embedder = Embedder(stirred(Clvap(tiny_config())), tokenizer=None)
    sounds = [noise(0.2 + 0.3 * number, seed=number) for number in range(11)]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = embedder.embed_audio(sounds)
        torch.set_num_threads(2)
        assert np.allclose(embedder.embed_audio(sounds), alone, atol=1e-5)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert len({vector.tobytes() for vector in alone}) == len(sounds)
