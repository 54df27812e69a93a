"""PNCC pictures of posed faces: where a camera sees a point its colour lies, whatever the batch."""

import pytest
import torch
from torch.nn import functional as F

from face3dmm import ARKIT_NAMES, Camera, FaceModel, render_pncc, render_posed_pncc
from face3dmm.gaze_marks import gaze_directions
from face3dmm.inner_parts import SUNK

MODEL = FaceModel.open_face()
NOSE, CHEEKS = 30, (2, 14)  # of the 68 landmarks
EULER = torch.tensor([[0.1, -0.2, 0.05], [0.0, 0.3, -0.1], [-0.15, 0.0, 0.2]])
PLACE = torch.tensor([[0.1, 0.0, 0.2], [-0.2, 0.1, 0.0], [0.0, -0.1, -0.3]])


def faces(**weights: float) -> torch.Tensor:
    expression = torch.zeros(3, 64)
    for name, value in weights.items():
        expression[:, ARKIT_NAMES.index(name)] = value
    return expression


def test_without_a_pose_it_is_the_picture_at_zero_pose_in_a_wider_window():
    still = Camera.from_head_pose(torch.zeros(1, 3), torch.zeros(1, 3))
    expression = faces(jawOpen=0.4)[:1]
    posed = render_posed_pncc(MODEL, torch.zeros(80), expression, still, 96)
    finer = render_pncc(MODEL, torch.zeros(80), expression, 192, crop=(0.0, 0.0, 1.0))
    filled = F.avg_pool2d((finer > -1).any(1).float(), 2) == 1  # wholly face: not what is behind the lips
    assert filled.float().mean() > 0.1
    apart = (posed - F.avg_pool2d(finer, 2)).abs().amax(1)[filled]
    assert apart.mean() < 1e-4  # rounding moves an edge's sample at most


def test_a_point_of_the_face_has_its_colour_where_the_camera_sees_it():
    camera, expression = Camera.from_head_pose(EULER, PLACE), faces()
    posed = render_posed_pncc(MODEL, torch.zeros(80), expression, camera, 256)
    vertex = int(MODEL.landmarks_68[NOSE])
    points = MODEL.vertices(torch.zeros(80), expression[0])[[vertex]]
    uv, _ = camera.project(camera.model_to_world(points))
    seen = F.grid_sample(posed, uv[:, None] * 2 - 1, align_corners=False)[:, :, 0, 0]
    wanted = MODEL.ncc[vertex] * 2 - 1
    # A pixel is some 0.03 of the face's width, whose colours span 2: the tip's neighbours differ by as much.
    assert (seen - wanted).abs().max() < 0.05


def test_between_open_lips_is_the_plane_of_the_teeth_which_keeps_its_place_in_the_skull():
    camera = Camera.from_head_pose(EULER, PLACE)
    shut, half, wide = (
        render_posed_pncc(MODEL, torch.zeros(80), faces(jawOpen=jaw), camera) for jaw in (0.0, 0.5, 1.0)
    )
    middle = MODEL.vertices(torch.zeros(80), faces(jawOpen=0.5)[0])[MODEL.inner_lips].mean(0, keepdim=True)
    uv, _ = camera.project(camera.model_to_world(middle))
    for frame, (x, y) in enumerate((uv[:, 0] * 256).long().tolist()):
        assert shut[frame, 2, y, x] > 0  # the lower lip
        assert half[frame, 2, y, x] == -1
        assert half[frame, :2, y, x].max() > -0.9  # no background
        assert half[frame, :, y, x].equal(wide[frame, :, y, x])


@pytest.mark.parametrize("yaw", [-0.6, 0.0, 0.6])
@pytest.mark.parametrize("pitch", [-0.3, 0.3])
def test_the_plane_of_the_teeth_is_seen_between_the_lips_alone(yaw: float, pitch: float):
    camera = Camera.from_head_pose(torch.tensor([[pitch, yaw, 0.0]]).expand(3, 3), torch.zeros(3, 3))
    shut = render_posed_pncc(MODEL, torch.zeros(80), faces(), camera)[0]
    teeth = (shut[2] < -0.99) & (shut[:2].amax(0) > -0.9)
    assert int(teeth[128:].sum()) <= 4  # below the eyes; where lips that touch leave a sample open


def test_batches_and_storage():
    camera = Camera.from_head_pose(EULER, PLACE)
    expression = torch.rand(3, 64, generator=torch.Generator().manual_seed(0)) * 0.3
    identity = torch.randn(80, generator=torch.Generator().manual_seed(1))
    whole = render_posed_pncc(MODEL, identity, expression, camera, 64)
    for k in range(3):
        one = Camera(camera.camera_to_world[k : k + 1], camera.intrinsics[k : k + 1])
        assert whole[k].equal(render_posed_pncc(MODEL, identity, expression[k : k + 1], one, 64)[0])
    stored = render_posed_pncc(MODEL, identity, expression, camera, 64, dtype=torch.uint8)
    assert stored.dtype == torch.uint8
    assert (stored.float() / 127.5 - 1 - whole).abs().max() <= 1 / 255 + 1e-6


