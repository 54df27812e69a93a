"""Expressions of any face model as the 52 ARKit weights in [0, 1], and back.

Weights are those whose landmarks lie nearest to the model's own: least squares with a box, solved for all
frames at once by accelerated projected gradients (Beck & Teboulle 2009, restarted as by O'Donoghue & Candes
2015). The matrix is one 52 x 52 for the whole clip, so a step costs one small product; an active-set solver
has to go frame by frame and cannot couple frames.
"""

from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from face3dmm.arkit import ARKIT_NAMES, mirrored_name
from face3dmm.camera import CAMERA_DISTANCE, FOCAL
from face3dmm.landmarks import INNER_LIP_PAIRS, LEFT_LID_PAIRS, RIGHT_LID_PAIRS
from face3dmm.model import FaceModel
from face3dmm.track import FaceCoeffs

Array = NDArray[np.float64]

SHAPES = len(ARKIT_NAMES)
# Radians of an eye at weight 1: in uncalibrated recordings of the Live Link Face app (see live_link.py) the
# eye angles over the EyeLook* weights are straight lines of this slope.
FULL_LOOK_SIDE, FULL_LOOK_UP, FULL_LOOK_DOWN = 0.6, 0.5, 0.6
_PIXELS = 512 * FOCAL / CAMERA_DISTANCE  # of a picture 512 wide, per decimetre at the model's origin
_GAPS = INNER_LIP_PAIRS + RIGHT_LID_PAIRS + LEFT_LID_PAIRS
_LOOK = {name: index for index, name in enumerate(ARKIT_NAMES) if name.startswith("eyeLook")}
_MIRROR = [ARKIT_NAMES.index(mirrored_name(name)) for name in ARKIT_NAMES]


@dataclass(frozen=True, eq=False)
class ArkitMotion:
    """Face motion in ARKit's terms, T frames.

    Attributes:
        weights: (T, 52) in the order of `ARKIT_NAMES`, 0 (rest) to 1 (full).
        euler: (T, 3) pitch, yaw, roll of the head in radians, signs of docs/conventions.md.
        gaze: (T, 2) pitch (down positive) and yaw (to the subject's left positive) of both eyes, radians.
        fps: Frames per second.
    """

    weights: Tensor
    euler: Tensor
    gaze: Tensor
    fps: float = 25.0

    def __post_init__(self) -> None:
        count = len(self.weights)
        for name, size in (("weights", SHAPES), ("euler", 3), ("gaze", 2)):
            got = tuple(getattr(self, name).shape)
            if got != (count, size):
                raise ValueError(f"{name} must have shape ({count}, {size}), got {got}")
        if not 0 < self.fps < float("inf"):
            raise ValueError(f"fps must be positive, got {self.fps}")

    def __len__(self) -> int:
        return len(self.weights)


@dataclass(frozen=True)
class ArkitSolve:
    """What the weights pay for, in squared pixels of a landmark at 512 (mean of all landmarks).

    Attributes:
        gap: Weight of the gap between two lips or lids against that of its points: closed stays closed.
        distance: A weight's distance 1 from what is expected of it: its own coefficient in a model with ARKIT
            names, else rest.
        change: A change by 1 of that distance from frame to frame.
        one_sided: A difference of 1 between that distance on the left and on the right.
        steps: At most so many gradient steps.
        tolerance: Stop when no weight moves further than this in a step.
    """

    gap: float = 4.0
    distance: float = 0.01
    change: float = 0.01
    one_sided: float = 0.002
    steps: int = 1000
    tolerance: float = 1e-5

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if not (value > 0 or (value == 0 and one.name in ("gap", "change", "one_sided"))):
                raise ValueError(f"{one.name} must be positive, got {value}")


