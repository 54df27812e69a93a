"""What is seen through the openings of the face mesh, for posed PNCC: the upper teeth and the eyeballs.

Both carry places of their own, of one atlas: red across and green downwards. Their blue is 0, which no part
of a face before them has.
"""

import math
from functools import cache

import torch
from torch import Tensor

from face3dmm.gaze_marks import eyeballs_of, gaze_axes
from face3dmm.model import FaceModel

# The teeth's plane behind the lips: x, y and z of its corners from the middle of the inner lips at rest, in
# decimetres, and their places. It holds the opening of a wide-open jaw, and the chin hides its lower end.
TEETH = ((-0.3, 0.1, -0.19), (0.3, 0.1, -0.19), (-0.15, -0.38, -0.19), (0.15, -0.38, -0.19))
TEETH_PLACES = ((0.0, 0.0), (1.0, 0.0), (0.25, 0.48), (0.75, 0.48))
TEETH_FACES = ((0, 1, 2), (2, 1, 3))
# An eyeball's front is a net of directions around that of sight, so that its places turn with the eye.
EYE_NET = 9  # points along a side
EYE_REACH = math.radians(70)  # from the direction of sight to the middle of the net's sides
EYE_PLACES = ((0.52, 1.0), (0.0, 0.48))  # reds of the left and the right eye; both have greens from .52 to 1
SUNK = 0.92  # of the eyeball's radius: lids lie on it, and must not be pierced


def inner_parts(model: FaceModel, identity: Tensor, gaze: Tensor) -> Tensor:
    """Points of a person's teeth and eyeballs at zero pose; they do not move with the expression.

    Args:
        model: Face model.
        identity: (80,).
        gaze: (B, 2) pitch (down positive) and yaw (to the subject's left positive) in radians; both eyes.

    Returns:
        (B, N, 3) decimetres, model axes; which triangles they make and their colours is `inner_faces`'s.
    """
    resting = model.vertices(identity, model.mean.new_zeros(model.expression_basis.shape[-1]))
    teeth = resting[model.inner_lips].mean(0) + resting.new_tensor(TEETH)
    eyeballs = eyeballs_of(model, identity)
    across, down, forward = gaze_axes(gaze)
    slope = torch.linspace(-EYE_REACH, EYE_REACH, EYE_NET).tan()
    # Number by number, which rounds alike whatever the batch.
    rays = (
        forward[:, None, None]
        + slope[:, None] * across[:, None, None]
        + slope[:, None, None] * down[:, None, None]
    )
    rays = (rays / rays.square().sum(-1, keepdim=True).sqrt()).flatten(1, 2)
    eyes = [ball[:3] + SUNK * ball[3] * rays for ball in eyeballs]
    return torch.cat([teeth.expand(len(gaze), -1, -1), *eyes], 1)


@cache
def inner_faces() -> tuple[Tensor, Tensor]:
    """Triangles (F, 3) of `inner_parts` and colours (N, 3) of its points in [0, 1]."""
    faces, places = list(TEETH_FACES), list(TEETH_PLACES)
    line = [index / (EYE_NET - 1) for index in range(EYE_NET)]
    for first, last in EYE_PLACES:
        start = len(places)
        places += [(first + (last - first) * x, 0.52 + 0.48 * y) for y in line for x in line]
        for row in range(EYE_NET - 1):
            for column in range(EYE_NET - 1):
                corner = start + row * EYE_NET + column
                faces.append((corner, corner + 1, corner + EYE_NET))
                faces.append((corner + EYE_NET, corner + 1, corner + EYE_NET + 1))
    return torch.tensor(faces), torch.tensor([(red, green, 0.0) for red, green in places])
