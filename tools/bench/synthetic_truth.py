"""Errors of detector and fit on synthetic heads, whose pose, mouth and gaze are known exactly.

The heads of tools/synthetic_heads are drawn from the open face model with pose and gaze in the conventions of
docs/conventions.md, so its numbers are the truth as they stand. The mouth's opening is measured the same way
on the true mesh's landmark vertices and on the fitted ones, both projected into the picture.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.track_quality import accelerations, projected, rms
from face3dmm import ARKIT_NAMES, FaceCoeffs, FaceModel, fit_landmarks, rotation_from_euler
from face3dmm.detector import LANDMARKS, LandmarkTracker
from face3dmm.landmarks import MESH, RIGID, eye_opening, mouth_opening

OPEN_EYE = 0.12  # of the eye's width: below it nobody can see where the eye looks


@dataclass(frozen=True)
class SyntheticClip:
    """A person of `tools/synthetic_heads`, moving, and what the detector saw.

    Attributes:
        truth: Coefficients that the frames were drawn from.
        points: (T, 468, 2) true landmarks in pixels.
        detected: (T, 478, 3) pixels, NaN where no face was found.
        size: Width and height of the frames.
    """

    truth: FaceCoeffs
    points: Tensor
    detected: Tensor
    size: int


@dataclass(frozen=True)
class TruthErrors:
    """Errors of all frames of some people; "steady" ones after each person's constant offset is taken out.

    Attributes:
        rotation, steady_rotation: (N,) degrees.
        mouth, steady_mouth: (N,) share of the range of the true opening in that person's clip.
        full_mouth: (N,) as `mouth`, share of the person's opening from rest to jawOpen 1.
        gaze, steady_gaze: (M,) degrees, frames with open eyes.
        detected_mouth: (N,) as `mouth`, of the detector's landmarks without any fit.
        missed: Frames in which the detector found no face.
        jitter: How many times less the fitted points' errors accelerate than the detected ones', RMS: movement
            is taken out, for the truth is known.
    """

    rotation: Tensor
    steady_rotation: Tensor
    mouth: Tensor
    steady_mouth: Tensor
    full_mouth: Tensor
    gaze: Tensor
    steady_gaze: Tensor
    detected_mouth: Tensor
    missed: int
    jitter: dict[str, float]


def draw_clip(seed: int, frames: int) -> SyntheticClip:
    """Draw a talking person and run the detector over the frames in order."""
    from synthetic_heads import make_clip

    sample = make_clip(seed, frames)
    motion, size = sample.motion, sample.picture.frames.shape[1]
    found = []
    with LandmarkTracker() as tracker:
        for picture in sample.picture.frames:
            faces = tracker(picture)
            found.append(faces[0] if faces else np.full((LANDMARKS, 3), np.nan, np.float32))
    parts = (sample.identity, motion.expression, motion.euler, motion.translation, motion.gaze)
    truth = FaceCoeffs(*(torch.from_numpy(np.ascontiguousarray(part)) for part in parts), torch.ones(frames))
    detected = torch.from_numpy(np.stack(found))
    return SyntheticClip(truth, torch.from_numpy(sample.picture.landmarks), detected, size)


def judge(model: FaceModel, clips: list[SyntheticClip]) -> TruthErrors:
    """Fit every clip on its own and compare it with the truth."""
    fits = [fit_landmarks(model, clip.detected, clip.size) for clip in clips]
    parts = [_errors(model, clip, fit) for clip, fit in zip(clips, fits, strict=True)]
    joined = (torch.cat(columns) for columns in zip(*parts, strict=True))
    missed = sum(int((~_seen(clip)).sum()) for clip in clips)
    return TruthErrors(*joined, missed, _jitter(model, clips, fits))


def _seen(clip: SyntheticClip) -> Tensor:
    return clip.detected.isfinite().flatten(1).all(1)


def _jitter(model: FaceModel, clips: list[SyntheticClip], fits: list[FaceCoeffs]) -> dict[str, float]:
    found = {}
    for group, points in (("rigid", list(RIGID)), ("all", list(range(MESH)))):
        before, after = [], []
        for clip, fit in zip(clips, fits, strict=True):
            detected, fitted = clip.detected[:, :MESH, :2], projected(model, fit, clip.size)
            for seen, out in ((detected, before), (fitted, after)):
                out.append(accelerations((seen - clip.points)[:, points], _seen(clip)))
        found[group] = rms(torch.cat(before)) / rms(torch.cat(after))
    return found


def _errors(model: FaceModel, clip: SyntheticClip, fit: FaceCoeffs) -> tuple[Tensor, ...]:
    """The tensors of `TruthErrors`, in order."""
    truth, seen = clip.truth, _seen(clip)
    turned, wanted = (rotation_from_euler(coeffs.euler[seen].double()) for coeffs in (fit, truth))
    offset = _nearest_rotation((turned.transpose(1, 2) @ wanted).mean(0))
    opened, true_opened = (
        mouth_opening(points[seen]) for points in (projected(model, fit, clip.size), clip.points)
    )
    span = true_opened.max() - true_opened.min()
    mouth = (opened - true_opened) / span
    detected_mouth = (mouth_opening(clip.detected[seen, :, :2]) - true_opened) / span
    looking = eye_opening(clip.points[seen]).mean(-1) > OPEN_EYE
    sight, true_sight = (_sight(coeffs.gaze[seen][looking]) for coeffs in (fit, truth))
    shift = (truth.gaze - fit.gaze)[seen][looking].mean(0)
    return (
        _degrees(turned, wanted),
        _degrees(turned @ offset, wanted),
        mouth.abs(),
        (mouth - mouth.mean()).abs(),
        mouth.abs() * span / _full_opening(model, truth.identity),
        _angle(sight, true_sight),
        _angle(_sight(fit.gaze[seen][looking] + shift), true_sight),
        detected_mouth.abs(),
    )


def _full_opening(model: FaceModel, identity: Tensor) -> Tensor:
    """How far the person's mouth opens from rest to jawOpen 1, in the unit of `mouth_opening`."""
    expression = torch.zeros(2, model.expression_basis.shape[-1])
    expression[1, ARKIT_NAMES.index("jawOpen")] = 1
    rest, opened = mouth_opening(model.vertices(identity, expression)[:, model.landmarks_468])
    return opened - rest


