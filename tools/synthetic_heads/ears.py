"""Ears: a curved plate with helix, antihelix, concha and lobe."""

import numpy as np

from synthetic_heads.atlas import EAR, Atlas
from synthetic_heads.mesh import Drive, Part, grid_faces, part
from synthetic_heads.noise import fractal, mix, smoothstep

RINGS, SPOKES = 13, 32


def paint_ears(atlas: Atlas, tone: np.ndarray, rng: np.random.Generator) -> None:
    """Skin with red rim and dark concha."""
    side = EAR.height
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j].astype(np.float32)
    radius = np.hypot(x, y)
    colour = tone * (1 + 0.03 * fractal(rng, side, side, 30, 4))[..., None]
    colour = mix(colour, colour * np.array([1.02, 0.80, 0.76]), smoothstep(0.6, 1.0, radius) * 0.7)
    concha = np.exp(-(((x + 0.18) / 0.26) ** 2) - ((y - 0.15) / 0.34) ** 2)
    colour = mix(colour, colour * np.array([0.50, 0.36, 0.33]), concha * 0.85)
    groove = np.exp(-(((radius - 0.78) / 0.07) ** 2)) * smoothstep(0.5, -0.3, y - 0.3)
    colour = mix(colour, colour * np.array([0.62, 0.48, 0.45]), groove * 0.7)
    atlas.paint(EAR, np.clip(colour, 0, 1), 0.12)


def ear_parts(neutral: np.ndarray, skull_width: float, size: float, tilt: float) -> list[Part]:
    """Left and right ear.

    Args:
        neutral: (468, 3) face at rest.
        skull_width: Factor on the skull's width.
        size: Factor, about 1.
        tilt: Radians by which the ears stand off.
    """
    ring = np.linspace(0, 1, RINGS)[:, None]
    turn = np.linspace(0, 2 * np.pi, SPOKES, endpoint=False)[None]
    back, up = ring * np.cos(turn), ring * np.sin(turn)  # back > 0 towards the rear, up
    outline = 1 + 0.14 * np.cos(turn - 0.9) + 0.05 * np.cos(2 * turn)
    z = -back * outline * 0.185 * size
    y = up * outline * 0.315 * size
    helix = (
        0.055
        * np.exp(-(((ring - 0.9) / 0.09) ** 2))
        * smoothstep(-0.8, 0.1, np.sin(turn) + 0.6 * np.cos(turn))
    )
    anti = 0.05 * np.exp(-(((ring - 0.55) / 0.13) ** 2)) * smoothstep(-0.5, 0.3, np.cos(turn))
    concha = -0.09 * np.exp(-(((back + 0.15) / 0.3) ** 2) - ((up + 0.12) / 0.4) ** 2)
    rise = helix + anti + concha + 0.02 * ring
    out = rise + np.sin(tilt) * np.clip(back + 0.55, 0, None) * 0.19
    out = (
        out - 0.10 * smoothstep(0.2, 1.0, -back) - 0.10 * smoothstep(0.5, 1.0, -up)
    )  # grown to the head in front
    s, t = 0.5 + 0.48 * back, 0.5 - 0.48 * up
    uv = EAR.uv(s, t).reshape(-1, 2)
    parts = []
    for side, vertex in ((1.0, 454), (-1.0, 234)):
        base = neutral[vertex] + np.array([side * 0.01 * skull_width, 0.05, -0.17])
        fixed = np.stack([side * out, y, z - 0.12 * y], -1).reshape(-1, 3) + base
        faces = grid_faces(RINGS, SPOKES, wrap=True)
        faces = faces if side < 0 else faces[:, ::-1]

        def positions(drive: Drive, fixed: np.ndarray = fixed) -> np.ndarray:
            return np.broadcast_to(fixed, (len(drive.face), *fixed.shape))

        parts.append(part("ear", positions, faces, uv, shade=0.92))
    return parts
