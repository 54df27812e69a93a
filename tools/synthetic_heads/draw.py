"""Draws parts: one sample per pixel inside surfaces, four where surfaces meet, layers blended over a background."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from synthetic_heads.atlas import Atlas
from synthetic_heads.light import SIZE as SPHERE
from synthetic_heads.light import Light
from synthetic_heads.mesh import NormalSum, Part

# Channels that the rasteriser interpolates.
U, V, NX, NY, SHADE, GLOSS, PART, LABEL, DEPTH = range(9)


class Mesh:
    """Several parts as one mesh: constant channels and faces; positions are given per frame."""

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts
        starts = np.cumsum([0] + [len(p.uv) for p in parts])
        self.faces = np.concatenate([p.faces + s for p, s in zip(parts, starts, strict=False)])
        self.faces_tensor = torch.from_numpy(self.faces)
        self.channels = np.zeros((starts[-1], 9), np.float32)
        self.channels[:, U : V + 1] = np.concatenate([p.uv for p in parts])
        for channel, name in ((SHADE, "shade"), (GLOSS, "gloss"), (LABEL, "label")):
            self.channels[:, channel] = np.concatenate([getattr(p, name) for p in parts])
        self.channels[:, PART] = np.concatenate([np.full(len(p.uv), i + 1.0) for i, p in enumerate(parts)])
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
    """

    colour: np.ndarray
    alpha: np.ndarray
    head: np.ndarray
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

    channels = mesh.channels.copy()
    channels[:, NX], channels[:, NY] = normals[:, 0], normals[:, 1]
    channels[:, DEPTH] = screen[:, 2]
    points = screen.copy()
    points[:, :2] *= 2
    fine = draw_attributes(
        torch.from_numpy(points)[None], mesh.faces_tensor, torch.from_numpy(channels), 2 * size, background=0.0
    )[0].numpy()
    covered = fine[PART] > 0
    if behind is not None:
        covered &= fine[DEPTH] < behind
    texture, scale = atlas.level(reduction)
    quads = _quads(np.where(covered, fine[PART], 0))
    low, high = quads.min(0), quads.max(0)
    depth = _quads(np.where(covered, fine[DEPTH], 0))
    whole = (low == high) & (low > 0) & (depth.max(0) - depth.min(0) < 0.12)
    some = high > 0
    mixed = some & ~whole

    colour = np.zeros((size, size, 3), np.float32)
    alpha = np.zeros((size, size), np.float32)
    head = np.zeros((size, size), np.float32)
    y, x = np.nonzero(whole)
    samples = _mean_of_quads(fine, y, x)
    colour[y, x], alpha[y, x] = _shade(samples, texture, scale, light, transparent)
    head[y, x] = (samples[LABEL] < 1.5) * alpha[y, x]

    y, x = np.nonzero(mixed)
    for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
        rows, columns = 2 * y + dy, 2 * x + dx
        here = covered[rows, columns]
        rows, columns = rows[here], columns[here]
        samples = fine[:, rows, columns]
        light_, opacity = _shade(samples, texture, scale, light, transparent)
        yy, xx = y[here], x[here]
        colour[yy, xx] += light_ / 4
        alpha[yy, xx] += opacity / 4
        head[yy, xx] += (samples[LABEL] < 1.5) * opacity / 4
    return Layer(colour, alpha, head, np.where(covered, fine[DEPTH], np.inf))


def _quads(plane: np.ndarray) -> np.ndarray:
    """(2H, 2W) to (4, H, W): the four samples of each pixel."""
    return np.stack([plane[0::2, 0::2], plane[0::2, 1::2], plane[1::2, 0::2], plane[1::2, 1::2]])


def _mean_of_quads(fine: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Channels (9, N) at the middle of the pixels (y, x)."""
    return (fine[:, 2 * y, 2 * x] + fine[:, 2 * y + 1, 2 * x + 1]) / 2


def _shade(
    samples: np.ndarray, texture: np.ndarray, scale: float, light: Light, transparent: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Linear colour (N, 3) times opacity, and opacity (N,), of samples (9, N)."""
    count = samples.shape[1]
    if count == 0:
        return np.zeros((0, 3), np.float32), np.zeros(0, np.float32)
    texel = _look_up(texture, (samples[U] + 0.5) * scale - 0.5, (samples[V] + 0.5) * scale - 0.5)
    texel = texel.astype(np.float32) * np.float32(1 / 255)
    sx, sy = (samples[NX] + 1) * ((SPHERE - 1) / 2), (1 - samples[NY]) * ((SPHERE - 1) / 2)
    received = _look_up(light.diffuse, sx, sy)
    shade = samples[SHADE]
    strength = np.full(count, 0.06, np.float32) if transparent else texel[:, 3]
    highlight = _look_up(light.soft, sx, sy) * strength
    highlight += _look_up(light.sharp, sx, sy) * samples[GLOSS]
    colour = texel[:, :3] ** 2 * received  # the square stands for sRGB's gamma
    colour += highlight[:, None]
    colour *= shade[:, None]
    if not transparent:
        return colour, np.ones(count, np.float32)
    return colour * texel[:, 3:], texel[:, 3]


def _look_up(picture: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bilinear values (N, ...) of a picture at pixel positions; OpenCV wants two-dimensional maps below 2^15."""
    count, row = len(x), 1024
    padded = -(-count // row) * row
    maps = np.zeros((2, padded), np.float32)
    maps[0, :count], maps[1, :count] = x, y
    found = cv2.remap(
        picture, maps[0].reshape(-1, row), maps[1].reshape(-1, row), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return found.reshape(padded, *picture.shape[2:])[:count]


def compose(layers: list[Layer], background: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Picture (H, W, 3) uint8 and masks head, person (H, W) uint8 of layers, the nearest last.

    Args:
        layers: Drawn layers of one size.
        background: (H, W, 3) float32 linear.
    """
    colour = background.copy()
    head = np.zeros(background.shape[:2], np.float32)
    person = np.zeros_like(head)
    for layer in layers:
        through = 1 - layer.alpha
        colour *= through[..., None]
        colour += layer.colour
        head = head * through + layer.head
        person = person * through + layer.alpha
    np.clip(colour, 0, 1, out=colour)
    picture = (np.sqrt(colour) * 255 + 0.5).astype(np.uint8)
    return picture, (head * 255 + 0.5).astype(np.uint8), (np.minimum(person, 1) * 255 + 0.5).astype(np.uint8)
