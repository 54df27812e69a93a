import pytest
import torch

from portrait3d.head_bounds import Window, hit_window, intersect_ellipsoid


def test_a_ray_through_the_centre_of_an_ellipsoid_meets_its_half_axes() -> None:
    origin = torch.tensor([[[0.0, 0.0, 5.0], [0.0, 0.0, 5.0], [0.3, 0.0, 5.0]]])
    direction = torch.tensor([[[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]]])
    near, far = intersect_ellipsoid(origin, direction, torch.zeros(3), torch.tensor([0.5, 0.5, 2.0]))
    # x = 0.3 on an ellipse with half axes 0.5 and 2: z = 2 sqrt(1 - 0.36) = 1.6
    assert near[0].tolist() == pytest.approx([3.0, 0.0, 3.4])
    assert far[0].tolist() == pytest.approx([7.0, 0.0, 6.6])


def test_an_ellipsoid_behind_the_camera_is_missed() -> None:
    near, far = intersect_ellipsoid(
        torch.tensor([[[0.0, 0.0, 5.0]]]), torch.tensor([[[0.0, 0.0, 1.0]]]), torch.zeros(3), torch.ones(3)
    )
    assert float(near) == float(far) == 0.0


def test_window_holds_every_hit_and_stays_in_the_grid() -> None:
    far = torch.zeros(32, 32)
    far[3:8, 27:32] = 1.0
    window = hit_window(torch.zeros(32, 32), far)
    assert (window.rows, window.columns) == (8, 8)
    assert window.top <= 3 and window.top + window.rows >= 8
    assert window.left + window.columns <= 32 and window.left <= 27
    assert float(window.take_rays(far).sum()) == 25.0


def test_window_pixels_are_four_per_ray() -> None:
    picture = torch.arange(64 * 64).reshape(64, 64)
    part = Window(2, 3, 4, 5).take_pixels(picture)
    assert part.shape == (16, 20)
    assert int(part[0, 0]) == 8 * 64 + 12


def test_a_head_out_of_the_picture_is_said() -> None:
    with pytest.raises(ValueError, match="out of the picture"):
        hit_window(torch.zeros(8, 8), torch.zeros(8, 8))
