"""Encoders against their published layouts and against the arithmetic that their authors published."""

import pytest
import torch
import torchaudio
from safetensors.torch import load_file, save_file
from torch.nn import functional
from torchlibrosa.stft import LogmelFilterBank, Spectrogram
from transformers import (
    ClapAudioConfig,
    ClapAudioModel,
    ClapModel,
    DacConfig,
    DacModel,
    EncodecConfig,
    EncodecModel,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaModel,
)

from clvap import encoders
from clvap.checkpoints import ModelError
from clvap.embedder import Embedder
from clvap.encoders import frontends, published
from clvap.encoders.byol_a import RunningNorm
from clvap.encoders.htsat import HtsatEncoder
from clvap.model import Clvap
from clvap.text import TextTower
from tests.clvap.layouts import audio_ntt_table, cnn14_table, filled, original_htsat_table, saved
from tests.clvap.tiny import BYOL_A, HTSAT, PANNS, TEXT, stirred, tiny_clap, tiny_config
from tests.sounds import noise, tone


def test_every_kind_has_the_same_face():
    for config in (HTSAT, PANNS, BYOL_A):
        encoder = encoders.build(config).eval()
        states = encoder(torch.randn(2, 64, 16))
        assert states.shape[0] == 2 and states.shape[1] > 1 and states.shape[2] == encoder.width
        assert encoder.pool(states).shape == (2, encoder.width)
        assert not torch.allclose(states[:, 0], states[:, -1])
    with pytest.raises(ModelError, match="htsat, panns, byol-a, encodec, dac"):
        encoders.build({"kind": "wav2vec"})


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_cnn14_loads_the_published_layout_and_computes_as_published(tmp_path, suffix):
    weights = filled(cnn14_table((4, 6, 8)))
    path = saved(weights, tmp_path / "Cnn14.pth", "model") if suffix == ".pth" else tmp_path / "model.safetensors"
    if suffix == ".safetensors":
        save_file(weights, path)
    encoder = encoders.from_published("panns", path if suffix == ".pth" else tmp_path)
    assert all(torch.equal(value, weights[key]) for key, value in encoder.state_dict().items())
    assert {key for key in weights if "extractor" not in key} == encoder.state_dict().keys()
    log_mel = torch.randn(2, 101, 64)
    x = functional.batch_norm(log_mel[:, None].transpose(1, 3), *(weights[f"bn0.{part}"] for part in ("running_mean", "running_var", "weight", "bias")))
    x = x.transpose(1, 3)
    for number in (1, 2, 3):
        for layer in (1, 2):
            x = functional.conv2d(x, weights[f"conv_block{number}.conv{layer}.weight"], padding=1)
            parts = (weights[f"conv_block{number}.bn{layer}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
            x = functional.relu(functional.batch_norm(x, *parts))
        x = functional.avg_pool2d(x, 2) if number < 3 else x
    x = x.mean(dim=3)
    x = functional.relu(functional.linear(x.amax(dim=2) + x.mean(dim=2), weights["fc1.weight"], weights["fc1.bias"]))
    with torch.inference_mode():
        assert torch.allclose(encoder.pool(encoder(log_mel)), x, rtol=1e-4, atol=1e-4)
        head = torch.sigmoid(functional.linear(x, weights["fc_audioset.weight"], weights["fc_audioset.bias"]))
        assert torch.allclose(encoder.classify(log_mel), head, rtol=1e-4, atol=1e-4)


def test_keys_that_do_not_fit_are_named(tmp_path):
    weights = filled(cnn14_table((4, 6, 8)))
    config = encoders.published_config("panns", saved(weights, tmp_path / "good.pth", "model"))
    wrong = {key: value for key, value in weights.items() if key != "conv_block2.bn1.bias"} | {"conv_block9.x": torch.zeros(1), "fc1.bias": torch.zeros(3)}
    path = saved(wrong, tmp_path / "bad.pth", "model")
    with pytest.raises(ModelError, match=r"1 missing, first conv_block2\.bn1\.bias.*unknown.*conv_block9\.x.*fc1\.bias \(3,\) for \(8,\)"):
        encoders.build(config).load_published(path)
    strange = weights | {"logmel_extractor.melW": torch.zeros(513, 64)}
    with pytest.raises(ModelError, match="front end"):
        encoders.published_config("panns", saved(strange, tmp_path / "strange.pth", "model"))
    for kind in ("panns", "byol-a", "htsat"):
        with pytest.raises(ModelError, match=r"no .* in it"):
            encoders.published_config(kind, saved({"weight": torch.zeros(1)}, tmp_path / "other.pth"))


def test_pickles_that_run_code_are_refused(tmp_path):
    torch.save({"model": torch.nn.Linear(1, 1)}, tmp_path / "model.pth")
    with pytest.raises(ModelError, match="tensors alone"):
        published.read(tmp_path / "model.pth")
    (tmp_path / "cut.safetensors").write_bytes(b"\x10")
    with pytest.raises(ModelError, match="cannot be read"):
        published.read(tmp_path / "cut.safetensors")
    with pytest.raises(ModelError, match=r"has cut\.safetensors, model\.pth"):
        published.read(tmp_path)


def test_the_front_end_of_panns_is_that_of_torchlibrosa():
    clip, front_end = noise(10.5, level=0.05), frontends.PANNS
    sound = torch.from_numpy(clip.at_rate(32_000).mono()[: front_end.samples])[None]
    spectrogram = Spectrogram(n_fft=1_024, hop_length=320)
    theirs = LogmelFilterBank(sr=32_000, n_fft=1_024, n_mels=64, fmin=50, fmax=14_000, top_db=None)(spectrogram(sound))[0, 0]
    assert front_end(clip).shape == theirs.shape == (1_001, 64)
    assert (front_end(clip) - theirs).abs().max() < 0.01  # decibels


@pytest.mark.parametrize("prefix", ["", "online_encoder.net."])
def test_audio_ntt_loads_the_published_layout_and_computes_as_published(tmp_path, prefix):
    weights = filled(audio_ntt_table(2_048))
    path = saved({prefix + key: value for key, value in weights.items()}, tmp_path / "AudioNTT2020-BYOLA-64x96d2048.pth")
    encoder = encoders.from_published("byol-a", path)
    assert {key for key in encoder.state_dict() if not key.startswith("norm.")} == weights.keys()
    clip = noise(5.0, level=0.1)
    sound = torch.from_numpy(clip.at_rate(16_000).mono()[:80_000])
    mel = torchaudio.transforms.MelSpectrogram(sample_rate=16_000, n_fft=1_024, win_length=1_024, hop_length=160, n_mels=64, f_min=60, f_max=7_800)
    x = (((mel(sound) + torch.finfo(torch.float).eps).log()) - -5.4919195)[None, None] / 5.0389895
    for number in (0, 4, 8):
        x = functional.conv2d(x, weights[f"features.{number}.weight"], weights[f"features.{number}.bias"], padding=1)
        parts = (weights[f"features.{number + 1}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        x = functional.max_pool2d(functional.relu(functional.batch_norm(x, *parts)), 2)
    x = x.permute(0, 3, 2, 1).flatten(2)
    for number in (0, 3):
        x = functional.relu(functional.linear(x, weights[f"fc.{number}.weight"], weights[f"fc.{number}.bias"]))
    config = encoders.published_config("byol-a", path)
    with torch.inference_mode():
        states = encoder(frontends.from_dict(config["front_end"])(clip)[None])
        assert torch.allclose(states, x, rtol=1e-3, atol=1e-3)
        assert torch.allclose(encoder.pool(states), x.max(dim=1).values + x.mean(dim=1), rtol=1e-3, atol=1e-3)


def test_running_statistics_are_those_of_all_that_was_seen_and_stop_in_use():
    norm, seen = RunningNorm(), 3 + 2 * torch.randn(40, 6, 5)
    for part in seen.split((7, 20, 13)):
        norm(part)
    assert norm.mean.item() == pytest.approx(seen.mean().item(), abs=1e-4)
    assert norm.variance.item() == pytest.approx(seen.var(correction=0).item(), rel=1e-4)
    before = norm.mean.clone()
    norm.eval()(seen + 5)
    assert torch.equal(norm.mean, before)


@pytest.mark.parametrize("prefix", ["sed_model.", "module.audio_branch.", ""])
def test_original_htsat_weights_find_their_places(tmp_path, prefix):
    weights = filled(original_htsat_table(8, (2, 1), (1, 2), classes=5))
    beside = {"logit_scale_a": torch.zeros(())} if "branch" in prefix else {}
    path = saved({prefix + key: value for key, value in weights.items()} | beside, tmp_path / "HTSAT.ckpt", "state_dict")
    config = encoders.published_config("htsat", path)
    assert frontends.from_dict(config["front_end"]) == frontends.PANNS
    encoder = encoders.from_published("htsat", path)
    ours = encoder.net.audio_encoder.state_dict()
    block = "layers.0.blocks.1"
    for part, rows in zip(("query", "key", "value"), weights[f"{block}.attn.qkv.weight"].chunk(3), strict=True):
        assert torch.equal(ours[f"{block}.attention.self.{part}.weight"], rows)
    pairs = {
        f"{block}.norm2.bias": f"{block}.layernorm_after.bias", f"{block}.attn.proj.weight": f"{block}.attention.output.dense.weight",
        f"{block}.mlp.fc2.weight": f"{block}.output.dense.weight", f"{block}.mlp.fc1.bias": f"{block}.intermediate.dense.bias",
        f"{block}.attn.relative_position_bias_table": f"{block}.attention.self.relative_position_bias_table",
        "bn0.running_var": "batch_norm.running_var",
        **{same: same for same in ("layers.0.downsample.reduction.weight", "norm.weight", "patch_embed.proj.bias")},
    }  # fmt: skip
    assert all(torch.equal(ours[after], weights[before]) for before, after in pairs.items())
    assert torch.equal(encoder.tscam_conv.weight, weights["tscam_conv.weight"])


def test_htsat_loads_the_layout_of_clap_from_a_folder_and_from_a_file(tmp_path):
    folder = tiny_clap(tmp_path / "clap")
    encoder = encoders.from_published("htsat", folder)
    weights = load_file(folder / "model.safetensors")
    assert all(torch.equal(value, weights[f"audio_model.audio_encoder.{key}"]) for key, value in encoder.net.audio_encoder.state_dict().items())
    again = encoders.build(encoders.published_config("htsat", folder))
    again.load_published(folder / "model.safetensors")
    assert torch.equal(again.net.audio_encoder.norm.bias, encoder.net.audio_encoder.norm.bias)


def test_the_token_semantic_head_hears_classes_frame_by_frame():
    torch.manual_seed(0)
    encoder = stirred(HtsatEncoder({**HTSAT, "classes": 3}))
    log_mel = torch.randn(2, 64, 16)
    with torch.inference_mode():
        heard, states = encoder.activity(log_mel), encoder(log_mel)
        grid = encoder.net(log_mel[:, None]).last_hidden_state
        logits = functional.conv2d(functional.pad(grid, (1, 1)), encoder.tscam_conv.weight, encoder.tscam_conv.bias)[:, :, 0]
    assert heard.frames.shape == (2, states.shape[1], 3) and heard.clip.shape == (2, 3)
    assert torch.allclose(heard.frames, logits.sigmoid().transpose(1, 2), atol=1e-6)
    assert torch.allclose(heard.clip, logits.mean(dim=2).sigmoid(), atol=1e-6)
    with pytest.raises(ValueError, match="classes"):
        HtsatEncoder(HTSAT).activity(log_mel)


def test_an_embedder_tells_the_activity_over_the_whole_recording():
    config = tiny_config(voice={**HTSAT, "classes": 3, "labels": ["hum", "knock", "hiss"]})
    embedder = Embedder(Clvap(config), tokenizer=None)
    step_s, frames = config.features.duration_s, embedder._model.voice(torch.zeros(1, 64, 16)).shape[1]
    for seconds in (0.5 * step_s, step_s, 2.5 * step_s):
        heard = embedder.activity(noise(seconds))
        assert heard.presence.shape == (round(frames * seconds / step_s), 3) and list(heard.labels) == ["hum", "knock", "hiss"]
    assert Embedder(Clvap(tiny_config()), tokenizer=None).activity(noise(1.0)) is None


def codec(kind: str) -> torch.nn.Module:
    """A small codec of transformers."""
    if kind == "encodec":
        return EncodecModel(EncodecConfig(num_filters=2, hidden_size=8, codebook_size=16, upsampling_ratios=[4, 2], num_lstm_layers=1)).eval()
    settings = {"downsampling_ratios": [2, 4], "n_codebooks": 2, "codebook_size": 16, "sampling_rate": 44_100}
    return DacModel(DacConfig(encoder_hidden_size=4, decoder_hidden_size=16, **settings)).eval()


@pytest.mark.parametrize("kind", ["encodec", "dac"])
def test_codecs_give_the_latents_of_transformers(tmp_path, kind):
    model = codec(kind)
    model.save_pretrained(tmp_path)
    encoder = encoders.from_published(kind, tmp_path)
    front_end = frontends.from_dict(encoders.published_config(kind, tmp_path)["front_end"])
    assert front_end.sample_rate_hz == {"encodec": 24_000, "dac": 44_100}[kind] and front_end.samples % model.config.hop_length == 0
    sound = front_end(tone(440, 0.1))[None, :4_000]
    with torch.inference_mode():
        latents = model.encoder(sound[:, None]).transpose(1, 2)
        assert torch.allclose(encoder(sound), latents, atol=1e-6) and latents.shape == (1, 500, 8 if kind == "encodec" else 16)
        assert torch.allclose(encoder.pool(latents), latents.mean(dim=1))


def test_codecs_know_older_names_and_name_keys_that_do_not_fit(tmp_path):
    model = codec("encodec")
    model.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    names = {key: key.replace("parametrizations.weight.original0", "weight_g").replace("parametrizations.weight.original1", "weight_v") for key in weights}
    assert set(names.values()) != weights.keys()
    old = {names[key]: value for key, value in weights.items()}
    save_file(old, tmp_path / "model.safetensors", metadata={"format": "pt"})
    encoder = encoders.from_published("encodec", tmp_path)
    assert all(torch.equal(value, model.encoder.state_dict()[key]) for key, value in encoder.encoder.state_dict().items())
    save_file({k: v for k, v in weights.items() if k != "encoder.layers.0.conv.bias"}, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"encoder\.layers\.0\.conv\.bias"):
        encoders.from_published("encodec", tmp_path)
    with pytest.raises(ModelError, match="'encodec'; give a folder or id of a dac"):
        encoders.published_config("dac", tmp_path)


@pytest.mark.parametrize("layout", ["roberta", "roberta-with-head", "clap"])
def test_the_text_tower_loads_the_layouts_of_roberta_and_of_clap(tmp_path, layout):
    if layout == "clap":
        model = ClapModel.from_pretrained(tiny_clap(tmp_path)).text_model
    else:
        kind = RobertaModel if layout == "roberta" else RobertaForMaskedLM
        model = stirred(kind(RobertaConfig(**TEXT)))
        model.save_pretrained(tmp_path)
        model = getattr(model, "roberta", model)
    tower = TextTower(RobertaConfig(**TextTower.published_config(tmp_path))).eval()
    tower.load_published(tmp_path)
    ids = torch.tensor([[0, 40, 41, 2], [0, 50, 2, 1]])
    with torch.inference_mode():
        theirs = model.eval()(input_ids=ids, attention_mask=(ids != 1).long()).last_hidden_state
        assert torch.allclose(tower(ids, (ids != 1).long())[ids != 1], theirs[ids != 1], atol=1e-5)
    with pytest.raises(ModelError, match=r"embeddings\.LayerNorm\.bias"):
        tower.load_published(saved({"roberta.weight": torch.zeros(1)}, tmp_path / "other.pth"))


@pytest.mark.slow
def test_encoders_of_the_published_sizes_load(tmp_path):
    widths = (64, 128, 256, 512, 1024, 2048)
    cnn14 = encoders.from_published("panns", saved(filled(cnn14_table(widths)), tmp_path / "Cnn14_mAP=0.431.pth", "model"))
    assert sum(weight.numel() for weight in cnn14.parameters()) == 80_753_615
    assert cnn14.pool(cnn14(torch.randn(1, 101, 64))).shape == (1, 2048)
    weights = filled(original_htsat_table(96, (2, 2, 6, 2), (4, 8, 16, 32)))
    path = saved({f"sed_model.{key}": value for key, value in weights.items()}, tmp_path / "HTSAT.ckpt", "state_dict")
    htsat = encoders.from_published("htsat", path)
    assert htsat.net.audio_encoder.state_dict().keys() == ClapAudioModel(ClapAudioConfig()).audio_encoder.state_dict().keys()
    assert htsat.activity(torch.randn(1, 1001, 64)).frames.shape == (1, 32, 527)
    EncodecModel(EncodecConfig()).save_pretrained(tmp_path / "encodec_24khz")
    assert encoders.from_published("encodec", tmp_path / "encodec_24khz")(torch.randn(1, 24_000)).shape == (1, 75, 128)
    DacModel(DacConfig(sampling_rate=44_100)).save_pretrained(tmp_path / "dac_44khz")
    assert encoders.from_published("dac", tmp_path / "dac_44khz")(torch.randn(1, 44_032)).shape == (1, 86, 1024)
