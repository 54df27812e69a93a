"""Background pictures: walls, blurred rooms, shelves, windows, foliage-like blobs."""

import cv2
import numpy as np

from synthetic_heads.noise import fractal, mix


def random_background(rng: np.random.Generator, size: int) -> np.ndarray:
    """Linear light (size, size, 3) float32 in [0, 1]."""
    kind = rng.choice(
        ["wall", "shapes", "shelves", "bokeh", "studio", "texture"], p=[0.2, 0.2, 0.2, 0.15, 0.15, 0.1]
    )
    picture = {"wall": _wall, "shapes": _shapes, "shelves": _shelves, "bokeh": _bokeh, "studio": _studio,
               "texture": _texture}[str(kind)](rng, size)  # fmt: skip
    blur = size / 512 * float(rng.choice([0.0, 1.0, 2.5, 5.0]))
    if kind != "studio" and blur > 0:
        picture = cv2.GaussianBlur(picture, (0, 0), blur)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    tilt = rng.normal(0, 0.12, 2)
    picture = picture * (1 + tilt[0] * x + tilt[1] * y)[..., None]
    picture = picture + rng.normal(0, 0.004, (size, size, 1))
    return (np.clip(picture, 0, 1) ** 2).astype(np.float32)


def _colour(
    rng: np.random.Generator, low: float = 0.15, high: float = 0.9, vivid: float = 0.25
) -> np.ndarray:
    grey = rng.uniform(low, high)
    return np.clip(grey + rng.normal(0, vivid * 0.5, 3), 0.02, 0.98).astype(np.float32)


def _wall(rng: np.random.Generator, size: int) -> np.ndarray:
    base = _colour(rng, vivid=0.12)
    stain = fractal(rng, size, size, size / 3, 4) * 0.02 + fractal(rng, size, size, 5, 2) * 0.012
    picture = base * (1 + stain)[..., None]
    if rng.random() < 0.5:  # panel or corner
        edge = rng.integers(size // 6, 5 * size // 6)
        picture[:, edge:] *= rng.uniform(0.75, 1.15)
    if rng.random() < 0.5:  # a framed picture
        x, y = rng.integers(0, size * 3 // 4, 2)
        w, h = rng.integers(size // 8, size // 3, 2)
        cv2.rectangle(
            picture, (int(x), int(y)), (int(x + w), int(y + h)), _tuple(_colour(rng, 0.05, 0.3)), -1
        )
        inner = fractal(rng, max(h - 12, 4), max(w - 12, 4), 30, 4) * 0.12
        part = picture[y + 6 : y + h - 6, x + 6 : x + w - 6]
        part[:] = _colour(rng) + inner[: part.shape[0], : part.shape[1], None]
    return picture


def _shapes(rng: np.random.Generator, size: int) -> np.ndarray:
    picture = np.broadcast_to(_colour(rng), (size, size, 3)).copy()
    for _ in range(rng.integers(5, 16)):
        x, y, a, b = rng.integers(0, size, 4)
        colour = _tuple(_colour(rng, vivid=0.35))
        if rng.random() < 0.6:
            cv2.rectangle(picture, (int(x), int(y)), (int(x + a // 2), int(y + b)), colour, -1, cv2.LINE_AA)
        else:
            cv2.ellipse(picture, (int(x), int(y)), (int(a // 4 + 4), int(b // 4 + 4)), 0, 0, 360, colour, -1)
    return picture * (1 + 0.03 * fractal(rng, size, size, 20, 4))[..., None]


def _shelves(rng: np.random.Generator, size: int) -> np.ndarray:
    wood = _colour(rng, 0.2, 0.8, 0.12)
    picture = np.broadcast_to(wood * 0.5, (size, size, 3)).copy()
    rows = int(rng.integers(3, 6))
    for row in range(rows):
        bottom = (row + 1) * size // rows
        x = int(rng.integers(0, 20))
        while x < size:
            wide = int(rng.integers(size // 50, size // 16))
            tall = int(size / rows * rng.uniform(0.55, 0.85))
            if rng.random() < 0.88:
                colour = _colour(rng, 0.1, 0.85, 0.4)
                cv2.rectangle(picture, (x, bottom - tall), (x + wide, bottom - 8), _tuple(colour), -1)
                cv2.line(picture, (x, bottom - tall), (x, bottom - 8), _tuple(colour * 0.6), 1)
                band = bottom - int(tall * rng.uniform(0.3, 0.8))
                cv2.rectangle(
                    picture, (x + 2, band), (x + wide - 2, band + 5), _tuple(_colour(rng, 0.5, 0.9)), -1
                )
            x += wide + 1
        cv2.rectangle(picture, (0, bottom - 8), (size, bottom), _tuple(wood), -1)
    return picture


def _bokeh(rng: np.random.Generator, size: int) -> np.ndarray:
    picture = np.broadcast_to(_colour(rng, 0.05, 0.4), (size, size, 3)).copy()
    picture = picture * (1 + 0.25 * fractal(rng, size, size, size / 4, 3))[..., None]
    for _ in range(rng.integers(12, 40)):
        spot = np.zeros((size, size), np.float32)
        centre = tuple(int(v) for v in rng.integers(0, size, 2))
        cv2.circle(spot, centre, int(rng.integers(size // 60, size // 14)), 1.0, -1)
        picture = mix(picture, _colour(rng, 0.4, 0.95, 0.35), spot * float(rng.uniform(0.2, 0.8)))
    return cv2.GaussianBlur(picture.astype(np.float32), (0, 0), size / 170)


def _studio(rng: np.random.Generator, size: int) -> np.ndarray:
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
    centre = rng.uniform(-0.4, 0.4, 2)
    glow = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / rng.uniform(0.5, 2.0))
    dark = _colour(rng, 0.05, 0.6, 0.2)
    return mix(np.broadcast_to(dark, (size, size, 3)), np.clip(dark * rng.uniform(1.2, 2.5), 0, 1), glow)


def _texture(rng: np.random.Generator, size: int) -> np.ndarray:
    first, second = _colour(rng), _colour(rng)
    weight = 1 / (1 + np.exp(-2.5 * fractal(rng, size, size, float(rng.uniform(20, 120)), 5, 0.6)))
    return mix(np.broadcast_to(first, (size, size, 3)), second, weight.astype(np.float32))


def _tuple(colour: np.ndarray) -> tuple[float, float, float]:
    return (float(colour[0]), float(colour[1]), float(colour[2]))
