"""ICT-FaceKit's loader: on files of its format made from the open face model, and on real ones."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from face3dmm import ARKIT_NAMES, Camera, FaceModel, FitConfig, InputError, fit_landmarks, render_pncc
from face3dmm.camera import FOCAL
from face3dmm.ict_facekit import LEFTOVERS, Layout, files_of, read_ict_facekit
from face3dmm.landmarks import LEFT_LID_PAIRS, LIPS, RIGHT_LID_PAIRS, mouth_opening

REAL = os.environ.get("MIMICTALK_ICT_FACEKIT", "")
ORIGIN = np.array([0.4, -1.5, 8.0])  # centimetres: where the files have their origin is their own business
HEAD, FACE, BALL = 1044, 468, 60
BALLS = np.array([[3.1, 2.9, -0.2, 1.4], [-3.1, 2.9, -0.2, 1.5]])  # centimetres


def write_obj(path: Path, vertices: np.ndarray, polygons: list[list[int]]) -> None:
    lines = ["# a header", *(f"v {x:.7g} {y:.7g} {z:.7g}" for x, y, z in vertices), "vt 0.5 0.5"]
    lines += ["usemtl M_Face", *("f " + " ".join(f"{v + 1}/1" for v in polygon) for polygon in polygons)]
    path.write_text("\n".join(lines) + "\nusemtl M_Teeth\nf 1/1 2/1 3/1\n")


@pytest.fixture(scope="module")
def whole() -> FaceModel:
    return FaceModel.open_face()


@pytest.fixture(scope="module")
def polygons(whole: FaceModel) -> list[list[int]]:
    """The triangles of the face, two of which make a quad, then those of the shell."""
    faces = whole.faces.tolist()
    other = next(k for k in range(1, 852) if len({*faces[0]} & {*faces[k]}) == 2)
    tip = next(v for v in faces[other] if v not in faces[0])
    at = next(k for k in range(3) if {faces[0][k], faces[0][(k + 1) % 3]} <= {*faces[other]})
    quad = [*faces[0][: at + 1], tip, *faces[0][at + 1 :]]
    return [quad] + [face for k, face in enumerate(faces) if k not in (0, other)]


@pytest.fixture(scope="module")
def layout(polygons: list[list[int]]) -> Layout:
    balls = ((HEAD, HEAD + BALL), (HEAD + BALL, HEAD + 2 * BALL))
    return Layout(HEAD + 2 * BALL, HEAD, FACE, len(polygons), 851, balls)


@pytest.fixture(scope="module")
def sides(whole: FaceModel) -> dict[str, np.ndarray]:
    """The six shapes beside the 52, in decimetres; those of browInnerUp and cheekPuff add up to the whole."""
    left = 1 / (1 + np.exp(-whole.mean[:, :1].numpy() / 0.05))
    found = {}
    for name in ("browInnerUp", "cheekPuff"):
        shape = whole.expression_basis[..., ARKIT_NAMES.index(name)].numpy()
        found |= {f"{name}_L": left * shape, f"{name}_R": (1 - left) * shape}
    bump = np.exp(-((whole.mean.numpy() - whole.mean[117].numpy()) ** 2).sum(1, keepdims=True) / 0.02)
    return found | {"cheekRaiser_L": bump[whole.mirror] * (0, 0.05, 0), "cheekRaiser_R": bump * (0, 0.05, 0)}


@pytest.fixture(scope="module")
def made(
    whole: FaceModel,
    polygons: list[list[int]],
    sides: dict[str, np.ndarray],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A repository whose modes are the open face model's 80, turned into 100 of the same covariance."""
    folder = tmp_path_factory.mktemp("ICT-FaceKit") / "FaceXModel"
    folder.mkdir()
    generator = np.random.default_rng(0)
    rays = generator.normal(size=(BALL, 3))
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    rest = np.concatenate([10 * whole.mean.numpy(), *(c[:3] + c[3] * rays for c in BALLS)]) + ORIGIN

    def write(name: str, shape: np.ndarray) -> None:
        write_obj(folder / f"{name}.obj", rest + 10 * np.pad(shape, ((0, 2 * BALL), (0, 0))), polygons)

    write("generic_neutral_mesh", np.zeros((HEAD, 3)))
    turn = np.linalg.qr(generator.normal(size=(100, 80)))[0]
    for mode, shape in enumerate(np.einsum("kn,vcn->kvc", turn, whole.identity_basis.numpy())):
        write(f"identity{mode:03d}", shape)
    for position, name in enumerate(ARKIT_NAMES):
        if len(files_of(name)) == 1:
            write(files_of(name)[0], whole.expression_basis[..., position].numpy())
    for name, shape in sides.items():
        write(name, shape)
    (folder / "vertex_indices.json").write_text(
        json.dumps({"idx_to_landmark_verts": whole.landmarks_68.tolist()})
    )
    return folder.parent


