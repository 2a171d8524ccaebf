import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from stable_audio_tools import create_model_from_config
from stable_audio_tools.inference.generation import generate_diffusion_cond

from clvap.checkpoints import ModelError
from generation.adapter import KIND, Adapter, AdapterConfig, load_adapter
from generation.controls import CURVES, Controls
from tests.generation import layouts, tiny

CONFIG = AdapterConfig(tiny.DIFFUSION.token_width, tiny.DIFFUSION.dimension, tokens=6, width=16, base="tiny-open")
LATENTS, CHANNELS, WIDTH = 16, 4, 32
PUBLISHED = {
    "fewer heads of keys than of queries": (layouts.open_1_0, {}),
    "normed keys": (layouts.open_small, {}),
    "adaLN, memory": (layouts.open_small, {"global_cond_type": "adaLN", "num_memory_tokens": 2}),
    "l2, patches": (layouts.open_1_0, {"attn_kwargs": {"qk_norm": "l2"}, "patch_size": 2}),
}
OPEN, SMALL, *_ = PUBLISHED


def published(name: str = OPEN, seed: int = 0):
    """A small model of a published structure, its words looked up in a list, with every weight drawn, since the engine starts its branches at zero."""
    layout, changes = PUBLISHED[name]
    config = layouts.shrunk(layout())
    config["model"]["conditioning"]["configs"][0] = {"id": "prompt", "type": "list", "config": {"options": ["rain", "a dog"]}}
    config["model"]["diffusion"]["config"] |= changes
    torch.manual_seed(seed)
    model = create_model_from_config(config)
    for parameter in model.model.parameters():
        if parameter.ndim > 1 and not parameter.any():
            torch.nn.init.normal_(parameter, std=0.2)
    return model.eval().requires_grad_(False)


def trained(model, seed: int = 1) -> Adapter:
    """An attached adapter whose zeros are drawn."""
    torch.manual_seed(seed)
    adapter = Adapter.new(model, CONFIG)
    for weight in [adapter.controls.weight, *(block.values.weight for block in adapter.blocks)]:
        torch.nn.init.normal_(weight, std=0.3)
    adapter.attach()
    return adapter.requires_grad_(False)


def curves(seed: int = 0, latents: int = LATENTS) -> Controls:
    return Controls(np.random.default_rng(seed).standard_normal((CURVES, latents)).astype(np.float32))


def samples(model, rows: int = 2, guidance: float = 3.0) -> torch.Tensor:
    said = [{"prompt": "rain", "seconds_start": 0, "seconds_total": 1}] * rows
    options = {"sampler_type": "euler"} if model.diffusion_objective == "rf_denoiser" else {}
    return generate_diffusion_cond(
        model, 3, guidance, said, batch_size=rows, sample_size=LATENTS * model.pretransform.downsampling_ratio, seed=5, device="cpu", **options
    )


def velocity(model, rows: int = 2, guidance: float = 1.0, **options) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    said = [{"prompt": "rain", "seconds_start": 0, "seconds_total": 1}] * rows
    noise = torch.randn(rows, CHANNELS, LATENTS, generator=generator)
    return model(noise, torch.full((rows,), 0.5), model.conditioner(said, "cpu"), cfg_scale=guidance, use_checkpointing=False, **options)


@pytest.mark.parametrize("name", PUBLISHED)
def test_untrained_or_at_strength_0_every_sample_is_the_plain_models(name):
    plain = samples(published(name))
    heard = [tiny.query(), tiny.query(1)], [curves(), curves(1)]
    model = published(name)
    adapter = Adapter.new(model, CONFIG)
    adapter.attach()
    with adapter.hearing(*heard):
        assert torch.equal(samples(model), plain)
    adapter.detach()
    adapter = trained(model)
    with adapter.hearing(*heard):
        assert not torch.allclose(samples(model), plain, atol=1e-3)
        adapter.strength = 0.0
        assert torch.equal(samples(model), plain)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_words_own_keys_and_values_count_twice(name):
    """Attn(q, K, V) + Attn(q, K', V') where K' = K and V' = V, in every layout of heads and norms."""

    class Words(torch.nn.Module):
        def forward(self, queries, device):
            return [context, None]

    model = published(name)
    attention = model.model.model.transformer.layers[1].cross_attn
    context, sound = torch.randn(2, 5, attention.to_kv.in_features), torch.randn(2, 9, 2 * WIDTH)
    once = attention(sound, context=context)
    adapter = Adapter.new(model, replace(CONFIG, width=attention.to_kv.in_features)).requires_grad_(False)
    for own, weight in zip((adapter.blocks[1].keys, adapter.blocks[1].values), attention.to_kv.weight.chunk(2), strict=True):
        own.weight.copy_(weight)
    adapter.tokens = Words()
    adapter.attach()
    with adapter.hearing([tiny.query()] * 2, [None] * 2):
        assert torch.allclose(attention(sound, context=context), 2 * once, atol=1e-5)


