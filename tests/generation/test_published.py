"""Published layouts at a size for tests: found, loaded whole, asked by words, and refused in words where something is amiss."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import huggingface_hub
import numpy as np
import pytest
import torch
from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError
from safetensors.torch import load_file, save_file
from stable_audio_tools.inference.generation import generate_diffusion_cond

from clvap.checkpoints import ModelError
from clvap.contours import extract
from generation import GenerateRequest, Generator, lora, published
from generation.adapter import Adapter, AdapterConfig
from generation.checkpoints import CARDS, card, engine_weights, locate
from generation.extras import Extras
from generation.request import AS_MADE, Follow, Inpaint, RequestError
from generation.samplers import Sampling
from generation.sampling import Kept, Start, hear, sample
from tests.clvap.hub_server import hub_server
from tests.generation import layouts, tiny
from tests.sounds import knocks, tone

ROOT = Path(__file__).resolve().parents[2]
LAYOUTS = {"1.0": layouts.open_1_0, "small": layouts.open_small}


@pytest.fixture(scope="module", params=LAYOUTS)
def folder(request, tmp_path_factory) -> Path:
    return layouts.save(tmp_path_factory.mktemp("published"), layouts.shrunk(LAYOUTS[request.param]()))


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    return layouts.save(tmp_path_factory.mktemp("small"), layouts.shrunk(layouts.open_small()))


@pytest.fixture(scope="module")
def open_1_0(tmp_path_factory) -> Generator:
    return Generator.from_pretrained(layouts.save(tmp_path_factory.mktemp("open"), layouts.shrunk(layouts.open_1_0())), "cpu", tiny.FakeEmbedder())


def request(**changes) -> GenerateRequest:
    return GenerateRequest(**({"query": tiny.query(text="rain on tin"), "seconds": 1.0, "variations": 2, "seed": 3, "steps": 3} | changes))


def apart(generator: Generator, **changes) -> float:
    """How far a change moves the take of one seed."""
    plain, other = (generator.generate(request(variations=1, **more))[0].clip.samples for more in ({}, changes))
    return float(np.abs(plain - other).max())


def test_words_make_stereo_takes_of_the_length_asked_for(folder, capfd):
    generator = Generator.from_pretrained(folder, "cpu", tiny.FakeEmbedder())
    takes = generator.generate(request())
    assert [take.clip.samples.shape for take in takes] == [(2, 44_100)] * 2 and all(0 < take.clip.peak <= 0.9 for take in takes)
    assert apart(generator, query=tiny.query(text="a dog")) > 1e-3
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("sampler", ["dpmpp-2m", "pingpong"])
def test_a_seed_gives_what_plain_stable_audio_tools_gives(sampler, tmp_path):
    layout = layouts.open_small if sampler == "pingpong" else layouts.open_1_0
    model, config = published.load(layouts.save(tmp_path, layouts.shrunk(layout())))
    asked = {"prompt": "a dog", "seconds_start": 0, "seconds_total": 1}
    sigmas = {} if sampler == "pingpong" else {"sigma_min": 0.3, "sigma_max": 500}
    plain = generate_diffusion_cond(
        model,
        steps=4,
        cfg_scale=3.0,
        conditioning=[asked],
        sample_size=config["sample_size"],
        seed=7,
        device="cpu",
        return_latents=True,
        sampler_type=sampler,
        **sigmas,
    )
    ours = sample(model, Start([7]), hear(model, asked, None, "cpu"), plain.shape[-1], Sampling(sampler, 4, 3.0), lambda step, estimate: None)
    assert torch.allclose(ours, plain, atol=1e-5)


def test_what_is_asked_changes_what_is_made(open_1_0):
    assert apart(open_1_0) == 0
    for change in ({"negative": "thunder"}, {"guidance": 2.0}, {"seconds_start": 9.0}, {"seconds_total": 40.0}, {"sampler": "dpmpp-2m"}):
        assert apart(open_1_0, **change) > 1e-5, change


def test_what_a_model_cannot_do_is_said(open_1_0, small):
    distilled = Generator.from_pretrained(small, "cpu", tiny.FakeEmbedder())
    for generator, wrong, said in (
        (open_1_0, {"query": tiny.query(text=None)}, "type some"),
        (open_1_0, {"sampler": "pingpong"}, "dpmpp-3m-sde"),
        (distilled, {"negative": "thunder"}, "guidance over 1"),
        (distilled, {"seconds_start": 2.0}, "from its beginning"),
    ):
        with pytest.raises(RequestError, match=said):
            generator.generate(request(**wrong))


def test_through_an_adapter_a_voice_is_heard(open_1_0, tmp_path):
    torch.manual_seed(1)
    model = layouts.save(tmp_path, layouts.shrunk(layouts.open_1_0()))
    adapter = Adapter.new(published.load(model)[0], AdapterConfig(tiny.DIFFUSION.token_width, tiny.DIFFUSION.dimension, width=32))
    for weights in adapter.parameters():
        torch.nn.init.normal_(weights, std=0.3)
    adapter.save(model / "adapter.safetensors")
    generator = Generator.from_pretrained(model, "cpu", tiny.FakeEmbedder())
    voice = tiny.query(text=None, contours=extract(knocks((0.1, 0.5), 1.0)))
    assert apart(generator, query=voice) > 0.01
    asked = request(query=voice, pull=AS_MADE)
    on, other_controls, off = (generator.generate(replace(asked, **more)) for more in ({}, {"follow": Follow(0, 0, 0)}, {"adapter_strength": 0.0}))
    assert np.abs(on[0].clip.samples - other_controls[0].clip.samples).max() > 1e-3
    plain = open_1_0.generate(replace(asked, query=tiny.query(text=" ")))
    assert {take.seed for take in plain} == {take.seed for take in off}
    assert all(np.array_equal(one.clip.samples, two.clip.samples) for one in plain for two in off if one.seed == two.seed)
    moved = Generator.from_pretrained(model, "cpu", tiny.FakeEmbedder(), Extras(adapter=model)).generate(asked)
    assert all(np.array_equal(one.clip.samples, two.clip.samples) for one, two in zip(on, moved, strict=True))


def test_loras_count_by_their_strength(small, tmp_path):
    model, _ = published.load(small)
    sizes = lora.LoraConfig(rank=2, alpha=2.0)
    lora.start(model, sizes)
    torch.manual_seed(2)
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.3)
    path = lora.trained(model, sizes, "small").save(tmp_path / "pack.safetensors")
    generator = Generator.from_pretrained(small, "cpu", tiny.FakeEmbedder(), Extras(loras={path: 1.0}))

    def take() -> np.ndarray:
        return generator.generate(request(variations=1))[0].clip.samples

    whole = take()
    generator.use_loras({path: 0.5})
    half = take()
    generator.use_loras({path: 0.0})
    none = take()
    plain = Generator.from_pretrained(small, "cpu", tiny.FakeEmbedder()).generate(request(variations=1))[0].clip.samples
    assert np.array_equal(plain, none) and np.abs(plain - half).max() > 1e-4 and np.abs(half - whole).max() > 1e-4


def test_a_model_trained_to_paint_in_is_told_what_stays(tmp_path):
    config = layouts.shrunk(layouts.open_1_0())
    config["model_type"] = "diffusion_cond_inpaint"
    config["model"]["diffusion"]["input_concat_ids"] = ["inpaint_mask", "inpaint_masked_input"]
    config["model"]["diffusion"]["config"]["input_concat_dim"] = 5
    generator = Generator.from_pretrained(layouts.save(tmp_path, config), "cpu", tiny.FakeEmbedder())
    sound = tone(seconds=1.0)
    assert apart(generator, inpaint=Inpaint(sound, 0.3, 0.6)) > 0.01
    free = torch.zeros(32)
    free[4:9] = 1
    heard = hear(generator._backend.model, {"prompt": "rain", "seconds_start": 0, "seconds_total": 1}, None, "cpu", 32, Kept(torch.ones(1, 4, 32), free))
    assert torch.equal(heard["input_concat_cond"], (1 - free).expand(1, 5, 32))


def test_a_native_model_takes_no_adapter(tmp_path):
    with pytest.raises(ModelError, match="hears the voice by itself"):
        Generator.from_pretrained(tiny.saved(tmp_path / "tiny"), "cpu", tiny.FakeEmbedder(), Extras(adapter=tmp_path))


def test_a_checkpoint_of_weights_alone_loads_too(small, tmp_path):
    other = layouts.save(tmp_path, layouts.shrunk(layouts.open_small()), weights="model.ckpt")
    first, second = (published.load(one)[0].state_dict() for one in (small, other))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_weights_whose_writing_was_killed_are_none(tmp_path):
    (tmp_path / ".model.partial.safetensors").touch()
    with pytest.raises(ModelError, match="it is missing"):
        engine_weights(tmp_path)


def test_weights_that_do_not_fit_are_named(small, tmp_path):
    def refused(change) -> str:
        weights = load_file(small / "model.safetensors")
        change(weights)
        save_file(weights, tmp_path / "model.safetensors")
        with pytest.raises(ModelError) as error:
            published.load(tmp_path)
        return str(error.value)

    for name in ("model_config.json", "t5-base"):
        (tmp_path / name).symlink_to(small / name)
    key = "model.model.transformer.layers.1.cross_attn.to_q.weight"
    assert f"1 missing ({key})" in refused(lambda weights: weights.pop(key))
    assert "1 unknown (model.stray)" in refused(lambda weights: weights.update({"model.stray": torch.zeros(1)}))
    assert f"1 of another size ({key})" in refused(lambda weights: weights.update({key: torch.zeros(3, 3)}))
    assert "unwrap" in refused(lambda weights: weights.update({"diffusion.model.x": torch.zeros(1)}))


def test_a_frozen_text_encoder_in_the_weights_is_no_stranger(small, tmp_path):
    weights = load_file(small / "model.safetensors") | {"conditioner.conditioners.prompt.model.shared.weight": torch.zeros(2, 2)}
    for name in ("model_config.json", "t5-base"):
        (tmp_path / name).symlink_to(small / name)
    save_file(weights, tmp_path / "model.safetensors")
    published.load(tmp_path)


def test_a_pickle_that_would_run_code_is_not_opened(small, tmp_path):
    torch.save({"state_dict": {}, "trap": Path}, tmp_path / "model.ckpt")
    with pytest.raises(ModelError, match=r"take the model's \.safetensors"):
        published.read_weights(tmp_path / "model.ckpt")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda config: config.update(model_type="autoencoder"), "conditioned diffusion model"),
        (lambda config: config["model"].pop("pretransform"), "lacks 'pretransform'"),
        (lambda config: config["model"]["diffusion"].update(type="adp_cfg_1d"), "only diffusion transformers"),
        (lambda config: config["model"]["conditioning"]["configs"].append({"id": "key", "type": "int", "config": {}}), "wants to hear key"),
    ],
)
def test_other_layouts_are_refused_by_what_they_lack(change, said, tmp_path):
    config = layouts.shrunk(layouts.open_1_0())
    change(config)
    (tmp_path / "model_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=said):
        published.read_config(tmp_path)


def test_the_text_encoder_is_found_or_asked_for(small, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    for name in ("model_config.json", "model.safetensors"):
        (tmp_path / name).symlink_to(small / name)
    with pytest.raises(ModelError, match=r"hf download google-t5/t5-base.*put its config.json.*t5-base"):
        published.load(tmp_path)
    published.load(tmp_path, text_encoder=small / "t5-base")
    with pytest.raises(ModelError, match="holds no T5"):
        published.load(tmp_path, text_encoder=tmp_path)
    (tmp_path / "text_encoder").symlink_to(small / "t5-base")
    (tmp_path / "tokenizer").symlink_to(small / "t5-base")
    published.load(tmp_path)


def test_weights_are_looked_for_beside_the_configuration(tmp_path):
    (tmp_path / "model_config.json").write_text("{}")
    with pytest.raises(ModelError, match="is missing"):
        locate(tmp_path)
    (tmp_path / "adapter.safetensors").touch()
    (tmp_path / "fine-tuned.ckpt").touch()
    assert locate(tmp_path) == tmp_path
    (tmp_path / "other.ckpt").touch()
    with pytest.raises(ModelError, match=r"several \(fine-tuned.ckpt, other.ckpt\)"):
        locate(tmp_path)


def test_a_card_says_what_a_model_needs():
    assert [one.gated for one in CARDS] == [False, True, True]
    assert card("stable-audio-open-small").sampling.sampler == "pingpong" and card("nothing") is None
    assert 47 < card("stable-audio-open-1.0").max_seconds < 48


CLOSED = GatedRepoError("closed", response=httpx.Response(403, request=httpx.Request("GET", "http://hub")))


@pytest.mark.parametrize(
    ("raised", "token", "said"),
    [
        (CLOSED, None, "hf auth login"),
        (CLOSED, "hf_other", "your token may not read it"),
        (LocalEntryNotFoundError("no network"), None, "cannot be reached"),
    ],
)
def test_what_stands_before_a_hub_model_is_explained(raised, token, said, monkeypatch):
    def refuse(*_, **__):
        raise raised

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: token)
    with pytest.raises(ModelError) as error:
        locate("stable-audio-open-1.0")
    assert said in str(error.value) and card("stable-audio-open-1.0").page in str(error.value) and "name the folder" in str(error.value)


def test_a_hub_model_is_fetched_with_no_more_than_it_takes(tmp_path):
    def located(url: str, home: Path) -> subprocess.CompletedProcess:
        say = (
            "import sys; from clvap.checkpoints import ModelError; from generation.checkpoints import locate\n"
            "try: print(locate('stable-audio-open-small'))\nexcept ModelError as error: sys.exit(str(error))"
        )
        environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")} | {"HF_ENDPOINT": url, "HF_HOME": str(home)}
        return subprocess.run([sys.executable, "-c", say], cwd=ROOT, env=environment, capture_output=True, text=True)

    with hub_server() as server:
        server.files["stabilityai/stable-audio-open-small"] = {"model_config.json": b"{}", "model.ckpt": b"weights", "README.md": b"no"}
        fetched = located(server.url, tmp_path / "home")
    folder = Path(fetched.stdout.strip())
    assert fetched.returncode == 0 and sorted(path.name for path in folder.iterdir()) == ["model.ckpt", "model_config.json"]


def test_compiling_is_refused_where_it_does_not_pay(small):
    with pytest.raises(ModelError, match="CUDA"):
        Generator.from_pretrained(small, "cpu", tiny.FakeEmbedder(), Extras(compile=True))
