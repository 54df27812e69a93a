"""Training material with its truth: single frames of a person, or a clip; functions of their seeds alone."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from synthetic_heads.motion import Motion, random_frames, random_views, sway
from synthetic_heads.person import SyntheticPerson
from synthetic_heads.rendering import Rendering, Scene, random_scene, render


@dataclass(frozen=True)
class Sample:
    """Frames of one person with exact truth.

    Attributes:
        person: Seed of the person.
        identity: (80,) float32.
        motion: Expression, pose, gaze.
        picture: Frames, masks, landmarks, background.
        camera_to_world, intrinsics: (T, 4, 4), (T, 3, 3) of `face3dmm.Camera.from_head_pose`.
        moment: (T,) int64: frames of one number show the same moment from several sides; -1 for a moment of
            which there is one view only, None for all such.
        consecutive: Whether the frames follow one another at 25 fps.
    """

    person: int
    identity: np.ndarray
    motion: Motion
    picture: Rendering
    camera_to_world: np.ndarray
    intrinsics: np.ndarray
    moment: np.ndarray | None = None
    consecutive: bool = False


@lru_cache(maxsize=2)
def person(seed: int) -> SyntheticPerson:
    """The person of a seed; the last two are kept."""
    return SyntheticPerson(seed)


def sample_batch(seed: int, step: int, *, frames: int = 8, size: int = 512) -> Sample:
    """Frames of one person in one scene, each with its own pose, expression and gaze.

    Args:
        seed, step: Everything follows from these two; every step has another person.
        frames: Number of frames.
        size: Pixels, 512 for training.
    """
    rng = np.random.default_rng([seed, step, 7])
    number = int(np.random.default_rng([seed, step]).integers(0, 2**31))
    scene = random_scene(rng, size)
    return _sample(number, random_frames(rng, frames), scene, size, lag=0)


def sample_views(seed: int, step: int, *, moments: int = 3, views: int = 3, size: int = 512) -> Sample:
    """Moments of one person, each seen from several sides under a light that turns with the head.

    Args:
        seed, step: Everything follows from these two; every step has another person.
        moments: Number of moments; the first is the face at rest.
        views: Views of each moment.
        size: Pixels.
    """
    rng = np.random.default_rng([seed, step, 13])
    number = int(np.random.default_rng([seed, step]).integers(0, 2**31))
    scene = random_scene(rng, size)
    motion = random_views(rng, moments, views)
    sample = _sample(number, motion, scene, size, lag=0, torso_share=1.0, light_on_head=True)
    return replace(sample, moment=np.repeat(np.arange(moments), views))


def make_clip(
    seed: int,
    frames: int = 250,
    *,
    motion: Motion | None = None,
    expression: np.ndarray | None = None,
    size: int = 512,
) -> Sample:
    """A video-like sequence at 25 fps.

    Args:
        seed: Of person, scene and, where not given, movement.
        frames: Length, where neither motion nor expression is given.
        motion: Full movement to follow.
        expression: (T, 64) to follow, with random head movement and, if it has none, blinks.
        size: Pixels.
    """
    rng = np.random.default_rng([seed, 11])
    scene = random_scene(rng, size)
    if motion is None:
        motion = sway(rng, frames if expression is None else len(expression), expression)
    return replace(_sample(seed, motion, scene, size, lag=8), consecutive=True)


def _sample(number: int, motion: Motion, scene: Scene, size: int, **options: Any) -> Sample:
    from face3dmm import Camera

    who = person(number)
    picture = render(
        who, motion.expression, motion.euler, motion.translation, motion.gaze, scene=scene, size=size,
        **options,
    )  # fmt: skip
    camera = Camera.from_head_pose(torch.from_numpy(motion.euler), torch.from_numpy(motion.translation))
    return Sample(
        number, who.identity, motion, picture, camera.camera_to_world.numpy(), camera.intrinsics.numpy()
    )
