"""Packed linear layers: the same numbers from the same weights."""

import pytest
import torch
from torch import nn

from clvap.packing import PackedLinear, pack

pytestmark = pytest.mark.skipif(not PackedLinear.is_available(), reason="this build of torch has no oneDNN")


class Scaled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


def test_packed_layers_compute_the_same_from_the_same_weights():
    net = nn.Sequential(nn.Linear(12, 40), nn.SiLU(), nn.ModuleDict({"inner": nn.Linear(40, 7, bias=False)})["inner"], nn.LayerNorm(7))
    x = torch.randn(3, 5, 12)
    with torch.inference_mode():
        before, weight = net(x), net[0].weight
        pack(net)
        assert isinstance(net[0], PackedLinear) and isinstance(net[2], PackedLinear) and net[0].weight is weight
        assert torch.allclose(net(x), before, atol=1e-5)
        assert torch.allclose(net(x[0, 0]), before[0, 0], atol=1e-5)


def test_a_layer_is_packed_once_and_others_are_let_be():
    net = nn.ModuleList([nn.Linear(4, 4), Scaled(4, 4), nn.Linear(4, 4).double()])
    pack(net)
    packed = net[0]
    pack(net)
    assert net[0] is packed
    assert type(net[1]) is Scaled and type(net[2]) is nn.Linear


def test_a_gelu_and_a_sum_go_in_the_same_pass():
    layer, x, base = nn.Linear(6, 6), torch.randn(2, 6), torch.randn(2, 6)
    with torch.inference_mode():
        assert torch.allclose(PackedLinear(layer, "gelu")(x), nn.functional.gelu(layer(x)), atol=1e-5)
        assert torch.allclose(PackedLinear(layer).onto(x, base), base + layer(x), atol=1e-5)
