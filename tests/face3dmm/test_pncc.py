"""PNCC pictures: colours, holes, frame, storage."""

import pytest
import torch

from face3dmm import ARKIT_NAMES, Camera, FaceModel, rasterize, render_pncc
from face3dmm.camera import model_to_world
from face3dmm.pncc import PNCC_CROP

MODEL = FaceModel.open_face()
SIZE = 256


def weights(**named: float) -> torch.Tensor:
    expression = torch.zeros(1, 64)
    for name, weight in named.items():
        expression[0, ARKIT_NAMES.index(name)] = weight
    return expression


def screen(vertices: torch.Tensor) -> torch.Tensor:
    """Vertices in pixels by the formula of conventions.md, zero pose."""
    x, y, z = vertices.unbind(-1)
    uv = torch.stack([0.5 + 4.2647 * x / (10 - z), 0.5 - 4.2647 * y / (10 - z)], -1)
    return (uv - torch.tensor(PNCC_CROP[:2])) / PNCC_CROP[2] * SIZE


def test_mean_face_shows_its_ncc_at_visible_vertices() -> None:
    picture = render_pncc(MODEL, torch.zeros(80), weights(), SIZE)[0]
    where = screen(MODEL.mean)
    uv, depth = (
        Camera.from_head_pose(torch.zeros(3), torch.zeros(3))
        .crop(*PNCC_CROP)
        .project(model_to_world(MODEL.mean))
    )
    torch.testing.assert_close(uv * SIZE, where, atol=1e-3, rtol=0)
    # The pixel that a vertex falls into differs from it by at most half a pixel's change of colour.
    drawn = rasterize(torch.cat([where, depth[:, None]], -1)[None], MODEL.faces[MODEL.face_region], SIZE)
    x, y = where[:468].floor().long().unbind(-1)
    visible = (drawn.index[0, y, x] >= 0) & ((drawn.depth[0, y, x] - depth[:468]).abs() < 0.01)
    assert int(visible.sum()) > 300
    colour = picture[:, y[visible], x[visible]].T
    wanted = MODEL.ncc[:468][visible] * 2 - 1
    assert float((colour - wanted).abs().median()) < 0.01
    assert float((colour - wanted)[:, :2].abs().max()) < 0.03  # x and y: half a pixel is 0.005
    assert float((colour - wanted)[:, 2].abs().max()) < 0.12  # z is steep on the cheeks and the nose


def test_ncc_is_the_normalised_mean() -> None:
    low, high = MODEL.mean.amin(0), MODEL.mean.amax(0)
    torch.testing.assert_close(MODEL.ncc, (MODEL.mean - low) / (high - low), atol=1e-6, rtol=0)
    assert MODEL.ncc.min() == 0
    assert MODEL.ncc.max() == 1


def test_range_background_and_holes() -> None:
    picture = render_pncc(MODEL, torch.zeros(80), weights(jawOpen=0.5), SIZE)
    assert picture.shape == (1, 3, SIZE, SIZE)
    assert picture.dtype == torch.float32
    assert picture.min() == -1
    assert picture.max() <= 1
    assert (picture[0, :, 0, 0] == -1).all()
    vertices = MODEL.vertices(torch.zeros(80), weights(jawOpen=0.5))[0]
    for loop in (MODEL.left_eye, MODEL.right_eye, MODEL.inner_lips):
        x, y = screen(vertices[loop]).mean(0).long().tolist()
        assert (picture[0, :, y, x] == -1).all()
    x, y = screen(vertices[[1]])[0].long().tolist()
    assert (picture[0, :, y, x] > -1).all()  # the nose is there


def test_the_face_fills_most_of_the_frame_and_an_open_jaw_stays_inside() -> None:
    filled = (render_pncc(MODEL, torch.zeros(80), weights(), SIZE)[0] > -1).all(0)
    rows, columns = filled.any(1).nonzero(), filled.any(0).nonzero()
    assert 0.7 < float(rows.max() - rows.min()) / SIZE < 0.9
    assert columns.min() + columns.max() == SIZE - 1  # centred
    opened = (render_pncc(MODEL, torch.zeros(80), weights(jawOpen=1.0), SIZE)[0] > -1).all(0)
    assert not opened[[0, -1]].any()
    assert not opened[:, [0, -1]].any()


def test_left_of_the_subject_is_right_in_the_picture() -> None:
    rest = (render_pncc(MODEL, torch.zeros(80), weights(), SIZE)[0] > -1).all(0)
    blink = (render_pncc(MODEL, torch.zeros(80), weights(eyeBlinkLeft=1.0), SIZE)[0] > -1).all(0)
    closed = (blink & ~rest).nonzero()
    assert len(closed) > 100
    assert (closed[:, 1] > SIZE // 2).all()
    red = render_pncc(MODEL, torch.zeros(80), weights(), SIZE)[0, 0]
    assert red[150, 170] > red[150, 80]  # x grows to the right of the picture


def test_a_blink_closes_the_hole() -> None:
    def hole(picture: torch.Tensor) -> int:
        x, y = screen(MODEL.mean[MODEL.left_eye]).mean(0).long().tolist()
        return int((picture[0, 0, y - 12 : y + 12, x - 20 : x + 20] == -1).sum())

    rest = hole(render_pncc(MODEL, torch.zeros(80), weights(), SIZE))
    assert rest > 100
    assert hole(render_pncc(MODEL, torch.zeros(80), weights(eyeBlinkLeft=1.0), SIZE)) <= 0.02 * rest


def test_shell_adds_skull_and_neck_without_filling_the_holes() -> None:
    face = render_pncc(MODEL, torch.zeros(80), weights(jawOpen=0.5), SIZE)[0]
    whole = render_pncc(MODEL, torch.zeros(80), weights(jawOpen=0.5), SIZE, shell=True)[0]
    drawn = (face > -1).all(0)
    assert (whole[:, drawn] == face[:, drawn]).float().mean() > 0.99
    assert (whole > -1).all(0).sum() > 1.2 * drawn.sum()
    vertices = MODEL.vertices(torch.zeros(80), weights(jawOpen=0.5))[0]
    for loop in (MODEL.left_eye, MODEL.right_eye, MODEL.inner_lips):
        x, y = screen(vertices[loop]).mean(0).long().tolist()
        assert (whole[:, y, x] == -1).all()


def test_batches_and_bytes() -> None:
    expression = torch.cat([weights(), weights(jawOpen=1.0), weights(mouthSmileLeft=1.0)])
    batch = render_pncc(MODEL, torch.zeros(80), expression, 64)
    for k in range(3):
        assert batch[k].equal(render_pncc(MODEL, torch.zeros(80), expression[k : k + 1], 64)[0])
    stored = render_pncc(MODEL, torch.zeros(80), expression, 64, dtype=torch.uint8)
    assert stored.dtype == torch.uint8
    torch.testing.assert_close(stored / 127.5 - 1, batch, atol=1 / 255 + 1e-6, rtol=0)
    assert render_pncc(MODEL, torch.zeros(80), torch.zeros(0, 64), 64).shape == (0, 3, 64, 64)
    people = torch.randn(3, 80)
    assert render_pncc(MODEL, people, expression, 64)[1].equal(
        render_pncc(MODEL, people[1], expression[1:2], 64)[0]
    )


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match=r"expression must have shape \(B, 64\), got \(64,\)"):
        render_pncc(MODEL, torch.zeros(80), torch.zeros(64))
    with pytest.raises(ValueError, match="dtype must be"):
        render_pncc(MODEL, torch.zeros(80), torch.zeros(1, 64), dtype=torch.float16)
