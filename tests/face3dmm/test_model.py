"""The face model: linear algebra, storage, and the anatomy of the embedded mean face."""

from pathlib import Path

import numpy as np
import pytest
import torch

from face3dmm import ARKIT_NAMES, FaceModel, InputError


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel.open_face()


def length(model: FaceModel, a: int, b: int) -> float:
    return float((model.mean[a] - model.mean[b]).norm())


def test_zero_coefficients_give_the_mean(model: FaceModel) -> None:
    torch.testing.assert_close(model.vertices(torch.zeros(80), torch.zeros(64)), model.mean)


def test_linear_in_both_coefficients(model: FaceModel) -> None:
    a, b = torch.randn(2, 80), torch.randn(2, 64)
    parts = sum(model.vertices(a[k], b[k]) - model.mean for k in range(2))
    torch.testing.assert_close(model.vertices(a.sum(0), b.sum(0)) - model.mean, parts, atol=1e-5, rtol=0)


def test_leading_axes_broadcast(model: FaceModel) -> None:
    vertices = model.vertices(torch.zeros(80), torch.zeros(2, 5, 64))
    assert vertices.shape == (2, 5, len(model.mean), 3)
    assert model.vertices(torch.zeros(0, 80), torch.zeros(0, 64)).shape == (0, len(model.mean), 3)


def test_save_and_load(model: FaceModel, tmp_path: Path) -> None:
    model.save(tmp_path / "face.safetensors")
    again = FaceModel.load(tmp_path / "face.safetensors")
    torch.testing.assert_close(again.mean, model.mean, atol=0, rtol=0)
    torch.testing.assert_close(again.expression_basis, model.expression_basis, atol=0, rtol=0)
    assert again.faces.equal(model.faces)
    assert [path.name for path in tmp_path.iterdir()] == ["face.safetensors"]


