"""Test heads with exact truth: people of tools/synthetic_heads that no training set can hold.

Training draws its people from seeds below 2^31 (`synthetic_heads.batches`); the people here begin there.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

FIRST_PERSON = 2**31
YAW, PITCH = np.radians(30.0), np.radians(15.0)
TURNS = {"yaw": ((0.0, YAW), (0.0, -YAW)), "pitch": ((PITCH, 0.0), (-PITCH, 0.0))}  # pitch, yaw of the views
SOURCE_SHARE = 0.35  # of a random expression: people hold still for a portrait
# What the face does in the other frames: clear speech (names of `synthetic_heads.motion.VISEMES`) and ARKit
# shapes of both sides.
SAID = ("open", "half", "wide", "round", "pucker", "bite", "teeth")
SHOWN = ({"eyeBlink": 1.0}, {"mouthSmile": 0.8, "cheekSquint": 0.4}, {"browOuterUp": 0.7, "eyeWide": 0.4})
EXPRESSIONS = len(SAID) + len(SHOWN)
SOURCE_TURN = np.radians([4.0, 6.0, 3.0])  # standard deviations of the source's own pose


@dataclass(frozen=True)
class TestHead:
    """One person: a source picture, the same face from other sides, other expressions in the source's pose.

    Frame 0 is the source, then the views of `TURNS` in order, then `EXPRESSIONS` frames.

    Attributes:
        frames: (T, 512, 512, 3) uint8.
        head, torso: (T, 512, 512) uint8 masks.
        plate: (512, 512, 3) uint8, the background alone.
        landmarks: (T, 468, 2) pixels.
        identity: (80,).
        expression: (T, 64).
        euler, translation: (T, 3), radians and decimetres.
    """

    __test__ = False  # not a test case

    frames: Tensor
    head: Tensor
    torso: Tensor
    plate: Tensor
    landmarks: Tensor
    identity: Tensor
    expression: Tensor
    euler: Tensor
    translation: Tensor

    @property
    def views(self) -> dict[str, list[int]]:
        """Frame numbers of the turned heads by kind."""
        numbers, at = {}, 1
        for kind, turns in TURNS.items():
            numbers[kind] = list(range(at, at + len(turns)))
            at += len(turns)
        return numbers

    @property
    def expressions(self) -> list[int]:
        """Frame numbers of the other expressions."""
        return list(range(len(self.frames) - EXPRESSIONS, len(self.frames)))


def test_heads(count: int, cache: Path | None) -> list[TestHead]:
    """The first `count` test heads; drawn ones are kept in the folder `cache`, where one is given."""
    from safetensors.torch import load_file, save_file

    heads = []
    for number in range(count):
        path = cache / f"test_head_{number:03d}.safetensors" if cache else None
        print(f"test head {number + 1}/{count}", file=sys.stderr, flush=True)
        if path and path.is_file():
            heads.append(TestHead(**load_file(path)))
            continue
        heads.append(_draw(number))
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            save_file(vars(heads[-1]), path)
    return heads


def _draw(number: int) -> TestHead:
    """Draw one; the light turns with the head, for nobody can know what lies in the shadow."""
    from synthetic_heads import SyntheticPerson, random_scene, render

    seed = FIRST_PERSON + number
    rng = np.random.default_rng([seed, 7])
    scene, person = random_scene(rng), SyntheticPerson(seed)
    expression, euler, translation = _motion(rng)
    gaze = np.zeros((len(euler), 2), np.float32)
    seen = render(person, expression, euler, translation, gaze, scene=scene, light_on_head=True)
    arrays = (seen.frames, seen.head, seen.torso, seen.plate, seen.landmarks, person.identity)
    return TestHead(
        *(torch.from_numpy(np.ascontiguousarray(part)) for part in (*arrays, expression, euler, translation))
    )


def _motion(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expression, euler and translation of one person's frames; the head turns about the upper neck."""
    from face3dmm.camera import rotation_from_euler
    from synthetic_heads.motion import framing, random_expressions
    from synthetic_heads.rendering import HEAD_PIVOT

    views = [turn for turns in TURNS.values() for turn in turns]
    source = SOURCE_SHARE * random_expressions(rng, 1)
    expression = np.concatenate([source] * (1 + len(views)) + [_expressions(source[0])])
    pose = rng.normal(0, 1, 3) * SOURCE_TURN
    euler = np.repeat(pose[None], len(expression), 0).astype(np.float32)
    for number, (pitch, yaw) in enumerate(views, 1):
        euler[number] = pitch, yaw, 0  # turned as far as is said, not that much farther
    rotation = rotation_from_euler(torch.from_numpy(euler)).numpy()
    translation = (framing(rng) - rotation @ HEAD_PIVOT).astype(np.float32)
    return expression, euler, translation


def _expressions(source: np.ndarray) -> np.ndarray:
    """(EXPRESSIONS, 64): `SAID` and `SHOWN`; the person's own residuals stay as they are in the source."""
    from face3dmm import ARKIT_NAMES
    from synthetic_heads.motion import VISEMES

    both = [
        {name + side: value for name, value in shapes.items() for side in ("Left", "Right")}
        for shapes in SHOWN
    ]
    result = np.repeat(source[None], EXPRESSIONS, 0)
    result[:, : len(ARKIT_NAMES)] = 0
    for row, shapes in zip(result, [VISEMES[name] for name in SAID] + both, strict=True):
        for name, value in shapes.items():
            row[ARKIT_NAMES.index(name)] = value
    return result