def test_sfx_mini_takes_an_adapter_too():
    model = tiny.model()
    adapter = trained(model)
    said = [{"clvap": None, "controls": curves(), "seconds_total": 1.0}]
    noise, times = torch.randn(1, model.io_channels, LATENTS), torch.full((1,), 0.5)
    plain = model(noise, times, model.conditioner(said, "cpu"))
    with adapter.hearing([tiny.query()], [None]):
        assert not torch.allclose(model(noise, times, model.conditioner(said, "cpu")), plain)


def test_the_models_state_is_the_same_before_during_and_after():
    model = published()
    before = copy.deepcopy(model.state_dict())
    flags = [parameter.requires_grad for parameter in model.parameters()]
    adapter = trained(model)
    for _ in range(2):
        assert model.state_dict().keys() == before.keys()
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
        adapter.detach()
    assert [parameter.requires_grad for parameter in model.parameters()] == flags
    assert torch.equal(samples(model), samples(published()))


def test_strength_is_an_amount():
    model = published()
    plain, adapter = velocity(model), trained(model)
    moved = []
    for adapter.strength in (0.25, 0.5, 1.0):
        with adapter.hearing([tiny.query()] * 2, [curves()] * 2):
            moved.append((velocity(model) - plain).norm().item())
    assert 0 < moved[0] < moved[1] < moved[2]


def test_a_row_without_query_or_controls_is_the_plain_models():
    model = published()
    plain, adapter = velocity(model), trained(model)
    with adapter.hearing([None, tiny.query()], [None, None]):
        queried = velocity(model)
    with adapter.hearing([None, None], [None, curves()]):
        controlled = velocity(model)
    for heard in (queried, controlled):
        assert torch.allclose(heard[0], plain[0], atol=1e-6) and not torch.allclose(heard[1], plain[1], atol=1e-3)
    with adapter.hearing([None, None], [None, None]):
        assert torch.equal(velocity(model), plain)


def test_guidance_compares_with_what_hears_nothing():
    model = published()
    adapter = trained(model)
    nothing = {"negative_cross_attn_cond": torch.zeros(2, 3, WIDTH)}
    plain_3, plain_1 = velocity(model, guidance=3.0, **nothing), velocity(model)
    with adapter.hearing([tiny.query()] * 2, [curves()] * 2):
        heard_3, heard_1 = velocity(model, guidance=3.0, **nothing), velocity(model)
    assert torch.allclose(heard_3 - plain_3, 3 * (heard_1 - plain_1), atol=1e-4)


def test_a_row_does_not_depend_on_its_companions():
    model = published()
    adapter = trained(model)
    with adapter.hearing([tiny.query(tokens=2), tiny.query(1, tokens=6)], [curves(), None]):
        both = velocity(model)
    with adapter.hearing([tiny.query(tokens=2)] * 2, [curves()] * 2):
        assert torch.allclose(velocity(model)[0], both[0], atol=1e-5)


