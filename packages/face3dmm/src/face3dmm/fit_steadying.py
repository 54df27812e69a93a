"""Take the detector's trembling out of a fitted head without delay.

The landmarks of a frame tremble together, by about half a pixel, whatever the face does. Terms of single
frames cannot tell this from movement; that a head is slow can. Pose and the slow shapes (brows, nose,
residuals) go through the smoother of Whittaker (1923), whose penalty on second differences gives way
where the head moves. Jaw and cheeks stay as fitted; lips and lids follow their landmarks once more.
"""

import torch
from torch import Tensor

from face3dmm.arkit import ARKIT_NAMES
from face3dmm.expression_prior import ExpressionPrior
from face3dmm.fit_terms import POSE, LandmarkTerms, Unknowns

_SLOW = 1.5  # frames: standard deviation of the low-pass that leaves movement and takes trembling out
_NEAR = 4.0  # frames: standard deviation of the window in which movement is judged
_MOVING = 0.035  # decimetres: a head that moves by this within the window is not still
_STILL_BEND = 2e-4  # radians or decimetres per frame^2: how a still head's pose accelerates
_AWAY = 4.0  # times as uncertain as the picture's axes: along the line of sight
_FACE = 1.5  # decimetres: the width of a face
_SLOW_SHAPES, _QUICK_SHAPES = ("brow", "nose"), ("mouth", "eye")
_SHAPE_REACH = 0.06  # decimetres: how far a slow shape at 1 moves its landmarks; a residual moves half as far
_SHAPE_BEND = 0.005  # per frame^2: how a slow shape accelerates in a still face


def without_trembling(at: Unknowns, tremble: float, named: int) -> Unknowns:
    """Smooth pose and slow shapes of T >= 3 frames.

    Args:
        at: The fit.
        tremble: Standard deviation of what all landmarks of a frame have in common, in face widths.
        named: How many leading coefficients are ARKIT's; see `FaceModel.named`. Without names only the pose
            is smoothed.
    """
    error, moving = tremble * _FACE, (movement(at.pose) / _MOVING).clamp(max=1) ** 4
    axes = torch.tensor([1.0] * 5 + [_AWAY])
    pose = steadied(at.pose, error * axes, _STILL_BEND * axes, 9 * moving)
    slow = _indices(_SLOW_SHAPES, named)
    if not slow:
        return Unknowns(pose, at.expression, at.identity)
    slow += range(named, at.expression.shape[1])
    unit = torch.where(torch.tensor(slow) < named, 1.0, 2.0)
    expression = at.expression.clone()
    expression[:, slow] = steadied(
        expression[:, slow], error / _SHAPE_REACH * unit, _SHAPE_BEND * unit, torch.full_like(moving, 9.0)
    )
    return Unknowns(pose, expression, at.identity)


def settled(
    terms: LandmarkTerms, at: Unknowns, robust: Tensor, curvature: Tensor, prior: ExpressionPrior, named: int
) -> Unknowns:
    """One Gauss-Newton step of lips and lids (of all shapes, if they have no names), all else held.

    Args:
        terms: Landmark terms of T frames.
        at: Where to start.
        robust: (T, N) factors on their weights.
        curvature: (T, P, P) second derivatives of the landmark terms, without the prior's.
        prior: Of the expression.
        named: As in `without_trembling`.
    """
    quick = torch.tensor(_indices(_QUICK_SHAPES, named) or list(range(at.expression.shape[1])))
    by_frame, _ = terms.gradient(terms.project(at), robust)
    slope, curve = prior(at.expression)
    own = POSE + quick
    block = curvature[:, own[:, None], own]
    block.diagonal(dim1=1, dim2=2).add_(curve[:, quick]).mul_(1 + 1e-5).add_(1e-3)
    right = (by_frame[:, own] + slope[:, quick]).unsqueeze(-1)
    step = torch.zeros_like(by_frame)
    step[:, own] = -torch.cholesky_solve(right, torch.linalg.cholesky(block)).squeeze(-1)
    return at.moved(step)


def movement(pose: Tensor) -> Tensor:
    """How far the head moves within about a third of a second, trembling left out.

    Args:
        pose: (T, 6) euler in radians, translation in decimetres.

    Returns:
        (T,) decimetres RMS of a point one decimetre from the head's axes; movement along the line of sight,
        which trembles most, does not count.
    """
    slow = _low_passed(pose[:, :5].double(), _SLOW)
    variance = _low_passed(slow.square(), _NEAR) - _low_passed(slow, _NEAR).square()
    return variance.clamp(min=0).sum(1).sqrt().to(pose.dtype)


def steadied(values: Tensor, error: Tensor, bend: Tensor, freedom: Tensor) -> Tensor:
    """Smooth curves x that minimise |(x - values) / error|^2 + |D x / b|^2, D the second difference in time.

    b is `bend` in a still face; the more `freedom`, the more of the low-passed values' own bends it has:
    b^2 = bend^2 (1 + 4 freedom) + 9 freedom |D low-passed|^2 (the low-pass takes two thirds of a quick nod).

    Args:
        values: (T, K), T >= 3.
        error: (K,) standard deviation of the trembling.
        bend: (K,) standard deviation of a second difference where all is still.
        freedom: (T,) >= 0.

    Returns:
        (T, K), without delay: the sum is the same backwards in time.
    """
    from scipy.linalg import solveh_banded

    given, still = values.double(), bend.double().square()
    near = _low_passed(_bends(_low_passed(given, _SLOW)).square(), _SLOW)
    free = freedom[1:-1, None].double()
    weights = error.double().square() / (still * (1 + 4 * free) + 9 * free * near)
    band = torch.zeros(3, *values.shape, dtype=torch.float64)  # diagonals 0, 1 and 2 of 1 + D^T W D
    band[0] = 1
    for first, factor in enumerate((1, 4, 1)):
        band[0, first : first + len(weights)] += factor * weights
    band[1, :-2] -= 2 * weights
    band[1, 1:-1] -= 2 * weights
    band[2, :-2] = weights
    curves = [
        solveh_banded(band[..., k].numpy(), given[:, k].numpy(), lower=True) for k in range(values.shape[1])
    ]
    return torch.stack([torch.from_numpy(curve) for curve in curves], 1).to(values.dtype)


def _indices(stems: tuple[str, ...], named: int) -> list[int]:
    return [k for k, name in enumerate(ARKIT_NAMES[:named]) if name.startswith(stems)]


def _bends(values: Tensor) -> Tensor:
    """Second differences (T - 2, K) in time."""
    return values[2:] - 2 * values[1:-1] + values[:-2]


def _low_passed(values: Tensor, width: float) -> Tensor:
    from scipy.ndimage import gaussian_filter1d

    return torch.from_numpy(gaussian_filter1d(values.numpy(), width, axis=0, mode="nearest"))
