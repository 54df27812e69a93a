"""Paints hair on the skin: brows, stubble, beard, and the roots on the scalp with their hairline."""

import numpy as np

from synthetic_heads.brush import area, cover, drawn, hairs, raise_to, smooth, whole
from synthetic_heads.head import TEXELS, topology
from synthetic_heads.noise import fractal, smoothstep
from synthetic_heads.skin import SHAPE, SkinLook, landmarks

HAIR_COLOURS = (
    (28, 24, 22), (46, 34, 26), (72, 50, 34), (104, 72, 44), (150, 112, 66), (190, 156, 104), (112, 52, 28),
    (120, 116, 112), (196, 192, 186),
)  # fmt: skip
RIGHT_BROW = ((70, 63, 105, 66, 107), (46, 53, 52, 65, 55))  # upper and lower row, outer to inner
LEFT_BROW = ((300, 293, 334, 296, 336), (276, 283, 282, 295, 285))


def paint_facial_hair(look: SkinLook, rng: np.random.Generator, colour: np.ndarray) -> None:
    """Draw brows, beard and scalp on the skin (H, W, 3), in place."""
    at = landmarks()
    _brows(look, at, rng, colour)
    if max(look.stubble, look.beard) > 0.02:
        _beard(look, at, rng, colour)
    if look.scalp > 0:
        _scalp(look, at, rng, colour)


def _brows(look: SkinLook, at: np.ndarray, rng: np.random.Generator, colour: np.ndarray) -> None:
    for rows, side in ((RIGHT_BROW, -1.0), (LEFT_BROW, 1.0)):
        upper, lower = smooth(at[list(rows[0])]), smooth(at[list(rows[1])])
        middle, half = (upper + lower) / 2, (upper - lower) / 2 * look.brow_width
        ends = np.concatenate([middle + half * 0.7, (middle - half * 0.7)[::-1]])
        cover(colour, area(SHAPE, ends, 4.5), look.hair * 0.75 + look.tone * 0.12, 0.30 * look.brow_density)
        count = int(330 * look.brow_density)
        s = rng.random(count)
        k = np.clip((s * 39).astype(int), 0, 39)
        taper = smoothstep(0.0, 0.4, s) * 0.75 + 0.25  # thin at the outer end
        across = rng.uniform(-1, 1, count) * taper
        roots = middle[k] + half[k] * across[:, None] + rng.normal(0, 0.8, (count, 2))
        # Hairs point up at the inner end and outwards along the brow elsewhere.
        upward = smoothstep(0.55, 1.0, s) * 1.25 - 0.25 * across
        direction = np.stack([np.full(count, side), -0.25 - upward], -1)
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        paths = hairs(rng, roots, direction, 15.0 * (0.8 + 0.3 * look.brow_density), 0.12)
        cover(colour, drawn(SHAPE, paths, rng.uniform(90, 235, count)), look.hair * 0.66, 0.9)


def _beard_area(at: np.ndarray, moustache: bool) -> np.ndarray:
    """Mask (H, W): jaw, chin, cheeks below a line from ear to mouth, the upper lip if wanted."""
    left = [323, 361, 288, 397, 365, 379, 378, 400, 377]
    chin = [152, 148, 176, 149, 150, 136, 172, 58, 132, 93]
    edge = [
        123,
        147,
        192,
        214,
        212,
        57,
        43,
        106,
        182,
        83,
        18,
        313,
        406,
        335,
        273,
        287,
        432,
        434,
        416,
        376,
        352,
    ]
    mask = np.zeros(SHAPE, np.float32)
    raise_to(mask, area(SHAPE, at[left + chin + edge], 9))
    rim = topology().rim
    ring = at[468 + 36 * 3 : 468 + 36 * 4]  # under the jaw
    below = np.abs(np.arctan2(at[rim, 0] - at[168, 0], -(at[rim, 1] - at[168, 1]))) > 2.15
    throat = np.concatenate([at[rim][below], ring[below][::-1]])
    raise_to(mask, area(SHAPE, throat, 9))
    if moustache:
        lip = [61, 186, 92, 165, 167, 164, 393, 391, 322, 410, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185]
        for ids in (lip, [61, 57, 43, 106, 91], [291, 287, 273, 335, 321]):
            raise_to(mask, area(SHAPE, at[ids], 4.5))
    mouth = area(SHAPE, at[[61, 40, 37, 0, 267, 270, 291, 405, 17, 181]], 2.5)
    mouth.window(mask)[:] *= 1 - mouth.mask
    return mask


