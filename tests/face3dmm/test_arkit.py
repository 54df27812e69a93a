"""Each ARKit shape of the open face does what its name says, on the side it says.

Vertex numbers are MediaPipe's: 13/14 middle of the inner lips, 61/291 right/left corner, 0/17 middle of the
outer lips, 386/374 middle of the left lids, 152 chin, 1 tip of the nose. x is to the subject's left.
"""

import pytest
import torch
from torch import Tensor

from face3dmm import ARKIT_NAMES, FaceModel
from face3dmm.arkit import mirrored_name

X, Y, Z = range(3)
MODEL = FaceModel.open_face()
FLIP = torch.tensor([-1.0, 1.0, 1.0])
SIDES = ("Left", "Right")
# Left-hand vertices; the right-hand ones are their mirror images.
UPPER_LID, LOWER_LID, OUTER_CORNER, INNER_CORNER = 386, 374, 263, 362
BROW_INNER, BROW_OUTER, LIP_CORNER, CHEEK, NOSTRIL = 336, 300, 291, 425, 294
UPPER_SIDE, LOWER_SIDE = 312, 317  # inner lips beside the middle


def shaped(**weights: float) -> Tensor:
    """Vertices (V, 3) under the named weights."""
    expression = torch.zeros(64)
    for name, weight in weights.items():
        expression[ARKIT_NAMES.index(name)] = weight
    return MODEL.vertices(torch.zeros(80), expression)


def on(side: str, vertex: int) -> int:
    return vertex if side == "Left" else int(MODEL.mirror[vertex])


def move(name: str, vertex: int) -> Tensor:
    """How a full shape displaces a vertex, seen from the left: x is outwards for either side's shape."""
    offset = (shaped(**{name: 1.0}) - MODEL.mean)[on("Left" if name.endswith("Left") else "Right", vertex)]
    return offset * FLIP if name.endswith("Right") else offset


def opening(vertices: Tensor, upper: int, lower: int) -> float:
    return float((vertices[upper] - vertices[lower]).norm())


def eye_opening(vertices: Tensor, side: str) -> float:
    return opening(vertices, on(side, UPPER_LID), on(side, LOWER_LID))


def lip_gap(vertices: Tensor) -> float:
    return opening(vertices, 13, 14)


def eye_change(name: str, side: str) -> float:
    """Opening of the eye under a full shape, relative to rest."""
    return eye_opening(shaped(**{name: 1.0}), side) / eye_opening(MODEL.mean, side)


def test_names_are_the_52_of_live_link_face() -> None:
    assert len(ARKIT_NAMES) == len(set(ARKIT_NAMES)) == 52
    assert ARKIT_NAMES[0] == "eyeBlinkLeft"
    assert ARKIT_NAMES[7] == "eyeBlinkRight"
    assert ARKIT_NAMES[17] == "jawOpen"
    assert ARKIT_NAMES[-1] == "tongueOut"
    assert all(
        mirrored_name(mirrored_name(name)) == name and mirrored_name(name) in ARKIT_NAMES
        for name in ARKIT_NAMES
    )


@pytest.mark.parametrize("name", ARKIT_NAMES)
def test_left_and_right_are_mirror_images(name: str) -> None:
    shape, other = (shaped(**{n: 1.0}) - MODEL.mean for n in (name, mirrored_name(name)))
    torch.testing.assert_close(shape[MODEL.mirror] * FLIP, other, atol=2e-4, rtol=0)


@pytest.mark.parametrize("name", [name for name in ARKIT_NAMES if name != "tongueOut"])
def test_shape_is_of_believable_size(name: str) -> None:
    size = (shaped(**{name: 1.0}) - MODEL.mean).norm(dim=-1)
    assert 0.004 < float(size.max()) < 0.45
    assert float(size[MODEL.face_oval[:8]].max()) < 0.02  # temples and hairline stay


WHOLE = ("jawLeft", "jawRight", "mouthLeft", "mouthRight")  # these shift the middle of the face to one side


@pytest.mark.parametrize("name", [name for name in ARKIT_NAMES if name.endswith(SIDES) and name not in WHOLE])
def test_one_sided_shapes_leave_the_other_side_alone(name: str) -> None:
    size = (shaped(**{name: 1.0}) - MODEL.mean).norm(dim=-1)
    far = MODEL.mean[:, 0] < -0.13 if name.endswith("Left") else MODEL.mean[:, 0] > 0.13
    assert float(size[far].max()) < 0.05 * float(size.max())


