"""Puts a person before a camera: poses, torso, screen, layers, frames and masks."""

from dataclasses import dataclass

import numpy as np
import torch

from synthetic_heads.background import random_background
from synthetic_heads.draw import Layer, compose, draw_layer
from synthetic_heads.head import FACE, TEXELS
from synthetic_heads.light import Light, random_light
from synthetic_heads.mesh import Drive
from synthetic_heads.person import SyntheticPerson

HEAD_PIVOT = np.array([0.0, -0.55, -0.75])  # the head nods about the upper neck


@dataclass(frozen=True)
class Rendering:
    """Frames with their exact truth.

    Attributes:
        frames: (T, S, S, 3) uint8.
        head, torso, person: (T, S, S) uint8 shares of each pixel; head + torso = person.
        landmarks: (T, 468, 2) float32 pixels; the centre of the first pixel is (0.5, 0.5).
        plate: (S, S, 3) uint8, the background alone.
    """

    frames: np.ndarray
    head: np.ndarray
    torso: np.ndarray
    person: np.ndarray
    landmarks: np.ndarray
    plate: np.ndarray


@dataclass(frozen=True)
class Scene:
    """Light and background.

    Attributes:
        light: Lit spheres.
        background: (S, S, 3) float32 linear.
    """

    light: Light
    background: np.ndarray


def random_scene(rng: np.random.Generator, size: int = 512) -> Scene:
    """A light and a background that fits its brightness."""
    return Scene(random_light(rng), random_background(rng, size))


def render(
    person: SyntheticPerson,
    expression: np.ndarray,
    euler: np.ndarray,
    translation: np.ndarray,
    gaze: np.ndarray,
    *,
    scene: Scene,
    size: int = 512,
    lag: int = 0,
    torso_share: float = 0.3,
    light_on_head: bool = False,
) -> Rendering:
    """Draw T frames of a person. See docs/conventions.md for pose and picture.

    Args:
        person: Who.
        expression: (T, 64).
        euler: (T, 3) pitch, yaw, roll, radians.
        translation: (T, 3) dm.
        gaze: (T, 2) pitch and yaw relative to the head, radians.
        scene: Light and background of the picture's size.
        size: Pixels.
        lag: Frames over which the torso's movement is averaged; 0 where frames are not a sequence.
        torso_share: Share of the head's turn that the torso makes.
        light_on_head: The light turns with the head, as if the head stood still and the camera moved.

    Raises:
        ValueError: If the lengths disagree or the background has another size.
    """
    expression, euler, translation, gaze = (
        np.asarray(v, np.float32) for v in (expression, euler, translation, gaze)
    )
    count = len(expression)
    if any(len(v) != count for v in (euler, translation, gaze)):
        raise ValueError(
            f"need equally many frames, got {[len(v) for v in (expression, euler, translation, gaze)]}"
        )
    if scene.background.shape != (size, size, 3):
        raise ValueError(f"background must be {size} x {size}, got {scene.background.shape}")
    drive = person.drive(expression, gaze)
    poses = Poses(euler, translation, lag, torso_share)
    frames, masks, heads = [], [], []
    for t in range(count):
        one = Drive(drive.neutral, drive.face[t : t + 1], drive.jaw[t : t + 1], drive.expression[t : t + 1],
                    drive.gaze[t : t + 1])  # fmt: skip
        layers: list[Layer] = []
        for mesh, clear in ((person.solid, False), (person.clear, True)):
            local = np.concatenate([p.positions(one)[0] for p in mesh.parts]).astype(np.float32)
            posed = poses.apply(t, local, mesh.follow)
            normals = mesh.normals(posed[None])[0].astype(np.float32)
            towards = -np.sign((normals * (posed - (0, 0, 10))).sum(-1, keepdims=True))
            normals *= np.where(towards == 0, 1, towards)  # both sides are lit alike
            if light_on_head:
                normals = normals @ poses.head[t]
            screen = project(posed, size)
            screen[:, 2] += mesh.offset
            density = TEXELS / (size * 4.2647 / (10 - translation[t, 2]))
            behind = layers[0].depth if clear else None
            layers.append(
                draw_layer(mesh, screen, normals, person.atlas, scene.light, size, reduction=density,
                           transparent=clear, behind=behind)
            )  # fmt: skip
        picture, head, whole = compose(layers[0], layers[1], scene.background)
        frames.append(picture)
        heads.append(head)
        masks.append(whole)
    posed_face = np.stack([poses.apply(t, drive.face[t], np.zeros(FACE)) for t in range(count)])
    plate = (np.sqrt(np.clip(scene.background, 0, 1)) * 255 + 0.5).astype(np.uint8)
    head, whole = np.stack(heads), np.stack(masks)
    landmarks = np.stack([project(p, size)[:, :2] for p in posed_face])
    return Rendering(np.stack(frames), head, whole - head, whole, landmarks, plate)


def project(posed: np.ndarray, size: int) -> np.ndarray:
    """Posed points (V, 3) to pixels and depth (V, 3) float32."""
    from face3dmm.camera import CAMERA_DISTANCE, FOCAL

    depth = CAMERA_DISTANCE - posed[:, 2]
    u = 0.5 + FOCAL * posed[:, 0] / depth
    v = 0.5 - FOCAL * posed[:, 1] / depth
    return np.stack([u * size, v * size, depth], -1).astype(np.float32)


class Poses:
    """Rigid movements of head and torso; vertices between them blend."""

    def __init__(self, euler: np.ndarray, translation: np.ndarray, lag: int, share: float) -> None:
        self.head = _rotation(euler)
        self.head_shift = translation
        slow = _average(euler, lag) * share
        slow[:, 0] *= 0.5
        self.torso = _rotation(slow)
        pivot = np.einsum("tij,j->ti", self.head, HEAD_PIVOT) + translation
        if lag > 0:  # the torso swings less than the head
            middle = pivot.mean(0)
            pivot = middle + 0.75 * (_average(pivot, lag) - middle)
        self.torso_shift = pivot - np.einsum("tij,j->ti", self.torso, HEAD_PIVOT)

    def apply(self, t: int, points: np.ndarray, follow: np.ndarray) -> np.ndarray:
        """Points (V, 3) of frame t where they stand before the camera."""
        posed = points @ self.head[t].T + self.head_shift[t]
        moving = np.nonzero(follow > 0)[0]
        if len(moving):
            share = follow[moving, None]
            other = points[moving] @ self.torso[t].T + self.torso_shift[t]
            posed[moving] += share * (other - posed[moving])
        return posed.astype(np.float32)


def _rotation(euler: np.ndarray) -> np.ndarray:
    from face3dmm.camera import rotation_from_euler

    return rotation_from_euler(torch.from_numpy(np.ascontiguousarray(euler))).numpy()


def _average(values: np.ndarray, lag: int) -> np.ndarray:
    """Trailing mean over `lag` frames, the past before the first frame being the first frame."""
    if lag <= 1:
        return values.copy()
    padded = np.concatenate([np.repeat(values[:1], lag - 1, 0), values])
    total = np.cumsum(np.concatenate([np.zeros_like(padded[:1]), padded]), 0)
    return ((total[lag:] - total[:-lag]) / lag).astype(values.dtype)
