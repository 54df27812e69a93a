"""Named sets among the 478 MediaPipe landmarks, and what is measured on them.

"Right" and "left" are the subject's. Pairs are (upper, lower) or (right, left).
"""

import torch
from torch import Tensor

COUNT = 478
MESH = 468  # the rest are the irises: centre, then four points around it
RIGHT_IRIS, LEFT_IRIS = 468, 473
INNER_LIP_PAIRS = (
    (191, 95), (80, 88), (81, 178), (82, 87), (13, 14), (312, 317), (311, 402), (310, 318), (415, 324),
)  # fmt: skip
LIPS = (
    *(61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 146, 91, 181, 84, 17, 314, 405, 321, 375),
    *(76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306, 77, 90, 180, 85, 16, 315, 404, 320, 307),
    *(62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292, 96, 89, 179, 86, 15, 316, 403, 319, 325),
    *(78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 95, 88, 178, 87, 14, 317, 402, 318, 324),
)
RIGHT_LID_PAIRS = ((246, 7), (161, 163), (160, 144), (159, 145), (158, 153), (157, 154), (173, 155))
LEFT_LID_PAIRS = ((466, 249), (388, 390), (387, 373), (386, 374), (385, 380), (384, 381), (398, 382))
RIGHT_EYE_CORNERS = (33, 133)  # outer, inner
LEFT_EYE_CORNERS = (263, 362)
FACE_WIDTH = (234, 454)  # the cheek contours
# The rim of the mesh, clockwise in the picture from the middle of the forehead.
FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
JAW_LINE = FACE_OVAL[8:29]  # from the subject's left ear over the chin to the right ear
# Points that hardly move with the face: they carry the head's pose.
RIGID = (
    10, 151, 9, 8, 168, 6, 197, 195, 5, 109, 338, 67, 297, 103, 332, 54, 284, 21, 251, 162, 389, 127, 356,
    234, 454, 33, 263, 133, 362, 122, 351, 193, 417, 244, 464,
)  # fmt: skip


def mouth_opening(points: Tensor) -> Tensor:
    """Mean gap between the inner lips over the distance between the outer corners of the eyes.

    Args:
        points: (..., >= 468, 2 or 3), any unit.

    Returns:
        (...,) >= 0.
    """
    return _gap(points, INNER_LIP_PAIRS) / _distance(points, RIGHT_EYE_CORNERS[0], LEFT_EYE_CORNERS[0])


def eye_opening(points: Tensor) -> Tensor:
    """Mean gap between the lids over the distance between the corners of that eye.

    Args:
        points: (..., >= 468, 2 or 3), any unit.

    Returns:
        (..., 2) right, left.
    """
    right = _gap(points, RIGHT_LID_PAIRS) / _distance(points, *RIGHT_EYE_CORNERS)
    left = _gap(points, LEFT_LID_PAIRS) / _distance(points, *LEFT_EYE_CORNERS)
    return torch.stack([right, left], -1)


def face_width(points: Tensor) -> Tensor:
    """Distance between the cheek contours (...,); with 3-D points it does not depend on the head's turn."""
    return _distance(points, *FACE_WIDTH)


def _distance(points: Tensor, a: int, b: int) -> Tensor:
    return (points[..., a, :] - points[..., b, :]).norm(dim=-1)


def _gap(points: Tensor, pairs: tuple[tuple[int, int], ...]) -> Tensor:
    upper, lower = (list(side) for side in zip(*pairs, strict=True))
    return (points[..., upper, :] - points[..., lower, :]).norm(dim=-1).mean(-1)
