"""Build the open face model from the measured statistics: python tools/open_face/build.py [--output FILE]

Writes packages/face3dmm/src/face3dmm/data/open_face.safetensors unless told otherwise. Nothing is drawn at
random: the same statistics give the same model, to the rounding of the machine's linear algebra.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import torch
from identity import identity_basis, orientation
from mean import FACE_WIDTH, mean_shape
from rig import Rig
from safetensors.numpy import load_file
from shapes_eyes import brow_shapes, eye_shapes
from shapes_mouth import jaw_shapes, lip_shapes, side_shapes
from shell import shell_mesh
from spread import Spreader
from topology import (
    FACE_OVAL,
    LANDMARKS_68,
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    LOWER_LIP,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
    UPPER_LIP,
    VERTICES,
    adjacency,
    loop,
    triangles,
)

from face3dmm.arkit import ARKIT_NAMES
from face3dmm.model import FaceModel

HERE = Path(__file__).parent
TARGET = HERE.parents[1] / "packages/face3dmm/src/face3dmm/data/open_face.safetensors"
RESIDUALS = 12
SHELL_REACH = 0.45  # decimetres beyond the face that move with an expression


def named_shapes(rig: Rig) -> np.ndarray:
    """The ARKit shapes (52, 468, 3) in the order of ARKIT_NAMES."""
    found: dict[str, np.ndarray] = {}
    for name, shape in (eye_shapes(rig) | brow_shapes(rig) | side_shapes(rig)).items():
        if name in ("browInnerUp", "cheekPuff"):
            found[name] = shape
        else:
            found[name + "Left"], found[name + "Right"] = shape, rig.mirrored(shape)
    found |= jaw_shapes(rig) | lip_shapes(rig)
    found["mouthRight"] = rig.mirrored(found["mouthLeft"])
    found["tongueOut"] = np.zeros_like(rig.points)  # the mesh has no tongue
    return np.stack([found[name] for name in ARKIT_NAMES])


def residual_shapes(within: np.ndarray, explained: np.ndarray) -> np.ndarray:
    """Principal movements (12, V, 3), one standard deviation each, that `explained` (K, V, 3) cannot make.

    Args:
        within: (M, V, 3) measured movements, one standard deviation each, uncorrelated.
    """
    basis, sizes, _ = np.linalg.svd(explained.reshape(len(explained), -1).T, full_matrices=False)
    basis = basis[:, sizes > 1e-6 * sizes[0]]
    flat = within.reshape(len(within), -1)
    left = flat - (flat @ basis) @ basis.T
    _, sizes, modes = np.linalg.svd(left, full_matrices=False)
    modes *= orientation(modes.T)[:, None]
    return (sizes[:RESIDUALS, None] * modes[:RESIDUALS]).reshape(RESIDUALS, *within.shape[1:])


def build() -> FaceModel:
    """The model from statistics.safetensors and the installed mediapipe's connectivity."""
    measured = load_file(HERE / "statistics.safetensors")
    faces = triangles()
    points, mirror = mean_shape(measured["mean"])
    edges = adjacency(faces, VERTICES)
    # A dozen diagonals of the mesh are not symmetric; the shapes must be.
    edges = np.maximum(edges, edges[np.ix_(mirror, mirror)])
    rig = Rig(points, mirror, Spreader(points, edges))
    shapes = named_shapes(rig)
    energy = measured["between_energy"].astype(float) * FACE_WIDTH**2
    identity = identity_basis(rig.spread.laplacian, mirror, energy)
    explained = np.concatenate([shapes, np.moveaxis(identity, -1, 0)])
    residual = residual_shapes(measured["within_modes"].astype(float) * FACE_WIDTH, explained)
    expression = np.moveaxis(np.concatenate([shapes, residual]), 0, -1)

    vertices, shell, mirror = shell_mesh(points, faces, mirror)
    region = np.arange(len(faces) + len(shell)) < len(faces)
    faces = np.concatenate([faces, shell])
    whole = Spreader(vertices, adjacency(faces, len(vertices)))
    identity = whole.extend(identity)  # the head grows with the face
    expression = whole.extend(expression, SHELL_REACH)  # skull and neck stay
    low, high = vertices.min(0), vertices.max(0)

    def index(values: object) -> torch.Tensor:
        return torch.tensor(np.array(values), dtype=torch.int64)

    def real(values: np.ndarray) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32)

    return FaceModel(
        mean=real(vertices),
        identity_basis=real(identity),
        expression_basis=real(expression),
        faces=index(faces),
        face_region=torch.tensor(region),
        ncc=real((vertices - low) / (high - low)),
        landmarks_468=index(range(VERTICES)),
        landmarks_68=index(LANDMARKS_68),
        known_468=torch.ones(VERTICES, dtype=torch.bool),
        mirror=index(mirror),
        inner_lips=index(loop(UPPER_LIP[3], LOWER_LIP[3])),
        outer_lips=index(loop(UPPER_LIP[0], LOWER_LIP[0])),
        left_eye=index(loop(LEFT_UPPER_LID, LEFT_LOWER_LID)),
        right_eye=index(loop(RIGHT_UPPER_LID, RIGHT_LOWER_LID)),
        face_oval=index(FACE_OVAL),
        eyeballs=real(eyeballs(measured["mean"], points)),
        named=torch.tensor(len(ARKIT_NAMES)),
    )


def eyeballs(measured: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Centre and radius (2, 4) of the left and the right eyeball: 12 mm spheres behind the lids.

    They stand above the corners: so high that people who look into the camera are found to do so.
    """
    corners = (points[263] + points[362]) / 2
    front = points[list(LEFT_UPPER_LID)][:, 2].max()
    left = np.array([corners[0], corners[1] + 0.015, front - 0.125, 0.12])
    return np.stack([left, left * (-1, 1, 1, 1)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=TARGET, help="file to write")
    output: Path = parser.parse_args().output
    output.parent.mkdir(exist_ok=True)
    build().save(output, source="tools/open_face")
    card = {"sha256": hashlib.sha256(output.read_bytes()).hexdigest()}  # for `mimictalk weights verify`
    output.with_suffix(".json").write_text(json.dumps(card) + "\n")
    print(f"{output.name}: {output.stat().st_size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
