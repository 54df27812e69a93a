"""Random but plausible expressions, poses and gazes; single frames and moving sequences."""

from dataclasses import dataclass

import numpy as np

from synthetic_heads.rendering import HEAD_PIVOT

SIZE = 64
YAW, PITCH, ROLL = np.radians([30.0, 15.0, 10.0])
FOCAL, DISTANCE = 4.2647, 10.0
HEAD_HEIGHT = 2.3  # dm, with hair


@dataclass(frozen=True)
class Motion:
    """Movement of a head.

    Attributes:
        expression: (T, 64) float32.
        euler: (T, 3) pitch, yaw, roll in radians.
        translation: (T, 3) dm.
        gaze: (T, 2) pitch (down positive) and yaw (to the subject's left positive), radians.
    """

    expression: np.ndarray
    euler: np.ndarray
    translation: np.ndarray
    gaze: np.ndarray


def _index() -> dict[str, int]:
    from face3dmm import ARKIT_NAMES

    return {name: number for number, name in enumerate(ARKIT_NAMES)}


# Mouth shapes of speech, as a coarse alphabet; amplitudes for clear articulation.
VISEMES: dict[str, dict[str, float]] = {
    "rest": {},
    "closed": {"mouthPressLeft": 0.25, "mouthPressRight": 0.25, "mouthRollLower": 0.15,
               "mouthRollUpper": 0.12},
    "open": {"jawOpen": 0.55, "mouthLowerDownLeft": 0.2, "mouthLowerDownRight": 0.2},
    "half": {"jawOpen": 0.28, "mouthStretchLeft": 0.15, "mouthStretchRight": 0.15},
    "wide": {"jawOpen": 0.12, "mouthStretchLeft": 0.45, "mouthStretchRight": 0.45, "mouthSmileLeft": 0.25,
             "mouthSmileRight": 0.25},
    "round": {"jawOpen": 0.28, "mouthFunnel": 0.6},
    "pucker": {"jawOpen": 0.08, "mouthPucker": 0.75},
    "bite": {"jawOpen": 0.06, "mouthRollLower": 0.5, "mouthUpperUpLeft": 0.3, "mouthUpperUpRight": 0.3},
    "teeth": {"jawOpen": 0.06, "mouthUpperUpLeft": 0.3, "mouthUpperUpRight": 0.3, "mouthLowerDownLeft": 0.45,
              "mouthLowerDownRight": 0.45, "mouthStretchLeft": 0.2, "mouthStretchRight": 0.2},
    "tongue": {"jawOpen": 0.18, "tongueOut": 0.25, "mouthLowerDownLeft": 0.15, "mouthLowerDownRight": 0.15},
}  # fmt: skip


def random_expressions(rng: np.random.Generator, count: int) -> np.ndarray:
    """Independent expressions (count, 64): mostly speech, some smiles, blinks, brows and quiet faces."""
    index = _index()
    result = np.zeros((count, SIZE), np.float32)
    names = list(VISEMES)
    for row in result:
        if rng.random() < 0.8:
            for share in rng.dirichlet([1.2, 0.5]):
                for name, value in VISEMES[names[rng.integers(0, len(names))]].items():
                    row[index[name]] += share * value * rng.uniform(0.5, 1.5)
        _mood(rng, row, index)
        _upper_face(rng, row, index)
        row[52:] = rng.normal(0, 0.35, SIZE - 52)
    return np.clip(result, [*[0.0] * 52, *[-2.5] * 12], [*[1.0] * 52, *[2.5] * 12]).astype(np.float32)


def _mood(rng: np.random.Generator, row: np.ndarray, index: dict[str, int]) -> None:
    def both(stem: str, value: float) -> None:
        tilt = rng.uniform(0.8, 1.2)
        row[index[stem + "Left"]] += value * tilt
        row[index[stem + "Right"]] += value * (2 - tilt)

    kind = rng.random()
    if kind < 0.30:
        smile = rng.uniform(0.1, 0.9)
        both("mouthSmile", smile)
        both("cheekSquint", 0.6 * smile * rng.random())
        both("eyeSquint", 0.4 * smile * rng.random())
    elif kind < 0.40:
        both("mouthFrown", rng.uniform(0.1, 0.6))
    elif kind < 0.47:
        both("noseSneer", rng.uniform(0.1, 0.5))
    elif kind < 0.55:
        row[index["mouthLeft" if rng.random() < 0.5 else "mouthRight"]] += rng.uniform(0.1, 0.4)
    if rng.random() < 0.1:
        row[index["mouthShrugLower"]] += rng.uniform(0.1, 0.5)


