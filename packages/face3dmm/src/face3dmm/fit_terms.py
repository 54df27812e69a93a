"""What the fit minimises: the distance of projected model landmarks to detected ones, with exact derivatives.

Unknowns of a frame are (pitch, yaw, roll, x, y, z, expression 64), shared ones (identity 80, common depth).
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from face3dmm.camera import CAMERA_DISTANCE, FOCAL, rotation_from_euler
from face3dmm.landmarks import (
    FACE_OVAL,
    INNER_LIP_PAIRS,
    LEFT_EYE_CORNERS,
    LEFT_LID_PAIRS,
    LIPS,
    MESH,
    RIGHT_EYE_CORNERS,
    RIGHT_LID_PAIRS,
    RIGID,
)
from face3dmm.model import FaceModel

POSE = 6
_CHUNK = 64  # frames whose derivatives are held at once, about 20 MB
_GAPS = INNER_LIP_PAIRS + RIGHT_LID_PAIRS + LEFT_LID_PAIRS
# Lips and lids whole; elsewhere a third of the points says as much as all, for half the time.
_NAMED = {
    *LIPS,
    *RIGID,
    *FACE_OVAL,
    *RIGHT_EYE_CORNERS,
    *LEFT_EYE_CORNERS,
    *(p for pair in _GAPS for p in pair),
}
POINTS = tuple(sorted(_NAMED | set(range(0, MESH, 3))))
_COUNT = len(POINTS)
_UPPER, _LOWER = torch.tensor([[POINTS.index(point) for point in pair] for pair in _GAPS]).unbind(1)


@dataclass
class Unknowns:
    """A point in the space of the fit.

    Attributes:
        pose: (T, 6) euler in radians, translation in decimetres.
        expression: (T, E).
        identity: (I,).
    """

    pose: Tensor
    expression: Tensor
    identity: Tensor

    def select(self, frames: Tensor | slice) -> "Unknowns":
        """The same for some of the frames."""
        return Unknowns(self.pose[frames], self.expression[frames], self.identity)

    def moved(self, frame_step: Tensor, identity_step: Tensor | float = 0.0) -> "Unknowns":
        """After a step (T, P) of the frames' unknowns and (I,) of the identity."""
        pose, expression = self.pose + frame_step[:, :POSE], self.expression + frame_step[:, POSE:]
        return Unknowns(pose, expression, self.identity + identity_step)


@dataclass
class Normal:
    """Normal equations of the data term (Gauss-Newton), an arrow: P = 6 + E per frame, S = I + 1 shared.

    Attributes:
        frame: (T, P, P).
        cross: (T, P, S), S = 0 where the shared ones are kept.
        shared: (S, S).
    """

    frame: Tensor
    cross: Tensor
    shared: Tensor