@pytest.fixture(scope="module")
def model(made: Path, layout: Layout) -> FaceModel:
    return read_ict_facekit(made, layout)


def test_finds_the_open_face_model_in_files_made_from_it(whole: FaceModel, model: FaceModel) -> None:
    torch.testing.assert_close(model.mean, whole.mean, atol=1e-5, rtol=0)
    # The warp is the identity there, so each landmark must come back, and the upper lip not on the lower.
    assert model.landmarks_468.equal(torch.arange(468)) and bool(model.known_468.all())
    assert model.landmarks_68.equal(whole.landmarks_68)
    # Lips touch: either of two vertices in one place is the mirror image.
    torch.testing.assert_close(whole.mean[model.mirror], whole.mean[whole.mirror], atol=1e-5, rtol=0)
    for loop in ("inner_lips", "outer_lips", "left_eye", "right_eye", "face_oval"):
        assert getattr(model, loop).equal(getattr(whole, loop))
    torch.testing.assert_close(model.ncc, whole.ncc, atol=1e-4, rtol=0)
    torch.testing.assert_close(model.eyeballs, torch.from_numpy(BALLS).float() / 10, atol=1e-4, rtol=0)


def test_polygons_become_the_same_surface(whole: FaceModel, model: FaceModel) -> None:
    assert len(model.faces) == len(whole.faces) and int(model.face_region.sum()) == 852
    areas = []
    for mesh in (whole, model):
        a, b, c = whole.mean[mesh.faces].unbind(1)
        areas.append(torch.linalg.cross(b - a, c - a)[mesh.face_region].sum(0))
    torch.testing.assert_close(*areas)  # the same rim, the same way round: the same vector area


def test_identity_has_the_covariance_of_the_modes(whole: FaceModel, model: FaceModel) -> None:
    found, wanted = (each.identity_basis[::7].flatten(0, 1).double() for each in (model, whole))
    torch.testing.assert_close(found @ found.T, wanted @ wanted.T, atol=1e-6, rtol=1e-3)
    size = model.identity_basis.flatten(0, 1).norm(dim=0)
    assert bool((size.diff() <= 0).all())


def test_named_shapes_are_arkits(whole: FaceModel, model: FaceModel) -> None:
    assert int(model.named) == 52
    expected = whole.expression_basis[..., :52].clone()
    expected[..., ARKIT_NAMES.index("tongueOut")] = 0
    torch.testing.assert_close(model.expression_basis[..., :52], expected, atol=1e-5, rtol=0)


def test_leftovers_are_what_the_named_shapes_cannot_make(
    model: FaceModel, sides: dict[str, np.ndarray]
) -> None:
    basis = model.expression_basis.flatten(0, 1).double().numpy()
    named, learned = basis[:, :52], basis[:, 52:]
    assert (np.abs(learned).max(0) > 0).tolist() == [True] * 4 + [False] * 8
    assert np.abs(named.T @ learned).max() < 1e-4 * np.linalg.norm(named) * np.linalg.norm(learned)
    given = np.stack([sides[name].ravel() for name in LEFTOVERS], 1)
    rest = given - named @ np.linalg.lstsq(named, given, rcond=1e-8)[0]
    # The sum of variances is kept: each file's coefficient has a standard deviation of 0.3.
    assert (learned**2).sum() == pytest.approx(0.3**2 * (rest**2).sum(), rel=1e-3)


def test_files_of_arkit_names() -> None:
    files = [file for name in ARKIT_NAMES for file in files_of(name)]
    assert len(files) == len(set(files)) == 53  # the number that ICT-FaceKit's README gives
    assert files_of("eyeLookInLeft") == ("eyeLookIn_L",) and files_of("mouthLeft") == ("mouthLeft",)


def test_takes_the_inner_folder_too(made: Path, layout: Layout, model: FaceModel) -> None:
    assert read_ict_facekit(made / "FaceXModel", layout).mean.equal(model.mean)


@pytest.mark.parametrize(
    "name",
    [
        *("generic_neutral_mesh.obj", "vertex_indices.json", "identity099.obj"),
        *("eyeBlink_L.obj", "cheekRaiser_R.obj"),
    ],
)
def test_a_missing_file_is_named_with_its_origin(made: Path, layout: Layout, name: str) -> None:
    path = made / "FaceXModel" / name
    hidden = path.rename(path.with_suffix(".hidden"))
    try:
        with pytest.raises(InputError, match=f"{name}: there is no such file") as caught:
            read_ict_facekit(made, layout)
    finally:
        hidden.rename(path)
    assert "github.com/ICT-VGL/ICT-FaceKit (MIT licence)" in caught.value.cure


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        FaceModel.from_ict_facekit(tmp_path / "nowhere")


