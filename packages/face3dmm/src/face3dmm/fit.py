"""Fit the face model to detected landmarks: one identity per clip, expression and pose per frame.

Maximum posterior by Gauss-Newton. The published recipe (400 Adam steps over all frames) minimises much the
same sum; here every step solves it exactly: key frames give the identity through a Schur complement, then all
frames are solved in one batch with a penalty on the head's acceleration. Last, what trembles is steadied.
"""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from face3dmm.camera import CAMERA_DISTANCE, FOCAL, euler_from_rotation
from face3dmm.expression_prior import ExpressionPrior
from face3dmm.fit_solvers import solve_arrow, solve_chain
from face3dmm.fit_steadying import settled, without_trembling
from face3dmm.fit_terms import POINT_INDEX, POSE, LandmarkTerms, Seen, Unknowns, point_weights
from face3dmm.gaze import gaze_from_irises
from face3dmm.landmarks import MESH, RIGID, face_width
from face3dmm.model import FaceModel
from face3dmm.track import FaceCoeffs

_RIGID = torch.tensor(RIGID)


@dataclass(frozen=True)
class FitConfig:
    """Standard deviations and weights of the fit.

    Attributes:
        noise: Error of a detected landmark in face widths.
        independent: How many independent points the 468 correlated ones are worth.
        lips, upper_lids, eyes, rest: Relative weights of landmarks (published: lips 5, upper lids 20, eyes
            3).
        gap_share: Weight of the gap between two lips or lids against that of its points: closed is closed.
        outlier: Errors beyond this many `noise` lose their weight (Cauchy).
        below_zero, above_one: How far ARKIT coefficients may leave [0, 1].
        depth: How far the head moves towards the camera within a clip, decimetres.
        turn, shift, approach: Acceleration of rotation (radians), of x and y, and of z (decimetres) per
            frame^2.
        tremble: Error that all landmarks of a frame have in common, in `noise`; it is smoothed out of the
            pose and of slow shapes. 0 leaves it in.
        at_rest: Standard deviation of an expression on the key frames: the smaller, the more of what a clip
            always shows is taken for the person's shape.
        key_frames: Frames that the identity is fitted to.
        steps: Gauss-Newton steps on key frames, then on all frames.
    """

    noise: float = 0.007
    independent: float = 40.0
    lips: float = 9.0
    upper_lids: float = 20.0
    eyes: float = 10.0
    rest: float = 1.0
    gap_share: float = 3.0
    outlier: float = 12.0
    below_zero: float = 0.03
    above_one: float = 0.1
    depth: float = 0.5
    turn: float = 0.007
    shift: float = 0.007
    approach: float = 0.02
    tremble: float = 0.3
    at_rest: float = 0.3
    key_frames: int = 32
    steps: tuple[int, int] = (8, 4)

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name == "steps":
                if len(value) != 2 or min(value) < 1:
                    raise ValueError(f"steps must be two numbers >= 1, got {value}")
            elif one.name == "tremble":
                if not value >= 0:
                    raise ValueError(f"tremble must not be negative, got {value}")
            elif not value > 0:
                raise ValueError(f"{one.name} must be positive, got {value}")


def fit_landmarks(
    model: FaceModel,
    landmarks: Tensor,
    size: int = 512,
    identity: Tensor | None = None,
    *,
    confidence: Tensor | None = None,
    config: FitConfig | None = None,
) -> FaceCoeffs:
    """Fit identity, expression and pose to the landmarks of a clip or of one picture.

    Args:
        model: Face model whose `landmarks_468` are the MediaPipe landmarks.
        landmarks: (T, 478, 3) pixels, as the detector gives them; rows with NaN count as not detected.
        size: Width and height of the picture in pixels.
        identity: (80,) to keep, or None to fit it.
        confidence: (T,); frames with 0 are not looked at, their pose is carried over from their neighbours.
        config: Weights; the default is made for the detector of this package.

    Returns:
        Coefficients of all frames. `confidence` is what was given, or 1 and 0 for detected and not.

    Raises:
        ValueError: If shapes do not match or no frame has landmarks.
    """
    config = config or FitConfig()
    if landmarks.ndim != 3 or landmarks.shape[1] < MESH or landmarks.shape[2] != 3:
        raise ValueError(f"landmarks must have shape (T, 478, 3), got {tuple(landmarks.shape)}")
    landmarks = landmarks.detach().float()
    known = landmarks.isfinite().flatten(1).all(1)
    if confidence is None:
        confidence = known.float()
    elif confidence.shape != known.shape:
        raise ValueError(f"confidence must have shape ({len(known)},), got {tuple(confidence.shape)}")
    known = known & (confidence > 0)
    if not known.any():
        raise ValueError("no frame has landmarks")
    given = torch.nonzero(known).flatten()
    nearest = given[(torch.arange(len(known))[:, None] - given).abs().argmin(1)] if not known.all() else given
    landmarks = landmarks[nearest]  # frames without a face start from the nearest one that has one
    with torch.no_grad():
        at, neutral = _fit(model, landmarks, size, identity, known, config)
        gaze = gaze_from_irises(model, neutral, at.pose, landmarks, size)
    return FaceCoeffs(at.identity, at.expression, at.pose[:, :3], at.pose[:, 3:], gaze, confidence.float())