def arkit_motion(
    model: FaceModel, coeffs: FaceCoeffs, fps: float = 25.0, config: ArkitSolve | None = None
) -> ArkitMotion:
    """The motion of a clip in ARKit's terms.

    EyeLook* weights follow the gaze; the other weights are solved so that lids and lips stay where they are.
    In the open face model the 12 residuals are expressed by weights as far as these can. For a model without
    ARKIT names its landmark offsets, scaled and turned to the open face, are expressed by that one's shapes.

    Args:
        model: The model that `coeffs` are of.
        coeffs: T frames.
        fps: Of the clip.
        config: Prices of the solution.

    Returns:
        Weights within [0, 1].
    """
    config = config or ArkitSolve()
    shapes, offsets = _landmark_terms(model, config.gap)
    expression = coeffs.expression.detach().double().numpy()
    expected = (
        expression[:, : int(model.named)].clip(0, 1) if int(model.named) else np.zeros((len(coeffs), SHAPES))
    )
    gaze = coeffs.gaze.detach().double().numpy()
    low, high = np.zeros_like(expected), np.ones_like(expected)
    for index, weight in look_weights(gaze).items():
        expected[:, index] = low[:, index] = high[:, index] = weight
    curvature = shapes.T @ shapes + config.distance * np.eye(SHAPES)
    mirror = np.eye(SHAPES) - np.eye(SHAPES)[_MIRROR]
    curvature += config.one_sided * mirror.T @ mirror / 2
    # Unknown is the distance from what is expected.
    target = (expression @ offsets.T - expected @ shapes.T) @ shapes
    solved = solve_box(curvature, target, low - expected, high - expected, config)
    weights = (expected + solved).clip(0, 1)
    return ArkitMotion(torch.from_numpy(weights).float(), coeffs.euler.float(), coeffs.gaze.float(), fps)


def coeffs_from_arkit(
    model: FaceModel,
    motion: ArkitMotion,
    identity: Tensor | None = None,
    translation: Tensor | None = None,
    config: ArkitSolve | None = None,
) -> FaceCoeffs:
    """Coefficients of a face model from ARKit weights; exact for models with ARKIT names.

    For others the expression is the ridge least squares fit to the landmark offsets of the open face.

    Args:
        model: The model to move.
        motion: T frames.
        identity: (80,) of the person, or None for the mean face; motion files hold none.
        translation: (T, 3) or (3,) in decimetres, or None for the origin; motion files hold none.
        config: `distance` is the price of one standard deviation of expression.

    Returns:
        T frames, confidence 1, the 12 residuals of a model with ARKIT names 0.
    """
    config, count = config or ArkitSolve(), len(motion)
    weights = motion.weights.detach().double()
    if int(model.named):
        expression = torch.nn.functional.pad(weights, (0, model.expression_basis.shape[-1] - SHAPES))
    else:
        shapes, offsets = (torch.from_numpy(term) for term in _landmark_terms(model, config.gap))
        curvature = offsets.T @ offsets + config.distance * torch.eye(offsets.shape[1]).double()
        expression = torch.linalg.solve(curvature, offsets.T @ shapes @ weights.T).T
    zero = torch.zeros(3) if translation is None else translation.float()
    return FaceCoeffs(
        torch.zeros(model.identity_basis.shape[-1]) if identity is None else identity.float(),
        expression.float(),
        motion.euler.float(),
        zero.expand(count, 3).clone(),
        motion.gaze.float(),
        torch.ones(count),
    )


def look_weights(gaze: Array) -> dict[int, Array]:
    """EyeLook* weights of a direction of sight.

    Args:
        gaze: (T, 2) pitch and yaw in radians.

    Returns:
        For each of the 8 shapes its index in `ARKIT_NAMES` and (T,) weights in [0, 1].
    """
    pitch, yaw = gaze[:, 0], gaze[:, 1]
    amounts = {
        "Down": (pitch / FULL_LOOK_DOWN,) * 2,
        "Up": (-pitch / FULL_LOOK_UP,) * 2,
        "Out": (yaw / FULL_LOOK_SIDE, -yaw / FULL_LOOK_SIDE),
        "In": (-yaw / FULL_LOOK_SIDE, yaw / FULL_LOOK_SIDE),
    }
    return {
        _LOOK[f"eyeLook{way}{side}"]: amount.clip(0, 1)
        for way, both in amounts.items()
        for side, amount in zip(("Left", "Right"), both, strict=True)
    }


