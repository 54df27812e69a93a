"""PNCC pictures: colours, holes, frame, storage, and the conventions of published weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat

from face3dmm import ARKIT_NAMES, Camera, FaceModel, rasterize, render_pncc
from face3dmm.camera import model_to_world
from face3dmm.pncc import FULL, PNCC_CROP, SMALL, PnccConvention, render_pncc_triple

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


@pytest.fixture(scope="module")
def bfm(tmp_path_factory: pytest.TempPathFactory) -> FaceModel:
    """A face model in the files of BFM 2009: off centre, eyes of other triangles, a cheek as first triangle."""
    above = tmp_path_factory.mktemp("deep_3drecon")
    folder, count = above / "BFM", len(MODEL.mean)
    folder.mkdir()
    middle = MODEL.mean[MODEL.faces].mean(1)
    cheek = int(
        (middle - torch.tensor([0.4, 0.0, 0.0])).masked_fill(middle[:, 2:] < 0, 9).norm(dim=1).argmin()
    )
    order = torch.cat([torch.tensor([cheek]), torch.arange(cheek), torch.arange(cheek + 1, len(MODEL.faces))])
    faces, hidden = MODEL.faces[order], (~MODEL.face_region)[order]
    left = MODEL.mean[faces].mean(1)[:, 0] > 0
    matrices = {
        "meanshape": (MODEL.mean.double().numpy() + [0.3, -0.2, 0.5]).reshape(1, -1),
        "idBase": MODEL.identity_basis.numpy().reshape(3 * count, 80),
        "exBase": MODEL.expression_basis.numpy().reshape(3 * count, 64),
        "tri": faces.numpy() + 1,
        "keypoints": MODEL.landmarks_68.numpy()[None] + 1,
    }
    savemat(folder / "BFM_model_front.mat", matrices)
    np.save(folder / "index_mp468_from_mesh35709.npy", MODEL.landmarks_468.numpy())
    for side, which in (("left", hidden & left), ("right", hidden & ~left)):
        np.save(above / f"bfm_{side}_eye_faces.npy", torch.nonzero(which).flatten().numpy() + 1)
    colours = torch.rand(3, count, generator=torch.Generator().manual_seed(0))
    np.save(above / "ncc_code.npy", (0.9 * MODEL.ncc.T + 0.1 * colours).numpy().astype(np.float32))
    return FaceModel.from_bfm2009(Path(folder))


def published_picture(
    mean: np.ndarray, faces: np.ndarray, colours: np.ndarray, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Colours (N, 3), number of the nearest triangle (N,) and how safely it is hit (N,), by casting rays.

    The published projection: vertices (-x, y, 10 - z); a pytorch3d field-of-view camera of 2 atan(112 / 1015) at
    the origin, whose x points left and y up, from -1 to 1 over 512 pixels; at pixel centres.
    """
    tangent = 112 / 1015
    left, up = (1 - (x + 0.5) / 256) * tangent, (1 - (y + 0.5) / 256) * tangent
    rays = np.stack([left, up, np.ones_like(left)], -1)[:, None]  # (N, 1, 3)
    a, b, c = (mean[faces[:, k]] * [-1, 1, -1] + [0, 0, 10] for k in range(3))
    normal = np.cross(b - a, c - a)
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = (normal * a).sum(-1) / (rays * normal).sum(-1)  # (N, F)
        meets = rays * depth[..., None]
        shares = (
            np.stack([(np.cross(q - p, meets - p) * normal).sum(-1) for p, q in ((b, c), (c, a), (a, b))], -1)
            / (normal**2).sum(-1)[:, None]
        )
    least = np.nan_to_num(shares.min(-1), nan=-1.0)
    depth = np.where((least > 0) & (depth > 0), depth, np.inf)
    first, rows = depth.argmin(1), np.arange(len(x))
    values = (shares[rows, first, :, None] * colours[faces[first]]).sum(1)
    hit = np.isfinite(depth[rows, first])
    # Unsafe where a ray passes an edge, of the triangle that is hit or of one that lies before it.
    near_edge = (np.abs(least) < 1e-3) & (meets[..., 2] <= np.where(hit, depth[rows, first], np.inf)[:, None])
    values = np.where((hit & (first > 0))[:, None], (values - 0.5) / 0.5, -1.0)
    return values, np.where(hit, first, -1), ~near_edge.any(1)


