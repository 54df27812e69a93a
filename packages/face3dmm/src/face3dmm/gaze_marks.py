"""Gaze drawn into the eye holes of a PNCC: each iris a disc that touches its eyeball where the eye looks."""

import math

import torch
from torch import Tensor

from face3dmm.camera import Camera, model_to_world
from face3dmm.landmarks import LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS
from face3dmm.model import FaceModel

IRIS_RADIUS = 0.49  # of the eyeball's: 5.9 of 12 mm in adults


def gaze_directions(gaze: Tensor) -> Tensor:
    """Where the eyes look, in the head's frame.

    Args:
        gaze: (..., 2) pitch (down positive) and yaw (to the subject's left positive) in radians.

    Returns:
        (..., 3) unit vectors in model axes; (0, 0) looks along z.
    """
    pitch, yaw = gaze.unbind(-1)
    return torch.stack([pitch.cos() * yaw.sin(), -pitch.sin(), pitch.cos() * yaw.cos()], -1)


def gaze_axes(gaze: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Unit vectors (..., 3) across, down and forward of eyes, for a gaze as of `gaze_directions`."""
    yaw, forward = gaze[..., 1], gaze_directions(gaze)
    across = torch.stack([yaw.cos(), torch.zeros_like(yaw), -yaw.sin()], -1)
    return across, torch.linalg.cross(across, forward), forward


def eyeballs_of(model: FaceModel, identity: Tensor) -> Tensor:
    """Eyeballs of a person: the model's, each moved as the corners of its eye are.

    Args:
        model: Face model.
        identity: (80,).

    Returns:
        (2, 4) centre and radius of the left and the right eyeball in decimetres.
    """
    corners = model.landmarks_468[[*LEFT_EYE_CORNERS, *RIGHT_EYE_CORNERS]]
    shift = (model.identity_basis[corners] @ identity).unflatten(0, (2, 2)).mean(1)
    return torch.cat([model.eyeballs[:, :3] + shift, model.eyeballs[:, 3:]], -1)


def iris_discs(eyeballs: Tensor, gaze: Tensor, camera: Camera, size: int) -> Tensor:
    """What takes a pixel to the plane of an iris, so that the iris is the unit disc there.

    An iris is seen through its plane's homography: with H taking (a, b, 1) of that plane to a homogeneous
    pixel, (x, y, 1) lies on the iris if (a, b, c) = H^-1 (x, y, 1) has a^2 + b^2 <= c^2.

    Args:
        eyeballs: (B, 2, 4) as of `eyeballs_of`.
        gaze: (B, 2), both eyes look the same way.
        camera: One camera.
        size: Width and height of the picture in pixels.

    Returns:
        (B, 2, 3, 3) float64 inverse homographies.

    Raises:
        ValueError: If a gaze has the wrong shape or looks backwards.
    """
    if gaze.shape != (len(eyeballs), 2):
        raise ValueError(f"gaze must have shape ({len(eyeballs)}, 2), got {tuple(gaze.shape)}")
    if not bool((gaze.abs() < math.pi / 2).all()):
        raise ValueError(f"gaze must lie within +-pi/2, got up to {float(gaze.abs().max()):.4g}")
    # In double precision, where sums that round differently with the batch cannot move a pixel.
    eyeballs, gaze = eyeballs.double(), gaze.double()
    exact = Camera(camera.camera_to_world.double(), camera.intrinsics.double())
    across, down, forward = gaze_axes(gaze)
    centre, radius = eyeballs[..., :3], eyeballs[..., 3:]
    front = centre + radius * forward.unsqueeze(1)
    points = torch.stack(
        [front + IRIS_RADIUS * radius * axis.unsqueeze(1) for axis in (across, down)] + [front], -2
    )
    uv, depth = exact.project(model_to_world(points))  # (B, 2, 3, 2)
    seen = torch.cat([uv * size, torch.ones_like(uv[..., :1])], -1) * depth.unsqueeze(-1)
    homography = torch.cat([seen[..., :2, :] - seen[..., 2:, :], seen[..., 2:, :]], -2).transpose(-1, -2)
    return torch.linalg.inv(homography)


def mark_irises(picture: Tensor, lids: Tensor, discs: Tensor, background: float, colour: float) -> None:
    """Colour the irises where the eye openings leave them to be seen, in place.

    Args:
        picture: (B, C, S, S) with holes for the eyes.
        lids: (B, 2, L, 2) closed loops of the lids in pixels.
        discs: (B, 2, 3, 3) as of `iris_discs`.
        background: What the holes are filled with.
        colour: Of the iris, in all channels.
    """
    size = picture.shape[-1]
    lids, discs = lids.to(picture.device), discs.to(picture.device)
    for eye in range(lids.shape[1] if len(lids) else 0):
        loop = lids[:, eye]
        x0, y0 = loop.amin((0, 1)).floor().long().clamp(0, size).tolist()
        x1, y1 = loop.amax((0, 1)).ceil().long().clamp(0, size).tolist()
        x = torch.arange(x0, x1, device=picture.device) + 0.5
        y = (torch.arange(y0, y1, device=picture.device) + 0.5).unsqueeze(-1)
        window = picture[:, :, y0:y1, x0:x1]
        seen = (window == background).all(1) & _in_loop(loop, x, y) & _in_disc(discs[:, eye], x, y)
        window.masked_fill_(seen.unsqueeze(1), colour)


def _in_disc(disc: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """(B, h, w): pixels that (B, 3, 3) takes into the unit disc."""
    a, b, c = (row[:, 0] * x + row[:, 1] * y + row[:, 2] for row in disc[..., None, None].unbind(1))
    return a**2 + b**2 <= c**2


def _in_loop(loop: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """(B, h, w): pixels inside the polygons (B, L, 2), by the number of edges to their right."""
    (x0, y0), (x1, y1) = (
        ends[..., None, None].unbind(2) for ends in (loop, loop.roll(-1, 1))
    )  # each (B, L, 1, 1)
    crossing = (y0 > y) != (y1 > y)  # (B, L, h, 1)
    at = x0 + (y - y0) * ((x1 - x0) / torch.where(crossing, y1 - y0, 1.0))
    return (crossing & (x < at)).sum(1) % 2 == 1