def test_half_a_model_hears_a_whole_adapter():
    model = published().to(torch.bfloat16)
    plain, adapter = samples(model), trained(model)
    with adapter.hearing([tiny.query()] * 2, [curves()] * 2):
        assert not torch.equal(samples(model), plain)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_steps_train_the_adapter_alone(checkpointing):
    model = published(SMALL)
    before = copy.deepcopy(model.state_dict())
    torch.manual_seed(0)
    adapter = Adapter.new(model, CONFIG)
    adapter.attach()
    optimizer = torch.optim.Adam(adapter.parameters(), lr=0.01)
    heard = [tiny.query(), tiny.query(1)], [curves(), curves(1)]
    said = [{"prompt": "rain", "seconds_start": 0, "seconds_total": 1}] * 2
    noise, wanted = torch.randn(2, CHANNELS, LATENTS), torch.randn(2, CHANNELS, LATENTS)
    losses, reached = [], []
    for _ in range(8):
        optimizer.zero_grad()
        with adapter.hearing(*heard):
            conditioning = model.conditioner(said, "cpu")
            loss = (model(noise, torch.full((2,), 0.5), conditioning, use_checkpointing=checkpointing) - wanted).square().mean()
            loss.backward()
        reached.append({name for name, parameter in adapter.named_parameters() if parameter.grad is not None and parameter.grad.any()})
        optimizer.step()
        losses.append(loss.item())
    assert reached[0] == {"controls.weight", "blocks.0.values.weight", "blocks.1.values.weight"}
    everything = {name for name, _ in adapter.named_parameters()}
    assert reached[-1] == everything - {"tokens.no_point"}  # every query had a point
    assert losses[-1] < 0.9 * losses[0]
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_saved_it_is_one_half_precision_file_that_does_the_same_on_another_copy_of_the_base(tmp_path):
    model = published()
    adapter = trained(model)
    for parameter in adapter.parameters():
        parameter.copy_(parameter.half())
    path = adapter.save(tmp_path / "new" / "adapter.safetensors")
    assert [file.name for file in path.parent.iterdir()] == ["adapter.safetensors"]
    assert path.stat().st_size < 2 * sum(parameter.numel() for parameter in adapter.parameters()) + 4096
    other = published()
    loaded = load_adapter(path, other)
    loaded.attach()
    assert loaded.config == CONFIG
    heard = [tiny.query()] * 2, [curves()] * 2
    with adapter.hearing(*heard), loaded.hearing(*heard):
        assert torch.equal(velocity(other), velocity(model))


def test_a_copy_of_an_adapter_does_not_copy_the_model_nor_keep_it():
    model = published()
    adapter = Adapter.new(model, CONFIG)
    averaged = copy.deepcopy(adapter)
    averaged.attach()
    with averaged.hearing([tiny.query()], [None]):
        velocity(model, rows=1)
    averaged.detach()
    del model
    with pytest.raises(ModelError, match="no longer loaded"):
        adapter.attach()


def test_another_models_adapter_is_refused_by_the_weights_that_do_not_fit(tmp_path):
    path = trained(published()).save(tmp_path / "adapter.safetensors")
    with pytest.raises(ModelError, match=r"blocks\.0\.keys\.weight is \(32, 16\), the model needs \(64, 16\), and .*tiny-open, 2 blocks of 64"):
        load_adapter(path, published(SMALL))


def test_what_is_no_adapter_is_refused(tmp_path):
    model = published()
    with pytest.raises(ModelError, match="no such file"):
        load_adapter(tmp_path / "none.safetensors", model)
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(ModelError, match="cannot be read"):
        load_adapter(tmp_path / "text.safetensors", model)
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="not a CLVAP adapter"):
        load_adapter(tmp_path / "other.safetensors", model)
    save_file({"a": torch.zeros(1)}, tmp_path / "later.safetensors", {"kind": KIND, "sizes": "", "config": '{"shoe_size": 44}'})
    with pytest.raises(ModelError, match=r"another version .*shoe_size"):
        load_adapter(tmp_path / "later.safetensors", model)


def test_what_does_not_fit_the_pass_is_refused():
    model = published()
    adapter = trained(model)
    with pytest.raises(ModelError, match=r"15 values and the sound 16 latents"), adapter.hearing([None] * 2, [curves(latents=15)] * 2):
        velocity(model)
    with pytest.raises(ModelError, match=r"15, 16 values"), adapter.hearing([None] * 2, [curves(), curves(latents=15)]):
        pass
    with pytest.raises(ModelError, match="hears 3 rows and the model runs 2"), adapter.hearing([tiny.query()] * 3, [None] * 3):
        velocity(model)
    with pytest.raises(ModelError, match="1 queries and 2 controls"), adapter.hearing([None], [None] * 2):
        pass
    small = Adapter.new(published(), AdapterConfig(token_width=5, dimension=10))
    with pytest.raises(ModelError, match="not attached"), small.hearing([None], [None]):
        pass


def test_another_clvaps_query_is_refused():
    model = published()
    adapter = Adapter.new(model, AdapterConfig(token_width=5, dimension=10, clvap="clvap-wide"))
    adapter.attach()
    with pytest.raises(ModelError, match=r"tokens of 12 .* needs 5 and 10; .*clvap-wide"), adapter.hearing([tiny.query()], [None]):
        pass


def test_one_adapter_at_a_time():
    model = published()
    first = trained(model)
    first.attach()
    with pytest.raises(ModelError, match="detach that one first"):
        Adapter.new(model, CONFIG).attach()
    first.detach()
    first.detach()
    Adapter.new(model, CONFIG).attach()