@pytest.mark.parametrize("side", SIDES)
def test_eye_blink(side: str) -> None:
    eye = MODEL.left_eye if side == "Left" else MODEL.right_eye
    closed = shaped(**{f"eyeBlink{side}": 1.0})
    height = (MODEL.mean[eye[1:8]] - MODEL.mean[eye[9:].flip(0)]).norm(dim=-1)
    gap = (closed[eye[1:8]] - closed[eye[9:].flip(0)]).norm(dim=-1)
    assert float(gap.max()) < 0.1 * float(height.max())
    other = "Right" if side == "Left" else "Left"
    assert eye_opening(closed, other) == pytest.approx(eye_opening(MODEL.mean, other), rel=1e-3)
    half = shaped(**{f"eyeBlink{side}": 0.5})
    assert eye_opening(half, side) == pytest.approx(0.5 * eye_opening(MODEL.mean, side), rel=0.05)


@pytest.mark.parametrize("side", SIDES)
def test_eye_looks(side: str) -> None:
    assert 0.4 < eye_change(f"eyeLookDown{side}", side) < 0.85
    assert move(f"eyeLookDown{side}", UPPER_LID)[Y] < -0.01
    assert 1.1 < eye_change(f"eyeLookUp{side}", side) < 1.5
    assert move(f"eyeLookUp{side}", UPPER_LID)[Y] > 0.01
    assert move(f"eyeLookOut{side}", UPPER_LID)[X] > 0.003
    assert move(f"eyeLookIn{side}", UPPER_LID)[X] < -0.003


@pytest.mark.parametrize("side", SIDES)
def test_eye_squint_and_wide(side: str) -> None:
    assert 0.3 < eye_change(f"eyeSquint{side}", side) < 0.7
    assert move(f"eyeSquint{side}", LOWER_LID)[Y] > 0.01
    assert 1.25 < eye_change(f"eyeWide{side}", side) < 1.7
    assert move(f"eyeWide{side}", UPPER_LID)[Y] > 0.01


def test_jaw_open() -> None:
    opened = shaped(jawOpen=1.0)
    assert 0.33 < lip_gap(opened) < 0.43
    offset = opened - MODEL.mean
    assert offset[152, Y] < -0.2
    assert offset[152, Z] < -0.1  # the chin swings down and back
    assert float(offset[[1, 168, 33, 263, 10]].norm(dim=-1).max()) < 1e-3
    assert abs(float(offset[13, Y])) < 0.02
    # A hinge near the ears: the jaw's angle moves little, the chin most.
    assert float(offset[172].norm()) < 0.6 * float(offset[152].norm())


def test_jaw_shifts() -> None:
    assert (shaped(jawForward=1.0) - MODEL.mean)[152, Z] > 0.05
    assert (shaped(jawLeft=1.0) - MODEL.mean)[152, X] > 0.05
    assert (shaped(jawRight=1.0) - MODEL.mean)[152, X] < -0.05
    for name in ("jawForward", "jawLeft", "jawRight"):
        assert float((shaped(**{name: 1.0}) - MODEL.mean)[[1, 13, 168]].norm(dim=-1).max()) < 0.01


def test_mouth_close_shuts_the_lips_of_an_open_jaw() -> None:
    together = shaped(jawOpen=1.0, mouthClose=1.0)
    upper, lower = MODEL.inner_lips[1:10], MODEL.inner_lips[11:].flip(0)
    gap = (together[upper] - together[lower]).norm(dim=-1)
    assert float(gap.max()) < 0.02 * lip_gap(shaped(jawOpen=1.0))
    assert (together - MODEL.mean)[152, Y] < -0.2  # the jaw is still open


def width(vertices: Tensor) -> float:
    return float(vertices[291, X] - vertices[61, X])


def test_mouth_funnel() -> None:
    funnel = shaped(mouthFunnel=1.0)
    assert lip_gap(funnel) > 0.1
    assert width(funnel) < 0.8 * width(MODEL.mean)
    assert (funnel - MODEL.mean)[[0, 17], Z].min() > 0.05


