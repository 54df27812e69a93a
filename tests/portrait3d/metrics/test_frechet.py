"""FID: the closed form for one Gaussian feature, and the published network's size, names and resizing."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from portrait3d.errors import InputError
from portrait3d.metrics.frechet import FrechetDistance
from portrait3d.metrics.inception import Block, Inception, resize

PUBLISHED = {  # of pt_inception-2015-12-05
    "Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3),
    "Conv2d_4a_3x3.bn.running_mean": (192,),
    "Mixed_5b.branch5x5_2.conv.weight": (64, 48, 5, 5),
    "Mixed_5d.branch_pool.conv.weight": (64, 288, 1, 1),
    "Mixed_6a.branch3x3dbl_3.bn.weight": (96,),
    "Mixed_6b.branch7x7_2.conv.weight": (128, 128, 1, 7),
    "Mixed_6e.branch7x7dbl_4.conv.weight": (192, 192, 7, 1),
    "Mixed_7a.branch7x7x3_4.conv.weight": (192, 192, 3, 3),
    "Mixed_7b.branch3x3_2a.conv.weight": (384, 384, 1, 3),
    "Mixed_7c.branch3x3dbl_3b.conv.weight": (384, 384, 3, 1),
    "fc.weight": (1008, 2048),
}


class MeanColour(nn.Module):
    num_features = 3

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.float().mean((2, 3))


def red(values: list[int]) -> np.ndarray:
    frames = np.full((len(values), 8, 8, 3), 50, np.uint8)
    frames[..., 0] = np.array(values)[:, None, None]
    return frames


def test_distance_of_two_gaussians():
    # Means 11 and 24, variances 2 and 32: 13^2 + (sqrt(32) - sqrt(2))^2 = 169 + 18. Green and blue are equal.
    distance = FrechetDistance(MeanColour())
    distance.add(red([10, 12]), real=True)
    distance.add(red([20, 28]), real=False)
    assert distance.value() == pytest.approx(187, rel=1e-4)


def test_frames_may_come_in_any_portions():
    values = list(range(0, 200, 10))
    whole, parts = FrechetDistance(MeanColour()), FrechetDistance(MeanColour())
    for distance, cuts in ((whole, [0, 20]), (parts, [0, 3, 12, 20])):
        distance.add(red([90, 94, 120]), real=True)
        for start, stop in pairwise(cuts):
            distance.add(red(values[start:stop]), real=False)
    assert whole.frames == parts.frames == {True: 3, False: 20}
    assert whole.value() == pytest.approx(parts.value(), rel=1e-6)


def test_one_frame_has_no_distribution():
    distance = FrechetDistance(MeanColour())
    distance.add(red([1]), real=True)
    distance.add(red([1, 2]), real=False)
    with pytest.raises(ValueError, match="needs 2 frames of each kind"):
        distance.value()


def test_the_network_has_the_published_size_and_names():
    with torch.device("meta"):
        network = Inception()
    # Inception-v3 without its auxiliary head has 23,834,568 parameters for 1,000 classes; this one has 1,008.
    assert sum(p.numel() for p in network.parameters()) == 23_834_568 + 8 * 2049
    state = network.state_dict()
    assert {name: tuple(state[name].shape) for name in PUBLISHED} == PUBLISHED
    assert sum(isinstance(module, nn.Conv2d) for module in network.modules()) == 94


def test_weights_are_read_and_pictures_of_any_size_have_2048_features(tmp_path):
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in Inception().state_dict().items()}
    generator = torch.Generator().manual_seed(0)
    state = {name: torch.rand(shape, generator=generator) for name, shape in shapes.items()}
    state |= {
        name: (v - 0.5) / v[0].numel() ** 0.5 for name, v in state.items() if name.endswith("conv.weight")
    }
    save_file({n: v for n, v in state.items() if "num_batches" not in n}, tmp_path / "inception.safetensors")
    network = Inception.load(tmp_path / "inception.safetensors")
    features = network(torch.randint(0, 256, (2, 3, 40, 60), dtype=torch.uint8))
    assert features.shape == (2, 2048)
    assert bool(features.isfinite().all())
    assert float((features[0] - features[1]).abs().max()) > 0
    save_file({"fc.weight": torch.zeros(1000, 2048)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="471 of 472 tensors are missing"):
        Inception.load(tmp_path / "other.safetensors")


def test_pixel_i_of_a_resized_ramp_looks_at_i_times_the_scale():
    ramp = torch.arange(10.0).expand(1, 1, 10, 10)
    np.testing.assert_allclose(resize(ramp, 25)[0, 0, 7, :23], np.arange(23) * 0.4, atol=1e-5)
    np.testing.assert_allclose(resize(ramp.mT, 25)[0, 0, :23, 7], np.arange(23) * 0.4, atol=1e-5)
    np.testing.assert_array_equal(resize(ramp, 10), ramp)


def test_average_pools_do_not_count_their_padding():
    block = Block(1, (), "mean")
    np.testing.assert_allclose(block(torch.ones(1, 1, 4, 4)), np.ones((1, 1, 4, 4)))