def _beard(look: SkinLook, at: np.ndarray, rng: np.random.Generator, colour: np.ndarray) -> None:
    mask = _beard_area(at, look.moustache)
    patch = 1 + 0.25 * fractal(rng, *SHAPE, 60, 3)
    cover(colour, whole(mask * patch * look.stubble * 0.55), look.tone * 0.72 + look.hair * 0.1)
    cover(colour, whole(mask), look.hair * 0.7 + 0.03, min(0.85, look.beard * 1.2))
    count = int(9000 * look.stubble + 12000 * look.beard)
    where = np.stack([rng.uniform(150, 1000, 3 * count), rng.uniform(500, 1050, 3 * count)], -1)
    keep = rng.random(len(where)) < mask[where[:, 1].astype(int), where[:, 0].astype(int)]
    roots = where[keep][:count]
    outward = np.stack([(roots[:, 0] - SHAPE[1] / 2) / 500, np.ones(len(roots))], -1)
    outward += rng.normal(0, 0.25, outward.shape)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    length = 4.0 + 14.0 * look.beard
    dark = drawn(SHAPE, hairs(rng, roots, outward, length, 0.2), rng.uniform(70, 210, len(roots)))
    cover(colour, dark, look.hair * 0.6, 0.7)
    if look.beard > 0.02:
        half = hairs(rng, roots[::2], outward[::2], length, 0.25)
        light = np.minimum(look.hair * rng.uniform(1.2, 1.7) + 0.05, 1)
        cover(colour, drawn(SHAPE, half, rng.uniform(60, 200, len(half))), light, 0.6)


def scalp_area(hairline: float, rng: np.random.Generator) -> np.ndarray:
    """Where hair grows, (H, W) in [0, 1]: outside the face's rim and a hairline, above the nape."""
    at = landmarks()
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    x, y = x - at[168, 0], y - at[168, 1]
    angle = np.abs(np.arctan2(x, -y))  # 0 is up
    radius = np.hypot(x, y)
    rim = at[topology().rim] - at[168]
    rim_angle = np.abs(np.arctan2(rim[:, 0], -rim[:, 1]))
    order = np.argsort(rim_angle)
    table = np.interp(np.linspace(0, np.pi, 256), rim_angle[order], np.hypot(*rim[order].T))
    border = table[np.clip(angle * (255 / np.pi), 0, 255).astype(np.int32)].astype(np.float32)
    temple = 0.14 * np.exp(-(((angle - 0.62) / 0.22) ** 2))  # recedes at the temples
    temple += 0.07 * np.exp(-((angle / 0.3) ** 2))
    behind = 0.34 * smoothstep(1.62, 1.85, angle)  # below the sideburns it starts behind the ear
    edge = border + TEXELS * (hairline + temple + behind - 0.06) + 7 * fractal(rng, *SHAPE, 26, 3)
    outer = (SHAPE[1] / 2 - 16) / np.maximum(np.abs(x), np.abs(y)).clip(1) * radius
    nape = smoothstep(
        0.70, 0.63, (radius - border) / np.maximum(outer - border, 1)
    )  # the rings go on down the neck
    return (smoothstep(-20, 24, radius - edge) * smoothstep(1.98, 1.78, angle) * nape).astype(np.float32)


def _scalp(look: SkinLook, at: np.ndarray, rng: np.random.Generator, colour: np.ndarray) -> None:
    mask = scalp_area(look.hairline, rng)
    cover(colour, whole(mask**1.5), look.hair * 0.62 + look.tone * 0.04, min(1.0, look.scalp) * 0.96)
    for shade, strength in ((0.45, 0.9), (1.5, 0.5)):
        where = rng.uniform(0, 1, (9000, 2)) * (SHAPE[1] - 1, SHAPE[0] - 1)
        roots = where[rng.random(9000) < mask[where[:, 1].astype(int), where[:, 0].astype(int)] * 1.3]
        away = roots - at[168]
        away /= np.linalg.norm(away, axis=1, keepdims=True) + 1e-6
        away += rng.normal(0, 0.25, away.shape)
        paths = hairs(rng, roots, away, 17, 0.2)
        drawing = drawn(SHAPE, paths, rng.uniform(50, 220, len(paths)))
        cover(colour, drawing, np.minimum(look.hair * shade, 1), strength * look.scalp)
