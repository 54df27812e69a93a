"""The published way to fit a face model to a clip, as a reference: Adam on all frames at once.

Written anew after `data_gen/utils/process_video/fit_3dmm_landmark.py` of Real3D-Portrait and MimicTalk, with
its steps, learning rates, weights and loss. It is given this package's face model and camera, and every
landmark that the model has a vertex for (eight are masked there). ARKit coefficients are weights in [0, 1],
not standard deviations as there: `named_unit` says how they are counted. Of 1 and 0.25, with learning rates of
0.1, 0.03 and 0.01, the unit 1 and the published rate 0.1 reach the lowest loss and the lowest landmark error
over all points, so they are the default.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from face3dmm import FaceCoeffs, FaceModel, rotation_from_euler
from face3dmm.camera import CAMERA_DISTANCE, FOCAL
from face3dmm.landmarks import (
    LEFT_EYE_CORNERS,
    LEFT_LID_PAIRS,
    LIPS,
    MESH,
    RIGHT_EYE_CORNERS,
    RIGHT_LID_PAIRS,
)

# Outer and inner contour, as published; the two rings between them are not counted among the lips there.
LIP_CONTOURS = (*LIPS[:20], *LIPS[60:])
UPPER_LIDS = tuple(upper for pairs in (RIGHT_LID_PAIRS, LEFT_LID_PAIRS) for upper, _ in pairs[1:6])
EYES = (
    *(point for pairs in (RIGHT_LID_PAIRS, LEFT_LID_PAIRS) for pair in pairs for point in pair),
    *RIGHT_EYE_CORNERS,
    *LEFT_EYE_CORNERS,
)


@dataclass(frozen=True)
class PublishedRecipe:
    """Numbers of the published fit.

    Attributes:
        size: Side of the picture in which landmarks are compared, pixels.
        rate: Adam's step in both stages.
        pose_steps, joint_steps: Steps on pose alone, then on everything.
        late_steps, late_rate, late_batch: The third stage, whose result the published code throws away.
        lips, upper_lids, eyes: Weights of squared landmark errors; others have 1.
        identity, expression: Weights of mean squares; smooth, smooth_pose: of second differences.
        named_unit: ARKit weight that one unit of the recipe's expression numbers stands for.
    """

    size: int = 224
    rate: float = 0.1
    pose_steps: int = 200
    joint_steps: int = 200
    late_steps: int = 50
    late_rate: float = 0.005
    late_batch: int = 50
    lips: float = 5.0
    upper_lids: float = 20.0
    eyes: float = 3.0
    identity: float = 0.2
    expression: float = 0.6
    smooth: float = 1.0
    smooth_pose: float = 0.3
    named_unit: float = 1.0

    def __post_init__(self) -> None:
        if min(self.size, self.rate, self.late_rate, self.late_batch, self.named_unit) <= 0:
            raise ValueError(f"sizes, rates and units must be positive, got {self}")
        if min(self.pose_steps, self.joint_steps, self.late_steps) < 0:
            raise ValueError(f"steps must not be negative, got {self}")


@dataclass(frozen=True)
class PublishedFit:
    """What the recipe gives.

    Attributes:
        coeffs: Of all frames, without gaze.
        losses: Loss at every step of the first two stages.
        seconds, late_seconds: Wall time of the first two stages, and of the third.
    """

    coeffs: FaceCoeffs
    losses: list[float]
    seconds: float
    late_seconds: float


class PublishedLoss:
    """The loss of the recipe for the landmarks of a clip.

    Args:
        model: Face model.
        landmarks: (T, >= 468, 2 or 3) pixels.
        size: Width and height of their picture.
        recipe: Weights.
    """

    def __init__(self, model: FaceModel, landmarks: Tensor, size: int, recipe: PublishedRecipe) -> None:
        index = model.landmarks_468
        self.recipe, self.targets = recipe, landmarks[:, :MESH, :2] * (recipe.size / size)
        self.mean = model.mean[index].flatten()
        self.identity_basis = model.identity_basis[index].flatten(0, 1)
        self.units = torch.ones(model.expression_basis.shape[-1])
        self.units[: int(model.named)] = recipe.named_unit
        self.expression_basis = model.expression_basis[index].flatten(0, 1) * self.units
        weights = torch.ones(MESH)
        weights[list(EYES)], weights[list(UPPER_LIDS)] = recipe.eyes, recipe.upper_lids
        weights[list(LIP_CONTOURS)] = recipe.lips
        self.weights = (weights * model.known_468).unsqueeze(-1)

    def project(self, identity: Tensor, expression: Tensor, euler: Tensor, translation: Tensor) -> Tensor:
        """Landmarks (T, 468, 2) in pixels of the recipe's picture."""
        shape = self.mean + self.identity_basis @ identity + expression @ self.expression_basis.T
        posed = shape.unflatten(-1, (MESH, 3)) @ rotation_from_euler(euler).transpose(1, 2)
        x, y, z = (posed + translation.unsqueeze(1)).unbind(-1)
        return (
            torch.stack([x, -y], -1) * (FOCAL / (CAMERA_DISTANCE - z)).unsqueeze(-1) + 0.5
        ) * self.recipe.size

    def of_landmarks(self, seen: Tensor, frames: slice = slice(None)) -> Tensor:
        """Weighted mean square of all frames' landmarks."""
        return (self.weights * (seen - self.targets[frames]).square()).mean()

    def priors(self, identity: Tensor, expression: Tensor, euler: Tensor, translation: Tensor) -> Tensor:
        """What the coefficients cost."""
        recipe = self.recipe
        still = laplacian(expression) + recipe.smooth_pose * (laplacian(euler) + laplacian(translation))
        sizes = recipe.identity * identity.square().mean() + recipe.expression * expression.square().mean()
        return sizes + recipe.smooth * still


