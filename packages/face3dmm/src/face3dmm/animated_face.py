"""A face model in motion as programs for 3D scenes take it: a mesh, 52 shapes, a head and two eyes.

Metres, right-handed, y up, the face towards +z. The numbers of the shapes are those of the Live Link CSV:
weights in [0, 1] that stand for all 64 coefficients as far as they can (`arkit_motion`).
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from face3dmm.arkit import ARKIT_NAMES
from face3dmm.arkit_weights import ArkitSolve, arkit_motion
from face3dmm.camera import rotation_from_euler
from face3dmm.gaze_marks import IRIS_RADIUS, eyeballs_of
from face3dmm.model import FaceModel
from face3dmm.track import FaceCoeffs

Array = NDArray[np.float64]
Faces = NDArray[np.int64]

METRES = 0.1  # in a decimetre, the model's unit
MOUTH_DEPTH = 0.25  # dm from the lips to the back of the mouth's lining
PUPIL_RADIUS = 0.18  # of the eyeball's
EYE_SIDES, EYE_RINGS = 32, 10  # of the sphere: vertices around, rings behind the iris


@dataclass(frozen=True)
class Surface:
    """Triangles of one colour.

    Attributes:
        name: Of its material.
        colour: Linear RGB in [0, 1].
        roughness: 0 (a mirror) to 1.
        faces: (F, 3) counter-clockwise seen from outside.
    """

    name: str
    colour: tuple[float, float, float]
    roughness: float
    faces: Faces


@dataclass(frozen=True, eq=False)
class AnimatedFace:
    """A face in motion: points = rest + sum of weights times shapes, then turned and moved with the head.

    Attributes:
        rest: (P, 3) the person at rest in metres: the model's vertices, then those of the mouth's lining.
        shapes: (52, P, 3) what each shape of `ARKIT_NAMES` adds at weight 1, metres.
        surfaces: Of these points: skin and mouth.
        weights: (T, 52) in [0, 1].
        head_rotation: (T, 4) unit quaternions (x, y, z, w), no jump of sign between frames.
        head_translation: (T, 3) metres.
        eye_centres: (2, 3) of the left and the right eyeball in the head, metres.
        eye_radii: (2,) metres.
        eye_rotation: (T, 4) of both eyes in the head; no turn looks along z.
        fps: Frames per second.
    """

    rest: Array
    shapes: Array
    surfaces: tuple[Surface, ...]
    weights: Array
    head_rotation: Array
    head_translation: Array
    eye_centres: Array
    eye_radii: Array
    eye_rotation: Array
    fps: float

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def seconds(self) -> Array:
        """(T,) when each frame is shown."""
        return np.arange(len(self)) / self.fps


def animated_face(
    model: FaceModel, coeffs: FaceCoeffs, fps: float = 25.0, config: ArkitSolve | None = None
) -> AnimatedFace:
    """The motion of a clip on the person's face.

    Args:
        model: One that has the ARKit shapes, such as the open face model.
        coeffs: T frames.
        fps: Of the clip.
        config: Prices of the ARKit weights, see `arkit_motion`.

    Raises:
        ValueError: If the model's expressions are not named after ARKit, or there is no frame.
    """
    if int(model.named) != len(ARKIT_NAMES):
        raise ValueError("the face model has no ARKit shapes; the open face model has")
    if not len(coeffs):
        raise ValueError("there is no frame")
    motion = arkit_motion(model, coeffs, fps, config)
    identity = coeffs.identity.detach().double()
    rest = model.mean.double() + model.identity_basis.double() @ identity
    shapes = model.expression_basis[..., : len(ARKIT_NAMES)].double().permute(2, 0, 1)
    lining, mouth = _mouth_lining(model.inner_lips.numpy(), len(rest))
    points = torch.cat([rest, _lining_points(rest[lining])])
    moved = torch.cat([shapes, shapes[:, lining], shapes[:, lining].mean(1, keepdim=True)], 1)
    eyes = eyeballs_of(model, coeffs.identity).detach().double().numpy()
    gaze = torch.cat([motion.gaze, torch.zeros(len(motion), 1)], -1)
    return AnimatedFace(
        rest=points.numpy() * METRES,
        shapes=moved.numpy() * METRES,
        surfaces=(
            Surface("Skin", (0.62, 0.39, 0.29), 0.6, model.faces.numpy()),
            Surface("Mouth", (0.05, 0.01, 0.01), 0.9, mouth),
        ),
        weights=motion.weights.double().numpy(),
        head_rotation=_quaternions(motion.euler),
        head_translation=coeffs.translation.detach().double().numpy() * METRES,
        eye_centres=eyes[:, :3] * METRES,
        eye_radii=eyes[:, 3] * METRES,
        eye_rotation=_quaternions(gaze),
        fps=fps,
    )


def eyeball() -> tuple[Array, tuple[Surface, ...]]:
    """A sphere of radius 1 about the origin that looks along z.

    Returns:
        Points (P, 3), which are also its normals, and its white, iris and pupil.
    """
    front = np.arcsin([0.0, PUPIL_RADIUS, IRIS_RADIUS])
    angles = np.concatenate([front, np.linspace(front[-1], np.pi, EYE_RINGS + 1)[1:]])
    turn = np.arange(EYE_SIDES) * 2 * np.pi / EYE_SIDES
    points = np.stack(
        [
            np.sin(angles)[:, None] * np.cos(turn),
            np.sin(angles)[:, None] * np.sin(turn),
            np.broadcast_to(np.cos(angles)[:, None], (len(angles), EYE_SIDES)),
        ],
        -1,
    )
    here = np.arange(EYE_SIDES)
    beside = np.roll(here, -1)
    rings = []
    for ring in range(len(angles) - 1):
        inner, outer = ring * EYE_SIDES, (ring + 1) * EYE_SIDES
        near = np.stack([inner + here, outer + here, outer + beside], -1)
        far = np.stack([inner + here, outer + beside, inner + beside], -1)
        # At the poles one side of each square has no length.
        rings.append(near if ring == 0 else far if ring == len(angles) - 2 else np.concatenate([near, far]))
    return points.reshape(-1, 3), (
        Surface("EyeWhite", (0.85, 0.83, 0.8), 0.2, np.concatenate(rings[2:])),
        Surface("Iris", (0.12, 0.07, 0.03), 0.2, rings[1]),
        Surface("Pupil", (0.005, 0.005, 0.005), 0.2, rings[0]),
    )


def normals_of(points: Array, faces: Faces) -> Array:
    """Unit normals (P, 3) of points (P, 3): the mean of their triangles' (F, 3), by area; z without any."""
    corners = points[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    sums = np.zeros_like(points)
    for corner in range(3):
        np.add.at(sums, faces[:, corner], across)
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.where(length > 0, sums / np.where(length > 0, length, 1), (0.0, 0.0, 1.0))


def _mouth_lining(lips: Faces, first: int) -> tuple[Faces, Faces]:
    """The points (20,) whose copies line the mouth, and triangles between lips, copies and the mouth's back.

    The lips' loop runs clockwise seen from the front, so these triangles face into the mouth.
    """
    copies, back = first + np.arange(len(lips)), first + len(lips)
    beside, copies_beside = np.roll(lips, -1), np.roll(copies, -1)
    return lips, np.concatenate(
        [
            np.stack([lips, copies, copies_beside], -1),
            np.stack([lips, copies_beside, beside], -1),
            np.stack([copies, np.full_like(copies, back), copies_beside], -1),
        ]
    )


def _lining_points(lips: Tensor) -> Tensor:
    """(21, 3) behind the lips (20, 3): their copies and the middle of these."""
    copies = lips - lips.new_tensor([0, 0, MOUTH_DEPTH])
    return torch.cat([copies, copies.mean(0, keepdim=True)])


def _quaternions(euler: Tensor) -> Array:
    """(T, 4) x, y, z, w of Euler angles (T, 3); of the two signs the one nearer to the frame before."""
    from scipy.spatial.transform import Rotation

    turns = Rotation.from_matrix(rotation_from_euler(euler.detach().double()).numpy()).as_quat()
    flips = np.cumsum(np.einsum("tk,tk->t", turns, np.roll(turns, 1, 0)) * (np.arange(len(turns)) > 0) < 0)
    turns[flips % 2 == 1] *= -1
    return np.asarray(turns)
