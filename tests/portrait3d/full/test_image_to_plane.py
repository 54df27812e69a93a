"""What image-to-plane sees, and how its planes lie in the world."""

from dataclasses import replace

import pytest
import torch

from portrait3d.full.image_to_plane import ImageToPlane
from tiny_full import TINY


@pytest.fixture
def head():
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1


def seen_by(model, *given):
    seen = []
    handle = model.high.register_forward_pre_hook(lambda module, x: seen.append(x[0]))
    with torch.no_grad():
        planes = model(*given)
    handle.remove()
    return seen[0], planes


def test_colour_then_row_and_column_over_the_size(head):
    seen, planes = seen_by(ImageToPlane(TINY).eval(), head)
    assert seen.shape == (2, 5, 64, 64)
    assert torch.equal(seen[:, :3], head)
    assert seen[1, 3, 48, 3].item() == 48 / 64
    assert seen[1, 4, 48, 3].item() == 3 / 64
    assert planes.shape == (2, 3, TINY.plane_channels * TINY.plane_depth, 32, 32)


def test_alpha_is_given_or_where_the_picture_is_not_black(head):
    model = ImageToPlane(replace(TINY, input_mode="rgb_alpha")).eval()
    head[:, :, :10] = -1
    seen, _ = seen_by(model, head)
    assert seen[:, 3, :10].max() == 0
    assert seen[:, 3, 10:].min() == 1
    alpha = torch.full((2, 1, 64, 64), 0.5)
    assert torch.equal(seen_by(model, head, alpha)[0][:, 3:4], alpha)


def test_the_camera_becomes_three_constant_channels(head):
    model = ImageToPlane(replace(TINY, input_mode="rgb_camera")).eval()
    camera = torch.randn(2, 25)
    seen, _ = seen_by(model, head, None, camera)
    expected = model.camera_channels(camera)
    assert torch.equal(seen[:, 3:6, 5, 7], expected)
    assert torch.equal(seen[:, 3:6, 60, 0], expected)
    with pytest.raises(ValueError, match="needs the camera"):
        model(head)


def test_xy_and_xz_lie_upside_down_zy_also_mirrored(head):
    model = ImageToPlane(TINY).eval()
    predicted = []
    model.predictor.register_forward_hook(lambda module, given, answer: predicted.append(answer))
    with torch.no_grad():
        planes = model(head)
    xy, xz, zy = predicted[0].unflatten(1, (3, -1)).unbind(1)
    assert torch.equal(planes[:, 0], xy.flip(2))
    assert torch.equal(planes[:, 1], xz.flip(2))
    assert torch.equal(planes[:, 2], zy.flip(2, 3))


def test_the_first_high_resolution_layer_has_no_activation(head):
    model = ImageToPlane(TINY).eval()
    given = []
    model.high.convs[0].register_forward_pre_hook(lambda module, x: given.append(x[0]))
    seen, _ = seen_by(model, head)
    torch.testing.assert_close(given[0], model.high.first(seen))
