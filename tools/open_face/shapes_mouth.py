"""Jaw and mouth shapes, and those of the cheeks and the nose."""

import numpy as np
from rig import Field, Rig
from topology import LOWER_LIP, UPPER_LIP

JAW_ANGLE = 0.37  # radians of a wide-open mouth
JAW_GLIDE = (0.0, -0.05, 0.11)  # the joint slides forward and down as the mouth opens
# From the middle of the cheek contours (234, 454): the joint in front of the ear canal.
HINGE = (0.0, 0.06, -0.10)
CHIN = (152, 148, 377, 176, 400, 175, 199, 200, 18, 83, 313, 201, 421, 208, 428, 171, 396, 32, 262, 194, 418)
JAWLINE = {149: 0.9, 150: 0.75, 136: 0.6, 172: 0.42, 58: 0.2, 132: 0.05, 93: 0.0, 234: 0.0, 127: 0.0}
NOSE = (1, 2, 4, 5, 19, 94, 98, 97, 326, 327, 64, 294, 48, 278, 195, 197, 6, 168, 45, 275, 220, 440)


def jaw_weight(rig: Rig) -> np.ndarray:
    """How far each vertex goes with the jaw (468, 1): chin and lower lip 1, upper lip and what is above 0."""
    one, zero = np.ones(1), np.zeros(1)
    handles = dict.fromkeys(CHIN, one)
    for vertex, weight in JAWLINE.items():
        handles[vertex] = handles[int(rig.mirror[vertex])] = weight * one
    for ring in range(4):
        for column in range(1, 10):
            s = abs(column - 5) / 5
            handles[LOWER_LIP[ring][column]] = (1 - 0.55 * s**2.5) * one
            handles[UPPER_LIP[ring][column]] = 0.42 * s**3 * one
        handles[LOWER_LIP[ring][0]] = handles[LOWER_LIP[ring][10]] = 0.42 * one
    above = rig.points[:, 1] > rig.points[2, 1]
    handles |= dict.fromkeys(np.flatnonzero(above).tolist(), zero)
    handles |= dict.fromkeys(NOSE, zero)
    return rig.spread(handles)


def jaw_shapes(rig: Rig) -> dict[str, np.ndarray]:
    weight = jaw_weight(rig)
    hinge = (rig.points[234] + rig.points[454]) / 2 + HINGE
    cos, sin = np.cos(JAW_ANGLE), np.sin(JAW_ANGLE)
    turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    arm = rig.points - hinge
    opened = weight * (arm @ turn.T - arm + JAW_GLIDE)
    narrow = {291: (-0.03, 0, 0.01), 61: (0.03, 0, 0.01)}
    opened += rig.spread({v: np.array(m) for v, m in narrow.items()}, 0.3, [13, 14, 0, 17])
    gap = opened[list(LOWER_LIP[3])] - opened[list(UPPER_LIP[3])]

    def closing(lip: tuple[tuple[int, ...], ...], share: float) -> dict[int, np.ndarray]:
        rings = ((3, 1.0), (2, 0.95), (1, 0.85), (0, 0.7))
        return {lip[r][c]: share * part * gap[c] for r, part in rings for c in range(1, 10)}

    corners = {row[c]: np.zeros(3) for row in UPPER_LIP for c in (0, 10)}
    shut = rig.spread(closing(UPPER_LIP, 0.35) | closing(LOWER_LIP, -0.65) | corners, 0.3, NOSE)
    return {
        "jawOpen": opened,
        "jawForward": weight * (0.0, 0.0, 0.09),
        "jawLeft": weight * (0.11, 0.0, 0.0),
        "jawRight": weight * (-0.11, 0.0, 0.0),
        "mouthClose": shut,
    }


def lip_shapes(rig: Rig) -> dict[str, np.ndarray]:
    """Shapes of the whole mouth, symmetric in x unless named otherwise."""
    lips, spread = rig.lips, rig.spread

    def funnel(sign: float) -> Field:
        return lambda ring, s: (-0.09 * s, sign * 0.085 * (1 - s * s), (0.06 + 0.05 * (1 - s * s)))

    def pucker(ring: int, s: float) -> tuple[float, float, float]:
        return (-0.125 * s, 0.0, 0.05 + 0.06 * (1 - s * s))

    def shift(ring: int, s: float) -> tuple[float, float, float]:
        return (0.12, 0.015 * s, -0.03 * s)

    def roll(sign: float) -> Field:
        return lambda ring, s: (0.0, sign * (1 - s * s) * (0.055, 0.045, 0.02, 0.0)[ring],
                                -(1 - s * s) * (0.02, 0.045, 0.06, 0.05)[ring])  # fmt: skip

    def shrug(height: float, ahead: float, fade: float) -> Field:
        # Both lips move alike where they touch; `fade` of the move is left at the outer edge of the lip.
        def move(ring: int, s: float) -> tuple[float, float, float]:
            share = (1 - s * s) * (fade, (1 + 2 * fade) / 3, (2 + fade) / 3, 1.0)[ring]
            return (0.0, height * share, ahead * share)

        return move

    chin = {v: np.array((0.0, 0.06, 0.02)) for v in (200, 199, 201, 421, 18, 83, 313)}
    return {
        "mouthFunnel": spread(lips(funnel(1), funnel(-1)), 0.35, NOSE),
        "mouthPucker": spread(lips(pucker, pucker), 0.35, NOSE),
        "mouthLeft": spread(lips(shift, shift), 0.40, NOSE),
        "mouthRollLower": spread(lips(None, roll(1)), 0.2, NOSE),
        "mouthRollUpper": spread(lips(roll(-1), None), 0.2, NOSE),
        "mouthShrugLower": spread(lips(shrug(0.03, 0.03, 0.5), shrug(0.03, 0.03, 1.5)) | chin, 0.25, NOSE),
        "mouthShrugUpper": spread(
            lips(shrug(0.028, 0.022, 1.6), shrug(0.028, 0.022, 0.1)), 0.25, (1, 4, 5, 195)
        ),
    }


