"""Irises in the eye openings of PNCC pictures: place, lids, colour."""

import math

import pytest
import torch

from face3dmm import ARKIT_NAMES, Camera, FaceModel, render_pncc
from face3dmm.gaze import gaze_from_irises
from face3dmm.gaze_marks import IRIS_RADIUS, eyeballs_of, gaze_directions, iris_discs, mark_irises
from face3dmm.landmarks import LEFT_IRIS, RIGHT_IRIS
from face3dmm.pncc import PNCC_CROP, SMALL

MODEL = FaceModel.open_face()
SIZE = 256
TURN = math.radians(20)
GAZES = torch.tensor([[0.0, 0.0], [0.0, TURN], [0.0, -TURN], [TURN, 0.0], [-0.2, 0.3]])


def weights(**named: float) -> torch.Tensor:
    expression = torch.zeros(1, 64)
    for name, weight in named.items():
        expression[0, ARKIT_NAMES.index(name)] = weight
    return expression


def draw(gaze: torch.Tensor | None, expression: torch.Tensor | None = None, size: int = SIZE) -> torch.Tensor:
    count = 1 if gaze is None else len(gaze)
    expression = weights() if expression is None else expression
    return render_pncc(MODEL, torch.zeros(80), expression.expand(count, 64), size, gaze=gaze)


def pixels(points: torch.Tensor, size: int) -> torch.Tensor:
    """Model points in pixels by the formula of conventions.md, zero pose."""
    x, y, z = points.unbind(-1)
    uv = torch.stack([0.5 + 4.2647 * x / (10 - z), 0.5 - 4.2647 * y / (10 - z)], -1)
    return (uv - torch.tensor(PNCC_CROP[:2])) / PNCC_CROP[2] * size


def on_iris(eye: int, gaze: torch.Tensor, size: int) -> torch.Tensor:
    """(size, size) pixels whose ray meets the disc, by the geometry of a ray and a plane."""
    steps = (torch.arange(size).double() + 0.5) / size * PNCC_CROP[2]
    right, up = (steps + PNCC_CROP[0] - 0.5) / 4.2647, (0.5 - steps - PNCC_CROP[1]) / 4.2647
    ray = torch.stack([right.expand(size, size), up[:, None].expand(size, size), -torch.ones(size, size)], -1)
    pitch, yaw = gaze.double()
    axis = torch.stack([pitch.cos() * yaw.sin(), -pitch.sin(), pitch.cos() * yaw.cos()])
    ball = MODEL.eyeballs[eye].double()
    front, eye_point = ball[:3] + ball[3] * axis, torch.tensor([0.0, 0.0, 10.0]).double()
    meets = eye_point + ray * (((front - eye_point) @ axis) / (ray @ axis)).unsqueeze(-1)
    return (meets - front).norm(dim=-1) < IRIS_RADIUS * ball[3]


