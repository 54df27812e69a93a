"""Connectivity of the MediaPipe face mesh: triangles, named loops, the left-right mirror.

The triangles are the edges of FACEMESH_TESSELATION taken three by three in source order; the object itself
is a frozenset and has lost that order, so the source is parsed. "Left" is the subject's left, which is +x.
"""

import ast
import importlib.util
from pathlib import Path

import numpy as np

VERTICES = 468

# Four rings of the lips from the skin to the opening, right corner to left corner, upper then lower half.
# Entry i of an upper ring lies above entry i of the lower ring; the first and last entries are shared
# corners.
UPPER_LIP = (
    (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),
    (76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306),
    (62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292),
    (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
)
LOWER_LIP = (
    (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291),
    (76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306),
    (62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292),
    (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308),
)
# Lid lines of the right eye from the outer to the inner corner; the left eye is their mirror image.
RIGHT_UPPER_LID = (33, 246, 161, 160, 159, 158, 157, 173, 133)
RIGHT_LOWER_LID = (33, 7, 163, 144, 145, 153, 154, 155, 133)
LEFT_UPPER_LID = (263, 466, 388, 387, 386, 385, 384, 398, 362)
LEFT_LOWER_LID = (263, 249, 390, 373, 374, 380, 381, 382, 362)
# Two rows of each brow from the outer to the inner end.
RIGHT_BROW = (46, 53, 52, 65, 55, 70, 63, 105, 66, 107)
LEFT_BROW = (276, 283, 282, 295, 285, 300, 293, 334, 296, 336)
# The rim of the mesh, clockwise in the picture from the middle of the forehead (subject's left side first).
FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
# iBUG-68 as MediaPipe vertices: jaw (from the subject's right ear), brows, nose, eyes, outer and inner lips.
LANDMARKS_68 = (
    127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356,
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,
    168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,
    78, 82, 13, 312, 308, 317, 14, 87,
)  # fmt: skip
# Points that hardly move with the face: they carry the head's pose when frames are aligned.
RIGID = (
    10, 151, 9, 8, 168, 6, 197, 195, 5, 109, 338, 67, 297, 103, 332, 54, 284, 21, 251, 162, 389, 127, 356,
    234, 454, 33, 263, 133, 362, 122, 351, 193, 417, 244, 464,
)  # fmt: skip


def loop(upper: tuple[int, ...], lower: tuple[int, ...]) -> list[int]:
    """Closed loop: along the upper line, back along the lower one, shared corners once."""
    return [*upper, *lower[-2:0:-1]]


def triangles() -> np.ndarray:
    """Triangles (852, 3) of the installed mediapipe, counter-clockwise seen from outside the face."""
    spec = importlib.util.find_spec("mediapipe")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("mediapipe is needed for its FACEMESH_TESSELATION")
    source = Path(spec.submodule_search_locations[0]) / "python/solutions/face_mesh_connections.py"
    for node in ast.parse(source.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "FACEMESH_TESSELATION":
            edges = np.array(ast.literal_eval(node.value.args[0]))  # type: ignore[attr-defined]
            break
    else:
        raise ValueError(f"{source}: no FACEMESH_TESSELATION")
    corners = edges.reshape(-1, 3, 2)
    if not (corners[:, :, 1] == np.roll(corners[:, :, 0], -1, axis=1)).all():
        raise ValueError(f"{source}: FACEMESH_TESSELATION is no longer a list of closed triangles")
    return corners[:, :, 0]


def adjacency(faces: np.ndarray, count: int) -> np.ndarray:
    """Symmetric 0/1 matrix (count, count) of the mesh edges."""
    matrix = np.zeros((count, count))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        matrix[faces[:, a], faces[:, b]] = matrix[faces[:, b], faces[:, a]] = 1
    return matrix


def mirror_by_shape(points: np.ndarray) -> np.ndarray:
    """Permutation m with points[m] the mirror image in x of points; must be its own inverse.

    Args:
        points: (V, 3), nearly symmetric about x = 0.

    Raises:
        ValueError: If nearest mirrored neighbours do not pair up.
    """
    from scipy.optimize import linear_sum_assignment

    flipped = points * (-1, 1, 1)
    distance = ((points[:, None] - flipped[None]) ** 2).sum(-1)
    rows, columns = linear_sum_assignment(distance + distance.T)
    permutation = columns[np.argsort(rows)]
    if not (permutation[permutation] == np.arange(len(points))).all():
        raise ValueError("the mesh has no consistent left-right mirror")
    return permutation