def test_full_is_the_published_picture(bfm: FaceModel) -> None:
    generator = torch.Generator().manual_seed(5)
    identity = 0.5 * torch.randn(80, generator=generator)
    expression = weights(jawOpen=0.4, mouthSmileLeft=0.6, eyeBlinkRight=0.3)
    picture = render_pncc(bfm, identity, expression, convention=FULL)[0]
    assert picture.shape == (3, 512, 512)
    vertices = bfm.vertices(identity, expression)[0].double().numpy()
    faces = bfm.faces[bfm.face_region].numpy()
    # Pixels all over the face, and every pixel about the first triangle.
    corner = 256 + 512 / 2 * 1015 / 112 * vertices[faces[0], :2] * [1, -1] / (10 - vertices[faces[0], 2:])
    (x0, y0), (x1, y1) = corner.min(0).astype(int) - 1, corner.max(0).astype(int) + 2
    window = np.mgrid[y0:y1, x0:x1].reshape(2, -1)
    spread = np.random.default_rng(0).integers(60, 452, (2, 1500))
    y, x = np.concatenate([window, spread], 1)
    values, first, safe = published_picture(vertices, faces, bfm.ncc.double().numpy(), x, y)
    ours = picture[:, y, x].T.numpy()
    assert safe.mean() > 0.8
    assert (safe & (first > 0)).sum() > 800
    assert (safe & (first == 0)).sum() > 10
    assert (safe & (first == -1)).sum() > 200
    np.testing.assert_allclose(ours[safe], values[safe], atol=1e-5, rtol=0)
    assert (ours[safe & (first <= 0)] == -1).all()


def test_full_puts_vertices_where_the_published_camera_does(bfm: FaceModel) -> None:
    assert float(bfm.mean.double().mean(0).norm()) < 1e-6
    x, y, z = bfm.mean.double().unbind(-1)
    scale = 1 / torch.tan(torch.tensor(2 * np.arctan(112 / 1015) / 2))
    left, up = -x * scale / (10 - z), y * scale / (10 - z)
    wanted = torch.stack([256 - 256 * left, 256 - 256 * up], -1)
    uv, depth = FULL.camera(bfm.mean).project(model_to_world(bfm.mean))
    torch.testing.assert_close(uv.double() * 512, wanted, atol=0.01, rtol=0)
    torch.testing.assert_close(depth.double(), 0.27 * (10 - z), atol=1e-5, rtol=0)


def test_conventions() -> None:
    expression = torch.cat([weights(jawOpen=0.5), weights(eyeBlinkLeft=0.5)])
    small = render_pncc(MODEL, torch.zeros(80), expression)
    assert small.shape == (2, 3, 256, 256)
    assert small.equal(render_pncc(MODEL, torch.zeros(80), expression, convention=SMALL))
    assert small.equal(render_pncc(MODEL, torch.zeros(80), expression, 256, crop=PNCC_CROP))
    wide = PnccConvention(size=64, focal=2.0, crop=(0.1, 0.1, 0.8))
    uv, _ = wide.camera(MODEL.mean).project(model_to_world(torch.tensor([[0.5, 1.0, 0.0]])))
    wanted = (torch.tensor([[0.5 + 2.0 * 0.05, 0.5 - 2.0 * 0.1]]) - 0.1) / 0.8
    torch.testing.assert_close(uv, wanted, atol=1e-6, rtol=0)
    assert render_pncc(MODEL, torch.zeros(80), expression, convention=wide).shape[-1] == 64
    assert render_pncc(MODEL, torch.zeros(80), expression, 32, convention=wide).shape[-1] == 32
    for name, value in (("size", 0), ("size", 20000), ("focal", 0.0), ("focal", float("nan"))):
        with pytest.raises(ValueError, match=f"{name} must be .*, got {value}"):
            PnccConvention(**{name: value})
    with pytest.raises(ValueError, match=r"crop must be .*, got \(0, 0, -1\)"):
        PnccConvention(crop=(0, 0, -1))


def test_canonical_source_and_driving() -> None:
    generator = torch.Generator().manual_seed(7)
    person, source = torch.randn(80, generator=generator) * 0.5, weights(mouthSmileLeft=1.0)[0]
    driving = torch.cat([weights(jawOpen=0.1 * k) for k in range(5)] * 4)  # more than are drawn at once
    for dtype in (torch.float32, torch.uint8):
        triple = render_pncc_triple(MODEL, person, source, driving, size=64, dtype=dtype)
        assert triple.canonical.equal(render_pncc(MODEL, person, torch.zeros(1, 64), 64, dtype=dtype)[0])
        assert triple.source.equal(render_pncc(MODEL, person, source[None], 64, dtype=dtype)[0])
        for k in (0, 7, 19):
            one = render_pncc(MODEL, person, driving[k : k + 1], 64, dtype=dtype)[0]
            assert triple.driving[k].equal(one)
    looks = torch.tensor([[0.0, 0.3]]).expand(20, 2)
    seen = render_pncc_triple(MODEL, person, source, driving, source_gaze=looks[0], driving_gaze=looks)
    assert seen.canonical.equal(render_pncc(MODEL, person, torch.zeros(1, 64), gaze=torch.zeros(1, 2))[0])
    assert seen.source.equal(render_pncc(MODEL, person, source[None], gaze=looks[:1])[0])
    assert seen.driving.equal(render_pncc(MODEL, person, driving, gaze=looks))
    with pytest.raises(ValueError, match="belong together"):
        render_pncc_triple(MODEL, person, source, driving, driving_gaze=looks)
