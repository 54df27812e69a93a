"""Glasses: two rims, a bridge, two temples."""

from dataclasses import dataclass

import numpy as np

from synthetic_heads.atlas import GLASSES, Atlas
from synthetic_heads.mesh import Drive, Part, grid_faces, part
from synthetic_heads.noise import fractal

TURNS, ROUND = 40, 6


@dataclass(frozen=True)
class GlassesLook:
    """Frames of a pair of glasses.

    Attributes:
        colour: sRGB in [0, 1].
        thickness: Radius of the wire in dm.
        width, height: Half sizes of a lens in dm.
        square: 1 is an ellipse, 3 nearly a rectangle.
    """

    colour: np.ndarray
    thickness: float
    width: float
    height: float
    square: float


def paint_glasses(atlas: Atlas, look: GlassesLook, rng: np.random.Generator) -> None:
    """Plain or slightly marbled horn."""
    noise = fractal(rng, GLASSES.height, GLASSES.width, 24, 3)
    colour = look.colour.astype(np.float32) * (1 + 0.15 * noise)[..., None]
    atlas.paint(GLASSES, np.clip(colour, 0.005, 1), 0.5)


def glasses_parts(neutral: np.ndarray, look: GlassesLook) -> list[Part]:
    """Glasses that sit on the nose of a face (468, 3) at rest."""
    nose = neutral[168]
    lines = []
    for side, (inner, outer) in ((1.0, (362, 263)), (-1.0, (133, 33))):
        eye = (neutral[inner] + neutral[outer]) / 2
        angle = np.linspace(0, 2 * np.pi, TURNS)
        cosine, sine = np.cos(angle), np.sin(angle)
        power = 2 / (1 + look.square)
        x = eye[0] + look.width * np.sign(cosine) * np.abs(cosine) ** power
        y = eye[1] - 0.03 + look.height * np.sign(sine) * np.abs(sine) ** power
        z = nose[2] + 0.06 - 0.22 * (np.abs(x) - 0.1).clip(0) ** 1.3
        lines.append(np.stack([x, y, z], -1))
        hinge = np.array([eye[0] + side * look.width, eye[1] + 0.05, z[0] - 0.01])
        ear = neutral[454 if side > 0 else 234] + np.array([side * 0.05, 0.22, -0.10])
        lines.append(hinge + (ear - hinge) * np.linspace(0, 1, 12)[:, None])
    t = np.linspace(-1, 1, 9)
    half = np.abs(neutral[362, 0] + neutral[263, 0]) / 2 - look.width
    bridge = np.stack([t * half, nose[1] + 0.02 + 0.05 * (1 - t**2), nose[2] + 0.06 + 0.02 * (1 - t**2)], -1)
    lines.append(bridge)
    return [_tube(line, look.thickness) for line in lines]


def _tube(line: np.ndarray, radius: float) -> Part:
    """A round wire along a line (N, 3)."""
    along = np.gradient(line, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    first = np.cross(along, np.array([0.0, 0.3, 1.0]))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(along, first)
    angle = np.linspace(0, 2 * np.pi, ROUND, endpoint=False)
    around = np.cos(angle)[None, :, None] * first[:, None] + np.sin(angle)[None, :, None] * second[:, None]
    points = (line[:, None] + radius * around).reshape(-1, 3)
    s, t = np.meshgrid(np.linspace(0, 1, ROUND), np.linspace(0, 1, len(line)))

    def positions(drive: Drive) -> np.ndarray:
        return np.broadcast_to(points, (len(drive.face), *points.shape))

    uv = GLASSES.uv(s.reshape(-1), t.reshape(-1))
    return part("glasses", positions, grid_faces(len(line), ROUND, wrap=True), uv, gloss=0.25, shade=0.95)
