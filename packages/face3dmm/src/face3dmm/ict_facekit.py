"""Reading ICT-FaceKit's light model (Li et al. 2020, arXiv:2004.03458; MIT licence), which users have."""

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from face3dmm.arkit import ARKIT_NAMES
from face3dmm.errors import InputError
from face3dmm.landmarks import LIPS
from face3dmm.model import EXPRESSION_SIZE, IDENTITY_SIZE, FaceModel

NEUTRAL, LANDMARKS_68 = "generic_neutral_mesh.obj", "vertex_indices.json"
IDENTITIES = 100
ORIGIN = "It is in FaceXModel/ of github.com/ICT-VGL/ICT-FaceKit (MIT licence)."
CENTIMETRE = 0.1  # decimetres
# What no combination of the 52 makes: raised cheeks, and the sides of two shapes that ARKIT has as one.
LEFTOVERS = tuple(
    stem + side for stem in ("browInnerUp", "cheekPuff", "cheekRaiser") for side in ("_L", "_R")
)
LEFTOVER_DEVIATION = 0.3
# iBUG-68 landmarks that mark a place: chin, nose (root, tip, base), eyes, outer lips; inner lips. The others
# follow a curve (jaw, brows, bridge, wings of the nose): the models space them differently, by up to 19 mm.
PLACES, INNER_LIPS = (8, 27, 30, 32, 33, 34, *range(36, 60)), range(60, 68)
TRUSTED = 0.05  # decimetres between a landmark's place and the vertex that stands for it

Array = np.ndarray[Any, np.dtype[np.float64]]
Index = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Layout:
    """How many vertices and polygons of the files belong to what; the table in ICT-FaceKit's README.

    Attributes:
        vertices: All in a file.
        head, face: Leading ones: face, ears, head and neck; the narrow face area, which PNCC shows.
        head_polygons, face_polygons: Likewise.
        scleras: First and last + 1 vertex of the left and the right sclera.
    """

    vertices: int = 26719
    head: int = 11248
    face: int = 6706
    head_polygons: int = 11144
    face_polygons: int = 6560
    scleras: tuple[tuple[int, int], tuple[int, int]] = ((21451, 22221), (23021, 23791))


def read_ict_facekit(folder: Path, layout: Layout | None = None) -> FaceModel:
    """Read the model: face, ears, head and neck, without eyes, teeth and the inside of the mouth.

    Identity is the principal components of the 100 published modes on these parts. Expression: the 52 ARKIT
    shapes from 0 to 1; `browInnerUp` and `cheekPuff` are the sums of their sides, `tongueOut` does not exist
    and moves nothing. Then four principal components of what the six `LEFTOVERS` add to the 52, in standard
    deviations, each file taken to have one of 0.3; the last eight numbers move nothing.

    ICT-FaceKit has no MediaPipe landmarks. A thin-plate spline through those iBUG-68 landmarks that mark the
    same place in both models takes the open face model's 468 to it (the lips with both mouths open, so that
    upper and lower are apart), and the nearest vertex of the face area becomes the landmark. One that finds
    no vertex within 5 mm is not `known_468`.

    Args:
        folder: The repository, or its folder FaceXModel.
        layout: Which vertices are what; ICT-FaceKit's own by default.

    Returns:
        The model in decimetres, moved (not turned) to where the open face model has its inner landmarks, so
        that a head's translation means the same.

    Raises:
        InputError: Naming the file that is missing or is not what it should be, where it comes from and under
            which licence.
    """
    layout = layout or Layout()
    folder = folder / "FaceXModel" if (folder / "FaceXModel").is_dir() else folder
    everything = _vertices(folder / NEUTRAL, layout, layout.vertices)
    neutral = everything[: layout.head]
    corners = _landmarks_68(folder, layout)
    open_face = FaceModel.open_face()
    theirs = open_face.mean[open_face.landmarks_68].double().numpy()
    shift = (theirs - neutral[corners])[17:].mean(0)
    mean = neutral + shift

    def shape(name: str) -> Array:
        return _vertices(folder / f"{name}.obj", layout, layout.head) - neutral

    identity = np.stack([shape(f"identity{mode:03d}") for mode in range(IDENTITIES)])
    named = np.stack([sum(map(shape, files_of(name)), np.zeros_like(mean)) for name in ARKIT_NAMES])
    leftovers = _outside(np.stack([shape(name) for name in LEFTOVERS]), named) * LEFTOVER_DEVIATION
    learned = principal(leftovers, EXPRESSION_SIZE - len(named))
    landmarks, known = _landmarks_468(mean, named[ARKIT_NAMES.index("jawOpen")], corners, layout.face)
    faces, region = _triangles(folder / NEUTRAL, layout)
    low, high = mean.min(0), mean.max(0)

    def real(values: Array) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).float()

    loops = ("inner_lips", "outer_lips", "left_eye", "right_eye", "face_oval")
    return FaceModel(
        mean=real(mean),
        identity_basis=real(np.moveaxis(principal(identity, IDENTITY_SIZE), 0, -1)),
        expression_basis=real(np.moveaxis(np.concatenate([named, learned]), 0, -1)),
        faces=faces,
        face_region=region,
        ncc=real((mean - low) / (high - low)),
        landmarks_468=landmarks,
        landmarks_68=torch.from_numpy(corners),
        known_468=known,
        mirror=_nearest(mean, mean * (-1, 1, 1))[0],
        eyeballs=real(np.stack([_ball(everything[a:b] + shift) for a, b in layout.scleras])),
        named=torch.tensor(len(ARKIT_NAMES)),
        # Vertices 0 to 467 of the open face model are the landmarks, so its loops are lists of landmarks.
        **{name: landmarks[getattr(open_face, name)] for name in loops},
    )