def _upper_face(rng: np.random.Generator, row: np.ndarray, index: dict[str, int]) -> None:
    closed = (
        1.0
        if rng.random() < 0.07
        else max(0.0, rng.normal(0.02, 0.12))
        if rng.random() < 0.8
        else rng.random()
    )
    for side in ("Left", "Right"):
        row[index["eyeBlink" + side]] = np.clip(closed * rng.uniform(0.95, 1.05), 0, 1)
        if rng.random() < 0.15:
            row[index["eyeWide" + side]] = rng.uniform(0, 0.5) * (1 - closed)
    kind = rng.random()
    value = rng.uniform(0.1, 0.8)
    if kind < 0.2:
        row[index["browInnerUp"]] = value
    if 0.1 < kind < 0.3:
        row[index["browOuterUpLeft"]] = row[index["browOuterUpRight"]] = value
    elif 0.3 < kind < 0.45:
        row[index["browDownLeft"]] = row[index["browDownRight"]] = value


def random_frames(rng: np.random.Generator, count: int) -> Motion:
    """Independent frames of one framing: expressions, poses and gazes drawn anew for each."""
    expression = random_expressions(rng, count)
    euler = np.stack(
        [
            rng.normal(0, 0.45, count) * PITCH,
            rng.normal(0, 0.5, count) * YAW,
            rng.normal(0, 0.45, count) * ROLL,
        ],
        -1,
    )
    euler = np.clip(euler, [-PITCH, -YAW, -ROLL], [PITCH, YAW, ROLL]).astype(np.float32)
    place = framing(rng) + rng.normal(0, 1, (count, 3)) * (0.10, 0.06, 0.35)
    gaze = rng.normal(0, 1, (count, 2)) * (0.08, 0.16)
    gaze[:, 1] -= 0.5 * euler[:, 1]  # eyes tend to stay on the camera
    gaze[:, 0] -= 0.5 * euler[:, 0]
    return _finish(expression, euler, place, np.clip(gaze, -0.45, 0.45))


VIEW_YAW, VIEW_PITCH = np.radians([35.0, 18.0])


def random_views(rng: np.random.Generator, moments: int, views: int) -> Motion:
    """Moments of one framing, each seen from several sides: expression and gaze stay, the pose changes.

    The first moment is the face at rest that looks straight ahead.

    Args:
        rng: Source of the random numbers.
        moments: Number of moments M.
        views: Views V of each; M * V frames, view by view of the first moment, then of the second.
    """
    expression = random_expressions(rng, moments)
    expression[0] = 0
    gaze = np.clip(rng.normal(0, 1, (moments, 2)) * (0.08, 0.16), -0.45, 0.45)
    gaze[0] = 0
    count = moments * views
    yaw, pitch, roll = rng.uniform(-1, 1, count), rng.uniform(-1, 1, count), rng.normal(0, 0.35, count)
    euler = np.stack([pitch * VIEW_PITCH, yaw * VIEW_YAW, np.clip(roll, -1, 1) * ROLL], -1)
    place = framing(rng) + rng.normal(0, 1, (count, 3)) * (0.10, 0.06, 0.35)
    every = np.repeat(np.arange(moments), views)
    return _finish(expression[every], euler.astype(np.float32), place, gaze[every])


def framing(rng: np.random.Generator) -> np.ndarray:
    """Place (3,) of the upper neck in dm: a head of 35 to 65 % of the picture's height near its middle."""
    depth = FOCAL * HEAD_HEIGHT / rng.uniform(0.38, 0.65)
    middle = np.array([rng.normal(0, 0.04), rng.uniform(-0.02, 0.08)]) * depth / FOCAL
    return np.array([middle[0], middle[1] - 0.6 + 0.1 * rng.normal(), DISTANCE - depth])


