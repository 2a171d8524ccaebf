import pytest
import torch
from safetensors.torch import save_file

from clvap.checkpoints import ModelError
from clvap.packing import pack
from generation import lora
from generation import model as sfx
from generation.controls import absent
from generation.lora import LoraConfig, LoraFile
from tests.generation import tiny


def saved(folder, seed: int, **sizes) -> str:
    """A LoRA beside the tiny model, every weight drawn."""
    model, config = tiny.model(), LoraConfig(rank=2, **sizes)
    lora.start(model, config)
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.normal_(std=0.2)
    return lora.trained(model, config, "tiny").save(folder / f"{seed}.safetensors")


@torch.no_grad()
def velocity(model) -> torch.Tensor:
    torch.manual_seed(0)
    told = model.conditioner([{"clvap": tiny.query(), "controls": absent(32), "seconds_total": 1.0}], "cpu")
    return model(torch.randn(1, model.io_channels, 32), torch.full((1,), 0.5), told)


def test_a_new_one_changes_nothing_and_learns_alone():
    model = tiny.model()
    plain = velocity(model)
    lora.start(model, LoraConfig(rank=2))
    assert torch.equal(velocity(model), plain)
    learning = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert learning and all(".lora_" in name for name in learning)
    assert {name.split(".layers.0.")[1].split(".lora")[0] for name in learning if ".layers.0." in name} == {
        "self_attn.to_qkv", "self_attn.to_out", "cross_attn.to_q", "cross_attn.to_kv", "cross_attn.to_out", "ff.ff.0.proj", "ff.ff.2",
    }  # fmt: skip


def test_strengths_change_at_run_time_and_0_is_the_base(tmp_path):
    one, two = saved(tmp_path, 1), saved(tmp_path, 2)
    model = tiny.model()
    plain = velocity(model)
    lora.apply(model, {one: 1.0})
    first = velocity(model)
    lora.apply(model, {one: 1.0, two: 0.5})
    both = velocity(model)
    assert not torch.allclose(first, plain, atol=1e-3) and not torch.allclose(both, first, atol=1e-3)
    lora.apply(model, {two: 0.5, one: 1.0})
    assert torch.equal(velocity(model), both)
    lora.apply(model, {one: 0.1})
    assert (velocity(model) - plain).norm() < (first - plain).norm()
    for strengths in ({one: 0.0}, {}):
        lora.apply(model, strengths)
        assert torch.equal(velocity(model), plain)
    lora.apply(model, {one: 1.0})
    assert torch.equal(velocity(model), first)


def test_what_was_trained_is_what_is_applied(tmp_path):
    model, config = tiny.model(), LoraConfig(rank=2, alpha=4.0, targets=("attention",))
    lora.start(model, config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.copy_(torch.randn_like(parameter).half().float() * 0.25)
    path = lora.trained(model, config, "tiny").save(tmp_path / "a.safetensors")
    other = tiny.model()
    lora.apply(other, {path: 1.0})
    assert torch.equal(velocity(other), velocity(model))
    file = LoraFile.load(path)
    assert file.config == config and file.base == "tiny" and not any("ff" in name for name in file.weights)


def test_one_for_another_model_is_refused_by_name(tmp_path):
    path = saved(tmp_path, 1)
    sizes = sfx.DiffusionConfig(**{**vars(tiny.DIFFUSION), "width": 32})
    other = sfx.build(sfx.SfxConfig(tiny.AUTOENCODER, sizes))
    plain = [name for name, _ in other.named_parameters()]
    with pytest.raises(ModelError, match="made for tiny, does not fit this model"):
        lora.apply(other, {path: 1.0})
    assert [name for name, _ in other.named_parameters()] == plain


def test_other_files_are_refused(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("no weights")
    for name, said in (("other.safetensors", "not a LoRA"), ("text.safetensors", "could not be read"), ("none.safetensors", "no such LoRA")):
        with pytest.raises(ModelError, match=said):
            lora.apply(tiny.model(), {tmp_path / name: 1.0})


def test_layers_may_be_packed_before_or_after(tmp_path):
    one = saved(tmp_path, 1)
    plain, before, after = tiny.model(), tiny.model(), tiny.model()
    pack(before)
    for model in (plain, before, after):
        lora.apply(model, {one: 1.0})
    pack(after)
    assert torch.allclose(velocity(before), velocity(plain), atol=1e-4) and torch.allclose(velocity(after), velocity(plain), atol=1e-4)
    lora.apply(after, {one: 0.5})
    lora.apply(plain, {one: 0.5})
    assert torch.allclose(velocity(after), velocity(plain), atol=1e-4)