@dataclass(frozen=True)
class LandmarkTerms:
    """Weighted squared distances between N projected and detected landmarks, and between lip and lid gaps.

    Attributes:
        mean: (N, 3) landmarks of the mean face.
        expression_basis: (N, 3, E).
        identity_basis: (N, 3, I).
        targets: (T, N, 2) detected landmarks, normalised picture coordinates.
        weights: (T, N) 1 / variance; 0 where a frame has no detection.
        gap_share: Weight of a lip or lid gap against that of its points.
    """

    mean: Tensor
    expression_basis: Tensor
    identity_basis: Tensor
    targets: Tensor
    weights: Tensor
    gap_share: float

    @classmethod
    def of(cls, model: FaceModel, targets: Tensor, weights: Tensor, gap_share: float) -> "LandmarkTerms":
        """Terms for a model; see the attributes."""
        index = model.landmarks_468[list(POINTS)]
        bases = model.expression_basis[index], model.identity_basis[index]
        return cls(model.mean[index], *bases, targets, weights, gap_share)

    def select(self, frames: Tensor | slice) -> "LandmarkTerms":
        """The same terms for some of the frames."""
        return replace(self, targets=self.targets[frames], weights=self.weights[frames])

    def shape(self, at: Unknowns) -> Tensor:
        """Landmarks of the model (T, N, 3) before posing."""
        base = self.mean + self.identity_basis @ at.identity
        offset = at.expression @ self.expression_basis.flatten(0, 1).T
        return base + offset.unflatten(-1, (_COUNT, 3))

    def robust(self, at: Unknowns, scale: float) -> Tensor:
        """Cauchy factors (T, N) on the weights: what lies much farther off than `scale` loses its pull."""
        return 1 / (1 + self._project(at).residual.square().sum(-1) / scale**2)

    def energy(self, at: Unknowns, robust: Tensor) -> Tensor:
        """Half the weighted sum of squares of each frame (T,); `robust` as in `gradient`."""
        residual = self._project(at).residual
        squares = (self.weights * robust * residual.square().sum(-1)).sum(-1)
        gaps = (residual[:, _UPPER] - residual[:, _LOWER]).square().sum(-1)
        return (squares + (self._gap_weights(robust) * gaps).sum(-1)) / 2

    def gradient(self, at: Unknowns, robust: Tensor) -> tuple[Tensor, Tensor]:
        """Gradient of the summed `energy`.

        Args:
            at: Where.
            robust: (T, N) factors on the weights.

        Returns:
            (T, P) by the frames' unknowns, (S,) by the shared ones.
        """
        seen = self._project(at)
        residual, (a, b, c) = seen.residual, seen.lens
        pull = (self.weights * robust).unsqueeze(-1) * residual
        gap = (residual[:, _UPPER] - residual[:, _LOWER]) * self._gap_weights(robust).unsqueeze(-1)
        pull.index_add_(1, _UPPER, gap).index_add_(1, _LOWER, -gap)
        u, v = pull.unbind(-1)
        force = torch.stack([a * u, -a * v, b * u + c * v], -1)
        torque = torch.linalg.cross(seen.turned, force).sum(1)
        by_euler = (torque.unsqueeze(1) @ seen.axes).squeeze(1)
        inner = (force @ seen.rotation).flatten(1)
        by_expression = inner @ self.expression_basis.flatten(0, 1)
        by_identity = inner.sum(0) @ self.identity_basis.flatten(0, 1)
        push = force.sum(1)
        by_shared = torch.cat([by_identity, push[:, 2].sum(0, keepdim=True)])
        return torch.cat([by_euler, push, by_expression], 1), by_shared

    def normal(self, at: Unknowns, robust: Tensor, *, shared: bool) -> Normal:
        """Normal equations at a point; with `shared` also for identity and common depth."""
        count, own = len(at.pose), POSE + self.expression_basis.shape[-1]
        other = self.identity_basis.shape[-1] + 1 if shared else 0
        frame = self.mean.new_empty(count, own, own)
        cross = self.mean.new_empty(count, own, other)
        block = self.mean.new_zeros(other, other)
        for start in range(0, count, _CHUNK):
            part = slice(start, start + _CHUNK)
            rows = self.select(part)._rows(at.select(part), robust[part], shared)
            product = rows.transpose(1, 2) @ rows
            frame[part], cross[part] = product[:, :own, :own], product[:, :own, own:]
            block += product[:, own:, own:].sum(0)
        return Normal(frame, cross, block)

    def _rows(self, at: Unknowns, robust: Tensor, shared: bool) -> Tensor:
        """Weighted derivatives (t, 2 (N + gaps), P + S) of all residuals."""
        seen = self._project(at)
        both = self.weights * robust
        root = both.sqrt()
        a, b, c = (part.unsqueeze(-1) for part in (seen.lens * root).unbind(0))
        x, y, z = seen.rotation.unsqueeze(1).unbind(2)  # rows of the rotation (t, 1, 3)
        lens = torch.stack([a * x + b * z, c * z - a * y])  # derivative by the unposed point (2, t, N, 3)
        basis = (
            torch.cat([self.expression_basis, self.identity_basis], -1) if shared else self.expression_basis
        )
        inner = lens.permute(2, 1, 0, 3).flatten(1, 2) @ basis  # (N, t 2, K): one product per landmark
        spin = torch.linalg.cross(seen.axes.transpose(1, 2).unsqueeze(1), seen.turned.unsqueeze(2), dim=-1)
        count, points = len(at.pose), _COUNT + len(_UPPER)
        rows = inner.new_zeros(count, points, 2, POSE + basis.shape[-1] + (1 if shared else 0))
        whole = rows[:, :_COUNT]
        whole[..., POSE : POSE + basis.shape[-1]] = inner.unflatten(1, (count, 2)).transpose(0, 1)
        whole[:, :, 0, :3] = a * spin[..., 0] + b * spin[..., 2]
        whole[:, :, 1, :3] = c * spin[..., 2] - a * spin[..., 1]
        whole[:, :, 0, 3], whole[:, :, 1, 4] = a.squeeze(-1), -a.squeeze(-1)
        whole[..., 5] = torch.stack([b, c], 2).squeeze(-1)
        if shared:
            whole[..., -1] = whole[..., 5]
        gaps = self._gap_weights(robust)
        upper, lower = ((gaps / both[:, side].clamp_min(1e-12)).sqrt() for side in (_UPPER, _LOWER))
        rows[:, _COUNT:] = (
            whole[:, _UPPER] * upper[..., None, None] - whole[:, _LOWER] * lower[..., None, None]
        )
        return rows.flatten(1, 2)

    def _gap_weights(self, robust: Tensor) -> Tensor:
        both = self.weights * robust
        return self.gap_share * torch.minimum(both[:, _UPPER], both[:, _LOWER])

    def _project(self, at: Unknowns) -> "_Seen":
        rotation = rotation_from_euler(at.pose[:, :3])
        turned = self.shape(at) @ rotation.transpose(1, 2)
        x, y, z = (turned + at.pose[:, None, 3:]).unbind(-1)
        scale = FOCAL / (CAMERA_DISTANCE - z)
        u, v = x * scale, -y * scale
        residual = torch.stack([u, v], -1) - (self.targets - 0.5)
        lens = torch.stack([scale, u * scale / FOCAL, v * scale / FOCAL])
        return _Seen(residual, turned, rotation, _rotation_axes(at.pose, rotation), lens)


@dataclass
class _Seen:
    """Projection and its parts; lens = (a, b, c): (u, v) moves with (x, y, z) by (a, 0, b) and (0, -a, c)."""

    residual: Tensor
    turned: Tensor
    rotation: Tensor
    axes: Tensor
    lens: Tensor


def _rotation_axes(pose: Tensor, rotation: Tensor) -> Tensor:
    """Axes (T, 3, 3), in columns, about which pitch, yaw and roll turn the posed head."""
    roll = pose[:, 2]
    zero, one = torch.zeros_like(roll), torch.ones_like(roll)
    yaw_axis = torch.stack([-roll.sin(), roll.cos(), zero], -1)
    roll_axis = torch.stack([zero, zero, one], -1)
    return torch.stack([rotation[:, :, 0], yaw_axis, roll_axis], -1)


def point_weights(lips: float, upper_lids: float, eyes: float, rest: float) -> Tensor:
    """Relative weight (N,) of each of the `POINTS` by the group it is in."""
    weights = torch.full((MESH,), rest)
    weights[list(LIPS)] = lips
    for pairs in (RIGHT_LID_PAIRS, LEFT_LID_PAIRS):
        weights[[upper for upper, _ in pairs]] = upper_lids
        weights[[lower for _, lower in pairs]] = eyes
    return weights[list(POINTS)]