def _fit(
    model: FaceModel, landmarks: Tensor, size: int, identity: Tensor | None, known: Tensor, config: FitConfig
) -> tuple[Unknowns, Tensor]:
    """All unknowns, and the landmarks (468, 3) of the person at rest."""
    relative = point_weights(config.lips, config.upper_lids, config.eyes, config.rest)
    noise = float(config.noise * face_width(landmarks[known]).median() / size)
    relative = relative * model.known_468[POINT_INDEX]
    weights = relative / relative.sum() * config.independent / noise**2 * known.unsqueeze(-1)
    terms = LandmarkTerms.of(model, landmarks[:, POINT_INDEX, :2] / size, weights, config.gap_share)
    mean, basis = model.mean[model.landmarks_468], model.identity_basis[model.landmarks_468]
    free = identity is None
    person = basis.new_zeros(basis.shape[-1]) if identity is None else identity.to(basis)
    named, rigid = int(model.named), _RIGID[model.known_468[_RIGID]]
    pose = _aligned(mean + basis @ person, landmarks, size, rigid)
    at = Unknowns(pose, pose.new_zeros(len(pose), model.expression_basis.shape[-1]), person)

    frames = torch.nonzero(known).flatten()
    chosen = torch.linspace(0, len(frames) - 1, min(len(frames), config.key_frames)).round().long()
    keys = at.select(frames[chosen])
    keys, depth = _fit_keys(terms.select(frames[chosen]), keys, noise, config, free, named)
    neutral = mean + basis @ keys.identity
    at = Unknowns(_aligned(neutral, landmarks, size, rigid), at.expression, keys.identity)
    return _fit_frames(terms, at, noise, depth, config, named), neutral


def _fit_keys(
    terms: LandmarkTerms, at: Unknowns, noise: float, config: FitConfig, free: bool, named: int
) -> tuple[Unknowns, Tensor]:
    """Fit key frames with what they share: identity, if free, and the depth about which the head moves.

    Levenberg-Marquardt: a step that raises the energy is taken back and damped.
    """
    prior = ExpressionPrior(config.below_zero, config.above_one, config.at_rest, named)
    depth = at.pose[:, 5].mean()
    robust, damping = torch.ones_like(terms.weights), 1e-3
    seen = terms.project(at)

    def energy(at: Unknowns, depth: Tensor, seen: Seen) -> Tensor:
        apart = (at.pose[:, 5] - depth) / config.depth
        own = terms.energy(seen, robust) + prior.energy(at.expression) + apart.square() / 2
        return own.sum() + at.identity.square().sum() / 2

    before = energy(at, depth, seen)
    for step in range(config.steps[0]):
        normal, (by_frame, by_shared) = terms.normal(seen, robust, shared=True), terms.gradient(seen, robust)
        slope, curve = prior(at.expression)
        by_frame[:, POSE:] += slope
        by_frame[:, 5] += (at.pose[:, 5] - depth) / config.depth**2
        own = normal.frame.diagonal(dim1=1, dim2=2)
        own[:, POSE:] += curve
        own[:, 5] += config.depth**-2
        own *= 1 + damping
        if free:
            by_shared[:-1] += at.identity
            normal.shared.diagonal()[:-1] += 1
        else:
            normal.cross[..., :-1], normal.shared[:-1], normal.shared[:, :-1], by_shared[:-1] = 0, 0, 0, 0
            normal.shared.diagonal()[:-1] = 1
        normal.shared.diagonal().mul_(1 + damping)
        frame_step, shared_step = solve_arrow(normal.frame, normal.cross, normal.shared, by_frame, by_shared)
        new = at.moved(frame_step, shared_step[:-1])
        new.pose[:, 5] += shared_step[-1]
        new_seen = terms.project(new)
        after = energy(new, depth + shared_step[-1], new_seen)
        if after > before:
            damping *= 10
            continue
        at, seen, depth, damping = new, new_seen, depth + shared_step[-1], damping / 10
        if step >= 1:
            robust = terms.robust(seen, config.outlier * noise)
        done, before = float(before - after) < 1e-3 * float(after), energy(at, depth, seen)
        if done and step >= 2:
            break
    return at, depth