def side_shapes(rig: Rig) -> dict[str, np.ndarray]:
    """Shapes of the left half of the mouth, cheek and nose, before `Rig.left` parts them."""
    lips, spread, side = rig.lips, rig.spread, rig.left()

    def corner(out: float, up: float, ahead: float, power: float = 1.6) -> Field:
        return lambda ring, s: (
            out * np.sign(s) * abs(s) ** power,
            up * abs(s) ** power,
            ahead * abs(s) ** power,
        )

    def body(up: float, ahead: float) -> Field:
        return lambda ring, s: (0.0, up * (1 - abs(s) ** 3), ahead * (1 - abs(s) ** 3))

    def press(sign: float) -> Field:
        return lambda ring, s: (0.01 * s, sign * (0.03, 0.022, 0.01, 0.0)[ring] * (1 - 0.4 * s * s), -0.012)

    cheeks = {425: (0.03, 0.05, 0.02), 280: (0.02, 0.045, 0.03), 411: (0.025, 0.05, 0.02),
              427: (0.04, 0.04, 0.0), 330: (0.01, 0.035, 0.025), 436: (0.05, 0.06, -0.01),
              410: (0.06, 0.07, -0.02)}  # fmt: skip

    def both(moves: dict[int, tuple[float, float, float]]) -> dict[int, np.ndarray]:
        left = {v: np.array(m) for v, m in moves.items()}
        return left | {int(rig.mirror[v]): m * (-1, 1, 1) for v, m in left.items()}

    smile = corner(0.085, 0.075, -0.05)
    frown = corner(0.015, -0.09, -0.01, 2.0)
    puff = {425: (0.05, 0, 0.07), 427: (0.09, 0, 0.07), 411: (0.09, 0, 0.07), 416: (0.09, -0.01, 0.05),
            434: (0.08, -0.01, 0.06), 436: (0.05, 0, 0.05), 432: (0.06, 0, 0.05), 376: (0.09, 0.0, 0.05),
            352: (0.05, 0, 0.04), 280: (0.03, 0, 0.05), 364: (0.08, -0.01, 0.05)}  # fmt: skip
    squint = {346: (0.0, 0.055, 0.01), 347: (0.0, 0.06, 0.015), 280: (0.01, 0.06, 0.03),
              330: (0.0, 0.06, 0.03), 352: (0.01, 0.05, 0.02), 348: (0, 0.05, 0.01), 425: (0.01, 0.04, 0.02),
              254: (0, 0.03, 0), 253: (0, 0.03, 0), 339: (0, 0.03, 0), 252: (0, 0.025, 0)}  # fmt: skip
    sneer = {278: (0.015, 0.05, 0.01), 294: (0.015, 0.055, 0.01), 327: (0.005, 0.035, 0.005),
             360: (0, 0.04, 0.01), 358: (0.01, 0.05, 0.0), 344: (0.01, 0.045, 0.0),
             429: (0.0, 0.04, 0.01), 420: (0, 0.04, 0.0),
             437: (0, 0.02, 0.01), 391: (0.0, 0.035, 0.0), 269: (0, 0.03, 0), 270: (0, 0.03, 0),
             267: (0, 0.02, 0)}  # fmt: skip
    still = (1, 4, 5, 195, 2, 94)
    above = (263, 362, 386, 33, 133, 159)  # corners of the eyes and upper lids
    eyes = (*above, 374, 145)
    shapes = {
        "mouthSmile": spread(lips(smile, smile) | both(cheeks), 0.3, (*NOSE, *eyes)),
        "mouthFrown": spread(lips(frown, frown), 0.3, NOSE),
        "mouthDimple": spread(
            lips(corner(0.045, 0.012, -0.06, 3), corner(0.045, 0.012, -0.06, 3)), 0.25, NOSE
        ),
        "mouthStretch": spread(lips(corner(0.10, -0.03, -0.05), corner(0.10, -0.03, -0.05)), 0.35, NOSE),
        "mouthPress": spread(lips(press(-1), press(1)), 0.15, NOSE),
        "mouthLowerDown": spread(lips(None, body(-0.10, 0.015)), 0.3, NOSE),
        "mouthUpperUp": spread(lips(body(0.085, 0.01), None), 0.3, still),
        "cheekSquint": spread(both(squint), 0.22, (*NOSE, *above)),  # the cheek carries the lower lid
        "noseSneer": spread(both(sneer), 0.16, (13, 14, 168, 4, *eyes)),
    }
    return {name: shape * side for name, shape in shapes.items()} | {
        "cheekPuff": spread(both(puff), 0.25, (*NOSE, 13, 14, *eyes))
    }
