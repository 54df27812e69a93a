"""The Basel Face Model's loader, on files of its format made from the open face model: the real ones are not free."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat

from face3dmm import Camera, FaceModel, InputError, fit_landmarks, render_pncc
from face3dmm.bfm2009 import OFF_THE_MESH
from face3dmm.camera import FOCAL

OFFSET = np.array([0.3, -0.2, 0.5])  # the published mean is not centred
EYE = {"left": (5, 6), "right": (11,)}


@pytest.fixture(scope="module")
def whole() -> FaceModel:
    return FaceModel.open_face()


@pytest.fixture
def folder(whole: FaceModel, tmp_path: Path) -> Path:
    """deep_3drecon/BFM as users have it: indices count from 1, bases are flat, colours lie one folder above."""
    bfm, count = tmp_path / "BFM", len(whole.mean)
    bfm.mkdir()
    matrices = {
        "meanshape": (whole.mean.numpy() + OFFSET).reshape(1, -1),
        "idBase": whole.identity_basis.numpy().reshape(3 * count, 80),
        "exBase": whole.expression_basis.numpy().reshape(3 * count, 64),
        "tri": whole.faces.numpy() + 1,
        "keypoints": whole.landmarks_68.numpy()[None] + 1,
    }
    savemat(bfm / "BFM_model_front.mat", matrices)
    index = whole.landmarks_468.numpy().copy()
    index[7] = -1
    np.save(bfm / "index_mp468_from_mesh35709.npy", index)
    for side, triangles in EYE.items():
        np.save(tmp_path / f"bfm_{side}_eye_faces.npy", np.array(triangles) + 1)
    np.save(tmp_path / "ncc_code.npy", whole.ncc.numpy().T.astype(np.float32))
    return bfm


def test_reads_what_the_files_say(whole: FaceModel, folder: Path) -> None:
    model = FaceModel.from_bfm2009(folder)
    assert float(model.mean.mean(0).norm()) < 1e-5
    torch.testing.assert_close(model.mean - model.mean[0], whole.mean - whole.mean[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(model.expression_basis, whole.expression_basis)
    assert torch.equal(model.faces, whole.faces) and torch.equal(model.landmarks_68, whole.landmarks_68)
    torch.testing.assert_close(model.ncc, whole.ncc)
    hidden = torch.nonzero(~model.face_region).flatten().tolist()
    assert hidden == sorted([*EYE["left"], *EYE["right"]])
    unknown = torch.nonzero(~model.known_468).flatten().tolist()
    assert unknown == sorted([7, *OFF_THE_MESH])
    assert int(model.named) == 0
    torch.testing.assert_close(model.eyeballs[:, 3], whole.eyeballs[:, 3], atol=1e-4, rtol=0)


def test_survives_saving(folder: Path, tmp_path: Path) -> None:
    model = FaceModel.from_bfm2009(folder)
    model.save(tmp_path / "bfm.safetensors")
    again = FaceModel.load(tmp_path / "bfm.safetensors")
    assert int(again.named) == 0 and torch.equal(again.known_468, model.known_468)
    assert render_pncc(again, torch.zeros(80), torch.zeros(1, 64), size=32).isfinite().all()


def test_a_fit_finds_the_pose_without_the_landmarks_that_have_no_vertex(folder: Path) -> None:
    model = FaceModel.from_bfm2009(folder)
    euler, translation = torch.tensor([[0.1, -0.2, 0.05]] * 6), torch.tensor([[0.1, 0.05, 0.2]] * 6)
    camera = Camera.from_head_pose(euler, translation)
    points = model.vertices(torch.zeros(80), torch.zeros(6, 64))[:, model.landmarks_468]
    uv, depth = camera.project(camera.model_to_world(points))
    landmarks = torch.cat([uv * 512, depth[..., None] * (FOCAL * 512 / depth.mean())], -1)
    landmarks[:, ~model.known_468] += 40.0  # where the mesh has no vertex the detector may say anything
    landmarks = torch.cat([landmarks, landmarks[:, :10]], 1)
    found = fit_landmarks(model, landmarks)
    torch.testing.assert_close(found.euler, euler, atol=0.02, rtol=0)
    torch.testing.assert_close(found.translation[:, :2], translation[:, :2], atol=0.02, rtol=0)


@pytest.mark.parametrize(
    "name",
    ["BFM_model_front.mat", "index_mp468_from_mesh35709.npy", "bfm_left_eye_faces.npy", "ncc_code.npy"],
)
def test_a_missing_file_is_named_with_its_origin(folder: Path, name: str) -> None:
    next(path for path in (folder / name, folder.parent / name) if path.exists()).unlink()
    with pytest.raises(InputError, match=f"{name}: there is no such file") as caught:
        FaceModel.from_bfm2009(folder)
    assert "licence" in caught.value.cure or "commercial" in caught.value.cure
    assert len(str(caught.value).splitlines()) <= 3


def test_wrong_files_say_what_is_wrong(folder: Path) -> None:
    np.save(folder / "index_mp468_from_mesh35709.npy", np.arange(400))
    with pytest.raises(InputError, match="has 400 entries"):
        FaceModel.from_bfm2009(folder)
    (folder / "BFM_model_front.mat").write_bytes(b"not a matrix")
    with pytest.raises(InputError, match="is not a MATLAB file"):
        FaceModel.from_bfm2009(folder)
    savemat(folder / "BFM_model_front.mat", {"meanshape": np.zeros((1, 30))})
    with pytest.raises(InputError, match="lacks idBase, exBase, tri, keypoints"):
        FaceModel.from_bfm2009(folder)


def test_pickles_are_refused(folder: Path) -> None:
    np.save(folder.parent / "ncc_code.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="is not a plain numpy array"):
        FaceModel.from_bfm2009(folder)