def _fit_frames(
    terms: LandmarkTerms, at: Unknowns, noise: float, depth: Tensor, config: FitConfig, named: int
) -> Unknowns:
    """Fit pose and expression of all frames, identity given, the head's acceleration penalised.

    The curvature is computed once per frame, and again where a step raised a frame's energy and was halved.
    """
    prior = ExpressionPrior(config.below_zero, config.above_one, 1.0, named)
    stiffness = 1 / torch.tensor([config.turn] * 3 + [config.shift] * 2 + [config.approach]) ** 2
    robust, seen = torch.ones_like(terms.weights), terms.project(at)
    frame = terms.normal(seen, robust, shared=False).frame
    own = frame.diagonal(dim1=1, dim2=2)
    by_landmarks = own.clone()

    def energy(at: Unknowns, seen: Seen) -> Tensor:
        apart = (at.pose[:, 5] - depth) / config.depth
        return terms.energy(seen, robust) + prior.energy(at.expression) + apart.square() / 2

    for step in range(config.steps[1]):
        by_frame, _ = terms.gradient(seen, robust)
        slope, curve = prior(at.expression)
        by_frame[:, POSE:] += slope
        by_frame[:, 5] += (at.pose[:, 5] - depth) / config.depth**2
        own.copy_(by_landmarks)
        own[:, POSE:] += curve
        own[:, 5] += config.depth**-2
        own.mul_(1 + 1e-5).add_(1e-3)  # float32 cannot tell a nearly flat direction from a bent one
        change = solve_chain(frame, by_frame, at.pose, stiffness)
        before = energy(at, seen)
        at = at.moved(change)
        seen = terms.project(at)
        worse = torch.nonzero(energy(at, seen) > 1.01 * before + 1).flatten()
        if len(worse):
            at = at.moved(torch.zeros_like(change).index_copy_(0, worse, -0.5 * change[worse]))
            seen = terms.project(at)
            part = terms.select(worse)
            frame[worse] = part.normal(seen.select(worse), robust[worse], shared=False).frame
            by_landmarks[worse] = own[worse]
        if step >= 1:
            robust = terms.robust(seen, config.outlier * noise)
    if config.tremble == 0 or len(at.pose) < 3:
        return at
    own.copy_(by_landmarks)
    at = without_trembling(at, config.tremble * config.noise, named)
    return settled(terms, at, robust, frame, prior, named)


def _aligned(shape: Tensor, landmarks: Tensor, size: int, index: Tensor) -> Tensor:
    """Pose (T, 6) that carries `shape` (468, 3) nearest to the landmarks with the detector's own depth,
    judged by the landmarks `index`.

    Source: Umeyama 1991, eq. 40-42.
    """
    source = shape[index]
    goal = landmarks[:, index] * landmarks.new_tensor([1.0, -1.0, -1.0])
    middle, centre = source.mean(0), goal.mean(1)
    a, b = source - middle, goal - centre.unsqueeze(1)
    u, s, vt = torch.linalg.svd(b.transpose(1, 2) @ a)
    sign = torch.ones_like(s)
    sign[:, 2] = torch.linalg.det(u @ vt).sign()
    rotation = (u * sign.unsqueeze(1)) @ vt
    scale = (s * sign).sum(1) / (a**2).sum()  # pixels per decimetre
    distance = FOCAL * size / scale
    seen = (centre[:, :2] - size / 2 * landmarks.new_tensor([1.0, -1.0])) / scale.unsqueeze(-1)
    offset = rotation @ middle
    depth = CAMERA_DISTANCE - distance - offset[:, 2]
    translation = torch.cat([seen - offset[:, :2], depth.unsqueeze(-1)], 1)
    return torch.cat([euler_from_rotation(rotation), translation], 1)
