"""The torso's motion field against what key-points and masks say by themselves."""

import pytest
import torch
from tiny_torso import tiny_config
from torch import Tensor, nn

from portrait3d.full.torso_motion import (
    TorsoMotion,
    conv_with_flat,
    keypoints_in_volume,
    torso_keypoints,
    volume_grid,
    volume_heatmaps,
)


def motion(**options: int) -> TorsoMotion:
    torch.manual_seed(0)
    return TorsoMotion(tiny_config(**options)).eval()


def inputs(count: int = 4) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    source = keypoints_in_volume(torch.rand(2, count, 2, generator=generator) - 0.5, 2)
    return (
        torch.randn(2, 4, 4, 8, 8, generator=generator),
        source,
        torch.randn(2, 3, 32, 32, generator=generator),
        torch.rand(2, 1, 32, 32, generator=generator),
    )


def test_heatmaps_are_gaussians_of_the_distance() -> None:
    keypoints = torch.tensor([[[0.1, -0.4, 0.0], [1.0, 1.0, -1.0]]])
    maps = volume_heatmaps(keypoints, 4, 8)
    offset = volume_grid(4, 8, keypoints)[None, None] - keypoints[:, :, None, None, None]
    torch.testing.assert_close(maps, torch.exp(-offset.square().sum(-1) / 0.02))
    assert maps[0, 1, 0, 7, 7] == 1


@pytest.mark.parametrize("depth", [1, 4, 9])
def test_conv_with_flat_is_the_convolution_of_copies(depth: int) -> None:
    torch.manual_seed(0)
    conv = nn.Conv3d(5, 3, 7, padding=3)
    volume, flat = torch.randn(2, 3, depth, 6, 6), torch.randn(2, 2, 6, 6)
    copies = flat[:, :, None].expand(-1, -1, depth, -1, -1)
    expected = conv(torch.cat([volume, copies], 1))
    torch.testing.assert_close(conv_with_flat(volume, flat, conv), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("count", [4, 9])
def test_a_head_at_rest_moves_nothing(count: int) -> None:
    compressed, source, head, alpha = inputs(count)
    field = motion(torso_keypoints=count)(compressed, source, source, head, alpha)
    grid = volume_grid(4, 8, compressed).expand(2, -1, -1, -1, -1)
    assert torch.equal(field.deformation, grid)


def test_the_chosen_keypoint_moves_the_volume() -> None:
    """With all weight on one candidate, every texel is taken from where that key-point came from."""
    network = motion()
    compressed, source, head, alpha = inputs()
    target = source + 0.3 * torch.randn(source.shape, generator=torch.Generator().manual_seed(2))
    nn.init.zeros_(network.mask.weight)
    grid = volume_grid(4, 8, compressed)
    for chosen in range(5):
        assert network.mask.bias is not None
        nn.init.constant_(network.mask.bias, -100.0)
        network.mask.bias.data[chosen] = 100.0
        shift = (source - target)[:, chosen - 1] if chosen else torch.zeros(2, 3)
        field = network(compressed, source, target, head, alpha)
        torch.testing.assert_close(field.deformation, grid + shift[:, None, None, None])


def test_only_the_second_version_looks_at_the_head() -> None:
    compressed, source, head, alpha = inputs()
    for version, looks in ((1, False), (2, True)):
        network = motion(torso_warp=version)
        fields = [network(compressed, source, source + 0.1, picture, alpha) for picture in (head, -head)]
        assert (fields[0].occlusion - fields[1].occlusion).abs().max().item() > 0 or not looks
        assert torch.equal(fields[0].occlusion, fields[1].occlusion) is not looks


def test_keypoints_are_the_published_landmarks() -> None:
    landmarks = torch.arange(68.0)[None, :, None].expand(1, 68, 2)
    assert torso_keypoints(landmarks, 4)[0, :, 0].tolist() == [0, 8, 16, 27]
    assert torso_keypoints(landmarks, 9)[0, :, 0].tolist() == [0, 3, 6, 8, 10, 13, 16, 27, 33]
    flat = keypoints_in_volume(torso_keypoints(landmarks, 4), 3)
    assert flat.shape == (3, 4, 3) and not flat[..., 2].any()