def appended(text: str) -> Callable[[str], str]:
    return lambda content: content + text


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("generic_neutral_mesh.obj", appended("v 0 0 0\n"), "has 1165 vertices, not 1164"),
        ("generic_neutral_mesh.obj", lambda c: c.replace("f 1/1 2/1 3/1\n", ""), None),
        ("generic_neutral_mesh.obj", lambda c: c.partition("usemtl")[0], "has 0 polygons"),
        ("generic_neutral_mesh.obj", lambda c: c.replace("\nf ", "\nf x", 1), "polygon that cannot be read"),
        ("generic_neutral_mesh.obj", lambda c: c.replace("\nf ", "\nf 1100/", 1), "not those of the head"),
        ("identity007.obj", lambda c: "version https://git-lfs.github.com/spec/v1\n", "has 0 vertices"),
        ("identity007.obj", lambda c: c.replace("\nv ", "\nv nan ", 1), "not three finite numbers"),
        ("jawOpen.obj", lambda c: c.replace("\nv ", "\nv one ", 1), "vertex that is no number"),
        ("vertex_indices.json", lambda c: "{}", "no list idx_to_landmark_verts"),
        ("vertex_indices.json", lambda c: c.replace("[", "[7, "), "not 68 vertices below 1044"),
        ("vertex_indices.json", lambda c: c.replace("[", '["a", '), "no list idx_to_landmark_verts"),
    ],
)
def test_wrong_files_say_what_is_wrong(
    made: Path, layout: Layout, name: str, change: Callable[[str], str], message: str | None
) -> None:
    path = made / "FaceXModel" / name
    good = path.read_text()
    path.write_text(change(good))
    try:
        if message is None:
            assert len(read_ict_facekit(made, layout).mean) == HEAD  # what lies beyond the head is not needed
            return
        with pytest.raises(InputError, match=message) as caught:
            read_ict_facekit(made, layout)
    finally:
        path.write_text(good)
    assert name in caught.value.subject and len(str(caught.value).splitlines()) <= 3


@pytest.fixture(scope="module")
def real() -> FaceModel:
    return FaceModel.from_ict_facekit(REAL)


