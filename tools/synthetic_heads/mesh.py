"""Meshes that the renderer draws: fixed connectivity and texture, positions that follow the face."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

HEAD, TORSO = 1.0, 2.0  # labels of the masks


@dataclass(frozen=True)
class Drive:
    """What moves the parts of one person, for T frames.

    Attributes:
        neutral: (468, 3) the person's face at rest, decimetres.
        face: (T, 468, 3) the face with expression, head pose not applied.
        jaw: (T, 3) displacement of the chin by the jaw alone.
        expression: (T, 64).
        gaze: (T, 2) pitch (down positive) and yaw (to the subject's left positive), radians.
    """

    neutral: np.ndarray
    face: np.ndarray
    jaw: np.ndarray
    expression: np.ndarray
    gaze: np.ndarray


@dataclass(frozen=True)
class Part:
    """One connected piece of surface.

    Attributes:
        name: For messages.
        positions: Drive -> (T, v, 3), dm in the frame of the head (of the torso where follow is 1).
        faces: (f, 3).
        uv: (v, 2) atlas pixels.
        shade: (v,) ambient light that reaches the vertex, in [0, 1].
        gloss: Strength of the sharp highlight.
        shine: Factor on the soft highlight.
        label: (v,) HEAD or TORSO; the border runs where the interpolated value crosses 1.5.
        follow: (v,) 0 moves with the head, 1 with the torso, blended between.
        offset: (v,) decimetres by which the depth test sees the part farther away.
        transparent: True where the texture's alpha is opacity, else it is the strength of the soft highlight.
    """

    name: str
    positions: Callable[[Drive], np.ndarray]
    faces: np.ndarray
    uv: np.ndarray
    shade: np.ndarray
    gloss: float
    shine: float
    label: np.ndarray
    follow: np.ndarray
    offset: np.ndarray
    transparent: bool = False


def part(
    name: str,
    positions: Callable[[Drive], np.ndarray],
    faces: np.ndarray,
    uv: np.ndarray,
    *,
    shade: float | np.ndarray = 1.0,
    gloss: float = 0.0,
    shine: float = 1.0,
    label: float | np.ndarray = HEAD,
    follow: float | np.ndarray = 0.0,
    offset: float | np.ndarray = 0.0,
    transparent: bool = False,
) -> Part:
    """A `Part` whose per-vertex numbers may be given as one number for all vertices."""
    count = len(uv)
    faces, uv = np.asarray(faces, np.int64), np.asarray(uv, np.float32)
    shades, labels, follows, offsets = (
        np.broadcast_to(np.float32(v), (count,)).copy() for v in (shade, label, follow, offset)
    )
    return Part(name, positions, faces, uv, shades, gloss, shine, labels, follows, offsets, transparent)


def grid_faces(rows: int, columns: int, *, wrap: bool = False) -> np.ndarray:
    """Triangles (f, 3) of a rows x columns grid of vertices; `wrap` joins the last column to the first."""
    last = columns if wrap else columns - 1
    r, c = np.mgrid[: rows - 1, :last]
    a, b = r * columns + c, r * columns + (c + 1) % columns
    quads = np.stack([a, a + columns, b, b, a + columns, b + columns], -1)
    return quads.reshape(-1, 3)


class Tessellation:
    """Phong tessellation (Boubekeur and Alexa 2008), one step: edges get midpoints, lifted off the flat face.

    Vertices keep their places and numbers; midpoints follow after them.
    """

    LIFT = 0.7  # 3/4 is the paper's choice; slightly less keeps lid and lip borders calm

    def __init__(self, faces: np.ndarray, count: int) -> None:
        edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), 1)
        self.edges, which = np.unique(edges, axis=0, return_inverse=True)
        middle = which.reshape(-1, 3) + count
        a, b, c = faces.T
        ab, bc, ca = middle.T
        self.faces = np.concatenate(
            [np.stack(t, -1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))]
        )
        self._normals = NormalSum(faces, count)

    def values(self, values: np.ndarray) -> np.ndarray:
        """Values (count, ...) of the vertices, extended linearly to the midpoints."""
        return np.concatenate([values, values[self.edges].mean(1)])

    def positions(self, points: np.ndarray) -> np.ndarray:
        """Points (T, count, 3), extended by lifted midpoints."""
        normals = self._normals(points)
        a, b = points[:, self.edges[:, 0]], points[:, self.edges[:, 1]]
        na, nb = normals[:, self.edges[:, 0]], normals[:, self.edges[:, 1]]
        half = (b - a) / 2
        # The midpoint projected on the tangent plane of each end, averaged.
        lift = (na * (half * na).sum(-1, keepdims=True) - nb * (half * nb).sum(-1, keepdims=True)) / 2
        return np.concatenate([points, (a + b) / 2 - self.LIFT * lift], 1)


class NormalSum:
    """Vertex normals of a mesh: area-weighted sums over triangles, counter-clockwise seen from outside."""

    def __init__(self, faces: np.ndarray, count: int) -> None:
        self.faces = faces
        rows = faces.reshape(-1)
        columns = np.repeat(np.arange(len(faces)), 3)
        self._sum = csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), (count, len(faces)))

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Unit normals (T, V, 3) of points (T, V, 3)."""
        a, b, c = (points[:, self.faces[:, k]] for k in range(3))
        flat = np.cross(b - a, c - a)  # (T, F, 3)
        frames, triangles = flat.shape[:2]
        total = self._sum @ flat.transpose(1, 0, 2).reshape(triangles, -1)
        total = total.reshape(-1, frames, 3).transpose(1, 0, 2)
        return total / np.maximum(np.linalg.norm(total, axis=-1, keepdims=True), 1e-9)
