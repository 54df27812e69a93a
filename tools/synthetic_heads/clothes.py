"""Paints clothes: cloth with its threads, necklines, shirts, jackets, ties, prints."""

from dataclasses import dataclass

import numpy as np

from synthetic_heads.atlas import COLLAR, TORSO, Atlas
from synthetic_heads.brush import Patch, area, cover, line, spot, tint, whole
from synthetic_heads.noise import fractal, mix, smoothstep

TOP, BOTTOM, SIDE = -1.28, -5.2, 2.5  # dm covered by the texture, seen from the front
CUTS = ("crew", "v", "shirt", "jacket", "turtle", "scoop")
PATTERNS = ("plain", "knit", "stripes", "checks", "dots", "heather", "camouflage")
SHAPE = (TORSO.height, TORSO.width)


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
    """

    shoulders: float
    slope: float
    neck: float
    cut: str
    pattern: str
    cloth: np.ndarray
    second: np.ndarray
    shirt: np.ndarray


def paint_torso(atlas: Atlas, look: TorsoLook, skin: np.ndarray, rng: np.random.Generator) -> None:
    """Skin above the neckline, cloth with seams below, collar cloth.

    Args:
        atlas: Written.
        look: Clothes.
        skin: (H, W, 3) bare skin of the region's size; drawn on.
        rng: Source of the random numbers.
    """
    colour = weave(look, rng, *SHAPE)
    for side in (-1, 1):  # collar bones
        bone = _pixels(np.array([[side * 1.2, -1.86], [side * 0.65, -1.92], [side * 0.15, -2.02]]))
        tint(skin, line(SHAPE, np.add(bone, (0, 9)), 6, 6), 0.78, 0.5)
        tint(skin, line(SHAPE, bone, 5, 5), 1.1, 0.6)
    edge = _pixels(neckline(look))
    width = SHAPE[1]
    corners = np.array([[width, edge[-1, 1]], [width, 0], [0, 0], [0, edge[0, 1]]])
    polygon = np.concatenate([edge, corners])
    bare = area(SHAPE, polygon, 0.8)
    tint(skin, line(SHAPE, np.add(edge, (0, -4)), 8, 6), 0.62, 0.8)  # the cloth's shadow
    tint(colour, line(SHAPE, np.add(edge, (0, 11)), 3, 1.0), 0.66, 0.8)  # hem
    tint(colour, line(SHAPE, np.add(edge, (0, 4)), 5, 1.5), 1.16, 0.8)
    cover(colour, bare, skin)
    if look.cut == "jacket":
        _jacket(look, rng, colour, bare.mask)
    elif look.cut == "shirt":
        _shirt(look, colour)
    elif rng.random() < 0.3:  # a print on the chest
        centre = _pixels(np.array([[0.0, -3.3]]))[0]
        for _ in range(5):
            points = centre + rng.normal(0, 70, (int(rng.integers(3, 6)), 2))
            cover(colour, area(SHAPE, points, 0.8), look.second, 0.85)
    shine = np.full(SHAPE, 0.03, np.float32)
    bare.window(shine)[:] += 0.05 * bare.mask
    atlas.paint(TORSO, np.clip(colour, 0.005, 1), shine)
    _paint_collar(atlas, look, rng)


def _paint_collar(atlas: Atlas, look: TorsoLook, rng: np.random.Generator) -> None:
    height, width = COLLAR.height, COLLAR.width
    if look.cut == "jacket":
        collar = look.shirt.astype(np.float32) * (1 + 0.03 * fractal(rng, height, width, 3, 2))[..., None]
    else:
        collar = weave(look, rng, height, width)
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None] * np.ones((1, width), np.float32)
    tint(collar, whole(np.exp(-(((y - 0.9) / 0.02) ** 2))), 0.7, 0.7)
    if look.cut == "turtle":
        x = np.arange(width, dtype=np.float32)[None]
        collar = collar * (1 + 0.16 * np.sin(x * 0.55) + 0 * y)[..., None]
    atlas.paint(COLLAR, np.clip(collar, 0.005, 1), 0.03)


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
        colour = mix(
            colour, second, smoothstep(-0.15, 0.15, np.sin(across * 2 * np.pi / period) - rng.uniform(0, 0.6))
        )
    elif look.pattern == "checks":
        for across in (x, y):
            colour = mix(
                colour, second, 0.5 * smoothstep(-0.1, 0.1, np.sin(across * 2 * np.pi / period) - 0.3)
            )
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


def neckline(look: TorsoLook) -> np.ndarray:
    """Border (N, 2) in dm, front view, left to right in the picture, between skin and cloth."""
    n = look.neck
    depth = {"crew": -1.98, "v": -2.75, "shirt": -2.2, "jacket": -2.05, "turtle": -1.30, "scoop": -2.45}[
        look.cut
    ]
    start = -1.28 if look.cut == "turtle" else -1.62
    x = np.linspace(-1, 1, 21)
    wide = n + {"scoop": 0.42, "v": 0.2}.get(look.cut, 0.14)
    power = {"v": 1.0, "shirt": 1.05, "jacket": 1.05, "scoop": 3.0}.get(look.cut, 2.2)
    return np.stack([x * wide, depth + (start - depth) * np.abs(x) ** power], -1)


def _area(points: list[tuple[float, float]], blur: float, shift: float = 0.0) -> Patch:
    return area(SHAPE, np.add(_pixels(np.array(points)), (0, shift)), blur)


def _jacket(look: TorsoLook, rng: np.random.Generator, colour: np.ndarray, bare: np.ndarray) -> None:
    n = look.neck
    inner = [(-n - 0.12, -1.6), (n + 0.12, -1.6), (0.62, -2.2), (0.05, -4.4), (-0.62, -2.2)]
    shirt = (
        look.shirt * (1 + 0.04 * fractal(rng, *SHAPE, 3, 2) + 0.03 * fractal(rng, *SHAPE, 60, 3))[..., None]
    )
    keep = np.zeros(SHAPE, np.float32)
    keep[: bare.shape[0], : bare.shape[1]] = bare
    skin = colour.copy()
    cover(colour, _area(inner, 0.9), shirt)
    colour += (skin - colour) * keep[..., None]
    if rng.random() < 0.55:
        tie = [(-0.13, -2.0), (0.13, -2.0), (0.09, -2.28), (0.26, -4.4), (-0.26, -4.4), (-0.09, -2.28)]
        y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
        plain = np.broadcast_to(look.second.astype(np.float32), (*SHAPE, 3))
        bands = mix(plain, look.second * 0.5, smoothstep(0.2, 0.4, np.sin((x + y) * 0.16)))
        tint(colour, _area(tie, 6, 5), 0.6, 0.7)
        cover(colour, _area(tie, 0.8), bands * (1 + 0.06 * np.sin(x * 1.6 + y * 1.6))[..., None])
        tint(
            colour, line(SHAPE, _pixels(np.array([(-0.11, -2.28), (0.0, -2.30), (0.11, -2.28)])), 3, 1.5), 0.5
        )
    cloth = weave(look, rng, *SHAPE)
    for side in (-1, 1):
        lapel = [(side * (n + 0.1), -1.62), (side * 0.95, -2.35), (side * 0.78, -2.5), (side * 0.9, -2.6),
                 (side * 0.06, -4.4), (side * 0.62, -2.2)]  # fmt: skip
        tint(colour, _area(lapel, 6, 6), 0.5, 0.8)
        cover(colour, _area(lapel, 1.0), np.clip(cloth * 1.1 + 0.012, 0, 1))
        tint(colour, line(SHAPE, _pixels(np.array(lapel[1:4])), 2, 0.8), 0.6, 0.8)


def _shirt(look: TorsoLook, colour: np.ndarray) -> None:
    for x in (-0.13, 0.13):
        tint(colour, line(SHAPE, _pixels(np.array([(x, -2.2), (x, -3.2), (x, -5.0)])), 2, 0.9), 0.68, 0.8)
    for y in np.arange(-2.45, -5.0, -0.75):
        centre = _pixels(np.array([(0.0, float(y))]))[0]
        tint(colour, spot(SHAPE, np.add(centre, (0, 7)), (7.0, 3.0)), 0.4, 0.4)
        cover(colour, (spot(SHAPE, centre, 4.6) * 2.2).sharpen(0.3, 0.9), np.clip(look.shirt * 0.9, 0, 1))
