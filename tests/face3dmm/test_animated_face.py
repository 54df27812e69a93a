"""A face in motion in .glb and .usd, opened by other programs' readers: every point is the model's own."""

import sys

import numpy as np
import pytest
import torch

from face3dmm import ARKIT_NAMES, FaceCoeffs, FaceModel, InputError, animated_face, write_glb, write_usd
from face3dmm.animated_face import EYE_SIDES, AnimatedFace, eyeball, normals_of
from face3dmm.arkit_weights import arkit_motion, coeffs_from_arkit
from face3dmm.camera import rotation_from_euler
from face3dmm.gaze_marks import eyeballs_of, gaze_directions
from scene_readers import GlbReader, usd_points

FRAMES = 7
NEAR = 1e-5  # metres
LOOKED_AT = (0, 3, FRAMES - 1)


@pytest.fixture(scope="module")
def coeffs() -> FaceCoeffs:
    """A clip of somebody who speaks, turns past a half turn of roll, and looks about."""
    generator = torch.Generator().manual_seed(5)
    expression = torch.zeros(FRAMES, 64)
    expression[:, :52] = torch.rand(FRAMES, 52, generator=generator) * 0.4
    expression[:, ARKIT_NAMES.index("jawOpen")] = torch.linspace(0, 1, FRAMES)
    euler = torch.randn(FRAMES, 3, generator=generator) * 0.3
    euler[:, 2] = torch.linspace(0, 6, FRAMES)
    return FaceCoeffs(
        torch.randn(80, generator=generator) * 0.7,
        expression,
        euler,
        torch.randn(FRAMES, 3, generator=generator) * 0.5,
        torch.randn(FRAMES, 2, generator=generator) * 0.2,
        torch.ones(FRAMES),
    )


@pytest.fixture(scope="module")
def face(coeffs) -> AnimatedFace:
    return animated_face(FaceModel.open_face(), coeffs)


@pytest.fixture(scope="module")
def wanted(coeffs) -> np.ndarray:
    """(T, V, 3) metres: the model's vertices in the scene, at the weights of the Live Link CSV."""
    model = FaceModel.open_face()
    solved = coeffs_from_arkit(model, arkit_motion(model, coeffs), coeffs.identity, coeffs.translation)
    vertices = model.vertices(solved.identity, solved.expression)
    turned = vertices @ rotation_from_euler(coeffs.euler).transpose(1, 2)
    return (turned + coeffs.translation[:, None]).double().numpy() / 10


@pytest.fixture(scope="module")
def eyes(coeffs) -> np.ndarray:
    """(2, T, 3) metres: where each eye's pupil is."""
    balls = eyeballs_of(FaceModel.open_face(), coeffs.identity)
    pupils = balls[:, None, :3] + balls[:, None, 3:] * gaze_directions(coeffs.gaze)
    turned = torch.einsum("tij,etj->eti", rotation_from_euler(coeffs.euler), pupils)
    return (turned + coeffs.translation).double().numpy() / 10


@pytest.fixture(scope="module")
def glb(face, tmp_path_factory) -> GlbReader:
    pytest.importorskip("pygltflib", reason="the independent reader of glTF is not installed")
    path = tmp_path_factory.mktemp("glb") / "face.glb"
    write_glb(path, face)
    return GlbReader(path)


@pytest.mark.parametrize("frame", LOOKED_AT)
def test_glb_holds_the_models_vertices_and_eyes(glb, wanted, eyes, frame):
    points = glb.points(frame)
    assert np.abs(points[: wanted.shape[1]] - wanted[frame]).max() < NEAR
    for name, pupils in zip(("LeftEye", "RightEye"), eyes, strict=True):
        assert np.abs(glb.eye(name, frame, np.array([[0, 0, 1.0]]))[0] - pupils[frame]).max() < NEAR


def test_glb_names_times_and_weights(glb, coeffs):
    assert glb.target_names == list(ARKIT_NAMES)
    assert glb.times == pytest.approx(np.arange(FRAMES) / 25)
    motion = arkit_motion(FaceModel.open_face(), coeffs)
    assert np.abs(glb.weights() - motion.weights.numpy()).max() < 1e-6
    turns = glb.numbers(glb.channels[0, "rotation"].output)
    assert (np.einsum("tk,tk->t", turns[1:], turns[:-1]) > 0).all(), "no jump of sign within the full turn"


def test_glb_is_a_scene_for_trimesh(glb, face, tmp_path):
    trimesh = pytest.importorskip("trimesh", reason="the second reader of glTF is not installed")
    write_glb(tmp_path / "face.glb", face)
    scene = trimesh.load(tmp_path / "face.glb")
    skin = next(mesh for mesh in scene.geometry.values() if len(mesh.faces) == len(face.surfaces[0].faces))
    assert np.abs(skin.vertices - face.rest[: len(skin.vertices)]).max() < NEAR
    kinds = {mesh.visual.material.name for mesh in scene.geometry.values()}
    assert kinds == {"Skin", "Mouth", "EyeWhite", "Iris", "Pupil"}