def test_bad_files_are_input_errors(tmp_path: Path) -> None:
    missing, damaged, other = (tmp_path / f"{name}.safetensors" for name in ("missing", "damaged", "other"))
    damaged.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00nonsense")
    from safetensors.torch import save_file

    save_file({"mean": torch.zeros(3)}, other)
    for path in (missing, damaged, other):
        with pytest.raises(InputError) as caught:
            FaceModel.load(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert len(str(caught.value).splitlines()) <= 3


def test_wrong_shapes_are_refused(model: FaceModel) -> None:
    from dataclasses import replace

    with pytest.raises(ValueError, match=r"ncc must have shape"):
        replace(model, ncc=model.ncc[:-1])
    with pytest.raises(ValueError, match=r"faces must lie in"):
        replace(model, faces=model.faces + 1)


def test_mesh_is_mediapipes_with_a_shell(model: FaceModel) -> None:
    assert int(model.face_region.sum()) == 852
    assert model.faces[model.face_region].unique().tolist() == list(range(468))
    assert model.landmarks_468.tolist() == list(range(468))
    edges = torch.cat([model.faces[:, [0, 1]], model.faces[:, [1, 2]], model.faces[:, [2, 0]]])
    keys = edges[:, 0] * len(model.mean) + edges[:, 1]
    assert len(keys.unique()) == len(keys)  # every directed edge once: a consistently oriented manifold
    # Euler number of a sphere with four holes: two eyes, the mouth, the end of the neck.
    pairs = edges.sort(1).values.unique(dim=0)
    assert len(model.mean) - len(pairs) + len(model.faces) == 2 - 4


def test_triangles_face_outwards(model: FaceModel) -> None:
    a, b, c = model.mean[model.faces].unbind(1)
    normal = torch.linalg.cross(b - a, c - a)
    volume = (a * normal).sum() / 6  # divergence theorem; the neck's open end lies far below and adds little
    assert 2.5 < volume < 6.0  # litres: an adult head with a neck
    ahead = normal[model.face_region, 2] > 0
    assert ahead.float().mean() > 0.98


def test_faces_of_a_blink_or_smile_keep_the_shell_closed(model: FaceModel) -> None:
    rim = model.face_oval
    assert len(set(rim.tolist())) == 36
    shell = model.faces[~model.face_region]
    assert set(rim.tolist()) <= set(shell.flatten().tolist())


def test_mean_is_an_ordinary_face(model: FaceModel) -> None:
    # Adult measures in decimetres; wide brackets around published medians.
    assert length(model, 234, 454) == pytest.approx(
        1.4, abs=0.01
    )  # between the cheek contours, by definition
    assert 0.55 < float(model.mean[263, 0] - model.mean[33, 0]) / 1.4 < 0.75  # outer eye corners
    assert 1.5 < length(model, 10, 152) < 1.9  # hairline to chin
    assert 0.40 < length(model, 61, 291) < 0.62  # mouth width
    head = model.mean.amax(0) - model.mean.amin(0)
    assert 1.4 < float(head[0]) < 1.7  # breadth
    crown_to_chin = float(model.mean[:, 1].max() - model.mean[152, 1])
    assert 2.0 < crown_to_chin < 2.5
    nose, chin, brow = (float(model.mean[v, 2]) for v in (4, 152, 9))
    assert nose > chin
    assert nose > brow
    assert bool((model.mean.abs() < 1.85).all())  # inside the cube of side 1 / 0.27 around the origin


def test_lips_touch_and_eyes_are_open_at_rest(model: FaceModel) -> None:
    upper, lower = model.inner_lips[1:10], model.inner_lips[11:].flip(0)
    gap = (model.mean[upper] - model.mean[lower]).norm(dim=1)
    assert float(gap.max()) < 0.01 * 1.4  # under 1 % of the face width
    for eye in (model.left_eye, model.right_eye):
        assert 0.06 < float((model.mean[eye[4]] - model.mean[eye[12]]).norm()) < 0.14


def test_left_is_plus_x(model: FaceModel) -> None:
    assert (model.mean[model.left_eye, 0] > 0).all()
    assert (model.mean[model.right_eye, 0] < 0).all()
    assert model.eyeballs[0, 0] > 0 > model.eyeballs[1, 0]


def test_mirror(model: FaceModel) -> None:
    flip = torch.tensor([-1.0, 1.0, 1.0])
    assert model.mirror[model.mirror].equal(torch.arange(len(model.mean)))
    torch.testing.assert_close(model.mean[model.mirror] * flip, model.mean, atol=1e-6, rtol=0)
    assert (int(model.mirror[33]), int(model.mirror[61]), int(model.mirror[1])) == (263, 291, 1)


def test_eyeballs_fill_the_eye_openings(model: FaceModel) -> None:
    for ball, eye in zip(model.eyeballs, (model.left_eye, model.right_eye), strict=True):
        lids = model.mean[eye]
        middle = lids[[3, 4, 5, 11, 12, 13]]
        distance = (middle - ball[:3]).norm(dim=1)
        assert bool((distance < 1.25 * ball[3]).all())
        assert bool((distance > 0.85 * ball[3]).all())


def test_landmarks_68_are_where_ibug_puts_them(model: FaceModel) -> None:
    points = model.mean[model.landmarks_68].numpy()
    assert (np.diff(points[:17, 0]) > 0).all()  # the jaw runs from the subject's right to the left
    assert points[8, 1] == points[:17, 1].min()  # point 9 is the chin
    assert (np.diff(points[27:31, 1]) < 0).all()  # down the bridge of the nose
    assert points[17:22, 0].max() < 0 < points[22:27, 0].min()  # right brow, left brow
    assert points[36:42, 0].max() < 0 < points[42:48, 0].min()
    assert points[48, 0] == points[48:, 0].min()  # right corner of the mouth
    # The standard left-right swap of the 68 points.
    nose = [27, 28, 29, 30, 35, 34, 33, 32, 31]
    eyes = [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
    lips = [54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65]
    mirror = [*range(16, -1, -1), *range(26, 16, -1), *nose, *eyes, *lips]
    np.testing.assert_allclose(points[mirror] * (-1, 1, 1), points, atol=0.02)


def test_identity_is_smooth_moderate_and_keeps_the_lips_closed(model: FaceModel) -> None:
    generator = torch.Generator().manual_seed(1)
    people = model.vertices(torch.randn(50, 80, generator=generator), torch.zeros(64))
    spread = (people[:, :468] - model.mean[:468]).norm(dim=-1).square().mean().sqrt()
    assert 0.02 < float(spread) < 0.10  # millimetres between people, not centimetres
    upper, lower = model.inner_lips[1:10], model.inner_lips[11:].flip(0)
    assert float((people[:, upper] - people[:, lower]).norm(dim=-1).max()) < 0.01 * 1.4
    edges = torch.cat([model.faces[:, [0, 1]], model.faces[:, [1, 2]]])
    before = (model.mean[edges[:, 0]] - model.mean[edges[:, 1]]).norm(dim=-1)
    after = (people[:, edges[:, 0]] - people[:, edges[:, 1]]).norm(dim=-1)
    long = before > 0.05
    assert float((after / before)[:, long].std()) < 0.25


def test_identity_modes_are_symmetric_or_antisymmetric(model: FaceModel) -> None:
    basis = model.identity_basis[:468]
    reflected = basis[model.mirror[:468]] * torch.tensor([-1.0, 1.0, 1.0])[:, None]
    scale = basis.abs().amax((0, 1))
    even = (reflected - basis).abs().amax((0, 1)) < 1e-2 * scale
    odd = (reflected + basis).abs().amax((0, 1)) < 1e-2 * scale
    assert bool((even ^ odd).all())
    assert int(even.sum()) == 66


def test_residuals_have_the_promised_size(model: FaceModel) -> None:
    # Standard deviations of movements that the named shapes cannot make: well under a millimetre each.
    residual = model.expression_basis[:468, :, len(ARKIT_NAMES) :]
    size = residual.square().sum(1).mean(0).sqrt()
    assert bool((size > 1e-4).all())
    assert bool((size < 2e-2).all())
    assert bool((size.diff() <= 1e-6).all())  # largest first