def _nearest_rotation(matrix: Tensor) -> Tensor:
    u, _, vt = torch.linalg.svd(matrix)
    return u @ torch.diag(matrix.new_tensor([1.0, 1.0, float(torch.linalg.det(u @ vt).sign())])) @ vt


def _degrees(first: Tensor, second: Tensor) -> Tensor:
    """Angle (T,) between rotations (T, 3, 3); by the chord, which keeps its digits near zero."""
    chord = (first - second).flatten(1).norm(dim=1) / 8**0.5
    return torch.rad2deg(2 * torch.asin(chord.clamp(max=1))).float()


def _sight(gaze: Tensor) -> Tensor:
    """Unit vectors (T, 3) of pitch (down positive) and yaw (to the subject's left positive)."""
    pitch, yaw = gaze.unbind(-1)
    return torch.stack([yaw.sin() * pitch.cos(), -pitch.sin(), yaw.cos() * pitch.cos()], -1)


def _angle(first: Tensor, second: Tensor) -> Tensor:
    return torch.rad2deg(2 * torch.asin(((first - second).norm(dim=-1) / 2).clamp(max=1)))


def draw_clips(people: int, frames: int, seed: int) -> list[SyntheticClip]:
    """`people` clips of `frames` frames each; progress on stderr."""
    clips = []
    for number in range(people):
        clips.append(draw_clip(seed + number, frames))
        print(f"synthetic person {number + 1} of {people}", file=sys.stderr)
    return clips