def _finish(expression: np.ndarray, euler: np.ndarray, pivot: np.ndarray, gaze: np.ndarray) -> Motion:
    """Turns about the upper neck become turns about the model's origin; lids follow the gaze."""
    import torch

    from face3dmm.camera import rotation_from_euler

    index = _index()
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        strength = 2.2
        expression[:, index["eyeLookDown" + side]] = np.clip(gaze[:, 0] * strength, 0, 1)
        expression[:, index["eyeLookUp" + side]] = np.clip(-gaze[:, 0] * strength, 0, 1)
        expression[:, index["eyeLookOut" + side]] = np.clip(sign * gaze[:, 1] * strength * 0.8, 0, 1)
        expression[:, index["eyeLookIn" + side]] = np.clip(-sign * gaze[:, 1] * strength * 0.8, 0, 1)
    rotation = rotation_from_euler(torch.from_numpy(np.ascontiguousarray(euler))).numpy()
    translation = pivot - rotation @ HEAD_PIVOT
    return Motion(expression.astype(np.float32), euler.astype(np.float32), translation.astype(np.float32),
                  gaze.astype(np.float32))  # fmt: skip


def smooth_noise(rng: np.random.Generator, count: int, width: float) -> np.ndarray:
    """Smooth random curve (count,) with standard deviation 1 over long times; width in frames."""
    from scipy.ndimage import gaussian_filter1d

    margin = int(4 * width) + 1
    white = rng.standard_normal(count + 2 * margin)
    return gaussian_filter1d(white, width)[margin : margin + count] * np.sqrt(2 * np.sqrt(np.pi) * width)


def sway(rng: np.random.Generator, count: int, expression: np.ndarray | None = None) -> Motion:
    """A talking head's movement at 25 fps: slow turns, small nods, blinks, glances.

    Args:
        rng: Source of the random numbers.
        count: Frames.
        expression: (count, 64) to keep; blinks are added where its blinks are 0. None: babbling speech.
    """
    index = _index()
    if expression is None:
        expression = _babble(rng, count)
    expression = np.array(expression, np.float32)
    if not expression[:, [index["eyeBlinkLeft"], index["eyeBlinkRight"]]].any():
        blink = blinks(rng, count)
        expression[:, index["eyeBlinkLeft"]] = expression[:, index["eyeBlinkRight"]] = blink
    slow = np.stack([smooth_noise(rng, count, w) for w in (22, 30, 28)], -1) * (0.05, 0.11, 0.035)
    nods = np.stack([smooth_noise(rng, count, w) for w in (5, 7, 7)], -1) * (0.022, 0.02, 0.012)
    euler = np.clip(slow + nods, [-PITCH, -YAW, -ROLL], [PITCH, YAW, ROLL])
    drift = np.stack([smooth_noise(rng, count, w) for w in (35, 40, 50)], -1) * (0.06, 0.035, 0.15)
    hold = np.repeat(rng.normal(0, 1, (count // 12 + 2, 2)) * (0.04, 0.09), 12, axis=0)[:count]
    gaze = np.clip(hold - 0.6 * euler[:, :2], -0.4, 0.4)
    return _finish(expression, euler.astype(np.float32), framing(rng) + drift, gaze)


def blinks(rng: np.random.Generator, count: int, rate: float = 0.3) -> np.ndarray:
    """Lid closure (count,) in [0, 1] at 25 fps; rate is blinks per second."""
    closure = np.zeros(count, np.float32)
    shape = np.array([0.35, 0.9, 1.0, 0.8, 0.45, 0.15], np.float32)
    at = int(rng.exponential(25 / rate) + 10)
    while at < count:
        end = min(at + len(shape), count)
        closure[at:end] = np.maximum(closure[at:end], shape[: end - at])
        at += 12 + int(rng.exponential(25 / rate))
    return closure


def _babble(rng: np.random.Generator, count: int) -> np.ndarray:
    from scipy.ndimage import gaussian_filter1d

    index = _index()
    names = list(VISEMES)
    result = np.zeros((count, SIZE), np.float32)
    at = 0
    while at < count:
        length = int(rng.integers(2, 6)) if rng.random() < 0.9 else int(rng.integers(8, 25))
        name = names[rng.integers(1, len(names))] if length < 8 else "rest"
        for shape, value in VISEMES[name].items():
            result[at : at + length, index[shape]] = value * rng.uniform(0.6, 1.2)
        at += length
    result = gaussian_filter1d(result, 1.1, axis=0)
    smile = np.clip(0.2 + 0.25 * smooth_noise(rng, count, 40), 0, 0.8)
    brow = np.clip(0.3 * smooth_noise(rng, count, 12), 0, 0.8)
    for side in ("Left", "Right"):
        result[:, index["mouthSmile" + side]] += smile
        result[:, index["browOuterUp" + side]] += brow
    result[:, index["browInnerUp"]] += brow
    return np.clip(result, 0, 1).astype(np.float32)
