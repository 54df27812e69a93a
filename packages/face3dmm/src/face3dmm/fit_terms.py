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
_CHUNK = 16  # frames whose derivatives are held at once, about 3 MB: what a cache holds
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
POINT_INDEX = torch.tensor(POINTS)
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
class Seen:
    """The model's landmarks in the picture at one point, and what derivatives need of it.

    Attributes:
        residual: (T, 2, N) projected less detected, normalised picture coordinates.
        turned: (T, 3, N) rotated, not yet moved.
        rotation: (T, 3, 3).
        axes: (T, 3, 3), in columns, about which pitch, yaw and roll turn.
        lens: (a, b, c), each (T, N): (u, v) moves with (x, y, z) by (a, 0, b) and (0, -a, c).
    """

    residual: Tensor
    turned: Tensor
    rotation: Tensor
    axes: Tensor
    lens: tuple[Tensor, Tensor, Tensor]

    def select(self, frames: Tensor | slice) -> "Seen":
        """The same for some of the frames."""
        a, b, c = self.lens
        own = self.residual[frames], self.turned[frames], self.rotation[frames], self.axes[frames]
        return Seen(*own, (a[frames], b[frames], c[frames]))


@dataclass(frozen=True)
class LandmarkTerms:
    """Weighted squared distances between N projected and detected landmarks, and between lip and lid gaps.

    Coordinates come before landmarks: products of whole rows of landmarks are several times faster.

    Attributes:
        mean: (3, N) landmarks of the mean face.
        expression_basis: (3, N, E).
        identity_basis: (3, N, I).
        targets: (T, 2, N) detected landmarks, normalised picture coordinates.
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
        """Terms for a model and targets (T, N, 2); see the attributes."""
        index = model.landmarks_468[POINT_INDEX]
        parts = model.mean[index], model.expression_basis[index], model.identity_basis[index]
        mean, expression, identity = (part.transpose(0, 1).contiguous() for part in parts)
        return cls(mean, expression, identity, targets.transpose(1, 2).contiguous(), weights, gap_share)

    def select(self, frames: Tensor | slice) -> "LandmarkTerms":
        """The same terms for some of the frames."""
        return replace(self, targets=self.targets[frames], weights=self.weights[frames])

    def shape(self, at: Unknowns) -> Tensor:
        """Landmarks of the model (T, 3, N) before posing."""
        base = self.mean + self.identity_basis @ at.identity
        offset = at.expression @ self.expression_basis.flatten(0, 1).T
        return base + offset.unflatten(-1, (3, _COUNT))

    def project(self, at: Unknowns) -> Seen:
        """See the landmarks from where the unknowns put them."""
        rotation = rotation_from_euler(at.pose[:, :3])
        turned = rotation @ self.shape(at)
        x, y, z = (turned + at.pose[:, 3:, None]).unbind(1)
        scale = FOCAL / (CAMERA_DISTANCE - z)
        projected = torch.stack([x * scale, -y * scale], 1)
        b, c = (projected * (scale / FOCAL).unsqueeze(1)).unbind(1)
        residual = projected - (self.targets - 0.5)
        return Seen(residual, turned, rotation, _rotation_axes(at.pose, rotation), (scale, b, c))

    def robust(self, seen: Seen, scale: float) -> Tensor:
        """Cauchy factors (T, N) on the weights: what lies much farther off than `scale` loses its pull."""
        return 1 / (1 + seen.residual.square().sum(1) / scale**2)

    def energy(self, seen: Seen, robust: Tensor) -> Tensor:
        """Half the weighted sum of squares of each frame (T,); `robust` as in `gradient`."""
        both = self.weights * robust
        squares = (both * seen.residual.square().sum(1)).sum(-1)
        gaps = (seen.residual[..., _UPPER] - seen.residual[..., _LOWER]).square().sum(1)
        return (squares + (self._gap_weights(both) * gaps).sum(-1)) / 2

    def gradient(self, seen: Seen, robust: Tensor) -> tuple[Tensor, Tensor]:
        """Gradient of the summed `energy`.

        Args:
            seen: The projection there.
            robust: (T, N) factors on the weights.

        Returns:
            (T, P) by the frames' unknowns, (S,) by the shared ones.
        """
        both, residual, (a, b, c) = self.weights * robust, seen.residual, seen.lens
        gap = (residual[..., _UPPER] - residual[..., _LOWER]) * self._gap_weights(both).unsqueeze(1)
        pull = both.unsqueeze(1) * residual
        pull.index_add_(2, _UPPER, gap).index_add_(2, _LOWER, gap, alpha=-1)
        u, v = pull.unbind(1)
        force = torch.stack([a * u, -a * v, b * u + c * v], 1)
        turns = seen.turned @ force.transpose(1, 2)  # the torque is its skew part
        torque = torch.stack([turns[:, i, j] - turns[:, j, i] for i, j in ((1, 2), (2, 0), (0, 1))], 1)
        by_euler = (torque.unsqueeze(1) @ seen.axes).squeeze(1)
        inner = (seen.rotation.transpose(1, 2) @ force).flatten(1)
        by_expression = inner @ self.expression_basis.flatten(0, 1)
        by_identity = inner.sum(0) @ self.identity_basis.flatten(0, 1)
        push = force.sum(-1)
        by_shared = torch.cat([by_identity, push[:, 2].sum(0, keepdim=True)])
        return torch.cat([by_euler, push, by_expression], 1), by_shared

    def normal(self, seen: Seen, robust: Tensor, *, shared: bool) -> Normal:
        """Normal equations at a point; with `shared` also for identity and common depth."""
        count, own = len(seen.residual), POSE + self.expression_basis.shape[-1]
        bases = [self.expression_basis, self.identity_basis] if shared else [self.expression_basis]
        basis = torch.cat(bases, -1).transpose(0, 1).contiguous()
        frame = basis.new_zeros(count, own, own)
        cross = basis.new_zeros(count, own, basis.shape[-1] + POSE - own)
        block = basis.new_zeros(*cross.shape[2:] * 2)
        for start in range(0, count, _CHUNK):
            part = slice(start, start + _CHUNK)
            chunk, both = seen.select(part), self.weights[part] * robust[part]
            for pose, moved in _rows(chunk, both, self._gap_weights(both), basis):
                by_frame = moved.transpose(0, 1)
                expression, identity = by_frame[..., : own - POSE], by_frame[..., own - POSE :]
                frame[part, :POSE, :POSE] += pose @ pose.transpose(1, 2)
                frame[part, :POSE, POSE:] += pose @ expression
                frame[part, POSE:, POSE:] += expression.transpose(1, 2) @ expression
                if shared:
                    cross[part, :POSE] += pose @ identity
                    cross[part, POSE:] += expression.transpose(1, 2) @ identity
                    flat = moved[..., own - POSE :].flatten(0, 1)
                    block += flat.T @ flat
        frame[:, POSE:, :POSE] = frame[:, :POSE, POSE:].transpose(1, 2)
        if not shared:
            return Normal(frame, cross, block)
        # The common depth moves every frame as its own depth does.
        bent, corner = cross[:, 5].sum(0, keepdim=True), frame[:, 5, 5].sum().reshape(1, 1)
        block = torch.cat([torch.cat([block, bent]), torch.cat([bent.T, corner])], 1)
        return Normal(frame, torch.cat([cross, frame[:, :, 5:6]], 2), block)

    def _gap_weights(self, both: Tensor) -> Tensor:
        return self.gap_share * torch.minimum(both[:, _UPPER], both[:, _LOWER])


def _rows(seen: Seen, both: Tensor, gaps: Tensor, basis: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Weighted derivatives of all M = N + gaps residuals, of u and of v.

    Args:
        seen: The projection.
        both: (t, N) weights of landmarks.
        gaps: (t, gaps) weights of gaps.
        basis: (N, 3, K).

    Returns:
        By the pose (t, 6, M), by the K coefficients (M, t, K).
    """
    root = both.sqrt()
    a, b, c = (part * root for part in seen.lens)
    upper, lower = ((gaps / both[:, side].clamp_min(1e-12)).sqrt() for side in (_UPPER, _LOWER))
    spin = torch.linalg.cross(seen.axes.transpose(1, 2).unsqueeze(-1), seen.turned.unsqueeze(1), dim=2)
    zero, rows = torch.zeros_like(a), []
    for move in ((a, zero, b), (zero, -a, c)):
        lens = torch.stack(move, 1)
        pose = torch.cat([(spin * lens.unsqueeze(1)).sum(2), lens], 1)
        pose = torch.cat([pose, pose[..., _UPPER] * upper[:, None] - pose[..., _LOWER] * lower[:, None]], 2)
        unposed = (seen.rotation.transpose(1, 2) @ lens).permute(2, 0, 1).contiguous()
        moved = basis.new_empty(pose.shape[2], len(pose), basis.shape[2])
        points, gap = moved[:_COUNT], moved[_COUNT:]
        torch.bmm(unposed, basis, out=points)
        torch.mul(points[_UPPER], upper.T[..., None], out=gap)
        gap -= points[_LOWER] * lower.T[..., None]
        rows.append((pose, moved))
    return rows


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
    return weights[POINT_INDEX]
