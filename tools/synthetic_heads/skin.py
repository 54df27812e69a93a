"""Paints the skin: tone, mottling, pores, lips, brows, lids, nostrils, folds, stubble, the roots of the hair."""

from dataclasses import dataclass

import numpy as np

from synthetic_heads import brush
from synthetic_heads.atlas import SKIN
from synthetic_heads.head import TEXELS, topology
from synthetic_heads.noise import fractal, mix, smoothstep

# sRGB, light to dark.
TONES = (
    (240, 208, 190), (233, 194, 170), (222, 178, 148), (205, 158, 122), (180, 130, 94), (146, 100, 70), (112, 74, 52),
    (84, 56, 42),
)  # fmt: skip
HAIR_COLOURS = (
    (28, 24, 22), (46, 34, 26), (72, 50, 34), (104, 72, 44), (150, 112, 66), (190, 156, 104), (112, 52, 28),
    (120, 116, 112), (196, 192, 186),
)  # fmt: skip
RIGHT_BROW = ((70, 63, 105, 66, 107), (46, 53, 52, 65, 55))  # upper and lower row, outer to inner
LEFT_BROW = ((300, 293, 334, 296, 336), (276, 283, 282, 295, 285))
RIGHT_LID, LEFT_LID = (33, 246, 161, 160, 159, 158, 157, 173, 133), (263, 466, 388, 387, 386, 385, 384, 398, 362)
RIGHT_CREASE, LEFT_CREASE = (226, 247, 30, 29, 27, 28, 56, 190), (446, 467, 260, 259, 257, 258, 286, 414)
RIGHT_LOWER, LEFT_LOWER = (33, 7, 163, 144, 145, 153, 154, 155, 133), (263, 249, 390, 373, 374, 380, 381, 382, 362)
RIGHT_BAG, LEFT_BAG = (31, 228, 229, 230, 231, 232), (261, 448, 449, 450, 451, 452)
RIGHT_FOLD, LEFT_FOLD = (129, 203, 206, 216, 212), (358, 423, 426, 436, 432)
RIGHT_NOSTRIL, LEFT_NOSTRIL = (79, 20, 60, 166, 239), (309, 250, 290, 392, 459)


@dataclass(frozen=True)
class SkinLook:
    """What one person's skin looks like; colours are sRGB in [0, 1].

    Attributes:
        tone, lips, hair: Colours.
        mottling, pores, freckles, lines, blush, shine, under_eye: Strengths in [0, 1].
        brow_width, brow_density: Brows, about 1.
        stubble: Strength in [0, 1].
        beard: Density in [0, 1] of painted beard hairs.
        moustache: Whether stubble and beard cover the upper lip.
        hairline: Distance of the hairline over the forehead's rim in dm, negative is lower.
        scalp: How densely roots cover the scalp, 0 is bald.
        lashes: Darkness of the lid line.
        make_up: Strength in [0, 1].
    """

    tone: np.ndarray
    lips: np.ndarray
    hair: np.ndarray
    mottling: float
    pores: float
    freckles: float
    lines: float
    blush: float
    shine: float
    under_eye: float
    brow_width: float
    brow_density: float
    stubble: float
    beard: float
    moustache: bool
    hairline: float
    scalp: float
    lashes: float
    make_up: float


SHAPE = (SKIN.height, SKIN.width)


def landmarks() -> np.ndarray:
    """Pixels (V, 2) of the coarse skin vertices within the skin's region."""
    return topology().uv - np.array([SKIN.x, SKIN.y], np.float32)


