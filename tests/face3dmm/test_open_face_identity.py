"""The open face's 80 identity modes: people, nearly symmetric, with closed lips and open eyes.

Sizes of faces: Farkas, Anthropometry of the Head and Face (1994), and Zhuang et al., Facial anthropometric
differences among gender, ethnicity and age groups (2010); wide brackets around the adults measured there.
"""

import pytest
import torch
from torch import Tensor

from face3dmm import ARKIT_NAMES, FaceModel

MODEL = FaceModel.open_face()
FACE = 468  # vertices of the face; the rest are skull and neck
SYMMETRIC = 66  # modes 0..65; the last 14 are antisymmetric
FLIP = torch.tensor([-1.0, 1.0, 1.0])
EYES = {"left": MODEL.left_eye, "right": MODEL.right_eye}


def reflected(basis: Tensor) -> Tensor:
    """Modes (V, 3, K) seen in the mirror."""
    return basis[MODEL.mirror] * FLIP[:, None]


@pytest.fixture(scope="module")
def people() -> Tensor:
    """80 faces at rest (80, V, 3) in millimetres, drawn from the standard normal."""
    draw = torch.Generator().manual_seed(0)
    return MODEL.vertices(torch.randn(80, 80, generator=draw), torch.zeros(64)) * 100


def lid_heights(faces: Tensor, eye: Tensor) -> Tensor:
    """Gaps (..., 7) between the lids, outer to inner column."""
    return (faces[..., eye[1:8], :] - faces[..., eye[9:].flip(0), :]).norm(dim=-1)


def test_first_modes_are_symmetric_and_the_last_antisymmetric() -> None:
    basis = MODEL.identity_basis
    even, odd = basis[..., :SYMMETRIC], basis[..., SYMMETRIC:]
    torch.testing.assert_close(reflected(even), even, atol=1e-6, rtol=1e-3)
    torch.testing.assert_close(reflected(odd), -odd, atol=1e-6, rtol=1e-3)
    # Each is a deformation, not a zero that would be both.
    assert float(basis.square().sum((0, 1)).min()) > 0


def test_symmetric_people_look_the_same_in_the_mirror() -> None:
    identity = torch.randn(20, 80, generator=torch.Generator().manual_seed(1))
    identity[:, SYMMETRIC:] = 0
    faces = MODEL.vertices(identity, torch.zeros(64))
    torch.testing.assert_close(faces[:, MODEL.mirror] * FLIP, faces, atol=2e-5, rtol=0)


def test_people_are_as_asymmetric_as_people_are(people: Tensor) -> None:
    # Laser scans of 270 adolescents: measures of asymmetry average less than 1 mm (Djordjevic et al. 2014).
    away = (people - people[:, MODEL.mirror] * FLIP)[:, :FACE].norm(dim=-1) / 2
    assert 0.3 < float(away.mean()) < 1.0


def test_modes_are_independent() -> None:
    unit = MODEL.identity_basis.flatten(0, 1)
    size = torch.linalg.svdvals(unit / unit.norm(dim=0))
    assert float(size.max() / size.min()) < 10


def test_modes_do_not_move_the_whole_face() -> None:
    # That is the pose's part; a tenth of a millimetre per standard deviation is nobody's pose.
    assert float(MODEL.identity_basis[:FACE].mean(0).norm(dim=0).max()) * 100 < 0.1


@pytest.mark.parametrize(
    ("measure", "between", "low", "high"),
    [
        ("breadth of the face", (234, 454), 120, 160),
        ("between the outer corners of the eyes", (33, 263), 76, 105),
        ("between the inner corners of the eyes", (133, 362), 24, 42),
        ("length of an eye", (263, 362), 23, 36),
        ("breadth of the nose", (64, 294), 28, 50),
        ("height of the nose", (168, 2), 40, 62),
        ("width of the mouth", (61, 291), 40, 65),
        ("lower face", (2, 152), 52, 85),
        ("hairline to chin", (10, 152), 140, 200),
    ],
)
def test_people_have_human_measures(
    people: Tensor, measure: str, between: tuple[int, int], low: float, high: float
) -> None:
    length = (people[:, between[0]] - people[:, between[1]]).norm(dim=1)
    assert low < float(length.min()) and float(length.max()) < high, measure
    assert float(length.std()) > 0.02 * float(length.mean()), measure  # and differ in them


def test_people_have_no_folded_skin(people: Tensor) -> None:
    faces = MODEL.faces[MODEL.face_region]
    here, rest = (
        torch.linalg.cross(v[..., faces[:, 1], :] - v[..., faces[:, 0], :], v[..., faces[:, 2], :] - v[..., faces[:, 0], :])
        for v in (people, MODEL.mean * 100)
    )  # fmt: skip
    turned = (here * rest).sum(-1) < 0
    assert float(turned.float().mean(1).max()) < 0.01
    assert float((here.norm(dim=-1) * turned).sum(1).max()) < 0.001 * float(rest.norm(dim=1).sum())


def test_lips_are_closed_at_rest(people: Tensor) -> None:
    upper, lower = MODEL.inner_lips[1:10], MODEL.inner_lips[11:].flip(0)
    assert float((people[:, upper] - people[:, lower]).norm(dim=-1).max()) < 0.05


@pytest.mark.parametrize("side", EYES)
def test_eyes_are_open_at_rest(people: Tensor, side: str) -> None:
    height = lid_heights(people, EYES[side])
    assert float(height.min()) > 1.0  # in every column, the corners' neighbours included
    assert 7 < float(height.amax(1).min()) < float(height.amax(1).max()) < 14


@pytest.mark.parametrize("side", EYES)
def test_everybody_can_blink(people: Tensor, side: str) -> None:
    blink = MODEL.expression_basis[..., ARKIT_NAMES.index(f"eyeBlink{side.title()}")] * 100
    gap, height = (lid_heights(faces, EYES[side]).amax(1) for faces in (people + blink, people))
    assert float((gap / height).max()) < 0.1