def test_mouth_pucker() -> None:
    pucker = shaped(mouthPucker=1.0)
    assert lip_gap(pucker) < 0.014
    assert width(pucker) < 0.65 * width(MODEL.mean)
    assert (pucker - MODEL.mean)[[0, 17], Z].min() > 0.05


def test_mouth_left_and_right() -> None:
    for vertex in (13, 14, 61, 291):
        assert (shaped(mouthLeft=1.0) - MODEL.mean)[vertex, X] > 0.08
        assert (shaped(mouthRight=1.0) - MODEL.mean)[vertex, X] < -0.08


@pytest.mark.parametrize("side", SIDES)
def test_mouth_corners(side: str) -> None:
    smile, frown, dimple, stretch = (
        move(f"mouth{name}{side}", LIP_CORNER) for name in ("Smile", "Frown", "Dimple", "Stretch")
    )
    assert smile[X] > 0.04
    assert smile[Y] > 0.04
    assert move(f"mouthSmile{side}", CHEEK)[Y] > 0.02  # the cheek rises with it
    assert frown[Y] < -0.05
    assert dimple[Z] < -0.03
    assert stretch[X] > 0.06
    assert stretch[Y] < 0


def test_mouth_rolls_and_shrugs() -> None:
    lower, upper = shaped(mouthRollLower=1.0), shaped(mouthRollUpper=1.0)
    assert (lower - MODEL.mean)[17, Y] > 0.03
    assert (lower - MODEL.mean)[15, Z] < -0.03  # the red of the lip goes back over the teeth
    assert (upper - MODEL.mean)[0, Y] < -0.03
    assert (upper - MODEL.mean)[12, Z] < -0.03
    shrug = shaped(mouthShrugLower=1.0)
    assert (shrug - MODEL.mean)[[199, 17], Y].min() > 0.03  # chin and lower lip push up
    assert lip_gap(shrug) < 0.014
    shrug = shaped(mouthShrugUpper=1.0)
    assert (shrug - MODEL.mean)[0, Y] > 0.02
    assert (shrug - MODEL.mean)[0, Z] > 0.015


@pytest.mark.parametrize("side", SIDES)
def test_lip_sides(side: str) -> None:
    pressed = shaped(**{f"mouthPress{side}": 1.0})
    outer_upper, outer_lower = on(side, 269), on(side, 405)
    assert opening(pressed, outer_upper, outer_lower) < 0.9 * opening(MODEL.mean, outer_upper, outer_lower)
    assert move(f"mouthLowerDown{side}", LOWER_SIDE)[Y] < -0.05
    assert move(f"mouthLowerDown{side}", UPPER_SIDE).norm() < 0.01
    assert move(f"mouthUpperUp{side}", UPPER_SIDE)[Y] > 0.05
    assert move(f"mouthUpperUp{side}", LOWER_SIDE).norm() < 0.01


@pytest.mark.parametrize("side", SIDES)
def test_brows(side: str) -> None:
    assert move(f"browDown{side}", BROW_INNER)[Y] < -0.04
    assert move(f"browOuterUp{side}", BROW_OUTER)[Y] > 0.04
    assert move(f"browOuterUp{side}", BROW_INNER)[Y] < 0.03
    inner_up = shaped(browInnerUp=1.0) - MODEL.mean
    assert inner_up[on(side, BROW_INNER), Y] > 0.06
    assert abs(float(inner_up[on(side, BROW_OUTER), Y])) < 0.03


@pytest.mark.parametrize("side", SIDES)
def test_cheeks_and_nose(side: str) -> None:
    puff = (shaped(cheekPuff=1.0) - MODEL.mean)[on(side, 427)]
    assert (puff * (FLIP if side == "Right" else 1))[X] > 0.05
    assert move(f"cheekSquint{side}", 347)[Y] > 0.03
    assert move(f"noseSneer{side}", NOSTRIL)[Y] > 0.03


def test_tongue_is_not_modelled() -> None:
    torch.testing.assert_close(shaped(tongueOut=1.0), MODEL.mean)


def test_skull_and_neck_do_not_take_part() -> None:
    generator = torch.Generator().manual_seed(0)
    wild = MODEL.vertices(torch.zeros(80), torch.rand(20, 64, generator=generator))
    offset = (wild - MODEL.mean).norm(dim=-1)
    back, neck = MODEL.mean[:, 2] < -0.9, MODEL.mean[:, 1] < -1.35
    assert float(offset[:, back | neck].max()) < 1e-3
