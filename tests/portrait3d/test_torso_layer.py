import torch

from portrait3d.torso_layer import fill_from_known, torso_layer


def test_one_known_pixel_fills_everything() -> None:
    known = torch.zeros(1, 1, 16, 16)
    known[0, 0, 3, 5] = 1.0
    values = torch.rand(1, 3, 16, 16)
    filled = fill_from_known(values, known)
    assert torch.allclose(filled, values[:, :, 3:4, 5:6].expand_as(filled), atol=1e-6)


def test_known_pixels_stay_and_gaps_lie_between() -> None:
    values = torch.linspace(0, 1, 16).expand(1, 1, 16, 16).contiguous()
    known = torch.ones(1, 1, 16, 16)
    known[..., 6:10] = 0.0
    filled = fill_from_known(torch.where(known > 0, values, torch.full_like(values, 9.0)), known)
    assert torch.equal(filled[known > 0], values[known > 0])
    assert float(filled.min()) >= 0.0
    assert float(filled.max()) <= 1.0


def test_the_torso_reaches_under_the_chin_but_not_to_the_crown() -> None:
    frame = torch.zeros(64, 64, 3, dtype=torch.uint8)
    torso, head = torch.zeros(2, 64, 64, dtype=torch.uint8)
    head[10:40, 20:44] = 255
    torso[40:, 16:48] = 255
    frame[40:] = 200
    layer = torso_layer(frame, torso, head)
    assert float(layer[3, 50, 30]) == 1.0
    assert float(layer[3, 38, 30]) == 1.0  # under the chin
    assert float(layer[3, 12, 30]) == 0.0  # under the crown
    assert float(layer[3, 38, 5]) == 0.0  # beside the head
    assert torch.allclose(layer[:3, 38, 30], torch.full((3,), 200 / 127.5 - 1), atol=1e-5)
