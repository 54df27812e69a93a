"""Skin of face, skull and neck: the face model's mesh, continued by rings over the skull down the neck."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.interpolate import PchipInterpolator

from synthetic_heads import brush
from synthetic_heads.atlas import NECK, SKIN
from synthetic_heads.mesh import HEAD, TORSO, Drive, Part, Tessellation, grid_faces, part
from synthetic_heads.noise import smoothstep

FACE = 468
# Rings are cuts of the skull by planes through an axis under the jaw: from the face's rim backwards to the
# horizontal cut through the throat, then straight down the neck.
HINGE = np.array([0.0, -0.86, -0.20])
TILTS = np.radians([-6, 3, 13, 23, 33, 43, 53, 62, 70, 77, 84, 90])
# How far rings on the neck lie below the last cut, in dm.
NECK_DROPS = np.array([0.08, 0.2, 0.36, 0.54, 0.74, 0.96])
RINGS = len(TILTS) + len(NECK_DROPS)
SKULL_RINGS = len(TILTS) + 1  # those that the skin's texture covers
NECK_START = 9  # the neck's own texture begins here, under the last rings of the skull
TEXELS = 245.0  # per decimetre in the middle of the face


@dataclass(frozen=True)
class SkullShape:
    """Proportions of skull and neck.

    Attributes:
        height, depth, width: Factors on the skull's size.
        neck: Half width of the neck in dm.
    """

    height: float = 1.0
    depth: float = 1.0
    width: float = 1.0
    neck: float = 0.6


@dataclass(frozen=True)
class Topology:
    """Connectivity and texture coordinates, the same for everybody.

    Attributes:
        rim: (36,) the face's rim, counter-clockwise from the middle of the forehead.
        coarse: (f, 3) triangles of face and rings before tessellation.
        uv: (v, 2) atlas pixels of the coarse vertices.
        smooth: The tessellation of it.
    """

    rim: np.ndarray
    coarse: np.ndarray
    uv: np.ndarray
    smooth: Tessellation


def skull_rings(rim: np.ndarray, reference: np.ndarray, shape: SkullShape) -> np.ndarray:
    """Rings behind the face's rim.

    Args:
        rim: (T, 36, 3) rim of the moving face.
        reference: (36, 3) rim of the same face at rest.
        shape: Proportions.

    Returns:
        (T, rings, 36, 3). The first rings take over the rim's place and follow its movements.
    """
    base = _ring_shapes(reference, shape)  # (R, 36, 3)
    tilts = np.concatenate([TILTS, TILTS[-1] + NECK_DROPS])
    start = _section(_angles(reference), np.full(1, TILTS[0] - np.radians(5)), shape)[0]
    progress = (tilts - tilts[0] + 0.09) / 0.75
    fit = np.exp(-(progress**1.5))[:, None, None]  # share of the rim's deviation from the ideal skull
    movement = np.exp(-(((np.arange(len(tilts)) + 1) / 2.5) ** 2))[:, None, None]
    fitted = base + fit * (reference - start)
    return fitted[None] + movement[None] * (rim - reference)[:, None]


def _angles(rim: np.ndarray) -> np.ndarray:
    """Angle of each rim vertex around the section: 0 at the top, pi at the chin, left is positive."""
    top, bottom = rim[:, 1].max(), rim[:, 1].min()
    height = np.clip((rim[:, 1] - bottom) / (top - bottom) * 2 - 1, -1, 1)
    side = rim[:, 0] / np.abs(rim[:, 0]).max()
    return np.arctan2(side * 0.95, height)


def _section(angles: np.ndarray, tilts: np.ndarray, shape: SkullShape) -> np.ndarray:
    """Points (R, 36, 3) of the ideal skull, cut at each tilt."""
    degrees = np.degrees(tilts)
    reach = PchipInterpolator(
        [-20, -6, 13, 33, 53, 70, 90], np.array([1.80, 2.02, 2.22, 2.14, 1.88, 1.47, 1.06])
    )(np.clip(degrees, -20, 90)) * np.interp(degrees, [0, 60], [shape.height, shape.depth])  # fmt: skip
    width = PchipInterpolator([-20, -6, 13, 33, 53, 70, 90], [0.70, 0.745, 0.80, 0.80, 0.76, 0.68, 0.0])(
        np.clip(degrees, -20, 90)
    )
    width = width * shape.width
    blend = smoothstep(60, 90, degrees)
    width = width * (1 - blend) + shape.neck * blend
    skew = np.interp(degrees, [0, 45, 90], [0.06, 0.08, 0.0])
    jaw = np.interp(degrees, [-20, 40, 75], [0.42, 0.36, 0.0])  # narrower below the ears
    sine, cosine = np.sin(angles)[None], np.cos(angles)[None]
    r = reach[:, None] * (1 + cosine) / 2
    x = width[:, None] * np.sign(sine) * np.abs(sine) ** 0.85 * (1 + skew[:, None] * cosine)
    x = x * (1 - jaw[:, None] * np.clip(-cosine, 0, 1) ** 1.3)
    up, back = np.cos(tilts)[:, None], np.sin(tilts)[:, None]
    return np.stack([x, HINGE[1] + r * up, HINGE[2] - r * back], -1)


def _ring_shapes(reference: np.ndarray, shape: SkullShape) -> np.ndarray:
    angles = _angles(reference)
    skull = _section(angles, TILTS, shape)
    last = skull[-1]
    cuts = [*skull]
    for drop in NECK_DROPS:
        ring = last.copy()
        ring[:, 0] *= 1 + 0.22 * (drop / 0.96) ** 2.5  # the neck widens into the shoulders
        ring[:, 1] -= drop
        ring[:, 2] -= 0.16 * drop
        cuts.append(ring)
    rings = np.stack(cuts)
    for _ in range(3):  # rounds the edge between throat and neck
        rings[6:-1] = (rings[5:-2] + 2 * rings[6:-1] + rings[7:]) / 4
    return rings


@cache
def topology() -> Topology:
    """Mesh of face and rings, built from the open face model once."""
    from face3dmm import FaceModel

    model = FaceModel.open_face()
    mean = model.mean[:FACE].numpy()
    rim = model.face_oval.numpy()
    if mean[rim[1], 0] > 0:  # the loops below want it counter-clockwise seen from the front
        rim = np.concatenate([rim[:1], rim[:0:-1]])
    numbers = np.concatenate([rim[None], FACE + np.arange(SKULL_RINGS * len(rim)).reshape(SKULL_RINGS, -1)])
    local = grid_faces(SKULL_RINGS + 1, len(rim), wrap=True)
    back = numbers.reshape(-1)[local]
    face = model.faces[model.face_region].numpy()
    coarse = np.concatenate([face, back])
    uv = _texture_coordinates(mean, rim, SKULL_RINGS)
    return Topology(rim, coarse, uv, Tessellation(coarse, len(uv)))


def _texture_coordinates(mean: np.ndarray, rim: np.ndarray, rings: int) -> np.ndarray:
    """Atlas pixels: the face unrolled from a cylinder, the rings around it ever wider."""
    angle = np.arctan2(mean[:, 0], mean[:, 2] + 0.62)
    flat = np.stack([angle * 0.78, -mean[:, 1]], -1) * TEXELS
    centre = np.array([SKIN.x + SKIN.width / 2, SKIN.y + SKIN.height / 2 + 8])
    border = flat[rim]
    limit = SKIN.width / 2 - 16
    scale = limit / np.abs(border).max(1, keepdims=True)  # to the edge of the square
    steps = (np.arange(rings) + 1)[:, None, None] / rings
    outer = border * (1 + (scale - 1) * steps)
    return np.concatenate([flat, outer.reshape(-1, 2)]).astype(np.float32) + centre.astype(np.float32)


class Skin:
    """Positions of the tessellated skin of face and skull."""

    def __init__(self, shape: SkullShape) -> None:
        self.shape = shape
        self.topology = topology()

    def rings(self, drive: Drive) -> np.ndarray:
        """All rings (T, RINGS, 36, 3)."""
        rim = self.topology.rim
        return skull_rings(drive.face[:, rim], drive.neutral[rim], self.shape)

    def __call__(self, drive: Drive) -> np.ndarray:
        rings = self.rings(drive)[:, :SKULL_RINGS]
        return self.topology.smooth.positions(
            np.concatenate([drive.face, rings.reshape(len(rings), -1, 3)], 1)
        )


def head_parts(shape: SkullShape, neutral: np.ndarray) -> list[Part]:
    """Face with skull, and the neck, of one person with the face (468, 3) at rest."""
    mesh = topology()
    skin = Skin(shape)
    ring = np.arange(RINGS)[:, None] + 1.0
    # Under the chin the neck begins within a few rings, at the nape only where the cut is level.
    chin = np.clip((np.abs(_angles(neutral[mesh.rim])) - 1.7) / 1.3, 0, 1)[None]
    label = HEAD + (TORSO - HEAD) * np.clip((ring - (10.0 - 6.0 * chin)) / 2 + 0.5, 0, 1)
    follow = smoothstep(9.0, 17.5, ring + 2.0 * chin)
    shade = 1 - 0.55 * np.clip((ring - 1) / 4, 0, 1) * chin * smoothstep(15.0, 8.0, ring)  # the jaw's shadow

    def over_skin(first: float, rings: np.ndarray) -> np.ndarray:
        rings = np.broadcast_to(rings, (RINGS, len(mesh.rim)))[:SKULL_RINGS]
        return mesh.smooth.values(np.concatenate([np.full(FACE, first), rings.reshape(-1)]))

    columns = np.r_[: len(mesh.rim), 0]  # the seam is at the nape

    def over_neck(rings: np.ndarray) -> np.ndarray:
        return np.broadcast_to(rings, (RINGS, len(mesh.rim)))[NECK_START:, columns].reshape(-1)

    def neck(drive: Drive) -> np.ndarray:
        return skin.rings(drive)[:, NECK_START:][:, :, columns].reshape(len(drive.face), -1, 3)

    rows = RINGS - NECK_START
    s = np.broadcast_to(np.linspace(0, 1, len(columns)), (rows, len(columns))).reshape(-1)
    t = np.repeat(np.linspace(0, 1, rows), len(columns))
    uv = mesh.smooth.values(mesh.uv)
    return [
        part("skin", skin, mesh.smooth.faces, uv, shade=over_skin(1, shade), label=over_skin(HEAD, label),
             follow=over_skin(0, follow)),
        part("neck", neck, grid_faces(rows, len(columns)), NECK.uv(s, t), shade=over_neck(shade),
             label=over_neck(label), follow=over_neck(follow), offset=0.008),
    ]  # fmt: skip


def paint_neck(skin: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw the neck's lines and tendons on bare skin (H, W, 3) of the region NECK, in place; returns it."""
    shape = skin.shape[:2]
    height, width = shape
    for row in (0.45, 0.62, 0.78):
        x = np.linspace(0.18, 0.82, 9)
        y = row - 0.10 * (2 * x - 1) ** 2 + rng.normal(0, 0.008, 9)
        brush.tint(
            skin,
            brush.line(shape, np.stack([x * width, y * height], -1), 2, 1.3),
            0.62,
            rng.uniform(0.05, 0.25),
        )
    for side in (-1, 1):
        path = np.array([[0.5 + side * 0.20, 0.30], [0.5 + side * 0.13, 0.65], [0.5 + side * 0.05, 0.95]])
        path = path * (width, height)
        brush.tint(skin, brush.line(shape, path, 10, 9.0), 1.10, 0.7)
        brush.tint(skin, brush.line(shape, path - (side * 26, 0), 10, 9.0), 0.84, 0.7)
    return skin
