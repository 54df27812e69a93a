"""Paints the skin: tone, mottling, pores, blemishes, folds, lips, lids. Hair of the face: facial_hair.py."""

from dataclasses import dataclass

import numpy as np

from synthetic_heads.atlas import SKIN
from synthetic_heads.brush import add, area, cover, drawn, line, spot, tint
from synthetic_heads.head import topology
from synthetic_heads.noise import fractal

# sRGB, light to dark.
TONES = (
    (240, 208, 190), (233, 194, 170), (222, 178, 148), (205, 158, 122), (180, 130, 94), (146, 100, 70),
    (112, 74, 52), (84, 56, 42),
)  # fmt: skip
RIGHT_LID, LEFT_LID = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133),
    (263, 466, 388, 387, 386, 385, 384, 398, 362),
)
RIGHT_CREASE, LEFT_CREASE = (226, 247, 30, 29, 27, 28, 56, 190), (446, 467, 260, 259, 257, 258, 286, 414)
RIGHT_LOWER, LEFT_LOWER = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133),
    (263, 249, 390, 373, 374, 380, 381, 382, 362),
)
RIGHT_BAG, LEFT_BAG = (31, 228, 229, 230, 231, 232), (261, 448, 449, 450, 451, 452)
RIGHT_FOLD, LEFT_FOLD = (129, 203, 206, 216, 212), (358, 423, 426, 436, 432)
RIGHT_NOSTRIL, LEFT_NOSTRIL = (79, 20, 60, 238), (309, 250, 290, 458)
OUTER_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
DEEPER = (0.52, 0.42, 0.40)  # what a fold in shadow does to the skin's colour
SHAPE = (SKIN.height, SKIN.width)


@dataclass(frozen=True)
class SkinLook:
    """What one person's skin and face hair look like; colours are sRGB in [0, 1].

    Attributes:
        tone, lips, hair: Colours.
        mottling, pores, freckles, lines, blush, shine, under_eye: Strengths, about 0 to 1.
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


def landmarks() -> np.ndarray:
    """Pixels (V, 2) of the coarse skin vertices within the skin's region."""
    return topology().uv - np.array([SKIN.x, SKIN.y], np.float32)