def laplacian(values: Tensor) -> Tensor:
    """Mean square of half the second differences in time of (T, K), the ends held."""
    held = torch.cat([values[:1], values, values[-1:]])
    return (held[1:-1] - (held[:-2] + held[2:]) / 2).square().mean()


def fit_published(
    model: FaceModel, landmarks: Tensor, size: int = 512, recipe: PublishedRecipe | None = None
) -> PublishedFit:
    """Fit a clip as published.

    Args:
        model: Face model.
        landmarks: (T, >= 468, 2 or 3) pixels, all finite.
        size: Width and height of their picture.
        recipe: Numbers of the recipe.
    """
    recipe = recipe or PublishedRecipe()
    began, count = time.perf_counter(), len(landmarks)
    loss_of = PublishedLoss(model, landmarks, size, recipe)
    identity = torch.zeros(model.identity_basis.shape[-1], requires_grad=True)
    expression = torch.zeros(count, model.expression_basis.shape[-1], requires_grad=True)
    euler, translation = (torch.zeros(count, 3, requires_grad=True) for _ in range(2))
    shape, pose = (
        torch.optim.Adam(part, lr=recipe.rate) for part in ([identity, expression], [euler, translation])
    )
    unknowns, losses = (identity, expression, euler, translation), []
    for step in range(recipe.pose_steps + recipe.joint_steps):
        joint = step >= recipe.pose_steps
        loss = loss_of.of_landmarks(loss_of.project(*unknowns))
        loss = loss + loss_of.priors(*unknowns) if joint else loss
        for optimiser in (shape, pose):
            optimiser.zero_grad()
        loss.backward()
        pose.step()
        if joint:
            shape.step()
        losses.append(loss.item())
    middle = time.perf_counter()
    _late(loss_of, [part.detach() for part in unknowns])
    ended = time.perf_counter()
    identity, expression, euler, translation = (part.detach() for part in unknowns)
    gaze, seen = torch.zeros(count, 2), torch.ones(count)
    coeffs = FaceCoeffs(identity, expression * loss_of.units, euler, translation, gaze, seen)
    return PublishedFit(coeffs, losses, middle - began, ended - middle)


def _late(loss_of: PublishedLoss, unknowns: list[Tensor]) -> None:
    """The third stage: only its time counts, its result is thrown away there too."""
    recipe, (identity, *frames) = loss_of.recipe, unknowns
    for start in range(0, len(frames[0]), recipe.late_batch):
        part = slice(start, start + recipe.late_batch)
        own = [values[part].clone().requires_grad_() for values in frames]
        optimiser = torch.optim.Adam(own, lr=recipe.late_rate)
        for _ in range(recipe.late_steps):
            optimiser.zero_grad()
            loss = loss_of.of_landmarks(loss_of.project(identity, *own), part) + loss_of.priors(
                identity, *own
            )
            loss.backward()
            optimiser.step()