@pytest.mark.parametrize("binary", [True, False])
def test_usd_holds_the_models_vertices_and_eyes(face, wanted, eyes, tmp_path, binary):
    pytest.importorskip("pxr", reason="usd-core (face3dmm[usd]) is not installed")
    path = tmp_path / ("face.usdc" if binary else "face.usda")
    write_usd(path, face, binary=binary)
    assert path.read_bytes()[:8] == (b"PXR-USDC" if binary else b"#usda 1.")
    stage, points = usd_points(path)
    assert len(points["Mesh"]) == FRAMES
    for frame in LOOKED_AT:
        assert np.abs(points["Mesh"][frame][: wanted.shape[1]] - wanted[frame]).max() < NEAR
        for name, pupils in zip(("LeftEye", "RightEye"), eyes, strict=True):
            assert np.abs(points[name][frame][0] - pupils[frame]).max() < NEAR
    assert stage.GetTimeCodesPerSecond() == 25


def test_usd_names_units_and_weights(face, tmp_path):
    pytest.importorskip("pxr", reason="usd-core (face3dmm[usd]) is not installed")
    from pxr import UsdGeom, UsdSkel, UsdValidation

    path = tmp_path / "face.usdc"
    write_usd(path, face)
    stage, _ = usd_points(path)
    assert UsdGeom.GetStageUpAxis(stage) == "Y" and UsdGeom.GetStageMetersPerUnit(stage) == 1
    shapes = [prim.GetName() for prim in stage.Traverse() if prim.IsA(UsdSkel.BlendShape)]
    assert shapes == list(ARKIT_NAMES)
    (motion,) = (prim for prim in stage.Traverse() if prim.IsA(UsdSkel.Animation))
    animation = UsdSkel.Animation(motion)
    assert list(animation.GetBlendShapesAttr().Get()) == list(ARKIT_NAMES)
    assert animation.GetBlendShapeWeightsAttr().GetTimeSamples() == list(range(FRAMES))
    told = np.array(animation.GetBlendShapeWeightsAttr().Get(3))
    assert np.abs(told - face.weights[3]).max() < 1e-6
    every = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert [
        fault.GetErrorAsString() for fault in UsdValidation.ValidationContext(every).Validate(stage)
    ] == []


def test_without_usd_core_the_extra_is_named(face, tmp_path, monkeypatch):
    monkeypatch.setattr("face3dmm.usd.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'face3dmm\[usd\]'"):
        write_usd(tmp_path / "face.usdc", face)
    assert list(tmp_path.iterdir()) == []


def test_writing_glb_needs_no_other_package(face, tmp_path, monkeypatch):
    for name in ("pxr", "pygltflib", "trimesh"):
        monkeypatch.setitem(sys.modules, name, None)
    write_glb(tmp_path / "face.glb", face)
    assert [entry.name for entry in tmp_path.iterdir()] == ["face.glb"]


def test_jaw_open_opens_the_mouth(face):
    """The middle of the lower inner lip goes down by more than a centimetre, that of the upper one hardly."""
    upper, lower = 13, 14  # of the MediaPipe face mesh
    shape = face.shapes[ARKIT_NAMES.index("jawOpen")]
    assert shape[lower, 1] < -0.01
    assert abs(shape[upper, 1]) < 0.003


def test_the_mouth_is_lined_and_moves_with_the_lips(face):
    skin, mouth = face.surfaces
    count = len(FaceModel.open_face().mean)
    assert len(face.rest) == count + 21
    assert set(np.unique(mouth.faces)) >= set(range(count, count + 21))
    # The rim of the lining is the rim of the hole in the skin: no gap shows between them.
    edges = np.sort(np.concatenate([skin.faces[:, [0, 1]], skin.faces[:, [1, 2]], skin.faces[:, [2, 0]]]))
    known, uses = np.unique(edges, axis=0, return_counts=True)
    lips = FaceModel.open_face().inner_lips.numpy()
    rim = {tuple(sorted(pair)) for pair in zip(lips, np.roll(lips, -1), strict=True)}
    assert rim <= {tuple(edge) for edge in known[uses == 1]}
    opened = face.rest + face.shapes[ARKIT_NAMES.index("jawOpen")]
    corner = opened[mouth.faces]
    normals = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    assert (normals[40:, 2] > 0).all(), "the mouth's back faces the viewer"
    inside = opened[count:].mean(0)
    assert ((inside - corner.mean(1)) * normals).sum(1)[:40].min() > -1e-9, "its walls face inwards"


def test_eyeballs_are_closed_spheres():
    points, surfaces = eyeball()
    assert np.linalg.norm(points, axis=1) == pytest.approx(1)
    corner = points[np.concatenate([surface.faces for surface in surfaces])]
    across = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    volume = (corner[:, 0] * across).sum() / 6
    assert 0.94 < volume / (4 / 3 * np.pi) < 1
    assert len(surfaces[2].faces) == EYE_SIDES


def test_normals_of_a_square_in_space():
    points = np.array([[0.0, 0, 0], [1, 0, 0], [1, 0, -1], [0, 0, -1], [5, 5, 5]])
    normals = normals_of(points, np.array([[0, 1, 2], [0, 2, 3]]))
    assert normals[:4] == pytest.approx(np.array([[0, 1, 0]] * 4))
    assert normals[4] == pytest.approx([0, 0, 1]), "a point without triangles"


def test_what_cannot_be_shown_is_refused(coeffs):
    from dataclasses import replace

    model = FaceModel.open_face()
    with pytest.raises(ValueError, match="no ARKit shapes"):
        animated_face(replace(model, named=torch.tensor(0)), coeffs)
    none = FaceCoeffs(coeffs.identity, *(torch.zeros(0, size) for size in (64, 3, 3, 2)), torch.zeros(0))
    with pytest.raises(ValueError, match="no frame"):
        animated_face(model, none)
