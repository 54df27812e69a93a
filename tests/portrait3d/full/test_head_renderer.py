"""A uniform fog has a picture that can be written down."""

import math

import pytest
import torch

from portrait3d.full.head_renderer import FullDecoder, render_head
from portrait3d.full.model import pose_camera
from tiny_full import TINY
from triplane_render import Rays, intersect_box

CAMERA = torch.tensor(
    [[1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 2.7, 0, 0, 0, 1, 4.26, 0, 0.5, 0, 4.26, 0.5, 0, 0, 1.0]]
)


@pytest.fixture
def fog():
    """A decoder that says the same everywhere: density logit 1, features of logit -1, 0, 1 and 2."""
    decoder = FullDecoder(TINY)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.zero_()
        decoder.out.bias.copy_(torch.tensor([1.0, -1, 0, 1, 2]))
    return decoder


@pytest.fixture(params=[(4, 32, 32), (4, 3, 32, 32)], ids=["tri-plane", "tri-grid"])
def planes(request):
    return torch.zeros(1, 3, *request.param)


def test_fog_absorbs_by_the_length_of_the_ray(fog, planes):
    pose, intrinsics = pose_camera(CAMERA)
    with torch.no_grad():
        head = render_head(planes, fog, pose, intrinsics, TINY)
    rays = Rays.from_camera(pose, intrinsics, TINY.ray_grid)
    near, far = intersect_box(rays.origins, rays.directions)
    opacity = 1 - torch.exp(-math.log(2) * (far - near))  # softplus(1 - 1) = log 2
    torch.testing.assert_close(head.opacity.flatten(1), opacity, atol=1e-5, rtol=0)
    colour = torch.sigmoid(torch.tensor([-1.0, 0, 1, 2])) * 1.002 - 0.001
    expected = 2 * opacity[:, None] * colour[:, None] - 1
    torch.testing.assert_close(head.features.flatten(2), expected, atol=2e-5, rtol=0)
    assert torch.equal(head.raw, head.features[:, :3])
    assert (near < head.depth.flatten(1)).all()
    assert (head.depth.flatten(1) < (near + far) / 2).all()  # the front counts more


def test_a_ray_past_the_cube_is_empty(fog, planes):
    away = CAMERA.clone()
    away[:, 3] = 5  # five units to the side
    with torch.no_grad():
        head = render_head(planes, fog, *pose_camera(away), TINY)
    assert head.opacity.max() == head.depth.max() == 0
    assert (head.features == -1).all()


def test_rows_go_down_and_columns_right(fog):
    """A light at +x, +y of the XY plane is seen in the upper right by a camera in front."""
    planes = torch.zeros(1, 3, 4, 32, 32)
    planes[0, 0, 0, 20:22, 20:22] = 50  # row = y, column = x, from -0.5 to 0.5
    with torch.no_grad():
        fog.hidden.weight[0, 0] = 1
        fog.out.weight[1, 0] = 1  # brightens the first feature
        head = render_head(planes, fog, *pose_camera(CAMERA), TINY)
    row, column = divmod(int(head.raw[0, 0].argmax()), TINY.ray_grid)
    assert row < TINY.ray_grid / 2 < column


def test_weights_in_effect_carry_the_equalised_gains():
    torch.manual_seed(0)
    decoder = FullDecoder(TINY)
    weights = decoder.weights()
    torch.testing.assert_close(weights.w1, decoder.hidden.weight / math.sqrt(TINY.plane_channels))
    torch.testing.assert_close(weights.w2, decoder.out.weight / math.sqrt(TINY.decoder_hidden))