def paint_skin(look: SkinLook, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Colour (H, W, 3) float32 sRGB and highlight strength (H, W) of the skin region, without hair."""
    at = landmarks()
    colour = bare_skin(look, rng, *SHAPE)
    _warmth(look, at, rng, colour)
    _blemishes(look, at, rng, colour)
    _folds(look, at, rng, colour)
    shine = _shine(look, at, rng)
    _lips(look, at, rng, colour, shine)
    _eyes(look, at, colour)
    return colour, shine


def bare_skin(look: SkinLook, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Skin (height, width, 3) with mottling and pores but no features, at the scale of the face's texture."""
    blotch = fractal(rng, height, width, 190, 6, 0.6)
    pores = np.minimum(fractal(rng, height, width, 5.0, 2, 0.9), 0.4)
    fine = fractal(rng, height, width, 2.2, 1)
    grey = 1 + (0.016 + 0.014 * look.mottling) * blotch + look.pores * (0.012 * pores + 0.014 * fine)
    return look.tone.astype(np.float32) * grey[..., None]


def _warmth(look: SkinLook, at: np.ndarray, rng: np.random.Generator, colour: np.ndarray) -> None:
    warm = 0.10 * look.mottling * fractal(rng, *SHAPE, 90, 5, 0.65)
    for vertex, radius, strength in (
        (50, 52.0, 1.0), (280, 52.0, 1.0), (4, 28.0, 0.75), (152, 50.0, 0.35), (205, 40.0, 0.5),
        (425, 40.0, 0.5),
    ):  # fmt: skip
        add(warm, spot(SHAPE, at[vertex], radius), strength * (0.35 + look.blush))
    tone = float(look.tone.mean())
    colour += warm[..., None] * np.array([0.03, -0.055, -0.05], np.float32) * (0.3 + tone)
    rough = look.pores * 0.028 * np.minimum(fractal(rng, *SHAPE, 6.0, 2, 0.9), 0.5)
    for vertex, radius in (
        (4, 45.0),
        (50, 50.0),
        (280, 50.0),
        (151, 60.0),
    ):  # open pores of nose, cheeks, forehead
        patch = spot(SHAPE, at[vertex], radius)
        view = patch.window(colour)
        view *= 1 + (patch.window(rough) * patch.mask)[..., None]


def _blemishes(look: SkinLook, at: np.ndarray, rng: np.random.Generator, colour: np.ndarray) -> None:
    count = int(650 * look.freckles)
    if count:
        side = rng.integers(0, 2, count)
        centres = at[[50, 280]][side] + rng.normal(0, 1, (count, 2)) * (75, 50)
        centres[: count // 3] = at[6] + rng.normal(0, 1, (count // 3, 2)) * (40, 90)
        paths = [np.stack([c, c + rng.uniform(-1.2, 1.2, 2)]) for c in centres]
        tint(colour, drawn(SHAPE, paths, rng.uniform(40, 150, count), 2), (0.72, 0.55, 0.45))
    for _ in range(rng.poisson(2.0)):  # moles
        place = at[rng.integers(0, 468)] + rng.normal(0, 12, 2)
        cover(colour, spot(SHAPE, place, float(rng.uniform(1.0, 2.2))) * 1.4, look.tone * 0.42, 0.8)
    for _ in range(rng.poisson(4.0 * look.mottling)):  # spots
        place = at[rng.integers(0, 468)] + rng.normal(0, 12, 2)
        tint(colour, spot(SHAPE, place, float(rng.uniform(1.5, 4.0))), (0.98, 0.74, 0.72), 0.7)


def _folds(look: SkinLook, at: np.ndarray, rng: np.random.Generator, colour: np.ndarray) -> None:
    for fold in (RIGHT_FOLD, LEFT_FOLD):
        tint(colour, line(SHAPE, at[list(fold)], 3, 3.0), DEEPER, 0.5 * look.lines)
        tint(colour, line(SHAPE, np.add(at[list(fold)], (0, -7)), 4, 4.0), 1.10, look.lines)
    for crease in (RIGHT_CREASE, LEFT_CREASE):
        tint(colour, line(SHAPE, np.add(at[list(crease)], (0, 3)), 2, 1.3), DEEPER, 0.5)
        tint(colour, area(SHAPE, at[list(crease)], 7), DEEPER, 0.25)
    for bag in (RIGHT_BAG, LEFT_BAG):
        tint(colour, line(SHAPE, np.add(at[list(bag)], (0, 2)), 2, 2.0), DEEPER, 0.5 * look.under_eye)
        tint(
            colour,
            line(SHAPE, np.add(at[list(bag)], (0, -6)), 8, 4.0),
            (0.80, 0.70, 0.74),
            0.5 * look.under_eye,
        )
    middle, up = at[151], at[10]
    for row in np.linspace(0.1, 0.85, 4):  # forehead
        centre = middle + (up - middle) * row + (0, rng.normal(0, 5))
        x = np.linspace(-1, 1, 9)
        path = np.stack([x * rng.uniform(70, 115), 12 * x**2 + rng.normal(0, 1.6, 9)], -1) + centre
        tint(colour, line(SHAPE, path, 2, 1.2), DEEPER, look.lines * rng.uniform(0.15, 0.4))
        tint(colour, line(SHAPE, np.add(path, (0, 4)), 3, 2.0), 1.06, look.lines)
    for corner, side in ((33, -1), (263, 1)):  # crow's feet
        for angle in (-0.35, 0.05, 0.45):
            start = at[corner] + np.array([side * 16, angle * 24])
            path = start + np.array([[0, 0], [side * 12, angle * 14], [side * 26, angle * 34]])
            tint(colour, line(SHAPE, path, 1, 0.9), DEEPER, look.lines * 0.4)
    for vertex, radius, strength in (
        (18, (34.0, 7.0), 0.3),
        (2, (24.0, 4.5), 0.3),
        (168, (14.0, 12.0), 0.08),
    ):
        tint(colour, spot(SHAPE, at[vertex], radius), DEEPER, strength)
    for vertex in (98, 327, 129, 358):  # beside the wings of the nose
        tint(colour, spot(SHAPE, at[vertex], 7.0), DEEPER, 0.28)
    for ids in (RIGHT_NOSTRIL, LEFT_NOSTRIL):
        centre = np.add(at[list(ids)].mean(0), (0, 1.5))
        hole = (spot(SHAPE, centre, (6.5, 3.2)) * 1.5).sharpen(0.25, 1.0)
        cover(colour, hole, np.array([0.14, 0.06, 0.05]) * (0.45 + look.tone[0]), 0.9)


def _lips(
    look: SkinLook, at: np.ndarray, rng: np.random.Generator, colour: np.ndarray, shine: np.ndarray
) -> None:
    outer, inner = at[list(OUTER_LIPS)], at[list(INNER_LIPS)]
    mask = area(SHAPE, outer, 2.2)
    view = mask.window(colour)
    tint(colour, area(SHAPE, outer, 7), 1.06, 0.7)  # the lighter rim around the lips
    noise = fractal(rng, mask.mask.shape[0], mask.mask.shape[1], 9, 3, 0.7)
    lip = look.lips.astype(np.float32) * (1 + 0.05 * noise)[..., None]
    view += (lip - view) * (mask.mask * 0.93)[..., None]
    which = rng.integers(0, 20, 260)
    along = rng.random((260, 1))
    a = outer[which] * (1 - along) + outer[(which + 1) % 20] * along
    b = inner[which] * (1 - along) + inner[(which + 1) % 20] * along
    ends = np.sort(rng.uniform(0.05, 1.0, (260, 2)), 1)
    ends = ends[:, :, None]
    starts, stops = a + (b - a) * ends[:, 0], a + (b - a) * ends[:, 1]
    paths = list(np.stack([starts, stops + rng.normal(0, 1.0, stops.shape)], 1))
    tint(colour, drawn(SHAPE, paths[:180], rng.uniform(60, 220, 180)), (0.70, 0.58, 0.60), 0.55)
    tint(colour, drawn(SHAPE, paths[180:], rng.uniform(60, 200, 80)), 1.25, 0.5)
    tint(colour, area(SHAPE, inner, 3.0), (0.62, 0.45, 0.47), 0.8)
    for corner in (61, 291):
        tint(colour, spot(SHAPE, at[corner], (7.0, 5.0)), DEEPER, 0.45)
    mask.window(shine)[:] = mask.window(shine) * (1 - mask.mask) + 0.35 * mask.mask * (1 + 0.25 * noise)


def _shine(look: SkinLook, at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    shine = np.full(SHAPE, 0.045, np.float32)
    for vertex, radius, strength in (
        (4, 24.0, 0.15), (6, 24.0, 0.08), (151, 60.0, 0.09), (50, 34.0, 0.08), (280, 34.0, 0.08),
        (199, 20.0, 0.06),
    ):  # fmt: skip
        add(shine, spot(SHAPE, at[vertex], radius), strength)
    return np.clip(shine * look.shine * (1 + 0.25 * fractal(rng, *SHAPE, 5, 2, 0.8)), 0, 1)


def _eyes(look: SkinLook, at: np.ndarray, colour: np.ndarray) -> None:
    for upper, lower, crease in ((RIGHT_LID, RIGHT_LOWER, RIGHT_CREASE), (LEFT_LID, LEFT_LOWER, LEFT_CREASE)):
        top, bottom = at[list(upper)], at[list(lower)]
        cover(colour, line(SHAPE, bottom, 4, 1.6), look.tone * np.array([0.9, 0.62, 0.6]), 0.55)
        lid = area(SHAPE, np.concatenate([top, at[list(crease)[::-1]]]), 3)
        cover(colour, lid, np.array([0.45, 0.30, 0.33]) * (0.4 + look.tone[0]), 0.10 + 0.5 * look.make_up)
        cover(colour, line(SHAPE, top, 4, 1.1), look.hair * 0.4, 0.6 + 0.35 * look.lashes)
        cover(colour, line(SHAPE, np.add(bottom, (0, 2)), 2, 1.0), look.hair * 0.5, 0.35 * look.lashes)
