"""Eye and brow shapes. Each is made for the left side and mirrored."""

import numpy as np
from rig import Rig
from topology import LEFT_BROW, LEFT_LOWER_LID, LEFT_UPPER_LID, RIGHT_UPPER_LID

# The fold above and the bag below the left eye, outer to inner, column by column of the lid lines.
FOLD = (359, 467, 260, 259, 257, 258, 286, 414, 463)
BAG = (359, 255, 339, 254, 253, 252, 256, 341, 463)
CHEEK = (346, 347, 280, 352, 330, 266, 425, 411)
REACH = 0.30


def lids(rig: Rig, upper: np.ndarray, lower: np.ndarray, fold: float = 0.35, bag: float = 0.5) -> np.ndarray:
    """Shape from moves (9, 3) of the upper and the lower lid line; the rows beside them follow by a share."""
    handles = dict.fromkeys(LEFT_BROW, np.zeros(3))
    for column in range(9):
        handles[FOLD[column]] = fold * upper[column]
        handles[BAG[column]] = bag * lower[column]
    for column in range(9):
        handles[LEFT_UPPER_LID[column]] = upper[column]
        handles[LEFT_LOWER_LID[column]] = lower[column] if 0 < column < 8 else upper[column]
    return rig.spread(handles, REACH)


def eye_shapes(rig: Rig) -> dict[str, np.ndarray]:
    """Lid shapes of the left eye; gaze moves the lids as the eyeball's bulge pushes them."""
    upper, lower = rig.points[list(LEFT_UPPER_LID)], rig.points[list(LEFT_LOWER_LID)]
    opening = lower - upper
    height = np.linalg.norm(opening, axis=1).max()
    middle = np.linalg.norm(opening, axis=1)[:, None] / height
    up, out, ahead = np.eye(3)[1] * height, np.eye(3)[0] * height, np.eye(3)[2] * height
    raised = -0.12 * opening  # the lower lid comes up a little to meet the upper one
    return {
        "eyeBlink": lids(rig, opening + raised, raised),
        "eyeLookDown": lids(rig, 0.35 * opening, middle * -0.12 * up),
        "eyeLookIn": lids(rig, middle * -0.10 * out, middle * -0.10 * out),
        "eyeLookOut": lids(rig, middle * 0.10 * out, middle * 0.10 * out),
        "eyeLookUp": lids(rig, -0.22 * opening, middle * 0.06 * up),
        "eyeSquint": lids(rig, 0.12 * opening, -0.35 * opening + middle * 0.05 * ahead, bag=0.9),
        "eyeWide": lids(rig, -0.35 * opening, middle * -0.06 * up),
    }


def brow_shapes(rig: Rig) -> dict[str, np.ndarray]:
    """Brow shapes of the left side, and browInnerUp, which belongs to both."""
    hold = (*LEFT_UPPER_LID, *RIGHT_UPPER_LID, 10, 338, 297, 332, 284, 109, 67, 103, 54)
    side = rig.left()
    x = rig.points[list(LEFT_BROW), 0]
    t = (x - x.min()) / (x.max() - x.min())  # 0 at the inner end, 1 at the outer

    def brow(inner: tuple[float, float, float], outer: tuple[float, float, float], bend: float) -> np.ndarray:
        share = t**bend
        moves = (1 - share)[:, None] * np.array(inner) + share[:, None] * np.array(outer)
        left = dict(zip(LEFT_BROW, moves, strict=True))
        right = {int(rig.mirror[vertex]): m * (-1, 1, 1) for vertex, m in left.items()}
        return rig.spread(left | right, 0.36, hold)

    return {
        "browDown": side * brow((-0.03, -0.07, 0.015), (-0.01, -0.04, 0.0), 1.0),
        "browInnerUp": brow((0.0, 0.095, 0.0), (0.0, 0.0, 0.0), 0.8),
        "browOuterUp": side * brow((0.0, 0.01, 0.0), (0.0, 0.085, -0.01), 0.9),
    }