@pytest.mark.parametrize("gaze", [(0.0, 0.0), (0.0, TURN), (TURN, 0.0), (-0.3, -0.5)])
def test_the_discs_centroid_is_where_the_eyeballs_front_is_seen(gaze: tuple[float, float]) -> None:
    size, look = 2048, torch.tensor([gaze])
    picture = torch.full((1, 1, size, size), -1.0)
    half = torch.tensor([[0, 0], [size // 2, 0], [size // 2, size], [0, size]]).float()
    openings = torch.stack([half + torch.tensor([size / 2, 0]), half])[None]  # half of the picture each
    mark_irises(
        picture, openings, iris_discs(MODEL.eyeballs[None], look, SMALL.camera(MODEL.mean), size), -1.0, 1.0
    )
    for eye, centre in enumerate(MODEL.eyeballs[:, :3]):
        pitch, yaw = gaze
        step = torch.tensor(
            [math.cos(pitch) * math.sin(yaw), -math.sin(pitch), math.cos(pitch) * math.cos(yaw)]
        )
        radius = float(MODEL.eyeballs[eye, 3])
        wanted = pixels(centre + radius * step, size)
        drawn = (picture[0, 0] == 1).nonzero().float().flip(-1) + 0.5
        drawn = drawn[(drawn[:, 0] > size / 2) == (eye == 0)]
        # Within 0.3 of 56 pixels of radius: the near half of a turned disc is seen larger than the far half.
        torch.testing.assert_close(drawn.mean(0), wanted, atol=0.3, rtol=0)
        # Its area is that of a circle, at this distance and turned to this ray.
        ray = torch.tensor([0.0, 0.0, 10.0]) - centre - radius * step
        scale = 4.2647 / float(ray[2]) / PNCC_CROP[2] * size
        area = math.pi * (IRIS_RADIUS * radius * scale) ** 2 * float(step @ ray / ray[2])
        assert len(drawn) == pytest.approx(area, rel=0.005)
    if gaze == (0.0, TURN):  # to the subject's left, which is right in the picture, by r sin 20
        rest = pixels(centre + torch.tensor([0, 0, radius]), size)
        assert float((drawn.mean(0) - rest)[0]) == pytest.approx(radius * math.sin(TURN) * scale, abs=0.3)
        assert float(drawn.mean(0)[0]) > float(rest[0]) + 10


def test_exactly_the_openings_pixels_on_the_iris_are_white() -> None:
    empty = draw(None)[0]
    lids = pixels(MODEL.mean, SIZE)[torch.stack([MODEL.left_eye, MODEL.right_eye])]
    for picture, gaze in zip(draw(GAZES), GAZES, strict=True):
        wanted = torch.zeros(SIZE, SIZE, dtype=torch.bool)
        for eye in (0, 1):
            (x0, y0), (x1, y1) = lids[eye].amin(0).long(), lids[eye].amax(0).long() + 1
            opening = torch.zeros_like(wanted)
            opening[y0:y1, x0:x1] = (empty[:, y0:y1, x0:x1] == -1).all(0)
            wanted |= opening & on_iris(eye, gaze, SIZE)
        assert wanted.sum() > 50
        assert (picture[:, wanted] == 1).all()
        assert picture[:, ~wanted].equal(empty[:, ~wanted])


def test_lids_cover_the_iris() -> None:
    def shown(closed: float) -> int:
        expression = weights(eyeBlinkLeft=closed, eyeBlinkRight=closed)
        return int((draw(torch.zeros(1, 2), expression)[0] == 1).all(0).sum())

    areas = [shown(closed) for closed in (0.0, 0.3, 0.6, 1.0)]
    assert areas[0] > areas[1] > areas[2] > 0
    assert areas[3] == 0


@pytest.mark.parametrize("size", [64, 256, 512])
def test_closed_eyes_show_none_in_any_direction(size: int) -> None:
    closed = weights(eyeBlinkLeft=1.0, eyeBlinkRight=1.0)
    assert draw(GAZES, closed, size).equal(draw(None, closed, size).expand(len(GAZES), -1, -1, -1))


def test_an_open_mouth_stays_empty() -> None:
    opened = weights(jawOpen=1.0)
    marked = (draw(GAZES, opened) != draw(None, opened)).any(1).any(0).nonzero()
    assert len(marked) > 50
    nose = pixels(MODEL.mean[1], SIZE)[1]
    assert (marked[:, 0] < nose).all()


def test_eyeballs_move_with_the_corners_of_the_eyes() -> None:
    identity = torch.randn(80, generator=torch.Generator().manual_seed(1))
    moved = MODEL.vertices(identity, torch.zeros(64)) - MODEL.mean
    balls = eyeballs_of(MODEL, identity)
    for eye, corners in enumerate(((263, 362), (33, 133))):  # MediaPipe: outer and inner corner
        shift = moved[MODEL.landmarks_468[list(corners)]].mean(0)
        torch.testing.assert_close(balls[eye, :3], MODEL.eyeballs[eye, :3] + shift, atol=1e-6, rtol=0)
    assert balls[:, 3].equal(MODEL.eyeballs[:, 3])


def test_the_drawn_direction_is_the_one_that_tracking_reads() -> None:
    identity = torch.randn(80, generator=torch.Generator().manual_seed(2)) * 0.5
    neutral = MODEL.vertices(identity, torch.zeros(64))[MODEL.landmarks_468]
    balls = eyeballs_of(MODEL, identity)
    front = balls[:, :3] + balls[:, 3:] * gaze_directions(GAZES).unsqueeze(1)
    camera = Camera.from_head_pose(torch.zeros(3), torch.zeros(3))
    landmarks = torch.zeros(len(GAZES), 478, 3)
    landmarks[:, :468, :2] = camera.project(camera.model_to_world(neutral))[0] * 512
    uv, _ = camera.project(camera.model_to_world(front))
    landmarks[:, LEFT_IRIS, :2], landmarks[:, RIGHT_IRIS, :2] = (uv * 512).unbind(1)
    read = gaze_from_irises(MODEL, neutral, torch.zeros(len(GAZES), 6), landmarks, 512)
    torch.testing.assert_close(read, GAZES, atol=0.005, rtol=0)


def test_a_picture_does_not_depend_on_its_batch_and_bytes_agree() -> None:
    generator = torch.Generator().manual_seed(0)
    gaze = torch.randn(37, 2, generator=generator) * 0.3
    people, expression = torch.randn(37, 80, generator=generator) * 0.5, torch.rand(37, 64) * 0.1
    batch = render_pncc(MODEL, people, expression, 96, gaze=gaze)
    stored = render_pncc(MODEL, people, expression, 96, gaze=gaze, dtype=torch.uint8)
    torch.testing.assert_close(stored / 127.5 - 1, batch, atol=1 / 255 + 1e-6, rtol=0)
    assert ((stored == 255).all(1) == (batch == 1).all(1)).all()
    for k in (0, 17, 36):
        one = slice(k, k + 1)
        assert render_pncc(MODEL, people[one], expression[one], 96, gaze=gaze[one])[0].equal(batch[k])
    assert render_pncc(MODEL, torch.zeros(80), torch.zeros(0, 64), 96, gaze=torch.zeros(0, 2)).shape[0] == 0


def test_no_face_has_the_colour_of_the_iris() -> None:
    white = float((MODEL.ncc - 1).norm(dim=-1).min())
    assert white > 0.35  # of the cube's side
    assert white > float(MODEL.ncc.norm(dim=-1).min())  # the background is nearer to some of the face


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match=r"gaze must have shape \(1, 2\), got \(2, 2\)"):
        render_pncc(MODEL, torch.zeros(80), weights(), gaze=torch.zeros(2, 2))
    for wrong in (math.pi, -2.0, math.nan):
        with pytest.raises(ValueError, match=r"gaze must lie within \+-pi/2, got up to"):
            draw(torch.tensor([[0.0, wrong]]))
