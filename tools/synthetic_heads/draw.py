"""Draws parts: one sample per pixel inside surfaces, four where surfaces meet; layers over a background."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from synthetic_heads.atlas import Atlas
from synthetic_heads.light import SIZE as SPHERE
from synthetic_heads.light import Light
from synthetic_heads.mesh import HEAD, NormalSum, Part

# Channels that the rasteriser interpolates.
# PART is the part's number from 1, plus 1/4 where the label is HEAD and 3/4 where it is TORSO.
U, V, NX, NY, SHADE, PART, DEPTH = range(7)


class Mesh:
    """Several parts as one mesh: constant channels and faces; positions are given per frame."""

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts
        starts = np.cumsum([0] + [len(p.uv) for p in parts])
        self.faces = np.concatenate([p.faces + s for p, s in zip(parts, starts, strict=False)])
        self.faces_tensor = torch.from_numpy(self.faces)
        self.channels = np.zeros((starts[-1], 7), np.float32)
        self.channels[:, U : V + 1] = np.concatenate([p.uv for p in parts])
        self.channels[:, SHADE] = np.concatenate([p.shade for p in parts])
        self.channels[:, PART] = np.concatenate(
            [i + 0.25 + (p.label - HEAD) / 2 for i, p in enumerate(parts, 1)]
        )
        self.shine = np.array([0.0] + [p.shine * (0.05 if p.transparent else 1.0) for p in parts], np.float32)
        self.gloss = np.array([0.0] + [p.gloss for p in parts], np.float32)
        self.follow = np.concatenate([p.follow for p in parts])
        self.offset = np.concatenate([p.offset for p in parts])
        self.normals = NormalSum(self.faces, starts[-1])


@dataclass(frozen=True)
class Layer:
    """One drawn layer at the size of the picture.

    Attributes:
        colour: (H, W, 3) float32 linear light times opacity.
        alpha: (H, W) opacity.
        head: (H, W) share of the pixel that belongs to the head.
        hidden: (H, W) share of the pixel where something nearer hides the layer.
        depth: (2H, 2W) of the nearest surface, infinity where there is none (or in a transparent layer).
    """

    colour: np.ndarray
    alpha: np.ndarray
    head: np.ndarray
    hidden: np.ndarray
    depth: np.ndarray


def draw_layer(
    mesh: Mesh,
    screen: np.ndarray,
    normals: np.ndarray,
    atlas: Atlas,
    light: Light,
    size: int,
    *,
    reduction: float,
    transparent: bool = False,
    behind: np.ndarray | None = None,
) -> Layer:
    """Draw one frame of a mesh.

    Args:
        mesh: Parts.
        screen: (V, 3) pixels and depth.
        normals: (V, 3) unit, x right, y up, z to the camera.
        atlas: Textures.
        light: Lit spheres.
        size: Pixels of the picture; coverage is found at twice this size.
        reduction: Texels per pixel, to choose the level of the texture.
        transparent: Texture alpha is opacity.
        behind: (2 size, 2 size) depth of what is already there.
    """
    from face3dmm.raster import draw_attributes

    left, top, right, bottom = _bounds(screen, size)
    colour = np.zeros((size, size, 3), np.float32)
    alpha = np.zeros((size, size), np.float32)
    head = np.zeros((size, size), np.float32)
    nearest = np.full((2 * size, 2 * size), np.inf, np.float32)
    hidden = np.zeros((size, size), np.float32)
    layer = Layer(colour, alpha, head, hidden, nearest)
    if right <= left or bottom <= top:
        return layer
    channels = mesh.channels.copy()
    channels[:, NX], channels[:, NY] = normals[:, 0], normals[:, 1]
    channels[:, DEPTH] = screen[:, 2]
    points = screen.copy()
    points[:, :2] = 2 * (points[:, :2] - (left, top))
    fine = draw_attributes(
        torch.from_numpy(points)[None], mesh.faces_tensor, torch.from_numpy(channels),
        (2 * (bottom - top), 2 * (right - left)),
    )[0].numpy()  # fmt: skip
    number, depth = np.floor(fine[PART]), fine[DEPTH]
    covered = number > 0
    here = slice(2 * top, 2 * bottom), slice(2 * left, 2 * right)
    if behind is not None:
        lost = covered & (depth >= behind[here])
        hidden[top:bottom, left:right] = _mean(lost.astype(np.float32))
        covered &= ~lost
        number *= covered
    else:
        nearest[here] = np.where(covered, depth, np.inf)
    texture, scale = atlas.level(reduction)
    low, high = _range(number)
    near, far = _range(depth)
    inside = (low == high) & (low > 0) & (far - near < 0.12)
    mixed = (high > 0) & ~inside

    y, x = np.nonzero(inside)
    samples = np.empty((len(channels[0]), len(y)), np.float32)
    for channel in range(DEPTH):
        samples[channel] = _mean(fine[channel])[inside]
    light_, opacity = _shade(mesh, samples, texture, scale, light, transparent)
    y, x = y + top, x + left
    colour[y, x], alpha[y, x] = light_, opacity
    head[y, x] = _is_head(samples) * opacity

    y, x = np.nonzero(mixed)
    rows, columns = (
        (2 * y + np.array([[0], [0], [1], [1]])).ravel(),
        (2 * x + np.array([[0], [1], [0], [1]])).ravel(),
    )
    hit = covered[rows, columns]
    samples = fine[:, rows[hit], columns[hit]]
    shares = np.zeros((4 * len(y), 5), np.float32)
    shares[hit, :3], shares[hit, 3] = _shade(mesh, samples, texture, scale, light, transparent)
    shares[hit, 4] = _is_head(samples) * shares[hit, 3]
    mean = shares.reshape(4, -1, 5).mean(0)
    y, x = y + top, x + left
    colour[y, x], alpha[y, x], head[y, x] = mean[:, :3], mean[:, 3], mean[:, 4]
    return layer


def _bounds(screen: np.ndarray, size: int) -> tuple[int, int, int, int]:
    """Window left, top, right, bottom of the picture that the points can touch."""
    low = np.clip(np.floor(screen[:, :2].min(0)), 0, size).astype(int)
    high = np.clip(np.ceil(screen[:, :2].max(0)), 0, size).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _range(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest of the four samples of each pixel: (2H, 2W) to two of (H, W)."""
    a, b = np.minimum(plane[0::2], plane[1::2]), np.maximum(plane[0::2], plane[1::2])
    return np.minimum(a[:, 0::2], a[:, 1::2]), np.maximum(b[:, 0::2], b[:, 1::2])