def paint_skin(look: SkinLook, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Colour (H, W, 3) sRGB in [0, 1] and highlight strength (H, W) of the skin region."""
    at = landmarks()
    colour = _base(look, at, rng)
    colour = _blemishes(look, at, rng, colour)
    colour = _folds(look, at, rng, colour)
    colour, lips = _lips(look, at, rng, colour)
    shine = _shine(look, at, rng) * (1 - lips) + 0.4 * lips
    colour = _eyes(look, at, colour)
    colour = _brows(look, at, rng, colour)
    colour = _beard(look, at, rng, colour)
    colour = _scalp(look, at, rng, colour)
    return np.clip(colour, 0.01, 1), np.clip(shine, 0, 1)


def _base(look: SkinLook, at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = SHAPE
    colour = np.broadcast_to(look.tone.astype(np.float32), (height, width, 3)).copy()
    broad = fractal(rng, height, width, 190, 4)
    blotch = fractal(rng, height, width, 40, 4, 0.7)
    red = fractal(rng, height, width, 90, 5, 0.65)
    colour *= 1 + (0.022 * broad + 0.02 * look.mottling * blotch)[..., None]
    warm = np.zeros(SHAPE, np.float32)
    for vertex, radius, strength in (
        (50, 52.0, 1.0), (280, 52.0, 1.0), (4, 30.0, 0.8), (152, 50.0, 0.35), (205, 40.0, 0.5), (425, 40.0, 0.5),
    ):  # fmt: skip
        warm += strength * brush.spot(SHAPE, at[vertex], radius)
    warm = warm * (0.4 + look.blush) + 0.22 * look.mottling * red
    tint = np.array([0.03, -0.055, -0.05], np.float32) * float(0.35 + look.tone.mean())
    colour += warm[..., None] * tint
    pores = fractal(rng, height, width, 5.0, 2, 0.9)
    fine = fractal(rng, height, width, 2.2, 1)
    where = 0.55 + brush.spot(SHAPE, at[4], 60.0) + 0.7 * sum(brush.spot(SHAPE, at[v], 70.0) for v in (50, 280))
    holes = np.minimum(pores, 0.4) * 0.022 + fine * 0.013
    return colour * (1 + look.pores * holes * where)[..., None]


def _blemishes(look: SkinLook, at: np.ndarray, rng: np.random.Generator, colour: np.ndarray) -> np.ndarray:
    dots = np.zeros(SHAPE, np.uint8)
    count = int(650 * look.freckles)
    if count:
        side = rng.integers(0, 2, count)
        centres = at[[50, 280]][side] + rng.normal(0, 1, (count, 2)) * (75, 50)
        centres[: count // 3] = at[6] + rng.normal(0, 1, (count // 3, 2)) * (40, 90)
        for centre, strength in zip(centres, rng.uniform(40, 150, count), strict=True):
            brush.strokes(dots, [np.stack([centre, centre + rng.uniform(-1.2, 1.2, 2)])], np.array([strength]), 2)
    freckles = brush.soften(dots.astype(np.float32) / 255, 0.9)
    colour = mix(colour, colour * np.array([0.72, 0.55, 0.45], np.float32), freckles)
    for _ in range(rng.poisson(2.5)):  # moles
        vertex = at[rng.integers(0, 468)] + rng.normal(0, 12, 2)
        mole = np.minimum(brush.spot(SHAPE, vertex, float(rng.uniform(1.3, 2.8))) * 1.4, 1)
        colour = mix(colour, look.tone * 0.42, mole * 0.8)
    return colour


def _folds(look: SkinLook, at: np.ndarray, rng: np.random.Generator, colour: np.ndarray) -> np.ndarray:
    dark = np.zeros(SHAPE, np.float32)
    light = np.zeros(SHAPE, np.float32)
    for fold in (RIGHT_FOLD, LEFT_FOLD):
        dark += look.lines * 0.4 * brush.line(SHAPE, at[list(fold)], 3, 3.0)
        light += look.lines * 0.14 * brush.line(SHAPE, at[list(fold)] + (0, -7), 4, 4.0)
    for crease in (RIGHT_CREASE, LEFT_CREASE):
        dark += 0.42 * brush.line(SHAPE, at[list(crease)] + (0, 3), 2, 1.3)
        dark += 0.25 * brush.area(SHAPE, at[list(crease)], 7)
    for bag in (RIGHT_BAG, LEFT_BAG):
        dark += look.under_eye * 0.42 * brush.line(SHAPE, at[list(bag)] + (0, 2), 2, 2.0)
    middle, up = at[151], at[10]
    for row in np.linspace(0.1, 0.85, 4):  # forehead
        centre = middle + (up - middle) * row + (0, rng.normal(0, 5))
        x = np.linspace(-1, 1, 9)
        path = np.stack([x * rng.uniform(70, 115), 12 * x**2 + rng.normal(0, 1.6, 9)], -1) + centre
        dark += look.lines * rng.uniform(0.08, 0.25) * brush.line(SHAPE, path, 2, 1.4)
    for corner, side in ((33, -1), (263, 1)):  # crow's feet
        for angle in (-0.35, 0.05, 0.45):
            start = at[corner] + np.array([side * 16, angle * 24])
            path = start + np.array([[0, 0], [side * 12, angle * 14], [side * 26, angle * 34]])
            dark += look.lines * 0.2 * brush.line(SHAPE, path, 1, 1.0)
    for vertex, radius, strength in ((18, (34.0, 7.0), 0.22), (2, (26.0, 5.0), 0.3), (168, (14.0, 12.0), 0.06)):
        dark += strength * brush.spot(SHAPE, at[vertex], radius)
    for vertex in (98, 327, 129, 358):  # beside the wings of the nose
        dark += 0.16 * brush.spot(SHAPE, at[vertex], 7.0)
    for ids in (RIGHT_NOSTRIL, LEFT_NOSTRIL):
        centre = at[list(ids)].mean(0)
        hole = np.minimum(1.7 * brush.spot(SHAPE, centre, (8.5, 4.2)), 1)
        colour = mix(colour, np.array([0.13, 0.06, 0.05]) * (0.5 + look.tone[0]), smoothstep(0.25, 0.95, hole))
    colour = mix(colour, colour * np.array([0.52, 0.42, 0.40], np.float32), np.clip(dark, 0, 0.9))
    return mix(colour, np.minimum(colour * 1.12, 1), np.clip(light, 0, 1))


def _lips(
    look: SkinLook, at: np.ndarray, rng: np.random.Generator, colour: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    outer = at[[61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146]]
    inner = at[[78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95]]
    mask = brush.area(SHAPE, outer, 2.2)
    creases = np.zeros(SHAPE, np.uint8)
    paths = []
    for _ in range(150):
        k = rng.integers(0, 20)
        along = rng.random()
        a = outer[k] * (1 - along) + outer[(k + 1) % 20] * along
        b = inner[k] * (1 - along) + inner[(k + 1) % 20] * along
        s, e = sorted(rng.uniform(0.05, 1.0, 2))
        paths.append(np.stack([a + (b - a) * s, a + (b - a) * e + rng.normal(0, 1.2, 2)]))
    brush.strokes(creases, paths, rng.uniform(60, 200, len(paths)))
    crease = brush.soften(creases.astype(np.float32) / 255, 0.8)
    noise = fractal(rng, *SHAPE, 9, 3, 0.7)
    lip = look.lips * (1 + 0.035 * noise)[..., None]
    lip = mix(lip, lip * np.array([0.72, 0.60, 0.62], np.float32), crease * 0.6)
    lip = mix(lip, lip * np.array([0.62, 0.45, 0.47], np.float32), brush.area(SHAPE, inner, 3.0) * 0.8)
    rim = np.clip(brush.area(SHAPE, outer, 7) - mask, 0, 1)
    colour = mix(colour, np.minimum(colour * 1.07, 1), rim * 0.7)
    return mix(colour, lip, mask * 0.93), mask


def _shine(look: SkinLook, at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    shine = np.full(SHAPE, 0.05, np.float32)
    for vertex, radius, strength in (
        (4, 26.0, 0.2), (6, 26.0, 0.12), (151, 60.0, 0.16), (50, 34.0, 0.12), (280, 34.0, 0.12), (199, 20.0, 0.1),
    ):  # fmt: skip
        shine += strength * brush.spot(SHAPE, at[vertex], radius)
    return shine * look.shine * (1 + 0.35 * fractal(rng, *SHAPE, 6, 2, 0.8))


def _eyes(look: SkinLook, at: np.ndarray, colour: np.ndarray) -> np.ndarray:
    for upper, lower, crease in (
        (RIGHT_LID, RIGHT_LOWER, RIGHT_CREASE),
        (LEFT_LID, LEFT_LOWER, LEFT_CREASE),
    ):
        pink = brush.line(SHAPE, at[list(lower)], 4, 1.6)
        colour = mix(colour, look.tone * np.array([0.9, 0.62, 0.6], np.float32), pink * 0.55)
        lid = brush.area(SHAPE, np.concatenate([at[list(upper)], at[list(crease)[::-1]]]), 3)
        shadow = np.array([0.45, 0.30, 0.33]) * (0.4 + look.tone[0])
        colour = mix(colour, shadow, lid * (0.10 + 0.5 * look.make_up))
        lash = brush.line(SHAPE, at[list(upper)], 4, 1.1)
        colour = mix(colour, look.hair * 0.4, np.minimum(lash * (0.6 + 0.4 * look.lashes), 0.95))
        thin = brush.line(SHAPE, at[list(lower)] + (0, 2), 2, 1.0)
        colour = mix(colour, look.hair * 0.5, thin * 0.35 * look.lashes)
    return colour


def _brows(look: SkinLook, at: np.ndarray, rng: np.random.Generator, colour: np.ndarray) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    ground = np.zeros(SHAPE, np.float32)
    for rows, side in ((RIGHT_BROW, -1.0), (LEFT_BROW, 1.0)):
        upper, lower = brush.smooth(at[list(rows[0])]), brush.smooth(at[list(rows[1])])
        middle = upper * 0.5 + lower * 0.5
        half = (upper - lower) / 2 * look.brow_width
        count = int(330 * look.brow_density)
        s = np.sort(rng.random(count))[:: -1 if rng.random() < 0.5 else 1]
        k = np.clip((s * 39).astype(int), 0, 39)
        taper = smoothstep(0.0, 0.4, s) * 0.75 + 0.25  # thin at the outer end
        across = rng.uniform(-1, 1, count) * taper
        roots = middle[k] + half[k] * across[:, None] + rng.normal(0, 0.8, (count, 2))
        # Hairs point up at the inner end and outwards along the brow elsewhere.
        upward = smoothstep(0.55, 1.0, s) * 1.25 - 0.25 * across
        direction = np.stack([np.full(count, side), -0.25 - upward], -1)
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        lengths = 15.0 * (0.8 + 0.3 * look.brow_density)
        brush.strokes(mask, brush.hairs(rng, roots, direction, lengths, 0.12), rng.uniform(90, 235, count))
        ends = np.concatenate([middle + half * 0.7, (middle - half * 0.7)[::-1]])
        ground += brush.area(SHAPE, ends, 4.5)
    colour = mix(colour, look.hair * 0.75 + look.tone * 0.12, np.clip(ground, 0, 1) * 0.32 * look.brow_density)
    return mix(colour, look.hair * 0.68, mask.astype(np.float32) / 255 * 0.9)


def beard_area(at: np.ndarray, moustache: bool) -> np.ndarray:
    """Where a beard grows: jaw, chin and cheeks below a line from ear to mouth, and the upper lip."""
    left = [323, 361, 288, 397, 365, 379, 378, 400, 377]
    chin = [152, 148, 176, 149, 150, 136, 172, 58, 132, 93]
    line = [123, 147, 192, 214, 212, 57, 43, 106, 182, 83, 18, 313, 406, 335, 273, 287, 432, 434, 416, 376, 352]
    mask = brush.area(SHAPE, at[left + chin + line], 9)
    neck = at[468 + 36 * 3 : 468 + 36 * 4]
    below = brush.area(SHAPE, neck, 14) * (np.arange(SHAPE[0])[:, None] > at[58, 1])
    rim = brush.area(SHAPE, at[topology().rim], 4)
    mask = np.maximum(mask, below * (1 - rim))
    mouth = brush.area(SHAPE, at[[61, 40, 37, 0, 267, 270, 291, 405, 17, 181]], 2.5)
    if moustache:
        lip = at[[61, 186, 92, 165, 167, 164, 393, 391, 322, 410, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185]]
        mask = np.maximum(mask, brush.area(SHAPE, lip, 4))
        for corner in ((61, 57, 43, 106, 91), (291, 287, 273, 335, 321)):
            mask = np.maximum(mask, brush.area(SHAPE, at[list(corner)], 5))
    return mask * (1 - mouth)


def _beard(look: SkinLook, at: np.ndarray, rng: np.random.Generator, colour: np.ndarray) -> np.ndarray:
    if max(look.stubble, look.beard) < 0.02:
        return colour
    area = beard_area(at, look.moustache)
    patch = 1 + 0.25 * fractal(rng, *SHAPE, 60, 3)
    colour = mix(colour, colour * 0.72 + look.hair * 0.1, np.clip(area * patch * look.stubble * 0.55, 0, 1))
    mask = np.zeros(SHAPE, np.uint8)
    count = int(9000 * look.stubble + 12000 * look.beard)
    where = np.stack([rng.uniform(150, 1000, 3 * count), rng.uniform(500, 1050, 3 * count)], -1)
    keep = rng.random(len(where)) < area[where[:, 1].astype(int), where[:, 0].astype(int)]
    roots = where[keep][:count]
    outward = np.stack([(roots[:, 0] - SHAPE[1] / 2) / 500, np.ones(len(roots))], -1)
    outward += rng.normal(0, 0.25, outward.shape)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    length = 4.0 + 14.0 * look.beard
    brush.strokes(mask, brush.hairs(rng, roots, outward, length, 0.2), rng.uniform(70, 210, len(roots)))
    if look.beard > 0.02:
        colour = mix(colour, look.hair * 0.7 + 0.03, np.clip(area * look.beard * 1.2, 0, 0.85))
        light = rng.uniform(0.75, 1.6, 2)
        fresh = np.zeros(SHAPE, np.uint8)
        half = roots[::2]
        brush.strokes(fresh, brush.hairs(rng, half, outward[::2], length, 0.25), rng.uniform(60, 200, len(half)))
        colour = mix(colour, np.minimum(look.hair * light.max() + 0.05, 1), fresh.astype(np.float32) / 255 * 0.6)
    return mix(colour, look.hair * 0.6, mask.astype(np.float32) / 255 * 0.7)


def scalp_area(hairline: float) -> np.ndarray:
    """Where hair grows from the head, (H, W) in [0, 1]: outside the face's rim and a hairline, above the nape."""
    at = landmarks()
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    centre = at[168]
    angle = np.arctan2(x - centre[0], -(y - centre[1]))  # 0 is up
    radius = np.hypot(x - centre[0], y - centre[1])
    rim = at[topology().rim] - centre
    rim_angle = np.arctan2(rim[:, 0], -rim[:, 1])
    order = np.argsort(rim_angle)
    border = np.interp(angle, rim_angle[order], np.hypot(*rim[order].T), period=2 * np.pi)
    temple = 0.16 * np.exp(-(((np.abs(angle) - 0.62) / 0.22) ** 2))  # recedes at the temples
    edge = border + TEXELS * (hairline + temple - 0.06)
    outer = (SHAPE[1] / 2 - 16) / np.maximum(np.abs(np.sin(angle)), np.abs(np.cos(angle)))
    nape = smoothstep(0.70, 0.63, (radius - border) / (outer - border))  # the rings go on down the neck
    return smoothstep(-16, 16, radius - edge) * smoothstep(2.15, 1.9, np.abs(angle)) * nape


def _scalp(look: SkinLook, at: np.ndarray, rng: np.random.Generator, colour: np.ndarray) -> np.ndarray:
    if look.scalp <= 0:
        return colour
    area = scalp_area(look.hairline)
    colour = mix(colour, look.hair * 0.62 + look.tone * 0.04, area * min(1.0, look.scalp) * 0.96)
    for shade, strength in ((0.45, 0.9), (1.5, 0.5)):
        mask = np.zeros(SHAPE, np.uint8)
        count = 7000
        where = rng.uniform(0, 1, (count, 2)) * (SHAPE[1] - 1, SHAPE[0] - 1)
        keep = rng.random(count) < area[where[:, 1].astype(int), where[:, 0].astype(int)] * 1.3
        roots = where[keep]
        away = roots - at[168]
        away /= np.linalg.norm(away, axis=1, keepdims=True) + 1e-6
        away += rng.normal(0, 0.25, away.shape)
        brush.strokes(mask, brush.hairs(rng, roots, away, 15, 0.2), rng.uniform(50, 220, len(roots)))
        colour = mix(colour, np.minimum(look.hair * shade, 1), mask.astype(np.float32) / 255 * strength * look.scalp)
    return colour
