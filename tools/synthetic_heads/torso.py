"""Shoulders and chest with clothes, and a collar."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import PchipInterpolator

from synthetic_heads import brush
from synthetic_heads.atlas import COLLAR, TORSO, Atlas
from synthetic_heads.mesh import TORSO as TORSO_LABEL
from synthetic_heads.mesh import Drive, Part, grid_faces, part
from synthetic_heads.noise import fractal, mix, smoothstep

TOP, BOTTOM, SIDE = -1.28, -5.2, 2.5  # dm covered by the texture, seen from the front
NECK_BASE = np.array([0.0, -1.6, -0.88])  # the torso turns about this point
ROWS, COLUMNS = 40, 56
CUTS = ("crew", "v", "shirt", "jacket", "turtle", "scoop")
PATTERNS = ("plain", "knit", "stripes", "checks", "dots", "heather", "camouflage")


@dataclass(frozen=True)
class TorsoLook:
    """Build and clothes.

    Attributes:
        shoulders: Half width in dm.
        slope: Fall of the shoulders, about 1.
        neck: Half width of the neck in dm.
        cut: One of CUTS.
        pattern: One of PATTERNS.
        cloth, second, shirt: sRGB colours in [0, 1].
        skin: sRGB tone.
    """

    shoulders: float
    slope: float
    neck: float
    cut: str
    pattern: str
    cloth: np.ndarray
    second: np.ndarray
    shirt: np.ndarray
    skin: np.ndarray


def _pixels(points: np.ndarray) -> np.ndarray:
    """Texture pixels of front-view points (N, 2) x, y in dm."""
    s = (points[:, 0] / SIDE + 1) / 2 * TORSO.width
    t = (TOP - points[:, 1]) / (TOP - BOTTOM) * TORSO.height
    return np.stack([s, t], -1)


def weave(look: TorsoLook, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Cloth (height, width, 3) with its threads."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    colour = np.broadcast_to(look.cloth.astype(np.float32), (height, width, 3)).copy()
    second = look.second.astype(np.float32)
    period = float(rng.uniform(22, 70))
    thread = 0.05 * np.sin(x * 1.7) * np.sin(y * 1.7)
    if look.pattern == "stripes":
        across = y if rng.random() < 0.6 else x
        colour = mix(colour, second, smoothstep(-0.15, 0.15, np.sin(across * 2 * np.pi / period) - rng.uniform(0, 0.6)))
    elif look.pattern == "checks":
        for across in (x, y):
            colour = mix(colour, second, 0.5 * smoothstep(-0.1, 0.1, np.sin(across * 2 * np.pi / period) - 0.3))
            fine = smoothstep(0.96, 0.99, np.sin(across * 2 * np.pi / period + 1.2))
            colour = mix(colour, np.clip(second * 1.5, 0, 1), 0.6 * fine)
        thread *= 1.4
    elif look.pattern == "dots":
        row = np.floor(y / period)
        px = (x + (row % 2) * period / 2) % period - period / 2
        py = y % period - period / 2
        colour = mix(colour, second, smoothstep(0.26, 0.20, np.hypot(px, py) / period))
    elif look.pattern == "knit":
        stitch = 9.0
        slant = np.abs(((x / stitch) % 1) - 0.5) * 2
        thread = 0.16 * np.sin((y / stitch + slant * 0.7) * 2 * np.pi) - 0.20 * (slant > 0.88)
    elif look.pattern == "heather":
        colour = mix(colour, second, np.clip(0.5 + 0.35 * fractal(rng, height, width, 6, 3, 0.9), 0, 1) * 0.6)
    elif look.pattern == "camouflage":
        blots = fractal(rng, height, width, 90, 3)
        colour = mix(colour, second, smoothstep(0.2, 0.3, blots))
        colour = mix(colour, second * 0.5, smoothstep(0.9, 1.0, fractal(rng, height, width, 80, 3)))
    folds = fractal(rng, height, width, 170, 3, 0.55)
    grain = fractal(rng, height, width, 2.5, 1)
    return colour * (1 + thread + 0.055 * folds + 0.035 * grain)[..., None]


def paint_torso(atlas: Atlas, look: TorsoLook, rng: np.random.Generator) -> None:
    """Skin above the neckline, cloth with seams below, collar cloth."""
    height, width = TORSO.height, TORSO.width
    cloth = weave(look, rng, height, width)
    skin = look.skin * (1 + 0.025 * fractal(rng, height, width, 60, 5) + 0.012 * fractal(rng, height, width, 4, 2))[..., None]
    bones = _pixels(np.array([[-1.2, -1.86], [-0.65, -1.92], [-0.15, -2.02]]))
    for flip in (1, -1):
        bone = bones.copy()
        if flip < 0:
            bone[:, 0] = width - bone[:, 0]
        skin = mix(skin, skin * 0.78, brush.line((height, width), bone + (0, 9), 6, 6) * 0.5)
        skin = mix(skin, np.clip(skin * 1.1, 0, 1), brush.line((height, width), bone, 5, 5) * 0.5)
    edge = neckline(look)
    line = _pixels(edge)
    polygon = np.concatenate([line, [[width + 50, line[-1, 1]], [width + 50, -50], [-50, -50], [-50, line[0, 1]]]])
    bare = brush.area((height, width), polygon, 0.8)
    wide = brush.area((height, width), polygon, 9)
    colour = mix(cloth, skin * (1 - 0.35 * np.clip(1 - wide, 0, 0.5) * 2)[..., None], bare)
    path = brush.smooth(line, 80)
    hem = brush.line((height, width), line + (0, 11), 3, 1.0) * (1 - bare)
    colour = mix(colour, colour * 0.66, hem * 0.8)
    ridge = brush.line((height, width), line + (0, 4), 5, 1.5) * (1 - bare)
    colour = mix(colour, np.clip(colour * 1.18 + 0.02, 0, 1), ridge * 0.6)
    if look.cut in ("jacket", "shirt"):
        colour = _front(look, rng, colour, jacket=look.cut == "jacket")
    elif rng.random() < 0.3:  # a print on the chest
        centre = _pixels(np.array([[0.0, -3.3]]))[0]
        mask = np.zeros((height, width), np.uint8)
        for _ in range(5):
            points = centre + rng.normal(0, 70, (int(rng.integers(3, 6)), 2))
            cv2.fillPoly(mask, [points.astype(np.int32)], 255, cv2.LINE_AA)
        colour = mix(colour, look.second, mask.astype(np.float32) / 255 * 0.85)
    assert len(path) == 80
    atlas.paint(TORSO, np.clip(colour, 0.005, 1), 0.03 + 0.06 * bare)
    collar = weave(look, rng, COLLAR.height, COLLAR.width)
    if look.cut == "jacket":
        collar = look.shirt * (1 + 0.03 * fractal(rng, COLLAR.height, COLLAR.width, 3, 2))[..., None]
    y = np.linspace(0, 1, COLLAR.height, dtype=np.float32)[:, None] * np.ones((1, COLLAR.width), np.float32)
    collar = mix(collar, collar * 0.7, np.exp(-(((y - 0.9) / 0.02) ** 2)) * 0.7)
    if look.cut == "turtle":
        x = np.arange(COLLAR.width, dtype=np.float32)[None]
        collar = collar * (1 + 0.16 * np.sin(x * 0.55) + 0 * y)[..., None]
    atlas.paint(COLLAR, np.clip(collar, 0.005, 1), 0.03)


def neckline(look: TorsoLook) -> np.ndarray:
    """Border (N, 2) in dm, front view, left to right in the picture, between skin and cloth."""
    n = look.neck
    depth = {"crew": -1.98, "v": -2.75, "shirt": -2.2, "jacket": -2.05, "turtle": -1.6, "scoop": -2.45}[look.cut]
    start = -1.62
    x = np.linspace(-1, 1, 21)
    wide = n + {"scoop": 0.42, "v": 0.2}.get(look.cut, 0.14)
    power = {"v": 1.0, "shirt": 1.05, "jacket": 1.05, "scoop": 3.0}.get(look.cut, 2.2)
    return np.stack([x * wide, depth + (start - depth) * np.abs(x) ** power], -1)


def _front(look: TorsoLook, rng: np.random.Generator, colour: np.ndarray, *, jacket: bool) -> np.ndarray:
    """Placket and buttons of a shirt; lapels, shirt and perhaps a tie of a jacket."""
    shape = colour.shape[:2]

    def pixels(points: list[tuple[float, float]]) -> np.ndarray:
        return _pixels(np.array(points))

    if jacket:
        n = look.neck
        inner = pixels([(-n - 0.12, -1.6), (n + 0.12, -1.6), (0.62, -2.2), (0.05, -4.4), (-0.62, -2.2)])
        mask = brush.area(shape, inner, 0.9)
        bare = brush.area(shape, _pixels(neckline(look)), 0.9)
        shirt = look.shirt * (1 + 0.04 * fractal(rng, *shape, 3, 2) + 0.03 * fractal(rng, *shape, 60, 3))[..., None]
        colour = mix(colour, shirt, mask * (1 - bare))
        if rng.random() < 0.55:
            tie = brush.area(shape, pixels([(-0.13, -2.0), (0.13, -2.0), (0.09, -2.28), (0.26, -4.4), (-0.26, -4.4), (-0.09, -2.28)]), 0.8)
            y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
            bands = mix(np.broadcast_to(look.second.astype(np.float32), (*shape, 3)), look.second * 0.5,
                        smoothstep(0.2, 0.4, np.sin((x + y) * 0.16)))  # fmt: skip
            colour = mix(colour, bands * (1 + 0.06 * np.sin(x * 1.6 + y * 1.6))[..., None], tie)
            knot = brush.line(shape, pixels([(-0.11, -2.28), (0.0, -2.30), (0.11, -2.28)]), 3, 1.5)
            colour = mix(colour, colour * 0.5, knot)
        shadow = brush.area(shape, inner, 9) * (1 - mask)
        for side in (-1, 1):
            lapel = pixels([(side * (n + 0.1), -1.62), (side * 0.95, -2.35), (side * 0.78, -2.5), (side * 0.9, -2.6),
                            (side * 0.06, -4.4), (side * 0.62, -2.2)])  # fmt: skip
            area = brush.area(shape, lapel, 1.0)
            halo = brush.area(shape, lapel + (0, 6), 6) * (1 - area)
            colour = mix(colour, colour * 0.5, np.clip(halo, 0, 1) * 0.7)
            colour = mix(colour, np.clip(colour * 1.12 + 0.015, 0, 1), area)
            colour = mix(colour, colour * 0.6, brush.line(shape, lapel[1:4], 2, 0.8) * 0.8)
        return mix(colour, colour * 0.7, shadow * 0.3)
    for x in (-0.13, 0.13):
        seam = brush.line(shape, pixels([(x, -2.2), (x, -3.2), (x, -5.0)]), 2, 0.9)
        colour = mix(colour, colour * 0.68, seam * 0.8)
    for y in np.arange(-2.45, -5.0, -0.75):
        centre = pixels([(0.0, float(y))])[0]
        button = np.minimum(brush.spot(shape, centre, 4.6) * 2.2, 1)
        colour = mix(colour, np.clip(look.shirt * 0.9, 0, 1), smoothstep(0.3, 0.9, button))
        colour = mix(colour, colour * 0.4, brush.spot(shape, centre + (0, 7), (7.0, 3.0)) * 0.4)
    return colour


def torso_parts(look: TorsoLook) -> list[Part]:
    """Body and, for some cuts, a collar."""
    y = np.concatenate([np.linspace(TOP - 0.1, -2.4, 26), np.linspace(-2.5, BOTTOM, ROWS - 26)])
    n, wide, fall = look.neck, look.shoulders, look.slope
    knots = [BOTTOM, -3.6, -1.95 - 0.75 * fall, -1.8 - 0.40 * fall, -1.72 - 0.18 * fall, -1.60, -1.42, TOP]
    knots = list(np.maximum.accumulate(knots))
    half = PchipInterpolator(knots, [wide * 1.06, wide * 1.05, wide * 0.985, wide * 0.84, wide * 0.60, n + 0.26, n + 0.04, n - 0.08])(y)
    depth = PchipInterpolator([BOTTOM, -3.4, -2.4, -1.95, -1.6, -1.38, TOP], [1.2, 1.18, 0.98, 0.75, 0.57, 0.46, 0.36])(y)
    centre = np.interp(y, [BOTTOM, -2.4, -1.6, TOP], [-0.80, -0.85, -0.88, -0.84])
    turn = np.linspace(-np.pi * 0.78, np.pi * 0.78, COLUMNS)[None]
    power = np.interp(y, [-2.6, -1.5], [0.72, 0.95])[:, None]
    sine, cosine = np.sin(turn), np.cos(turn)
    x = half[:, None] * np.sign(sine) * np.abs(sine) ** power
    z = centre[:, None] + depth[:, None] * np.sign(cosine) * np.abs(cosine) ** power
    body = np.stack([x, np.broadcast_to(y[:, None], x.shape), z], -1)
    flat = body.reshape(-1, 3)
    s, t = (flat[:, 0] / SIDE + 1) / 2, (TOP - flat[:, 1]) / (TOP - BOTTOM)
    shade = 1 - 0.35 * np.exp(-((np.hypot(flat[:, 0], flat[:, 2] + 0.5) / 0.7) ** 2)) * (flat[:, 1] > -2.3)

    parts = [_still("torso", flat, grid_faces(ROWS, COLUMNS), TORSO.uv(s, t), shade)]
    if look.cut in ("shirt", "jacket", "turtle"):
        parts.append(_collar(look))
    return parts


def _still(name: str, points: np.ndarray, faces: np.ndarray, uv: np.ndarray, shade: np.ndarray) -> Part:
    def positions(drive: Drive) -> np.ndarray:
        return np.broadcast_to(points, (len(drive.face), *points.shape))

    return part(name, positions, faces, uv, shade=shade, label=TORSO_LABEL, follow=1.0)


def _collar(look: TorsoLook) -> Part:
    rows, columns = 7, 60
    n = look.neck
    turtle = look.cut == "turtle"
    gap = 0.0 if turtle else 0.16
    turn = np.linspace(gap, 2 * np.pi - gap, columns)[None] + np.pi  # starts and ends at the front
    front = np.exp(-((np.minimum(turn - np.pi - gap, 3 * np.pi - gap - turn) / 0.5) ** 2))  # 1 at the points
    t = np.linspace(0, 1, rows)[:, None]
    cos, sin = -np.cos(turn), -np.sin(turn)
    if turtle:
        radius = n + 0.06 + 0.05 * np.sin(np.pi * t)
        y = -1.22 - 0.42 * t + 0.10 * cos * (1 - t) * -1
    else:
        radius = n + 0.05 + 0.27 * t**1.1 + 0.10 * front * t
        y = -1.36 - 0.26 * t - (0.22 * front) * t - 0.24 * np.clip(cos, 0, 1) ** 2 * np.ones_like(t)
    x = radius * sin
    z = -0.85 + radius * cos * np.where(cos > 0, 0.92, 0.95) + 0.04
    points = np.stack([x, y * np.ones_like(x), z], -1).reshape(-1, 3)
    s = np.broadcast_to(np.linspace(0, 1, columns), (rows, columns)).reshape(-1)
    uv = COLLAR.uv(s, np.broadcast_to(t, (rows, columns)).reshape(-1))
    return _still("collar", points, grid_faces(rows, columns), uv, np.ones(len(points)))
