"""Overlays: lines lie where the mesh is, dots where the landmarks are, the rest stays as it was."""

import pytest
import torch

from face3dmm import Camera, FaceCoeffs, FaceModel, draw_overlay
from face3dmm.overlay import DOT, LINE, edge_shares

SIZE = 128


def clip(count: int = 3) -> FaceCoeffs:
    zero = torch.zeros(count, 3)
    confidence = torch.ones(count)
    confidence[1:2] = 0
    return FaceCoeffs(torch.zeros(80), torch.zeros(count, 64), zero, zero, torch.zeros(count, 2), confidence)


def grey(count: int = 3) -> torch.Tensor:
    return torch.full((count, SIZE, SIZE, 3), 100, dtype=torch.uint8)


def test_edges_of_a_right_triangle_cover_what_geometry_says() -> None:
    """Corners (10, 10), (50, 10), (10, 50): row 30 crosses the upright side at x = 10 and the slope at 30."""
    screen = torch.tensor([[[10.0, 10, 1], [50, 10, 1], [10, 50, 1]]])
    shares = edge_shares(screen, torch.tensor([[0, 1, 2]]), 64)[0]
    row = shares[29]  # its centre is y = 29.5
    assert float(row[10]) == pytest.approx(0.4, abs=1e-4)  # half a pixel from the side; the line is 0.8 wide
    assert float(row[20]) == 0
    # (29.5, 29.5) lies (60 - 59) / sqrt(2) = 0.707 from the slope.
    assert float(row[29]) == pytest.approx(0.9 - 0.7071, abs=1e-3)
    assert float(row[40]) == 0 and float(shares[5].max()) == 0


def test_the_mesh_lies_on_the_projected_face_and_nowhere_else() -> None:
    drawn = draw_overlay(grey(), clip(), layers=["mesh"])
    model, camera = FaceModel.open_face(), Camera.from_head_pose(torch.zeros(3), torch.zeros(3))
    uv, _ = camera.project(camera.model_to_world(model.mean[model.landmarks_468]))
    low, high = (uv.amin(0) * SIZE).floor().long(), (uv.amax(0) * SIZE).ceil().long()
    changed = (drawn[0] != 100).any(-1)
    rows, columns = torch.nonzero(changed).unbind(1)
    assert int(columns.min()) >= int(low[0]) and int(columns.max()) <= int(high[0])
    assert int(rows.min()) >= int(low[1]) and int(rows.max()) <= int(high[1])
    assert 0.05 < float(changed.float().mean()) < 0.8
    towards = drawn[0][changed].float() - 100
    wanted = torch.tensor(LINE).float() - 100
    assert bool((towards * wanted >= 0).all())
    assert bool((drawn[1] == 100).all()), "a frame that is not to be trusted"


def test_pncc_shows_the_colours_of_the_place() -> None:
    drawn = draw_overlay(grey(1), clip(1), layers=["pncc"])[0]
    mean, ncc = FaceModel.open_face().mean, FaceModel.open_face().ncc
    uv, _ = Camera.from_head_pose(torch.zeros(3), torch.zeros(3)).project(
        Camera.from_head_pose(torch.zeros(3), torch.zeros(3)).model_to_world(mean[[4]])
    )
    x, y = (uv[0] * SIZE).long().tolist()  # the tip of the nose
    wanted = 100 + 0.6 * (ncc[4] * 255 - 100)
    torch.testing.assert_close(drawn[y, x].float(), wanted, atol=12.0, rtol=0)


def test_landmarks_are_dots_and_may_be_missing_or_outside() -> None:
    points = torch.full((3, 4, 3), float("nan"))
    points[0, 0] = torch.tensor([40.0, 60.0, 0.0])
    points[0, 1] = torch.tensor([-30.0, 900.0, 0.0])
    drawn = draw_overlay(grey(), clip(), landmarks=points, layers=["landmarks"])
    changed = torch.nonzero((drawn[0] != 100).any(-1)).tolist()
    assert changed == [[59, 39], [59, 40], [60, 39], [60, 40]]
    assert drawn[0, 60, 40].tolist() == list(DOT)
    assert bool((drawn[1:] == 100).all())


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="layers must be among"):
        draw_overlay(grey(), clip(), layers=["hair"])
    with pytest.raises(ValueError, match="needs landmarks of all 3 frames"):
        draw_overlay(grey(), clip())
    with pytest.raises(ValueError, match="frames 2 to 5 are not in a clip of 3"):
        draw_overlay(grey(), clip(), layers=["mesh"], first=2)
    with pytest.raises(ValueError, match="frames must be uint8"):
        draw_overlay(grey().float(), clip(), layers=["mesh"])