def files_of(name: str) -> tuple[str, ...]:
    """Names of ICT-FaceKit's shapes that add up to an ARKIT shape: eyeBlinkLeft -> eyeBlink_L."""
    if name == "tongueOut":
        return ()
    if name in ("browInnerUp", "cheekPuff"):
        return name + "_L", name + "_R"
    if name in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):  # where it goes, not the side it is on
        return (name,)
    for side in ("Left", "Right"):
        if name.endswith(side):
            return (f"{name.removesuffix(side)}_{side[0]}",)
    return (name,)


def principal(shapes: Array, count: int) -> Array:
    """The `count` largest principal components of shapes with independent unit coefficients.

    Args:
        shapes: (K, V, 3).
        count: How many.

    Returns:
        (count, V, 3), each one standard deviation long, largest first; zeros where K shapes do not span as
        many. The entry farthest from 0 is positive.
    """
    flat = shapes.reshape(len(shapes), -1)
    rows = np.linalg.eigh(flat @ flat.T)[1].T[::-1] @ flat
    size = np.linalg.norm(rows, axis=1)
    rows = rows[size > 1e-5 * size.max()][:count]
    rows *= np.sign(rows[np.arange(len(rows)), np.abs(rows).argmax(1)])[:, None]
    return np.pad(rows, ((0, count - len(rows)), (0, 0))).reshape(count, *shapes.shape[1:])


def _outside(shapes: Array, named: Array) -> Array:
    """What is left of shapes (K, V, 3) after the best combination of named ones (N, V, 3)."""
    flat, base = shapes.reshape(len(shapes), -1), named.reshape(len(named), -1)
    weights = np.linalg.lstsq(base @ base.T, base @ flat.T, rcond=1e-10)[0]
    return (flat - weights.T @ base).reshape(shapes.shape)


def _landmarks_468(mean: Array, jaw_open: Array, corners: Index, face: int) -> tuple[Tensor, Tensor]:
    """Vertex (468,) of each landmark, and whether one is near enough."""
    open_face = FaceModel.open_face()
    expression = torch.zeros(2, EXPRESSION_SIZE)
    expression[1, ARKIT_NAMES.index("jawOpen")] = 1
    rest, opened = open_face.vertices(torch.zeros(IDENTITY_SIZE), expression).double().numpy()
    # At rest the inner lips touch in the open face model: one place cannot go to two.
    index, distance = _onto(rest, mean, corners, [*PLACES], face)
    lip_index, lip_distance = _onto(opened, mean + jaw_open, corners, [*PLACES, *INNER_LIPS], face)
    lips = list(LIPS)
    index[lips], distance[lips] = lip_index[lips], lip_distance[lips]
    return index, distance < TRUSTED