@pytest.mark.skipif(not REAL, reason="no ICT-FaceKit: set MIMICTALK_ICT_FACEKIT to its folder")
class TestReal:
    @staticmethod
    def shape(model: FaceModel, **weights: float) -> torch.Tensor:
        expression = torch.zeros(64)
        for name, weight in weights.items():
            expression[ARKIT_NAMES.index(name)] = weight
        return model.vertices(torch.zeros(80), expression)

    def test_parts_have_the_sizes_of_the_table(self, real: FaceModel) -> None:
        assert len(real.mean) == 9409 + 1839
        assert len(real.faces) == 2 * (9230 + 1914) and int(real.face_region.sum()) == 2 * 6560
        a, b, c = real.mean[real.faces].unbind(1)
        assert float((a * torch.linalg.cross(b - a, c - a)).sum()) > 0  # triangles face outwards

    def test_sits_where_the_open_face_model_does(self, real: FaceModel, whole: FaceModel) -> None:
        here, there = (each.mean[each.landmarks_68[17:]] for each in (real, whole))
        torch.testing.assert_close(here.mean(0), there.mean(0), atol=1e-5, rtol=0)
        assert float((here - there).norm(dim=-1).max()) < 0.1  # decimetres
        assert bool((real.mean[real.left_eye, 0] > 0).all())
        torch.testing.assert_close(real.eyeballs[0] * torch.tensor([-1.0, 1, 1, 1]), real.eyeballs[1])
        for ball, eye in zip(real.eyeballs, (real.left_eye, real.right_eye), strict=True):
            distance = (real.mean[eye[[3, 4, 5, 11, 12, 13]]] - ball[:3]).norm(dim=1)
            assert bool((distance < 1.25 * ball[3]).all() and (distance > 0.85 * ball[3]).all())

    def test_landmarks_are_distinct_symmetric_and_on_their_own_lip(self, real: FaceModel) -> None:
        assert len(real.landmarks_468.unique()) == 468
        assert int(real.known_468.sum()) > 450 and bool(real.known_468[list(LIPS)].all())
        opened = self.shape(real, jawOpen=1)[real.inner_lips] - real.mean[real.inner_lips]
        upper, lower = opened[3:8, 1], opened[13:18, 1]
        assert float(upper.min()) > -0.1 and float(lower.max()) < -0.2
        flipped = real.mean[real.landmarks_468] * torch.tensor([-1.0, 1.0, 1.0])
        partner = FaceModel.open_face().mirror[:468]
        assert float((flipped[partner] - real.mean[real.landmarks_468]).norm(dim=-1).median()) < 0.02

    def test_mirror(self, real: FaceModel) -> None:
        assert float((real.mirror[real.mirror] == torch.arange(len(real.mean))).float().mean()) > 0.99

    def test_named_shapes_do_what_they_say(self, real: FaceModel) -> None:
        lips = real.inner_lips
        gap = self.shape(real, jawOpen=1)[lips[5]] - self.shape(real, jawOpen=1)[lips[15]]
        assert float(gap.norm()) > 0.1  # more than a centimetre
        rest, mark = real.mean, real.landmarks_468

        def height(shape: torch.Tensor, pairs: tuple[tuple[int, int], ...]) -> float:
            upper, lower = (mark[list(side)] for side in zip(*pairs, strict=True))
            return float((shape[upper] - shape[lower])[:, 1].mean())

        blink = self.shape(real, eyeBlinkLeft=1)
        assert abs(height(blink, LEFT_LID_PAIRS)) < 0.15 * height(rest, LEFT_LID_PAIRS)
        assert height(blink, RIGHT_LID_PAIRS) == pytest.approx(height(rest, RIGHT_LID_PAIRS), rel=0.01)
        smile = self.shape(real, mouthSmileLeft=1) - rest
        assert float(smile[lips[10], 1]) > 0.05 and abs(float(smile[lips[0], 1])) < 0.01
        assert float((self.shape(real, jawLeft=1) - rest)[real.landmarks_68[8], 0]) > 0.05

    def test_a_fit_finds_a_face_that_it_can_make(self, real: FaceModel) -> None:
        generator = torch.Generator().manual_seed(0)
        identity = 0.7 * torch.randn(80, generator=generator)
        expression = torch.zeros(6, 64)
        for frame, name in enumerate(("jawOpen", "mouthSmileLeft", "browInnerUp", "mouthPucker")):
            expression[frame, ARKIT_NAMES.index(name)] = 0.6
        euler = torch.tensor([[0.1, -0.2, 0.05]] * 6)
        camera = Camera.from_head_pose(euler, torch.tensor([[0.1, 0.05, -1.0]] * 6))
        mark = real.landmarks_468

        def picture(camera: Camera, identity: torch.Tensor, expression: torch.Tensor) -> torch.Tensor:
            uv, depth = camera.project(camera.model_to_world(real.vertices(identity, expression)[:, mark]))
            return torch.cat([uv * 512, depth[..., None] * (FOCAL * 512 / depth.mean())], -1)

        seen = picture(camera, identity, expression)
        # These landmarks are exact: the fit may trust them more than a detector's.
        found = fit_landmarks(real, torch.cat([seen, seen[:, :10]], 1), config=FitConfig(noise=0.003))
        again = picture(
            Camera.from_head_pose(found.euler, found.translation), found.identity, found.expression
        )
        error = (again - seen)[:, real.known_468, :2].norm(dim=-1)
        assert float(error.square().mean().sqrt()) < 0.5
        torch.testing.assert_close(found.euler, euler, atol=0.01, rtol=0)

    def test_survives_saving(self, real: FaceModel, tmp_path: Path) -> None:
        real.save(tmp_path / "ict.safetensors")
        again = FaceModel.load(tmp_path / "ict.safetensors")
        assert again.known_468.equal(real.known_468) and again.faces.equal(real.faces)
        scale = float(real.expression_basis.abs().max())
        torch.testing.assert_close(
            again.expression_basis, real.expression_basis, atol=1e-3 * scale, rtol=1e-3
        )

    def test_pncc_shows_a_face_with_holes(self, real: FaceModel) -> None:
        expression = torch.zeros(1, 64)
        expression[0, ARKIT_NAMES.index("jawOpen")] = 0.7
        size = 128
        drawn = render_pncc(real, torch.zeros(80), expression, size=size)[0] > -1
        shown = drawn.any(0)
        assert 0.3 < float(shown.float().mean()) < 0.7
        from face3dmm.pncc import PNCC_CROP

        zero = torch.zeros(3)
        camera = Camera.from_head_pose(zero, zero).crop(*PNCC_CROP)
        shape = real.vertices(torch.zeros(80), expression[0])
        uv = camera.project(camera.model_to_world(shape))[0] * size
        for hole in (real.left_eye, real.right_eye, real.inner_lips):
            x, y = uv[hole].mean(0).round().long().tolist()
            assert not bool(shown[y, x])
        for mark in (4, 50, 280, 152, 151):  # nose, cheeks, chin, forehead
            x, y = uv[real.landmarks_468[mark]].floor().long().tolist()
            assert bool(shown[y - 2, x])
        assert float(mouth_opening(shape[real.landmarks_468])) > 0.1