def test_what_does_not_fit_is_refused():
    camera = Camera.from_head_pose(EULER, PLACE)
    with pytest.raises(ValueError, match=r"must have shape \(B, 64\)"):
        render_posed_pncc(MODEL, torch.zeros(80), torch.zeros(64), camera)
    with pytest.raises(ValueError, match="2 expressions need 2 cameras"):
        render_posed_pncc(MODEL, torch.zeros(80), torch.zeros(2, 64), camera)
    with pytest.raises(ValueError, match=r"gaze must have shape \(3, 2\)"):
        render_posed_pncc(MODEL, torch.zeros(80), torch.zeros(3, 64), camera, gaze=torch.zeros(2))
    with pytest.raises(ValueError, match="dtype must be"):
        render_posed_pncc(MODEL, torch.zeros(80), torch.zeros(3, 64), camera, dtype=torch.float16)


def test_a_box_is_drawn_as_it_would_be_in_the_whole_picture(monkeypatch: pytest.MonkeyPatch):
    across = torch.tensor([[0.0, 0.3, 0.0], [-1.6, 0.3, 0.0], [90.0, 0.0, 0.0]])  # whole, cut, and beyond it
    camera = Camera.from_head_pose(EULER, across)
    args = MODEL, torch.zeros(80), faces(jawOpen=0.6), camera, 96
    boxed = render_posed_pncc(*args)
    monkeypatch.setattr("face3dmm.posed_pncc._box", lambda corners, size: (0, 0, size, size))
    torch.testing.assert_close(boxed, render_posed_pncc(*args), atol=1e-5, rtol=0)
    covered = (boxed > -1).any(1).flatten(1).float().mean(1)
    assert covered[0] > 0.1
    assert 0 < covered[1] < covered[0]
    assert covered[2] == 0


def test_a_corner_that_is_no_number_costs_its_triangles_alone():
    camera = Camera.from_head_pose(EULER[:1], PLACE[:1])
    expression = faces()[:1].clone()
    whole = render_posed_pncc(MODEL, torch.zeros(80), expression, camera, 96)
    expression[0, 0] = float("nan")
    assert not render_posed_pncc(MODEL, torch.zeros(80), expression, camera, 96).isnan().any()
    assert (whole > -1).any()


def middle_of_eye(
    picture: torch.Tensor, camera: Camera, frame: int, eye: int, gaze: torch.Tensor
) -> torch.Tensor:
    """(3,) what is seen where an eye looks."""
    ball = MODEL.eyeballs[eye]
    front = ball[:3] + SUNK * ball[3] * gaze_directions(gaze)
    seen = Camera(camera.camera_to_world[frame : frame + 1], camera.intrinsics[frame : frame + 1])
    uv, _ = seen.project(seen.model_to_world(front[None]))
    return F.grid_sample(picture[None], uv[:, None] * 2 - 1, align_corners=False)[0, :, 0, 0]


def test_eyes_turn_with_the_gaze_and_carry_their_places_along():
    gaze = torch.tensor([[0.0, 0.0], [0.05, 0.25], [-0.1, -0.3]])
    camera = Camera.from_head_pose(torch.zeros(3, 3), torch.zeros(3, 3))
    posed = render_posed_pncc(MODEL, torch.zeros(80), faces(), camera, 512, gaze=gaze)
    for eye, red in ((0, 0.76), (1, 0.24)):  # the middles of their parts of the atlas
        for frame in range(3):
            seen = middle_of_eye(posed[frame], camera, frame, eye, gaze[frame])
            wanted = 2 * torch.tensor([red, 0.76, 0.0]) - 1
            # A pixel is some 2 degrees of the eye, a thirtieth of its part: that it is the right one is enough.
            assert (seen - wanted).abs().max() < 0.06
    straight = render_posed_pncc(MODEL, torch.zeros(80), faces(), camera, 512)
    assert straight[0].equal(posed[0])
    assert not straight[1].equal(posed[1])


@pytest.mark.parametrize("yaw", [-0.6, 0.0, 0.6])
def test_lids_that_are_shut_hide_the_eyes(yaw: float):
    camera = Camera.from_head_pose(torch.tensor([[0.0, yaw, 0.0]]), torch.zeros(1, 3))
    counts = [
        int(
            eyes_seen(
                render_posed_pncc(
                    MODEL, torch.zeros(80), faces(eyeBlinkLeft=shut, eyeBlinkRight=shut)[:1], camera, 512
                )[0]
            )
        )
        for shut in (0.0, 1.0)
    ]
    assert counts[0] > 300
    assert counts[1] <= 0.03 * counts[0]


def eyes_seen(picture: torch.Tensor) -> torch.Tensor:
    """Number of pixels of the eyes' part of the atlas."""
    return ((picture[2] < -0.99) & (picture[1] > 0.02)).sum()