def _mean(plane: np.ndarray) -> np.ndarray:
    """Mean of the four samples of each pixel: (2H, 2W) to (H, W)."""
    return cv2.resize(plane, (plane.shape[1] // 2, plane.shape[0] // 2), interpolation=cv2.INTER_AREA)


def _is_head(samples: np.ndarray) -> np.ndarray:
    return samples[PART] % 1 < 0.5


def _shade(
    mesh: Mesh, samples: np.ndarray, texture: np.ndarray, scale: float, light: Light, transparent: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Linear colour (N, 3) times opacity, and opacity (N,), of samples (7, N)."""
    count = samples.shape[1]
    if count == 0:
        return np.zeros((0, 3), np.float32), np.zeros(0, np.float32)
    texel = _look_up(texture, (samples[U] + 0.5) * scale - 0.5, (samples[V] + 0.5) * scale - 0.5)
    texel = texel.astype(np.float32) * np.float32(1 / 255)
    sx, sy = (samples[NX] + 1) * ((SPHERE - 1) / 2), (1 - samples[NY]) * ((SPHERE - 1) / 2)
    received = _look_up(light.diffuse, sx, sy)
    shade = samples[SHADE]
    number = samples[PART].astype(np.int32)
    highlight = _look_up(light.soft, sx, sy) * mesh.shine[number]
    if not transparent:
        highlight *= texel[:, 3]
    highlight += _look_up(light.sharp, sx, sy) * mesh.gloss[number]
    colour = texel[:, :3] ** 2 * received  # the square stands for sRGB's gamma
    colour += highlight[:, None]
    colour *= shade[:, None]
    if not transparent:
        return colour, np.ones(count, np.float32)
    return colour * texel[:, 3:], texel[:, 3]


def _look_up(picture: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bilinear values (N, ...) of a picture at pixels; OpenCV wants two-dimensional maps below 2^15."""
    count, row = len(x), 1024
    padded = -(-count // row) * row
    maps = np.zeros((2, padded), np.float32)
    maps[0, :count], maps[1, :count] = x, y
    found = cv2.remap(
        picture,
        maps[0].reshape(-1, row),
        maps[1].reshape(-1, row),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return found.reshape(padded, *picture.shape[2:])[:count]


def compose(solid: Layer, clear: Layer, background: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Picture (H, W, 3) uint8 and masks head, person (H, W) uint8.

    Args:
        solid: Opaque layer.
        clear: Transparent layer, drawn with the solid layer's depth as `behind`.
        background: (H, W, 3) float32 linear.
    """
    # Where the solid layer hides the clear one, samples keep all of the solid layer's light; only the others
    # are seen through it. Otherwise the background would shine through hair behind a strand.
    through = 1 - clear.alpha / np.maximum(1 - clear.hidden, 1e-3)
    kept = np.minimum(clear.hidden, solid.alpha)
    kept = (kept + (solid.alpha - kept) * through) / np.maximum(solid.alpha, 1e-3)
    colour = background * ((1 - solid.alpha) * through)[..., None]
    colour += solid.colour * kept[..., None]
    colour += clear.colour
    head = solid.head * kept + clear.head
    person = np.clip(solid.alpha * kept + clear.alpha, 0, 1)
    np.clip(colour, 0, 1, out=colour)
    picture = (np.sqrt(colour) * 255 + 0.5).astype(np.uint8)
    head, person = ((np.minimum(m, person) * 255 + 0.5).astype(np.uint8) for m in (head, person))
    return picture, head, person