def gaze_from_look(weights: Array) -> Array:
    """Direction of sight (T, 2) from the EyeLook* among (T, 52) weights, the mean of both eyes."""

    def mean(left: str, right: str) -> Array:
        return (weights[:, _LOOK[f"eyeLook{left}Left"]] + weights[:, _LOOK[f"eyeLook{right}Right"]]) / 2

    pitch = FULL_LOOK_DOWN * mean("Down", "Down") - FULL_LOOK_UP * mean("Up", "Up")
    return np.stack([pitch, FULL_LOOK_SIDE * (mean("Out", "In") - mean("In", "Out"))], -1)


def solve_box(curvature: Array, target: Array, low: Array, high: Array, config: ArkitSolve) -> Array:
    """Minimise sum_t (x_t^T H x_t / 2 - g_t^T x_t) + change / 2 sum_t |x_t - x_{t-1}|^2 within a box.

    Args:
        curvature: H (N, N), positive definite.
        target: g (T, N).
        low, high: (T, N); equal where a number is given.
        config: For `change`, `steps` and `tolerance`.

    Returns:
        x (T, N).
    """
    # Scaling by the diagonal keeps the box a box and shortens the valley.
    scale = 1 / np.sqrt(np.diag(curvature) + 4 * config.change)
    scaled = curvature * scale * scale[:, None]
    low, high, target, stiffness = low / scale, high / scale, target * scale, config.change * scale**2
    step = 1 / (np.linalg.eigvalsh(scaled)[-1] + 4 * stiffness.max())
    x = np.zeros_like(target).clip(low, high)
    ahead, momentum = x, 1.0
    for _ in range(config.steps):
        slope = ahead @ scaled - target
        change = np.diff(ahead, axis=0) * stiffness
        slope[1:] += change
        slope[:-1] -= change
        new = (ahead - step * slope).clip(low, high)
        moved = new - x
        if max(np.abs(part * scale).max(initial=0.0) for part in (moved, new - ahead)) < config.tolerance:
            return new * scale
        if np.vdot(ahead - new, moved) > 0:  # momentum points uphill: start it afresh
            momentum = 1.0
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = new + (momentum - 1) / following * moved
        x, momentum = new, following
    return x * scale


def _landmark_terms(model: FaceModel, gap: float) -> tuple[Array, Array]:
    """Movement of landmarks and of lip and lid gaps by each ARKit weight (M, 52) and by each coefficient of
    the model (M, E), in units whose sum of squares is what `ArkitSolve` counts in."""
    open_face = model if int(model.named) else FaceModel.open_face()
    shapes = open_face.expression_basis[open_face.landmarks_468, :, :SHAPES].double()
    offsets = model.expression_basis[model.landmarks_468].double()
    known = model.known_468
    if not int(model.named):
        source, goal = model.mean[model.landmarks_468], open_face.mean[open_face.landmarks_468]
        offsets = torch.einsum("ij,njk->nik", similarity(source[known], goal[known]), offsets)
    return landmark_rows(shapes, known, gap).numpy(), landmark_rows(offsets, known, gap).numpy()


def landmark_rows(movement: Tensor, known: Tensor, gap: float) -> Tensor:
    """Movement (468, 3, E) of landmarks -> rows (M, E) of those that are known and of lip and lid gaps, in
    units whose sum of squares is what `ArkitSolve` counts in.

    Args:
        movement: Decimetres per coefficient.
        known: (468,) bool.
        gap: Weight of a gap against that of its points.
    """
    upper, lower = (list(side) for side in zip(*_GAPS, strict=True))
    gaps = (movement[upper] - movement[lower]) * gap**0.5
    unit = _PIXELS / float(known.sum()) ** 0.5
    return torch.cat([movement[known], gaps]).flatten(0, 1) * unit


def similarity(source: Tensor, goal: Tensor) -> Tensor:
    """Scaled rotation (3, 3) that carries points (N, 3) nearest to others, centres aside (Umeyama 1991)."""
    a, b = (points.double() - points.double().mean(0) for points in (source, goal))
    u, s, vt = torch.linalg.svd(b.T @ a)
    sign = torch.tensor([1.0, 1.0, float(torch.linalg.det(u @ vt).sign())]).double()
    return (s * sign).sum() / a.square().sum() * (u * sign) @ vt
