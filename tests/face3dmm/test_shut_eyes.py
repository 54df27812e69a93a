"""Eyes shut in a picture: the lids come down over what was seen between them, and nothing else moves."""

from dataclasses import replace

import pytest
import torch

from face3dmm import ARKIT_NAMES, Camera, FaceModel, draw_attributes, lid_gaps, shut_eyes
from face3dmm.camera import model_to_world

MODEL, SIDE = FaceModel.open_face(), 256
IDENTITY = torch.zeros(80)
EULER, PLACE = torch.tensor([[0.1, -0.2, 0.05], [0.0, 0.2, 0.0]]), torch.zeros(2, 3)
CAMERA = Camera.from_head_pose(EULER, PLACE)
BLINKS = [ARKIT_NAMES.index(name) for name in ("eyeBlinkLeft", "eyeBlinkRight")]
SKIN = 1.0  # added to colours, so that nothing of the face is as dark as the openings


def seen(expression: torch.Tensor) -> torch.Tensor:
    """(2, V, 3) pixels and depth."""
    points = torch.stack([MODEL.vertices(IDENTITY, face) for face in expression])
    uv, depth = CAMERA.project(model_to_world(points))
    return torch.cat([uv * SIDE, depth[..., None]], -1)


def drawn(expression: torch.Tensor) -> torch.Tensor:
    """(2, S, S, 3) uint8: the face in the colours of its mean shape, black through its openings."""
    faces = MODEL.faces[MODEL.face_region]
    colours = (MODEL.ncc + SKIN) * 127
    return draw_attributes(seen(expression), faces, colours, SIDE).permute(0, 2, 3, 1).round().to(torch.uint8)


def shut(share: float, expression: torch.Tensor | None = None):
    expression = torch.zeros(2, 64) if expression is None else expression
    landmarks = seen(expression)[:, :468]
    wanted = share * lid_gaps(MODEL, landmarks)
    made = shut_eyes(MODEL, drawn(expression), landmarks, IDENTITY, expression, CAMERA, wanted)
    return made, drawn(expression), wanted


def eye_boxes(points: torch.Tensor, grow: int) -> torch.Tensor:
    """(S, S) bool: near the eyes of one frame's landmarks."""
    where = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    for loop in (MODEL.left_eye, MODEL.right_eye):
        x, y = points[loop, 0], points[loop, 1]
        where[int(y.min()) - grow : int(y.max()) + grow, int(x.min()) - grow : int(x.max()) + grow] = True
    return where


def test_gaps_are_of_the_left_and_the_right_eye():
    expression = torch.zeros(2, 64)
    expression[1, BLINKS[1]] = 1
    gaps = lid_gaps(MODEL, seen(expression))
    assert gaps.shape == (2, 2)
    assert (gaps[0] > 5).all() and gaps[1, 0] > 5 and gaps[1, 1] < 1


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_the_lids_are_as_far_apart_as_was_wanted(share):
    made, _, wanted = shut(share)
    found = lid_gaps(MODEL, seen(made.expression))
    assert (found - wanted).abs().max() < 0.3  # depth changes with a lid, which makes it no straight line
    assert not made.expression[:, [n for n in range(64) if n not in BLINKS]].any()


def test_skin_lies_where_the_eye_was_and_looks_like_that_of_the_lid():
    made, before, _ = shut(0.0)
    points = seen(torch.zeros(2, 64))
    for frame, old, corners in zip(made.frames, before, points, strict=True):
        for loop in (MODEL.left_eye, MODEL.right_eye):
            middle = corners[loop, :2].mean(0).long()
            assert int(old[middle[1], middle[0]].max()) == 0
            skin = frame[middle[1], middle[0]].float()
            lid = (MODEL.ncc[loop[1:8]].mean(0) + SKIN) * 127
            assert (skin - lid).abs().max() < 12


def test_nothing_changes_but_around_the_eyes():
    made, before, _ = shut(0.0)
    points = seen(torch.zeros(2, 64))
    for frame, old, corners in zip(made.frames, before, points, strict=True):
        changed = (frame != old).any(-1)
        assert changed.any()
        assert not (changed & ~eye_boxes(corners, 16)).any()


def test_eyes_that_are_as_open_as_was_wanted_stay_as_they_are():
    made, before, _ = shut(1.0)
    assert torch.equal(made.frames, before)
    assert made.expression.abs().max() < 1e-3


def test_what_is_no_picture_or_another_mesh_is_refused():
    expression, camera = torch.zeros(2, 64), CAMERA
    frames, landmarks, gaps = drawn(expression), seen(expression)[:, :468], torch.zeros(2, 2)
    with pytest.raises(ValueError, match="another mesh"):
        other = replace(MODEL, landmarks_468=MODEL.landmarks_468.flip(0))
        shut_eyes(other, frames, landmarks, IDENTITY, expression, camera, gaps)
    with pytest.raises(ValueError, match="frames must be uint8"):
        shut_eyes(MODEL, frames.float(), landmarks, IDENTITY, expression, camera, gaps)
    with pytest.raises(ValueError, match=r"gaps must have shape \(2, 2\)"):
        shut_eyes(MODEL, frames, landmarks, IDENTITY, expression, camera, gaps[:1])
