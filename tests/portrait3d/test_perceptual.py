"""Features of a VGG, from tensors named as torchvision and as Caffe name them."""

import pytest
import torch
from torch import nn

from portrait3d.errors import InputError
from portrait3d.perceptual import MEAN, FeatureLoss, FeatureLosses


def tiny_vgg() -> nn.Sequential:
    """Two levels: two convolutions, pooling, one convolution; the numbers are torchvision's."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, 1, 1), nn.ReLU(), nn.Conv2d(4, 4, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, 1, 1), nn.ReLU(),
    )  # fmt: skip


def named(prefix: str = "features.") -> dict[str, torch.Tensor]:
    return {prefix + name: value for name, value in tiny_vgg().state_dict().items()}


def test_features_are_those_of_the_network() -> None:
    picture = torch.rand(1, 3, 16, 16)
    deviation = torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)
    x = (picture - torch.tensor(MEAN).reshape(3, 1, 1)) / deviation
    first, last = FeatureLoss(named()).features(picture)
    assert torch.allclose(first, tiny_vgg()[:2](x), atol=1e-6)
    assert torch.allclose(last, tiny_vgg()(x), atol=1e-6)


def test_caffes_names_mean_the_same() -> None:
    numbers = {"0": "conv1_1", "2": "conv1_2", "5": "conv2_1"}
    caffe = {f"{numbers[name.split('.')[1]]}.{name.split('.')[2]}": v for name, v in named().items()}
    picture = torch.rand(1, 3, 16, 16)
    for ours, theirs in zip(
        FeatureLoss(named()).features(picture), FeatureLoss(caffe).features(picture), strict=True
    ):
        assert torch.equal(ours, theirs)


def test_alike_costs_nothing_and_noise_more_than_a_trace_of_it() -> None:
    loss, picture = FeatureLoss(named()), torch.rand(1, 3, 32, 32)
    noise = torch.randn_like(picture)
    assert float(loss(picture, picture)) == 0
    assert 0 < float(loss(picture + 0.01 * noise, picture)) < 0.2 * float(loss(picture + noise, picture))
    moved = picture.clone().requires_grad_()
    loss(moved, 1 - picture).backward()
    assert moved.grad is not None and float(moved.grad.abs().sum()) > 0
    assert not any(p.requires_grad for p in loss.parameters())


def test_weight_files_of_both_kinds(tmp_path) -> None:
    from safetensors.torch import save_file

    save_file(named(), tmp_path / "vgg.safetensors")
    files = [tmp_path / "vgg.safetensors"] * 2
    picture, other = torch.rand(2, 1, 3, 16, 16)
    both, one = FeatureLosses(files), FeatureLoss(named())
    assert float(both(picture, other)) == pytest.approx(2 * float(one(picture, other)))


@pytest.mark.parametrize(
    "state", [{}, {"features.0.weight": torch.zeros(4, 3, 5, 5), "features.0.bias": torch.zeros(4)}]
)
def test_other_networks_are_refused(state) -> None:
    with pytest.raises(InputError, match="VGG"):
        FeatureLoss(state)