def _onto(source: Array, target: Array, corners: Index, used: list[int], face: int) -> tuple[Tensor, Tensor]:
    """Nearest of the first `face` target vertices to each warped landmark, and its distance, both (468,)."""
    from scipy.interpolate import RBFInterpolator

    open_face = FaceModel.open_face()
    at = source[open_face.landmarks_68[used]]
    warp = RBFInterpolator(at, target[corners[used]], kernel="thin_plate_spline")
    return _nearest(target[:face], warp(source[open_face.landmarks_468]))


def _nearest(points: Array, queries: Array) -> tuple[Tensor, Tensor]:
    from scipy.spatial import cKDTree

    distance, index = cKDTree(points).query(queries)
    return torch.from_numpy(index.astype(np.int64)), torch.from_numpy(distance)


def _ball(points: Array) -> Array:
    """Centre and radius (4,) of the sphere nearest to points (N, 3), by linear least squares."""
    system = np.column_stack([2 * points, np.ones(len(points))])
    found = np.linalg.lstsq(system, (points**2).sum(1), rcond=None)[0]
    return np.append(found[:3], np.sqrt(found[3] + found[:3] @ found[:3]))


def _lines(path: Path, kind: bytes, count: int) -> tuple[list[bytes], int]:
    """What follows `kind` on the first `count` lines that begin with it; how many lines do."""
    try:
        content = b"\n" + path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(path, "there is no such file", ORIGIN) from error
    except OSError as error:
        raise InputError(path, f"cannot be read ({error})", ORIGIN) from error
    mark = b"\n" + kind + b" "
    rows = content.split(mark, count + 1)[1 : count + 1]
    return [row.partition(b"\n")[0] for row in rows], content.count(mark)


def _vertices(path: Path, layout: Layout, count: int) -> Array:
    """The first `count` vertices (count, 3) of an OBJ file, in decimetres."""
    rows, found = _lines(path, b"v", count)
    if found != layout.vertices:
        raise InputError(path, f"has {found} vertices, not {layout.vertices}", ORIGIN)
    try:
        values = np.array(b" ".join(rows).split(), dtype=np.float64)
    except ValueError as error:
        raise InputError(path, f"has a vertex that is no number ({error})", ORIGIN) from error
    if values.size != 3 * count or not np.isfinite(values).all():
        raise InputError(path, "has vertices that are not three finite numbers", ORIGIN)
    return values.reshape(count, 3) * CENTIMETRE


def _triangles(path: Path, layout: Layout) -> tuple[Tensor, Tensor]:
    """Triangles (F, 3) of the head's polygons, and which are of the face area (F,)."""
    rows, found = _lines(path, b"f", layout.head_polygons)
    if found < layout.head_polygons:
        raise InputError(path, f"has {found} polygons, not {layout.head_polygons} of the head", ORIGIN)
    triangles, region = [], []
    try:
        for position, row in enumerate(rows):
            first, *rest = (int(corner.partition(b"/")[0]) - 1 for corner in row.split())
            fan = [(first, a, b) for a, b in pairwise(rest)]
            triangles += fan
            region += [position < layout.face_polygons] * len(fan)
    except ValueError as error:
        raise InputError(path, f"has a polygon that cannot be read ({error})", ORIGIN) from error
    faces = torch.tensor(triangles, dtype=torch.int64)
    if not 0 <= int(faces.min()) <= int(faces.max()) < layout.head:
        raise InputError(path, f"its first {layout.head_polygons} polygons are not those of the head", ORIGIN)
    return faces, torch.tensor(region)


def _landmarks_68(folder: Path, layout: Layout) -> Index:
    path = folder / LANDMARKS_68
    try:
        found = json.loads(path.read_bytes())["idx_to_landmark_verts"]
        index = np.array(found, dtype=np.int64)
    except FileNotFoundError as error:
        raise InputError(path, "there is no such file", ORIGIN) from error
    except (OSError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise InputError(path, f"has no list idx_to_landmark_verts ({error!r})", ORIGIN) from error
    if index.shape != (68,) or not 0 <= index.min() <= index.max() < layout.head:
        cause = f"idx_to_landmark_verts is not 68 vertices below {layout.head}"
        raise InputError(path, cause, ORIGIN)
    return index
