"""Test heads drawn by the portrait model from their source picture alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from bench.portrait_heads import TestHead
from face3dmm import Camera, FaceCoeffs, FaceModel, fill_background, render_pncc
from mimictalk.driving import drives, torso_keypoints
from mimictalk.one_shot_views import picture_views
from portrait3d.clip import PortraitClip
from portrait3d.drawing import PortraitRenderer
from portrait3d.identity import Identity
from portrait3d.model import Portrait3D
from portrait3d.one_shot import RefineConfig, one_shot_identity, refined_identity

FOCUS = ((13, 14), (33, 133), (362, 263))  # landmarks of mouth and eyes


def source_clip(head: TestHead) -> PortraitClip:
    """The source picture with the true masks, coefficients and camera, as a clip of one frame."""
    one, model = slice(0, 1), FaceModel.open_face()
    camera = Camera.from_head_pose(head.euler[one], head.translation[one])
    points = head.landmarks[one] / head.frames.shape[1]
    return PortraitClip(
        frames=head.frames[one],
        head_mask=head.head[one],
        torso_mask=head.torso[one],
        pncc=render_pncc(model, head.identity, head.expression[one], dtype=torch.uint8),
        canonical_pncc=render_pncc(model, head.identity, torch.zeros(1, 64), dtype=torch.uint8)[0],
        camera_to_world=camera.camera_to_world,
        intrinsics=camera.intrinsics,
        keypoints=torso_keypoints(head.identity, head.euler[one], head.translation[one]),
        focus=torch.stack([points[:, list(pair)].mean(1) for pair in FOCUS], 1),
        opening=torch.zeros(1),
        background=fill_background(head.frames[one], (head.head + head.torso)[one]),
        confidence=torch.ones(1),
    )


def identity_of(model: Portrait3D, head: TestHead, refine: RefineConfig | None) -> Identity:
    """The person of the source picture, as predicted or as refined on that picture."""
    clip = source_clip(head)
    if refine is None:
        return one_shot_identity(model, clip)
    one, gaze = slice(0, 1), torch.zeros(1, 2)
    pose = (head.euler[one], head.translation[one])
    coeffs = FaceCoeffs(head.identity, head.expression[one], *pose, gaze, torch.ones(1))
    return refined_identity(model, clip, picture_views(clip.frames[0], clip.head_mask[0], coeffs), refine)


def drawn_frames(model: Portrait3D, identity: Identity, head: TestHead) -> np.ndarray:
    """Every frame of the test head, (T, 512, 512, 3) uint8, from the person's identity."""
    motion = (head.identity, head.expression, head.euler, head.translation)
    stream = drives(*motion, model.config.pncc_size)
    return np.stack([frame.numpy() for frame in PortraitRenderer(model, identity).frames(stream)])


def unmoved_frames(model: Portrait3D, identity: Identity, head: TestHead) -> np.ndarray:
    """As `drawn_frames`, with the source's expression throughout."""
    still = replace(head, expression=head.expression[:1].expand_as(head.expression))
    return drawn_frames(model, identity, still)


def mean_identity(model: Portrait3D, head: TestHead) -> Identity:
    """The person with the head that all people share: what image-to-plane starts from."""
    identity = one_shot_identity(model, source_clip(head))
    return replace(identity, planes=model.image_to_plane.mean_planes.detach())
