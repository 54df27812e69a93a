"""Shoulders and chest, and a collar: shapes. Their textures are in clothes.py."""

import numpy as np
from scipy.interpolate import PchipInterpolator

from synthetic_heads.atlas import COLLAR, TORSO
from synthetic_heads.clothes import BOTTOM, SIDE, TOP, TorsoLook
from synthetic_heads.mesh import TORSO as TORSO_LABEL
from synthetic_heads.mesh import Drive, Part, grid_faces, part

ROWS, COLUMNS = 40, 56
RAISED = 0.36  # dm by which the body stands higher than its texture's coordinates say


def torso_parts(look: TorsoLook) -> list[Part]:
    """Body and, for some cuts, a collar."""
    y = np.concatenate([np.linspace(TOP - 0.1, -2.4, 26), np.linspace(-2.5, BOTTOM, ROWS - 26)])
    n, wide, fall = look.neck, look.shoulders, look.slope
    knots = [BOTTOM, -3.6, -1.95 - 0.75 * fall, -1.8 - 0.40 * fall, -1.72 - 0.18 * fall, -1.60, -1.42, TOP]
    knots = list(np.maximum.accumulate(knots))
    half = PchipInterpolator(
        knots,
        [wide * 1.06, wide * 1.05, wide * 0.985, wide * 0.84, wide * 0.60, n + 0.26, n + 0.04, n - 0.08],
    )(y)
    depth = PchipInterpolator(
        [BOTTOM, -3.4, -2.4, -1.95, -1.6, -1.38, TOP], [1.2, 1.18, 0.98, 0.75, 0.57, 0.46, 0.36]
    )(y)
    centre = np.interp(y, [BOTTOM, -2.4, -1.6, TOP], [-0.80, -0.85, -0.88, -0.84])
    turn = np.linspace(-np.pi * 0.78, np.pi * 0.78, COLUMNS)[None]
    power = np.interp(y, [-2.6, -1.5], [0.72, 0.95])[:, None]
    sine, cosine = np.sin(turn), np.cos(turn)
    x = half[:, None] * np.sign(sine) * np.abs(sine) ** power
    z = centre[:, None] + depth[:, None] * np.sign(cosine) * np.abs(cosine) ** power
    body = np.stack([x, np.broadcast_to(y[:, None], x.shape), z], -1)
    flat = body.reshape(-1, 3)
    s, t = (flat[:, 0] / SIDE + 1) / 2, (TOP - flat[:, 1]) / (TOP - BOTTOM)
    shade = 1 - 0.14 * np.exp(-((np.hypot(flat[:, 0], flat[:, 2] + 0.5) / 0.7) ** 2)) * (flat[:, 1] > -2.3)

    parts = [_still("torso", flat, grid_faces(ROWS, COLUMNS), TORSO.uv(s, t), shade)]
    if look.cut in ("shirt", "jacket", "turtle"):
        parts.append(_collar(look))
    return parts


def _still(name: str, points: np.ndarray, faces: np.ndarray, uv: np.ndarray, shade: np.ndarray) -> Part:
    points = np.add(points, (0.0, RAISED, 0.0))

    def positions(drive: Drive) -> np.ndarray:
        return np.broadcast_to(points, (len(drive.face), *points.shape))

    return part(name, positions, faces, uv, shade=shade, label=TORSO_LABEL, follow=1.0)


def _collar(look: TorsoLook) -> Part:
    rows, columns = 7, 60
    n = look.neck
    turtle = look.cut == "turtle"
    gap = 0.0 if turtle else 0.11
    turn = np.linspace(gap, 2 * np.pi - gap, columns)[None] + np.pi  # starts and ends at the front
    front = np.exp(-((np.minimum(turn - np.pi - gap, 3 * np.pi - gap - turn) / 0.5) ** 2))  # 1 at the points
    t = np.linspace(0, 1, rows)[:, None]
    cos, sin = -np.cos(turn), -np.sin(turn)
    if turtle:
        radius = n + 0.06 + 0.05 * np.sin(np.pi * t)
        y = -1.40 - 0.32 * t + 0.10 * cos * (1 - t) * -1
    else:
        radius = n + 0.06 + 0.22 * t**1.1 + 0.12 * front * t
        y = -1.32 - 0.19 * t - (0.22 * front) * t - 0.24 * np.clip(cos, 0, 1) ** 2 * np.ones_like(t)
    x = radius * sin
    z = -0.85 + radius * cos * np.where(cos > 0, 0.92, 0.95) + 0.04
    points = np.stack([x, y * np.ones_like(x), z], -1).reshape(-1, 3)
    s = np.broadcast_to(np.linspace(0, 1, columns), (rows, columns)).reshape(-1)
    uv = COLLAR.uv(s, np.broadcast_to(t, (rows, columns)).reshape(-1))
    return _still("collar", points, grid_faces(rows, columns), uv, np.ones(len(points)))
