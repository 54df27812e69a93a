import pytest
import torch
from torch import nn
from toy_backbone import ToyBackbone

from mimictalk_adapt import AdaptConfig, adapt
from mimictalk_adapt.lora import (
    evaluating,
    inject,
    load_adapter,
    lora_parameters,
    merge,
    merge_adapter,
    save_adapter,
)


def test_injection_changes_nothing_at_first() -> None:
    backbone = ToyBackbone()
    backbone.net.eval()
    x = torch.randn(2, 4, 8, 8)
    before = backbone.net(x)
    inject(backbone.net, ["0", "2"], r=2, lora_alpha=2, seed=0)
    assert torch.equal(backbone.net(x), before)
    assert {name for name, p in backbone.net.named_parameters() if p.requires_grad} == set(
        lora_parameters(backbone.net)
    )


def test_injection_is_a_function_of_its_seed() -> None:
    nets = [ToyBackbone().net for _ in range(2)]
    for net in nets:
        inject(net, ["0"], r=2, lora_alpha=2, seed=7)
    for name, value in lora_parameters(nets[0]).items():
        assert torch.equal(lora_parameters(nets[1])[name], value)


def test_unknown_layers_are_named() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        inject(ToyBackbone().net, ["nowhere"], r=2, lora_alpha=2, seed=0)


def test_saved_adapter_loads_and_merges_to_the_same_function(tmp_path) -> None:
    backbone = ToyBackbone()
    adapt(backbone, AdaptConfig(steps=30, r=2, lora_alpha=4))
    save_adapter(backbone.net, tmp_path, r=2, lora_alpha=4, targets=backbone.lora_targets())
    x = torch.randn(1, 4, 8, 8)
    wanted = backbone.net(x)
    other = ToyBackbone().net.eval()
    assert not torch.allclose(other(x), wanted)
    load_adapter(other, tmp_path)
    assert torch.equal(other(x), wanted)
    merge(other)
    assert type(other[0]) is nn.Conv2d
    assert torch.allclose(other(x), wanted, atol=1e-5)  # float32 sums in another order


def test_merging_a_file_gives_what_peft_gives(tmp_path) -> None:
    backbone = ToyBackbone()
    adapt(backbone, AdaptConfig(steps=30, r=2, lora_alpha=4))
    save_adapter(backbone.net, tmp_path, r=2, lora_alpha=4, targets=backbone.lora_targets())
    by_peft, direct = ToyBackbone().net, ToyBackbone().net
    untouched = {name: value.clone() for name, value in direct.state_dict().items()}
    load_adapter(by_peft, tmp_path)
    merge(by_peft)
    merge_adapter(direct, tmp_path)
    changed = 0
    for name, wanted in by_peft.state_dict().items():
        assert torch.allclose(direct.state_dict()[name], wanted, rtol=1e-6, atol=1e-7), name
        changed += not torch.equal(wanted, untouched[name])
    assert changed == len(backbone.lora_targets())


def test_merging_refuses_what_it_does_not_know(tmp_path) -> None:
    backbone = ToyBackbone()
    inject(backbone.net, backbone.lora_targets(), r=2, lora_alpha=4, seed=0)
    save_adapter(backbone.net, tmp_path, r=2, lora_alpha=4, targets=backbone.lora_targets())
    with pytest.raises(ValueError, match="does not fit this network"):
        merge_adapter(nn.Sequential(nn.Conv2d(4, 5, 1)), tmp_path)
    config = tmp_path / "adapter_config.json"
    config.write_text(config.read_text().replace('"use_rslora": false', '"use_rslora": true'))
    with pytest.raises(ValueError, match="use_rslora"):
        merge_adapter(ToyBackbone().net, tmp_path)


def test_evaluating_restores_the_mode() -> None:
    net = ToyBackbone().net.train()
    with evaluating(net):
        assert not net.training
    assert net.training
